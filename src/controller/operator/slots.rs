//! Places for looks: many at a time, and none for long that only waits for an answer.

use std::time::Duration;

use grouparoo_clock::Clock;
use tokio::sync::Semaphore;

/// Looks of one kind that work at a time.
const QUICK: usize = 32;
/// Looks beside them that wait for a slow answer, such as that of a host that accepts and says nothing. Each has a
/// connection, and a process may open so many.
const SLOW: usize = 256;
/// Longer than this no look takes that works.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places of one kind.
#[derive(Debug)]
pub struct Slots {
    quick: Semaphore,
    slow: Semaphore,
}

impl Default for Slots {
    fn default() -> Self {
        Self { quick: Semaphore::new(QUICK), slow: Semaphore::new(SLOW) }
    }
}

impl Slots {
    /// Works in a place, as soon as one is free. Work that takes long gives it up to others.
    pub async fn within<F: Future>(&self, clock: &Clock, work: impl FnOnce() -> F) -> F::Output {
        let place = self.quick.acquire().await.expect("the places are never closed");
        let work = work();
        tokio::pin!(work);
        if let Some(done) = clock.timeout(PATIENCE, &mut work).await {
            return done;
        }
        let _slow = tokio::select! {
            biased;
            done = &mut work => return done,
            slow = self.slow.acquire() => slow,
        };
        drop(place);
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn noon() -> jiff::Timestamp {
        "2026-03-01T12:00:00Z".parse().expect("a timestamp")
    }

    /// Lets every task go as far as it can.
    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    /// Begins so many looks that never end, and counts those that began.
    fn silent(slots: &Arc<Slots>, clock: &Clock, count: usize) -> Arc<AtomicUsize> {
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..count {
            let (slots, clock, begun) = (Arc::clone(slots), clock.clone(), Arc::clone(&begun));
            tokio::spawn(async move {
                let look = || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    std::future::pending::<()>()
                };
                slots.within(&clock, look).await;
            });
        }
        begun
    }

    /// conventions 6: one poison object may not delay others
    #[tokio::test]
    async fn looks_that_only_wait_give_their_places_to_others() {
        let (slots, clock) = (Arc::new(Slots::default()), Clock::manual(noon()));
        let begun = silent(&slots, &clock, 100);
        settle().await;
        assert_eq!(begun.load(Ordering::Relaxed), QUICK, "so many at a time");
        let good = tokio::spawn({
            let (slots, clock) = (Arc::clone(&slots), clock.clone());
            async move { slots.within(&clock, || std::future::ready(7)).await }
        });
        for _ in 0..4 {
            clock.advance(PATIENCE);
            settle().await;
        }
        assert!(good.is_finished(), "it waited for those before it, not for their answers");
        assert_eq!(good.await.expect("no panic"), 7);
        assert_eq!(begun.load(Ordering::Relaxed), 100);
    }

    #[tokio::test]
    async fn not_even_slow_looks_are_without_number() {
        let (slots, clock) = (Arc::new(Slots::default()), Clock::manual(noon()));
        let begun = silent(&slots, &clock, 1_000);
        for _ in 0..40 {
            settle().await;
            clock.advance(PATIENCE);
        }
        settle().await;
        assert_eq!(begun.load(Ordering::Relaxed), QUICK + SLOW);
    }
}
