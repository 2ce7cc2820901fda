//! Exit codes that are not a run's own, and what a panic means.

use std::sync::atomic::{AtomicBool, Ordering};

/// Everything as it should be.
pub(super) const GOOD: u8 = 0;
/// Wrong arguments.
pub(super) const USAGE: u8 = 2;
/// A mistake of this program.
pub(super) const BUG: u8 = 70;
/// The result cannot be written.
pub(super) const OUTPUT: u8 = 74;
/// Stopped at once by a second signal.
pub(super) const KILLED: u8 = 130;

static PANICKED: AtomicBool = AtomicBool::new(false);

/// From now on a panic of any thread is one sentence on standard error.
pub(super) fn watch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.store(true, Ordering::Relaxed);
        let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
        // A text that was put together may hold values of rows; a literal cannot.
        let what = panic.payload().downcast_ref::<&'static str>().map_or("", |text| *text);
        let colon = if what.is_empty() { "" } else { ": " };
        super::output::warn(&format!(
            "this is a bug of grouparoo{place}{colon}{what}. What was delivered is remembered; please report the \
             version ({}) and this line",
            env!("CARGO_PKG_VERSION")
        ));
    }));
}

/// The exit code after all threads ended.
pub(super) fn code_after_panics(code: u8) -> u8 {
    if PANICKED.load(Ordering::Relaxed) { BUG } else { code }
}
