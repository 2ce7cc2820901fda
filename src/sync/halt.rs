//! Stops a run from outside for another reason than a signal (docs/semantics.md, "Crash, restart, concurrency").

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::reason::{Reason, Stop};
use super::run::Run;

/// Lets a person or an edit stop one run at its next checkpoint. Clones share it; by default nobody stops anything.
#[derive(Clone, Debug, Default)]
pub struct Cancellation {
    token: CancellationToken,
    message: Arc<OnceLock<String>>,
}

impl Cancellation {
    /// Stops the run, which ends `Cancelled` with this sentence. Only the first one counts.
    pub fn cancel(&self, message: impl Into<String>) {
        let _ = self.message.set(message.into());
        self.token.cancel();
    }

    /// Whether the run was told to stop.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns when the run is told to stop, with what its report says then.
    pub async fn cancelled(&self) -> Stop {
        self.token.cancelled().await;
        // Set before the token.
        Stop::new(Reason::Cancelled, self.message.get().cloned().unwrap_or_default())
    }
}

/// `Err`: the run is to stop now, with what its report says. Called on the run's own thread, so it must not wait.
pub type StillWanted = Arc<dyn Fn() -> Result<(), Stop> + Send + Sync>;

/// For runs whose objects cannot change meanwhile.
pub fn always_wanted() -> StillWanted {
    Arc::new(|| Ok(()))
}

impl Run<'_> {
    /// Stops the run when somebody wants it, on a signal, and when its time is up.
    pub(super) fn watchdog(&self) -> impl Future<Output = std::convert::Infallible> + use<> {
        let (control, clock) = (self.control.clone(), self.tools.clock.clone());
        let (interrupt, timeout) = (self.tools.interrupt.clone(), self.job.run_timeout);
        let cancellation = self.tools.cancellation.clone();
        async move {
            tokio::select! {
                // Goes before a signal: what a person stopped is not to be taken up again.
                biased;
                stop = cancellation.cancelled() => control.stop(stop),
                () = interrupt.cancelled() => control.stop(Stop::new(
                    Reason::Interrupted,
                    "stopped by a signal; what was sent is remembered, and the same command goes on from there",
                )),
                () = clock.sleep(timeout) => control.stop(Stop::new(
                    Reason::TimedOut,
                    "the run took longer than runTimeout; the next one goes on from what was delivered",
                )),
            }
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_sentence_counts() {
        let cancellation = Cancellation::default();
        assert!(!cancellation.is_cancelled());
        let held_by_the_run = cancellation.clone();
        cancellation.cancel("the Destination is suspended");
        cancellation.cancel("the Destination was edited");
        let stop = held_by_the_run.cancelled().await;
        assert_eq!(stop, Stop::new(Reason::Cancelled, "the Destination is suspended"));
    }
}
