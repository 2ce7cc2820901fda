//! A server's process that ends with this one, in whatever way this one ends.
//!
//! A shell beside it holds the reading end of a pipe: when this process is gone, the pipe closes, and the shell ends the
//! server.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Failure;

/// Runs `$2` and what follows until it ends by itself or standard input ends. Then it gets the signal `$1`, and when it
/// still runs ten seconds later, it is killed.
const WATCHDOG: &str = r#"
    signal=$1
    shift
    exec 3<&0
    "$@" </dev/null 3<&- &
    child=$!
    exec >/dev/null 2>&1
    (
        cat <&3
        kill -"$signal" "$child"
        left=100
        while [ $left -gt 0 ] && kill -0 "$child"; do sleep 0.1; left=$((left - 1)); done
        kill -KILL "$child"
    ) &
    listener=$!
    wait "$child"
    kill "$listener"
"#;

/// How a server is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It may finish what it is doing: SIGTERM.
    Asked,
    /// At once, for a server whose data is thrown away: SIGKILL.
    Killed,
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Watched {
    watchdog: Child,
    log: PathBuf,
}

impl Watched {
    /// Starts a command in its folder and with its environment. Both its streams go to the end of the file `log`.
    ///
    /// # Errors
    /// When the file cannot be written or no shell starts. A program that does not start is known by
    /// [`Watched::has_ended`].
    pub fn start(command: &Command, end: End, log: &Path) -> Result<Self, Failure> {
        let open = || File::options().create(true).append(true).open(log);
        let (out, err) = open().and_then(|out| Ok((out, open()?))).map_err(|e| Failure::file(log, e))?;
        let signal = match end {
            End::Asked => "TERM",
            End::Killed => "KILL",
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHDOG, "watchdog", signal]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or(OsStr::new("")));
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell.stdin(Stdio::piped()).stdout(out).stderr(err).process_group(0);
        let watchdog = shell.spawn().map_err(|error| Failure::Program("sh".to_owned(), error))?;
        Ok(Self { watchdog, log: log.to_owned() })
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.watchdog.try_wait(), Ok(None))
    }

    /// What it wrote last: so many lines.
    pub fn last_words(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_alive(pid: &str) -> bool {
        Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().expect("kill runs").success()
    }

    /// Starts a shell script that sets its trap, writes its process id, and goes on; waits for the id.
    fn script(trap: &str, text: &str, end: End, log: &Path) -> (Watched, String) {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap {trap} TERM; echo $$; {text}")]);
        let mut watched = Watched::start(&command, end, log).expect("a shell");
        loop {
            // The id as it stands in the very text that was seen whole.
            if let Ok(text) = std::fs::read_to_string(log)
                && text.ends_with('\n')
            {
                return (watched, text.trim().to_owned());
            }
            assert!(!watched.has_ended(), "it tells its id first");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_server_ends_when_it_is_dropped_and_says_its_last_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let (watched, pid) = script("'echo bye; exit'", "while :; do sleep 0.05; done", End::Asked, &log);
        assert!(is_alive(&pid));
        drop(watched);
        assert!(!is_alive(&pid));
        assert!(std::fs::read_to_string(&log).expect("a log").ends_with("bye\n"));
        let log = folder.path().join("other");
        let (watched, pid) = script("''", "exec tail -f /dev/null", End::Killed, &log);
        drop(watched);
        assert!(!is_alive(&pid));
    }

    #[test]
    fn a_program_that_does_not_start_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let mut watched =
            Watched::start(&Command::new("/no/such/program"), End::Killed, &log).expect("a shell");
        let _ = watched.watchdog.wait();
        assert!(watched.has_ended());
        assert!(watched.last_words(3).contains("/no/such/program"));
    }
}
