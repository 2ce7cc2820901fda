//! The command line: arguments, wiring, and words for people.
//!
//! Promises: every failure is a sentence on standard error that names the place and says what to do, with the exit
//! code that `docs/command-line.md` lists; standard output holds the result alone; nothing is coloured, drawn or
//! asked unless a terminal is there. Refuses to know: how a sync works, what Braze says.

mod arguments;
mod columns;
mod crds;
mod exit;
mod failure;
mod json;
mod log;
mod manifests;
mod operator;
mod operator_arguments;
mod output;
mod places;
mod plan;
mod progress;
mod questions;
mod rbac;
mod rejects;
mod rejects_file;
mod runs;
mod signals;
mod summary;
mod sync;
mod text;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;
use grouparoo_clock::Clock;

use arguments::{Arguments, Command};
use failure::Failure;

/// Runs the program with the arguments, environment and streams of this process.
pub fn main() -> ExitCode {
    exit::watch_panics();
    // Refused only when something installed one before, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A reader that is gone has nothing to read.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let started = match &arguments.command {
        // It has a log of its own.
        Command::Operator(_) => Ok(()),
        _ => log::start(),
    };
    let code = match started.and_then(|()| clock()).and_then(|clock| carry_out(&arguments, &clock)) {
        Ok(code) => code,
        Err(failure) => {
            output::complain(&failure);
            failure.code
        }
    };
    ExitCode::from(exit::code_after_panics(code))
}

/// Whether the program would understand these arguments, its own name first. Nothing is done.
///
/// # Errors
/// What it would say to them.
pub fn understand(words: &[String]) -> Result<(), String> {
    match Arguments::try_parse_from(words) {
        Ok(_) => Ok(()),
        // Help and version.
        Err(error) if !error.use_stderr() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn carry_out(arguments: &Arguments, clock: &Clock) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Sync(sync) => sync::run(sync, clock),
        Command::Plan(plan) => plan::run(plan, clock),
        Command::Validate(validate) => validate::run(validate, clock),
        Command::Rejects(rejects) => rejects::run(rejects, clock),
        Command::Crds(crds) => crds::run(crds),
        Command::Rbac(rbac) => rbac::run(rbac),
        Command::Operator(operator) => operator::run(operator, clock),
    }
}

/// The time: faster than the system's, or another one at the start, where a test asks for it.
fn clock() -> Result<Clock, Failure> {
    const FACTOR: &str = "GROUPAROO_CLOCK_FACTOR";
    const START: &str = "GROUPAROO_CLOCK_START";
    let factor = match std::env::var(FACTOR) {
        Err(_) => None,
        Ok(text) => match text.parse::<u32>() {
            Ok(factor) if factor > 0 => Some(factor),
            _ => return Err(Failure::usage(format!("{FACTOR} must be a whole number above 0"))),
        },
    };
    let start = match std::env::var(START) {
        Err(_) => None,
        Ok(text) => match text.parse() {
            Ok(start) => Some(start),
            Err(_) => {
                return Err(Failure::usage(format!("{START} must be a time such as 2026-03-01T12:00:00Z")));
            }
        },
    };
    Ok(match (start, factor) {
        (None, None) => Clock::system(),
        (None, Some(factor)) => Clock::scaled(factor),
        (Some(start), factor) => Clock::running(start, factor.unwrap_or(1)),
    })
}
