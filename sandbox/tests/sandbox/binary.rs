//! The program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::{Certificate, Client};
use serde_json::json;

use crate::support::{NEWS, send, with_json};

/// A running program, gone when dropped.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_braze-sandbox"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, out }
    }

    /// The URL in the next line of its output.
    fn url(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.split_whitespace().last().expect("a URL").to_owned()
    }

    /// Asks it to end; true when it ended well.
    fn end(mut self, signal: &str) -> bool {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[tokio::test]
async fn the_program_serves_until_a_signal_and_keeps_its_state_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, port) = (folder.path().join("state.json"), folder.path().join("port"));
    let group = format!("{NEWS}=News");
    let arguments =
        ["--key", "k=users.track", "--group", &group, "--state", text(&state), "--port-file", text(&port)];
    for (signal, users) in [("-TERM", 1), ("-INT", 2)] {
        let mut program = Program::start(&arguments);
        let url = program.url();
        let request = Client::new().post(format!("{url}/users/track")).header("Authorization", "Bearer k");
        let object = json!({"attributes": [{"external_id": format!("u{users}")}]});
        assert_eq!(send(with_json(request, &object)).await.status, 201);
        let written = std::fs::read_to_string(&port).expect("the port file");
        assert!(url.ends_with(&format!(":{}", written.trim())));
        let request = Client::new().get(format!("{url}/campaigns/list")).header("Authorization", "Bearer k");
        assert_eq!(send(request).await.status, 403);
        assert!(program.end(signal), "{signal}");
        let saved: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&state).expect("the state")).expect("JSON");
        assert_eq!(saved["users"].as_array().map(Vec::len), Some(users));
        assert_eq!(saved["groups"][0]["name"], "News");
    }
}

#[tokio::test]
async fn the_program_serves_https_and_writes_its_ca() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    let mut program = Program::start(&["--https", "--ca-file", text(&ca), "--fail", "503@1"]);
    program.url();
    let url = program.url();
    assert!(url.starts_with("https://"), "{url}");
    let ca = Certificate::from_pem(&std::fs::read(&ca).expect("the CA")).expect("a certificate");
    let client = Client::builder().tls_certs_only([ca]).build().expect("a client");
    let ask =
        || send(client.get(format!("{url}/campaigns/list")).header("Authorization", "Bearer sandbox-key"));
    assert_eq!(ask().await.status, 503);
    assert_eq!(ask().await.status, 200);
}

#[test]
fn the_program_says_what_is_wrong_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.json");
    std::fs::write(&state, "{\"users\": 7}").expect("a file");
    let mut program = Program::start(&["--state", text(&state)]);
    assert!(!program.child.wait().expect("it ends").success());
    let mut said = String::new();
    program.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(said.contains("this is no dump of a sandbox"), "{said}");
}
