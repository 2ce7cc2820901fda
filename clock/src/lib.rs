//! The one source of time of grouparoo and of its sandbox.
//!
//! Everything that asks "what time is it" or "wake me later" does it through a [`Clock`], so that a test can
//! scale time or move it by hand instead of waiting. Nothing else in the workspace may call the system's
//! clock; a test keeps it so.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;

/// A clock: the wall-clock time, a time that only moves forward, and timers.
///
/// Cloning is cheap; all clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { start: Instant },
    Running { start: Instant, epoch: Timestamp, factor: u32 },
    Manual(Arc<ManualState>),
}

#[derive(Debug)]
struct ManualState {
    epoch: Timestamp,
    elapsed: Mutex<Duration>,
    moved: Notify,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The system's own time.
    pub fn system() -> Self {
        Self(Kind::System { start: Instant::now() })
    }

    /// A clock that starts now and runs `factor` times as fast as the system's; its timers are as much shorter.
    pub fn scaled(factor: u32) -> Self {
        Self::running(Timestamp::now(), factor)
    }

    /// A clock that starts at `epoch` and runs `factor` times as fast as the system's.
    pub fn running(epoch: Timestamp, factor: u32) -> Self {
        assert!(factor > 0, "a clock cannot stand still by scaling; use Clock::manual");
        Self(Kind::Running { start: Instant::now(), epoch, factor })
    }

    /// A clock that stands at `epoch` until [`Clock::advance`] moves it.
    pub fn manual(epoch: Timestamp) -> Self {
        let state = ManualState { epoch, elapsed: Mutex::new(Duration::ZERO), moved: Notify::new() };
        Self(Kind::Manual(Arc::new(state)))
    }

    /// The wall-clock time.
    pub fn now(&self) -> Timestamp {
        let epoch = match &self.0 {
            Kind::System { .. } => return Timestamp::now(),
            Kind::Running { epoch, .. } => *epoch,
            Kind::Manual(state) => state.epoch,
        };
        epoch + jiff::SignedDuration::try_from(self.monotonic()).unwrap_or(jiff::SignedDuration::MAX)
    }

    /// Time since this clock was made. It never goes backwards, also when the wall clock is corrected.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Kind::System { start } => start.elapsed(),
            Kind::Running { start, factor, .. } => start.elapsed() * *factor,
            Kind::Manual(state) => *state.elapsed.lock().expect("no panic while the clock is held"),
        }
    }

    /// Waits until `span` has passed on this clock. It must be polled by a tokio runtime with timers.
    pub async fn sleep(&self, span: Duration) {
        match &self.0 {
            Kind::System { .. } => tokio::time::sleep(span).await,
            Kind::Running { factor, .. } => tokio::time::sleep(span / *factor).await,
            Kind::Manual(state) => {
                let until = self.monotonic() + span;
                loop {
                    let moved = state.moved.notified();
                    tokio::pin!(moved);
                    // Registered before the look at the time, so that no move is missed.
                    moved.as_mut().enable();
                    if self.monotonic() >= until {
                        return;
                    }
                    moved.await;
                }
            }
        }
    }

    /// How long a span of this clock lasts by the system's: for timers of libraries that know no other. A clock
    /// that is moved by hand has no such length; its spans are taken as they are.
    pub fn on_the_wall(&self, span: Duration) -> Duration {
        match &self.0 {
            Kind::System { .. } | Kind::Manual(_) => span,
            Kind::Running { factor, .. } => span / *factor,
        }
    }

    /// Runs `work` for at most `span` of this clock; `None` when the time was up first.
    pub async fn timeout<T>(&self, span: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep(span) => None,
        }
    }

    /// Moves a clock made by [`Clock::manual`] forward and wakes the timers that are due.
    ///
    /// # Panics
    /// On any other clock: only a test may move time.
    pub fn advance(&self, span: Duration) {
        let Kind::Manual(state) = &self.0 else { panic!("only a manual clock can be moved") };
        *state.elapsed.lock().expect("no panic while the clock is held") += span;
        state.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().expect("a timestamp")
    }

    #[tokio::test]
    async fn a_manual_clock_moves_only_by_hand_and_wakes_what_is_due() {
        let clock = Clock::manual(noon());
        assert_eq!(clock.now(), noon());
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_secs(10)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        let woken = sleeper.await.expect("the sleeper ends");
        assert_eq!(woken, noon() + jiff::SignedDuration::from_secs(10));
    }

    #[tokio::test]
    async fn a_scaled_clock_runs_faster_than_the_system() {
        let clock = Clock::running(noon(), 100_000);
        let real = Instant::now();
        clock.sleep(Duration::from_secs(600)).await;
        assert!(clock.monotonic() >= Duration::from_secs(600));
        assert!(real.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_timeout_gives_up_when_the_clock_says_so() {
        let clock = Clock::running(noon(), 1_000);
        assert_eq!(clock.timeout(Duration::from_secs(1), std::future::pending::<()>()).await, None);
        assert_eq!(clock.timeout(Duration::from_secs(1), async { 7 }).await, Some(7));
    }
}
