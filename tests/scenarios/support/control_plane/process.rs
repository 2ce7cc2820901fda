//! A server's process that ends with the tests, in whatever way they end.
//!
//! A shell beside it holds the reading end of a pipe: when the tests' process is gone, the pipe closes, and the
//! shell kills the server.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use grouparoo_clock::Clock;

/// Runs the arguments as a program, whose first line of output is its process id, until it ends by itself or
/// standard input ends; then removes `$FOLDER`, where one is named.
const WATCHDOG: &str = r#"
    exec 3<&0
    sh -c 'echo $$; exec "$@"' start "$@" </dev/null 3<&- &
    child=$!
    exec >/dev/null 2>&1
    (cat <&3; kill -KILL "$child") &
    listener=$!
    wait "$child"
    code=$?
    kill "$listener"
    [ -z "$FOLDER" ] || rm -rf "$FOLDER"
    exit "$code"
"#;

/// Lines of a stream that are kept; a chatty server must not fill the memory.
const KEPT: usize = 20_000;

/// What a server writes, line by line, for many readers.
#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Reads the stream to its end, in a thread. `on_line` may take the line.
    fn follow(&self, stream: impl Read + Send + 'static) {
        let mut stream = BufReader::new(stream);
        let lines = self.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|n| n > 0) {
                lines.change(|written| {
                    if written.lines.len() >= KEPT {
                        written.lines.drain(..KEPT / 2);
                    }
                    written.lines.push(line.trim_end().to_owned());
                });
                line.clear();
            }
            lines.change(|written| written.ended = true);
        });
    }

    fn change(&self, by: impl FnOnce(&mut Written)) {
        let (written, changed) = &*self.0;
        by(&mut written.lock().expect("no reader panics"));
        changed.notify_all();
    }

    /// The lines so far.
    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().expect("no reader panics").lines.clone()
    }

    /// Waits until the lines satisfy `found`; `None` after `limit`, or when the stream has ended before.
    pub fn wait<T>(&self, limit: Duration, found: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        self.wait_for(limit, |written| match found(&written.lines) {
            Some(it) => Some(Some(it)),
            None => written.ended.then_some(None),
        })
        .flatten()
    }

    /// Waits until the stream has ended; whether it has within `limit`.
    pub fn ended(&self, limit: Duration) -> bool {
        self.wait_for(limit, |written| written.ended.then_some(())).is_some()
    }

    fn wait_for<T>(&self, limit: Duration, found: impl Fn(&Written) -> Option<T>) -> Option<T> {
        let (written, changed) = &*self.0;
        let mut written = written.lock().expect("no reader panics");
        let clock = Clock::system();
        loop {
            if let Some(it) = found(&written) {
                return Some(it);
            }
            let left = limit.checked_sub(clock.monotonic())?;
            written = changed.wait_timeout(written, left).expect("no reader panics").0;
        }
    }
}

/// A running server.
pub struct Process {
    watchdog: Child,
    pid: u32,
    /// Its standard error.
    pub log: Lines,
}

impl Process {
    /// Starts a program. `removed`: a folder that is removed when the program has ended. `output` gets its
    /// standard output.
    pub fn start<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        removed: Option<&Path>,
        output: Lines,
    ) -> Self {
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(program)
            .args(arguments)
            .env("FOLDER", removed.unwrap_or(Path::new("")))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut stdout = BufReader::new(watchdog.stdout.take().expect("a pipe"));
        let mut pid = String::new();
        stdout.read_line(&mut pid).expect("the process tells its id");
        let pid = pid.trim().parse().unwrap_or_else(|_| panic!("{pid:?} is no process id"));
        let log = Lines::default();
        log.follow(watchdog.stderr.take().expect("a pipe"));
        output.follow(stdout);
        Self { watchdog, pid, log }
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid.to_string()).status();
        assert!(sent.expect("kill runs").success(), "SIG{name} cannot be sent to {}", self.pid);
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended by itself, as far as its log tells.
    pub fn has_ended(&self) -> bool {
        self.log.ended(Duration::ZERO)
    }

    /// Its exit code, once it has ended by itself.
    pub fn exit_code(mut self, limit: Duration) -> Option<i32> {
        assert!(self.log.ended(limit), "a server does not end:\n{}", self.log.all().join("\n"));
        self.watchdog.wait().expect("a watchdog").code()
    }

    /// Ends it as an administrator would, and waits for that.
    pub fn stop(self, limit: Duration) {
        self.signal("TERM");
        assert!(self.log.ended(limit), "a server does not stop:\n{}", self.log.all().join("\n"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::control_plane::servers::{in_runtime, until};

    /// Tells a copy of this program to be the one that is killed.
    const VICTIM: &str = "GROUPAROO_SCENARIOS_VICTIM";

    fn is_alive(pid: &str) -> bool {
        Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().expect("kill runs").success()
    }

    #[test]
    fn a_server_ends_and_its_folder_goes_when_the_tests_are_killed() {
        let server = |folder: &Path| {
            let arguments = ["-c", "echo up; exec tail -f /dev/null"];
            Process::start(Path::new("/bin/sh"), arguments, Some(folder), Lines::default())
        };
        if let Some(folder) = std::env::var_os(VICTIM) {
            let process = server(Path::new(&folder));
            println!("server {}", process.pid);
            // Until we are killed.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            drop(process);
            return;
        }
        let folder = tempfile::tempdir().expect("a folder").keep();
        let name = "support::control_plane::process::tests::a_server_ends_and_its_folder_goes_when_the_tests_are_killed";
        let mut victim = Command::new(std::env::current_exe().expect("a program"))
            .args(["--exact", name, "--nocapture"])
            .env(VICTIM, &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program runs");
        let lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines();
        let pid =
            lines.map_while(Result::ok).find_map(|line| line.split_once("server ").map(|it| it.1.to_owned()));
        let pid = pid.expect("the server started");
        assert!(is_alive(&pid) && folder.exists());
        victim.kill().expect("it can be killed");
        victim.wait().expect("it is gone");
        let gone = in_runtime(until(|| async { !is_alive(&pid) && !folder.exists() }));
        assert!(gone, "process {pid} or folder {} is left over", folder.display());
    }
}
