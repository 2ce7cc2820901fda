//! What readers of conditions (Flux, Helm, many command lines) make of an object, by the library they use.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::control_plane::script;

/// The status of each object: `InProgress`, `Failed`, `Current`, `Terminating`, `NotFound` or `Unknown`.
pub fn kstatus(objects: &[Value]) -> Vec<String> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| script(&["--kstatus"]));
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("kstatus runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let feeding = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("kstatus runs");
    feeding.join().expect("nobody panics").expect("kstatus reads all objects");
    assert!(output.status.success(), "kstatus refuses an object: its message is above");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let statuses: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .map(|line| line["status"].as_str().expect("a status").to_owned())
        .collect();
    assert_eq!(statuses.len(), objects.len());
    statuses
}
