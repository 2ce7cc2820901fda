//! The two streams. Standard output holds results, standard error everything else.

use std::io::{self, ErrorKind, Write};

use super::failure::Failure;

/// Writes a result to standard output. A reader that went away is no failure: `plan | head` is common.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::output(format!("the result cannot be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a sentence for a person to standard error.
pub(super) fn warn(message: &str) {
    super::progress::aside(|| {
        // There is nowhere left to complain.
        let _ = writeln!(io::stderr().lock(), "grouparoo: {message}");
    });
}

/// Says why a command failed.
pub(super) fn complain(failure: &Failure) {
    for problem in failure.problems.iter().flat_map(|problem| problem.lines()) {
        warn(problem);
    }
}
