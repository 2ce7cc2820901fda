//! From what the engine tells to what the API shows. Pure.
//!
//! Promises: whatever a run reports, its status passes the schema of its kind and stays small: lists and texts are
//! cut to their bounds, figures are written also when they are zero, and the most frequent entries are kept where
//! not all fit. No keys, no values. Refuses to know: clients, the clock.

pub use duration::duration_text;
pub use figures::{Figures, figures, figures_of};
pub use finished::{Ended, finished, sentence};
pub use last_run::last_run;
pub use lists::{pending, top_errors, warnings};
pub use live::{running, started};
pub use progress::progress;
pub use size::{MOST_STATUS_BYTES, fit};

#[cfg(test)]
mod destination_tests;
mod duration;
mod figures;
mod finished;
mod last_run;
mod lists;
mod live;
mod progress;
#[cfg(test)]
mod random_tests;
mod size;
#[cfg(test)]
mod tests;
mod words;
