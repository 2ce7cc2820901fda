//! When a request may leave: rate limits, ceilings and the circuit of one workspace (semantics 9.2).
//!
//! All who share an app pass the same gates in the order in which they came. The head of each family's
//! queue waits for the family's limit; nobody else holds a place in flight or counts time for that.

mod circuit;
mod headers;
mod places;

use std::sync::Mutex;
use std::time::Duration;

use grouparoo_clock::Clock;
use reqwest::header::HeaderMap;

use self::circuit::{Circuit, Entry};
pub(super) use self::headers::longest_wait;
use self::places::{Place, Places};
use super::Limits;
use super::backoff::Backoff;
use super::patience::Patience;

/// A group of endpoints that share one counter at Braze (braze-rest-api 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Track,
    /// Delete, identify, merge and aliases.
    Delete,
    Export,
    /// The default bucket of most reads.
    Default,
}

/// First wait after a 429 that does not say how long (braze-rest-api 3.6).
const FIRST_PAUSE: Duration = Duration::from_secs(3);

/// Shortest wait after a 429, also when the server says "now".
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The gates of one workspace.
#[derive(Debug)]
pub(super) struct Limiter {
    clock: Clock,
    lanes: [Lane; 4],
    in_flight: Places,
    rhythm: Mutex<Rhythm>,
    circuit: Circuit,
    backoff: Backoff,
}

/// When requests may leave, whatever Braze allows.
#[derive(Debug)]
struct Rhythm {
    /// Time between two requests.
    spacing: Option<Duration>,
    /// When the next may leave.
    next: Duration,
}

/// The queue of one family.
#[derive(Debug, Default)]
struct Lane {
    turn: tokio::sync::Mutex<()>,
    pause: Mutex<Pause>,
}

#[derive(Debug, Default)]
struct Pause {
    until: Duration,
    /// 429s without a time in a row, each after the pause of the one before.
    strikes: u32,
}

/// Why a request did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Its deadline passed.
    Late,
    /// Its patience with an outage ended.
    Down,
}

/// The right to send one request now.
#[must_use]
#[derive(Debug)]
pub(super) struct Pass<'a> {
    limiter: &'a Limiter,
    _place: Place<'a>,
    probe: bool,
}

impl Limiter {
    pub(super) fn new(limits: &Limits, clock: Clock) -> Self {
        Self {
            clock,
            lanes: Default::default(),
            in_flight: Places::new(limits.max_in_flight),
            rhythm: Mutex::new(Rhythm { spacing: spacing(limits), next: Duration::ZERO }),
            circuit: Circuit::default(),
            backoff: Backoff::new(),
        }
    }

    /// Takes these ceilings in place of the present ones, also for those who wait already.
    pub(super) fn set_ceilings(&self, limits: &Limits) {
        self.in_flight.set(limits.max_in_flight);
        self.rhythm.lock().expect("no panic while held").spacing = spacing(limits);
    }

    /// Waits until a request of the family may leave.
    pub(super) async fn enter(&self, family: Family, patience: &mut Patience) -> Result<Pass<'_>, Denied> {
        match patience.deadline {
            None => self.queue(family, patience).await,
            Some(deadline) => {
                let left = deadline.saturating_sub(self.clock.monotonic());
                let passed = self.clock.timeout(left, self.queue(family, patience)).await;
                passed.unwrap_or(Err(Denied::Late))
            }
        }
    }

    /// The wait after the last of some failures in a row, at most what is left of the patience.
    pub(super) async fn back_off(&self, patience: &mut Patience) {
        let wait = self.backoff.after(Duration::from_secs(1), patience.failures()).min(patience.left());
        let begin = self.clock.monotonic();
        self.clock.sleep(wait).await;
        // At least the wait itself, so that a clock that rounds down cannot try for ever.
        patience.lose((self.clock.monotonic() - begin).max(wait));
    }

    async fn queue(&self, family: Family, patience: &mut Patience) -> Result<Pass<'_>, Denied> {
        let came = self.clock.monotonic();
        let lane = &self.lanes[family as usize];
        let _turn = lane.turn.lock().await;
        if let Some(since) = self.circuit.down_since() {
            patience.lose(self.clock.monotonic().saturating_sub(came.max(since)));
        }
        loop {
            self.wait_for_limit(lane, patience).await;
            self.wait_for_circuit(patience).await?;
            let place = self.in_flight.take().await;
            self.wait_for_slot(patience).await;
            // Both may have changed while others were in flight.
            if self.clock.monotonic() < lane.paused_until() {
                continue;
            }
            if let Entry::Open { probe } = self.circuit.enter(self.clock.monotonic()) {
                return Ok(Pass { limiter: self, _place: place, probe });
            }
        }
    }

    async fn wait_for_limit(&self, lane: &Lane, patience: &mut Patience) {
        loop {
            let now = self.clock.monotonic();
            let until = lane.paused_until();
            if now >= until {
                return;
            }
            // Counted before the wait, in case a deadline ends it; corrected afterwards.
            let counted = patience.throttled;
            patience.throttled +=
                patience.deadline.map_or(until, |deadline| deadline.clamp(now, until)) - now;
            self.clock.sleep(until - now).await;
            patience.throttled = counted + (self.clock.monotonic() - now);
        }
    }

    async fn wait_for_circuit(&self, patience: &mut Patience) -> Result<(), Denied> {
        loop {
            let changed = self.circuit.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = self.clock.monotonic();
            let wait = match self.circuit.look(now) {
                Entry::Open { .. } => return Ok(()),
                Entry::Until(time) => (time - now).min(patience.left()),
                Entry::Probing => patience.left(),
            };
            if wait.is_zero() {
                return Err(Denied::Down);
            }
            self.clock.timeout(wait, changed).await;
            patience.lose(self.clock.monotonic() - now);
        }
    }

    async fn wait_for_slot(&self, patience: &mut Patience) {
        let now = self.clock.monotonic();
        let slot = {
            let mut rhythm = self.rhythm.lock().expect("no panic while held");
            let Some(spacing) = rhythm.spacing else { return };
            let slot = now.max(rhythm.next);
            rhythm.next = slot + spacing;
            slot
        };
        if slot > now {
            self.clock.sleep(slot - now).await;
            patience.throttled += self.clock.monotonic() - now;
        }
    }

    /// Takes note of what an answer says about the family's limit.
    pub(super) fn observe(&self, family: Family, status: u16, headers: &HeaderMap) {
        let now = self.clock.monotonic();
        let lane = &self.lanes[family as usize];
        if status == 429 {
            let told = headers::wait_after_429(headers, &self.clock);
            let mut pause = lane.pause.lock().expect("no panic while held");
            if now >= pause.until {
                pause.strikes += 1;
            }
            let wait = told.unwrap_or_else(|| self.backoff.after(FIRST_PAUSE, pause.strikes));
            pause.until = pause.until.max(now + wait.clamp(SHORTEST_PAUSE, longest_wait()));
            tracing::info!(?family, seconds = wait.as_secs(), told = told.is_some(), "rate limit reached");
        } else {
            let wait = headers::wait_when_low(headers, &self.clock);
            let mut pause = lane.pause.lock().expect("no panic while held");
            if now >= pause.until {
                pause.strikes = 0;
            }
            if let Some(wait) = wait {
                pause.until = pause.until.max(now + wait.min(longest_wait()));
                tracing::debug!(?family, seconds = wait.as_secs(), "rate limit nearly used up");
            }
        }
    }

    /// Braze answered somebody who did not pass the gates: the connection test.
    pub(super) fn alive(&self) {
        self.circuit.alive();
    }
}

fn spacing(limits: &Limits) -> Option<Duration> {
    limits.requests_per_second.map(|rate| Duration::from_secs(1) / rate.max(1))
}

impl Lane {
    fn paused_until(&self) -> Duration {
        self.pause.lock().expect("no panic while held").until
    }
}

impl Pass<'_> {
    /// Braze answered, with whatever it had to say.
    pub(super) fn answered(mut self) {
        self.probe = false;
        self.limiter.circuit.alive();
    }

    /// The attempt met an outage.
    pub(super) fn failed(mut self) {
        let limiter = self.limiter;
        let probe = std::mem::take(&mut self.probe);
        limiter.circuit.failed(probe, limiter.clock.monotonic(), &limiter.backoff);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.limiter.circuit.abandoned();
        }
    }
}
