//! Log lines of the rooms below, on standard error.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::failure::Failure;

/// Variable with the filter, such as `info` or `grouparoo::braze=debug`.
const FILTER: &str = "GROUPAROO_LOG";

/// Starts logging.
pub(super) fn start() -> Result<(), Failure> {
    let text = std::env::var(FILTER).unwrap_or_default();
    let text = if text.is_empty() { "warn" } else { text.as_str() };
    let filter = EnvFilter::try_new(text).map_err(|error| {
        Failure::usage(format!("{FILTER}: {error}; write a level such as info, or grouparoo::braze=debug"))
    })?;
    let colours = io::stderr().is_terminal() && super::text::colours_wanted();
    // Fails only when something logs already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(BesideProgress)
        .try_init();
    Ok(())
}

/// Standard error, without tearing the progress bar apart.
struct BesideProgress;

impl<'a> MakeWriter<'a> for BesideProgress {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for BesideProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        super::progress::aside(|| io::stderr().lock().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
