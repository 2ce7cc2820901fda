//! Where the built programs are, and how a command is shown and run.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Failure;

/// The signal of Ctrl-C, and the exit code of a program that was ended by it.
const INTERRUPT: i32 = 2;
const INTERRUPTED: i32 = 130;

/// Longest that clearing away after Ctrl-C may take.
const TO_END: Duration = Duration::from_secs(30);

/// The folder that holds the built programs: that of the running one.
///
/// # Errors
/// When the system does not tell where the running program is.
pub fn folder() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::Program("this program".to_owned(), error))?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// Path of a built program.
///
/// # Errors
/// When it has not been built.
pub fn find(name: &str) -> Result<PathBuf, Failure> {
    let path = folder()?.join(name);
    if path.is_file() { Ok(path) } else { Err(Failure::NotBuilt(path.display().to_string())) }
}

/// Prints a line as one would type it.
pub fn show(line: &str) {
    say(&emphasised(&format!("$ {line}")));
}

/// Prints a heading.
pub fn heading(number: usize, title: &str) {
    say(&format!("\n{}", emphasised(&format!("{number}. {title}"))));
}

/// Prints text. A reader that has gone away ends the program, as a signal would: whoever listens to it clears away first.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        let pid = std::process::id().to_string();
        if Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|status| status.success()) {
            std::thread::park_timeout(TO_END);
        }
        std::process::exit(141);
    }
}

/// Bold on a terminal that wants colours, plain elsewhere.
fn emphasised(text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[1m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// A command of the product, in the words of a shell.
#[derive(Clone, Debug)]
pub struct Line {
    program: String,
    arguments: Vec<String>,
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

impl Line {
    /// `program` with arguments, run in a folder.
    pub fn new(program: &str, arguments: &[&str], folder: &Path) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            folder: folder.to_owned(),
            variables: Vec::new(),
        }
    }

    /// With a variable of the environment, which is not shown.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As one would type it.
    pub fn shown(&self) -> String {
        let words = self.arguments.iter().map(|word| quoted(word));
        [self.program.clone()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Ready to run.
    ///
    /// # Errors
    /// When the program has not been built.
    pub fn command(&self) -> Result<Command, Failure> {
        let mut command = Command::new(find(&self.program)?);
        command.args(&self.arguments).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value))));
        Ok(command)
    }

    /// Shows the command, runs it, lets it speak for itself and gives its exit code.
    ///
    /// # Errors
    /// When it does not start, or is ended by a signal.
    pub fn run(&self) -> Result<i32, Failure> {
        show(&self.shown());
        let program = |error| Failure::Program(self.program.clone(), error);
        let status = self.command()?.status().map_err(program)?;
        code(status, &self.program)
    }
}

/// Exit code of a program. At Ctrl-C, which reaches that program and this one alike, this one is about to end: it is
/// given the time, so that nobody is told that something went wrong.
///
/// # Errors
/// When a signal ended it.
pub fn code(status: std::process::ExitStatus, program: &str) -> Result<i32, Failure> {
    if matches!((status.signal(), status.code()), (Some(INTERRUPT), _) | (_, Some(INTERRUPTED))) {
        std::thread::park_timeout(TO_END);
    }
    status.code().ok_or_else(|| Failure::Unexpected(format!("{program} was ended by a signal")))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_as_a_shell_reads_it() {
        let line = Line::new("grouparoo", &["sync", "-f", ".", "it's", ""], Path::new("."));
        assert_eq!(line.shown(), r"grouparoo sync -f . 'it'\''s' ''");
    }

    #[test]
    fn a_program_that_is_not_built_is_named() {
        let failure = Line::new("no-such-program", &[], Path::new(".")).run().expect_err("it is not there");
        assert!(failure.to_string().contains("no-such-program is not built"), "{failure}");
    }
}
