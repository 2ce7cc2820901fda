//! The circuit: after ten failures in a row only one request at a time tries whether Braze is back
//! (semantics 9.3).

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::braze::backoff::Backoff;

/// Failures in a row that open the circuit.
const FAILURES: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Circuit {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// While it is open: since when.
    down: Option<Duration>,
    probes: u32,
    probing: bool,
    next_probe: Duration,
}

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It may, in an outage as the one probe.
    Open { probe: bool },
    /// Not before this time.
    Until(Duration),
    /// Not before the probe under way ends.
    Probing,
}

impl Circuit {
    /// Since when the circuit has been open.
    pub(super) fn down_since(&self) -> Option<Duration> {
        self.state().down
    }

    /// Whether a request might go now.
    pub(super) fn look(&self, now: Duration) -> Entry {
        self.state().look(now)
    }

    /// Lets a request go, if it may: then a probe is under way until it is ended.
    pub(super) fn enter(&self, now: Duration) -> Entry {
        let mut state = self.state();
        let entry = state.look(now);
        state.probing |= entry == Entry::Open { probe: true };
        entry
    }

    /// Wakes when something changed.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    pub(super) fn alive(&self) {
        let mut state = self.state();
        state.failures = 0;
        if state.down.is_some() {
            *state = State::default();
            drop(state);
            tracing::info!("circuit closed");
            self.changed.notify_waiters();
        }
    }

    pub(super) fn failed(&self, probe: bool, now: Duration, backoff: &Backoff) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.down.is_some() && !probe {
            return;
        }
        if state.down.is_none() {
            if state.failures < FAILURES {
                return;
            }
            tracing::warn!(failures = state.failures, "circuit open");
            state.down = Some(now);
        }
        state.probing = false;
        state.probes += 1;
        state.next_probe = now + backoff.after(Duration::from_secs(1), state.probes);
        drop(state);
        self.changed.notify_waiters();
    }

    /// A probe ended without saying anything.
    pub(super) fn abandoned(&self) {
        let mut state = self.state();
        if state.probing {
            state.probing = false;
            drop(state);
            self.changed.notify_waiters();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic while held")
    }
}

impl State {
    fn look(&self, now: Duration) -> Entry {
        match self.down {
            None => Entry::Open { probe: false },
            Some(_) if self.probing => Entry::Probing,
            Some(_) if now < self.next_probe => Entry::Until(self.next_probe),
            Some(_) => Entry::Open { probe: true },
        }
    }
}
