//! How far a run has come, drawn on a terminal's standard error and nowhere else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use grouparoo_clock::Clock;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::sync::run::{Stage, Watch};

use super::text::{count, span};

/// The bar on the screen, for all who write beside it.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Does something that writes to the terminal, with the bar out of the way.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    // Cloned, so that a panic inside can write too.
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match drawn {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// The progress of one run after another.
pub(super) struct Progress {
    wanted: bool,
    is_plan: bool,
    clock: Clock,
    current: Option<Current>,
}

struct Current {
    destination: String,
    watch: Arc<Watch>,
    bar: ProgressBar,
    rate: Rate,
}

impl Progress {
    /// `wanted`: unless the user said no.
    pub fn new(wanted: bool, is_plan: bool) -> Self {
        let capable = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        // Rates are for people, whatever time a test has made.
        Self { wanted: wanted && capable, is_plan, clock: Clock::system(), current: None }
    }

    /// A run begins.
    pub fn start(&mut self, destination: &str, watch: Arc<Watch>) {
        self.end();
        if !self.wanted {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if bar.is_hidden() {
            return;
        }
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        self.current =
            Some(Current { destination: destination.to_owned(), watch, bar, rate: Rate::default() });
        self.tick();
    }

    /// Draws it anew.
    pub fn tick(&mut self) {
        if let Some(current) = &mut self.current {
            current.draw(self.is_plan, self.clock.monotonic());
        }
    }

    /// The run ended: its line goes.
    pub fn end(&mut self) {
        if let Some(current) = self.current.take() {
            *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
            current.bar.finish_and_clear();
        }
    }
}

impl Current {
    fn draw(&mut self, is_plan: bool, now: Duration) {
        let stage = self.watch.stage();
        let account = self.watch.account();
        let rows = account.as_ref().map_or(0, |account| account.counts.read.get());
        let objects = account.as_ref().map_or(0, |account| account.traffic_so_far().objects);
        let total = self.watch.expected().filter(|total| *total >= rows && stage == Stage::Reading);
        let mut parts: Vec<String> = stage_name(stage).map(str::to_owned).into_iter().collect();
        if stage >= Stage::Reading {
            parts.push(match total {
                Some(total) => format!("{} of {} rows", count(rows), count(total)),
                None => format!("{} rows", count(rows)),
            });
            let verb = if is_plan { "to send" } else { "sent" };
            parts.push(format!("{} {verb}", count(objects)));
        }
        if stage == Stage::Reading {
            let rate = self.rate.note(now, rows);
            if rate > 0 {
                parts.push(format!("{}/s", count(rate)));
                if let Some(total) = total.filter(|total| *total > rows) {
                    parts.push(format!("{} left", span(Duration::from_secs((total - rows) / rate))));
                }
            }
        }
        self.bar.set_style(style(total.is_some()));
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_position(rows);
        self.bar.set_prefix(self.destination.clone());
        self.bar.set_message(parts.join(" · "));
        self.bar.tick();
    }
}

fn style(has_bar: bool) -> ProgressStyle {
    let colours = super::text::colours_wanted();
    let template = match (has_bar, colours) {
        (true, true) => "{spinner:.cyan} {prefix} {bar:20.cyan/dim} {wide_msg}",
        (true, false) => "{spinner} {prefix} {bar:20} {wide_msg}",
        (false, true) => "{spinner:.cyan} {prefix} {wide_msg}",
        (false, false) => "{spinner} {prefix} {wide_msg}",
    };
    ProgressStyle::with_template(template).expect("a template that is right").progress_chars("━╸─")
}

/// What a person is told of a stage; the longest one speaks by its figures.
fn stage_name(stage: Stage) -> Option<&'static str> {
    match stage {
        Stage::Waiting | Stage::Checking => Some("checking"),
        Stage::Reading => None,
        Stage::Leaving => Some("ending memberships"),
        Stage::Removing => Some("removing"),
        Stage::Closing => Some("closing"),
    }
}

/// Rows a second over the last seconds.
#[derive(Default)]
struct Rate {
    marks: std::collections::VecDeque<(Duration, u64)>,
}

impl Rate {
    fn note(&mut self, now: Duration, rows: u64) -> u64 {
        const WINDOW: Duration = Duration::from_secs(5);
        self.marks.push_back((now, rows));
        while self.marks.len() > 2 && self.marks.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.marks.pop_front();
        }
        let Some((since, before)) = self.marks.front() else { return 0 };
        let millis = u64::try_from((now - *since).as_millis()).unwrap_or(u64::MAX);
        (rows.saturating_sub(*before) * 1000).checked_div(millis).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.note(Duration::ZERO, 0), 0);
        assert_eq!(rate.note(Duration::from_secs(2), 1_000), 500);
        assert_eq!(rate.note(Duration::from_secs(7), 1_000), 0);
        assert_eq!(rate.note(Duration::from_secs(8), 2_000), 1_000);
    }
}
