//! Runs in progress in this process: at most one a Destination, at most so many in all and a Source.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::sync::halt::Cancellation;

/// Who is running.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Namespace of the Destination.
    pub namespace: String,
    /// Its name.
    pub destination: String,
}

/// A run in progress.
#[derive(Clone, Debug)]
pub struct Active {
    /// Name of the SyncRun.
    pub run: String,
    /// Its uid: another SyncRun may get the same name later.
    pub uid: String,
    /// Digest of what it sends.
    pub digest: String,
    halt: Halt,
    source: (String, String),
}

/// What stops a run.
#[derive(Clone, Debug, Default)]
pub struct Halt {
    /// The operator ends: the run is resumed later.
    pub interrupt: CancellationToken,
    /// A person or an edit does not want it any more.
    pub cancellation: Cancellation,
}

#[derive(Debug, Default)]
struct Inner {
    active: HashMap<Lane, Active>,
    /// Uids of runs that ended, until a watch tells of it: nobody may start them again meanwhile.
    over: HashSet<String>,
    closed: bool,
}

/// The runs in progress.
#[derive(Debug, Default)]
pub struct Registry {
    inner: Mutex<Inner>,
    ended: Notify,
}

/// Why a run may not begin now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Full {
    /// Another run of the Destination is in progress.
    Lane(String),
    /// As many runs as the operator may have.
    Operator(usize),
    /// As many runs as may read from the Source.
    Source(usize),
    /// The operator ends.
    Closed,
}

impl Registry {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lane of a Destination for a run, within the limits. It is free again when the place is dropped.
    pub fn begin(
        self: &Arc<Self>,
        lane: Lane,
        run: (&str, &str),
        digest: String,
        source: &str,
        most: usize,
        most_of_source: usize,
    ) -> Result<Place, Full> {
        let mut inner = self.inner();
        if inner.closed {
            return Err(Full::Closed);
        }
        if let Some(active) = inner.active.get(&lane) {
            return Err(Full::Lane(active.run.clone()));
        }
        if inner.active.len() >= most {
            return Err(Full::Operator(most));
        }
        let source = (lane.namespace.clone(), source.to_owned());
        if inner.active.values().filter(|active| active.source == source).count() >= most_of_source {
            return Err(Full::Source(most_of_source));
        }
        let halt = Halt::default();
        let active =
            Active { run: run.0.to_owned(), uid: run.1.to_owned(), digest, halt: halt.clone(), source };
        inner.active.insert(lane.clone(), active);
        Ok(Place { registry: Arc::clone(self), lane, halt })
    }

    /// The run of a Destination that is in progress.
    pub fn active(&self, lane: &Lane) -> Option<Active> {
        self.inner().active.get(lane).cloned()
    }

    /// Asks the run of a Destination to stop at its next checkpoint, if it is that run. The sentence says why.
    pub fn cancel(&self, lane: &Lane, run: &str, why: &str) -> bool {
        match self.inner().active.get(lane) {
            Some(active) if active.run == run => {
                active.halt.cancellation.cancel(why);
                true
            }
            _ => false,
        }
    }

    /// A run ended, and its end was written.
    pub fn end(&self, uid: &str) {
        self.inner().over.insert(uid.to_owned());
    }

    /// Whether a run ended although the watch does not tell of it yet. `told`: it does.
    pub fn ended_unseen(&self, uid: &str, told: bool) -> bool {
        let mut inner = self.inner();
        match told {
            true => {
                inner.over.remove(uid);
                false
            }
            false => inner.over.contains(uid),
        }
    }

    /// Lets no more runs begin and asks all to stop, to be resumed later.
    pub fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        for active in inner.active.values() {
            active.halt.interrupt.cancel();
        }
    }

    /// How many runs are in progress.
    pub fn count(&self) -> usize {
        self.inner().active.len()
    }

    /// Waits until no run is in progress.
    pub async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Registered before the look, so that no end is missed.
            ended.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// The lane of one run. Dropping it lets the next one begin.
#[derive(Debug)]
pub struct Place {
    registry: Arc<Registry>,
    lane: Lane,
    halt: Halt,
}

impl Place {
    /// What stops the run.
    pub fn halt(&self) -> &Halt {
        &self.halt
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.inner().active.remove(&self.lane);
        self.registry.ended.notify_waiters();
    }
}
