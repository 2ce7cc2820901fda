//! Places for requests in flight: a number that can be changed while they are taken.

use std::sync::Mutex;

use tokio::sync::{Semaphore, SemaphorePermit};

#[derive(Debug)]
pub(super) struct Places {
    free: Semaphore,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    most: usize,
    /// Places that are taken and will not be free again: there are to be fewer.
    surplus: usize,
}

/// A place that is taken; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    permit: Option<SemaphorePermit<'a>>,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        let most = allowed(most);
        Self { free: Semaphore::new(most), count: Mutex::new(Count { most, surplus: 0 }) }
    }

    /// Waits for a place, in the order of those who came.
    pub(super) async fn take(&self) -> Place<'_> {
        let permit = self.free.acquire().await.expect("never closed");
        Place { places: self, permit: Some(permit) }
    }

    /// From now on so many. Where more are taken, they are given back and not taken again.
    pub(super) fn set(&self, most: usize) {
        let most = allowed(most);
        let mut count = self.count();
        if most > count.most {
            let more = most - count.most;
            let kept = more.min(count.surplus);
            count.surplus -= kept;
            self.free.add_permits(more - kept);
        } else {
            let fewer = count.most - most;
            let found = self.free.forget_permits(fewer);
            count.surplus += fewer - found;
        }
        count.most = most;
    }

    fn count(&self) -> std::sync::MutexGuard<'_, Count> {
        self.count.lock().expect("no panic while held")
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut count = self.places.count();
        if count.surplus > 0 {
            count.surplus -= 1;
            permit.forget();
        }
    }
}

fn allowed(most: usize) -> usize {
    most.clamp(1, Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn free(places: &Places) -> usize {
        let mut taken = Vec::new();
        while let Some(place) = places.take().now_or_never() {
            taken.push(place);
        }
        taken.len()
    }

    #[test]
    fn fewer_places_hold_as_soon_as_those_taken_are_given_back() {
        let places = Places::new(4);
        let taken: Vec<_> = (0..3).filter_map(|_| places.take().now_or_never()).collect();
        places.set(2);
        assert_eq!(free(&places), 0, "three are taken, and two are allowed");
        drop(taken);
        assert_eq!(free(&places), 2);
        assert_eq!(free(&places), 2, "given back");
    }

    #[test]
    fn more_places_are_free_at_once() {
        let places = Places::new(1);
        let taken = places.take().now_or_never();
        places.set(3);
        assert_eq!(free(&places), 2);
        drop(taken);
        assert_eq!(free(&places), 3);
    }

    #[test]
    fn a_number_that_goes_up_and_down_while_places_are_taken_is_kept() {
        let places = Places::new(5);
        let taken: Vec<_> = (0..5).filter_map(|_| places.take().now_or_never()).collect();
        places.set(1);
        places.set(3);
        places.set(2);
        places.set(4);
        assert_eq!(free(&places), 0);
        drop(taken);
        assert_eq!(free(&places), 4);
        places.set(0);
        assert_eq!(free(&places), 1, "one can always go");
    }
}
