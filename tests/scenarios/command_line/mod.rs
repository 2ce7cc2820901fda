//! The program itself: arguments in; exit code, streams and files out.

mod bad_input;
mod exit_codes;
mod full_disk;
mod help;
mod plans;
mod shell;
mod signals;
mod syncs;
mod validation;
