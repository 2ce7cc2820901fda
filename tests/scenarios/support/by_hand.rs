//! Runs under a clock that a test moves by hand, step by step with what Braze receives.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use grouparoo::sync::report::Report;
use grouparoo::sync::run::Request;
use grouparoo_clock::Clock;

use super::world::World;

/// Long enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// No request stays under way for so long: whoever is silent then waits for the clock.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a look at the run waits for news.
const LOOK: Duration = Duration::from_millis(20);

/// A clock that stands.
pub fn standing() -> Clock {
    Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"))
}

/// What a test does while a run is under way.
pub struct Meanwhile<'a> {
    /// The world of the run.
    pub world: &'a World,
    ended: Receiver<()>,
}

impl Meanwhile<'_> {
    /// Waits until so many requests were answered since the sandbox started.
    pub fn answered(&self, count: u64) {
        let enough = self.world.sandbox.wait_until_blocking(PATIENCE, |totals| totals.answered >= count);
        assert!(enough, "{count} requests are not answered: {:?}", self.world.requests());
    }

    /// Lets the clock pass time.
    pub fn pass(&self, span: Duration) {
        self.world.clock.advance(span);
    }

    /// Lets so much time pass with every request that is answered, and when nothing is under way, until the run has
    /// ended; `look` is called now and then.
    pub fn pass_with_each_answer(&self, span: Duration, look: impl Fn()) {
        let mut seen = self.world.sandbox.totals().answered;
        let (mut idle, mut waited) = (Duration::ZERO, Duration::ZERO);
        while !self.has_ended(Duration::ZERO) {
            look();
            if self.world.sandbox.wait_until_blocking(LOOK, |totals| totals.answered > seen) {
                let answered = self.world.sandbox.totals().answered;
                self.pass(span * u32::try_from(answered - seen).expect("few"));
                (seen, idle, waited) = (answered, Duration::ZERO, Duration::ZERO);
            } else {
                (idle, waited) = (idle + LOOK, waited + LOOK);
                assert!(idle < PATIENCE, "nothing happens: {:?}", self.world.requests());
                // The run began to wait only after the clock was moved for the last answer.
                if waited >= SILENCE {
                    self.pass(span);
                    waited = Duration::ZERO;
                }
            }
        }
    }

    fn has_ended(&self, wait: Duration) -> bool {
        self.ended.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
    }
}

/// Runs the Destination while the other closure moves its clock. When that is done, time goes on by itself.
pub fn run_meanwhile(world: &World, meanwhile: impl FnOnce(&Meanwhile<'_>) + Send) -> Report {
    let (running, ended) = channel();
    std::thread::scope(|scope| {
        let hands = scope.spawn(move || {
            let hands = Meanwhile { world, ended };
            let done = catch_unwind(AssertUnwindSafe(|| meanwhile(&hands)));
            let step = if done.is_ok() { Duration::from_secs(1) } else { Duration::from_secs(3_600) };
            if done.is_err() {
                // A run that nobody ends would hide what went wrong.
                world.interrupt.cancel();
            }
            while !hands.has_ended(LOOK * 5) {
                hands.pass(step);
            }
            done
        });
        let report = world.run(&Request::default());
        drop(running);
        hands.join().expect("no panic outside the test's part").unwrap_or_else(|panic| resume_unwind(panic));
        report
    })
}
