//! The one thread that writes to the state: it gathers what the others hand over and commits it in groups.
//!
//! An intent is durable before its request is released ([`Committer::intend`] returns then); acknowledgements
//! follow at most half a second or 100,000 changes later (docs/semantics.md, "Crash, restart, concurrency").

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use grouparoo_clock::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::state::{Change, Commit, Header, Intent, Reject, Settlement, StateError, Store};

use super::memory::Memory;

/// Longest time that an acknowledgement waits for its commit.
const INTERVAL: Duration = Duration::from_millis(500);
/// Most changes in one commit.
const MOST_CHANGES: usize = 100_000;
/// Messages that may wait: more than the rows that arrive during the longest commit (about 0.2 s).
const QUEUE: usize = 1_024;

/// The way to the thread that writes. Clones share it.
#[derive(Clone)]
pub struct Committer {
    sender: mpsc::Sender<Message>,
    failure: Arc<Mutex<Option<StateError>>>,
}

enum Message {
    Intend(Intent, oneshot::Sender<()>),
    Settle(Settlement),
    Changes(Vec<Change>),
    Rejects { rejects: Vec<Reject>, cleared: Vec<String> },
    Memory(Box<Memory>),
    Flush(oneshot::Sender<()>),
}

/// The state could not be written; [`Committer::failure`] says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl Committer {
    /// Starts the thread. It ends when the last clone is dropped; `stop` is cancelled when a commit fails.
    pub fn start(
        store: Arc<dyn Store>,
        header: Header,
        clock: Clock,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let failure = Arc::new(Mutex::new(None));
        let worker = Worker { store, header, clock, stop, failure: failure.clone(), failed: false };
        let thread = std::thread::Builder::new()
            .name("commit".to_owned())
            .spawn(move || worker.run(receiver))
            .expect("the system can start a thread");
        (Self { sender, failure }, thread)
    }

    /// A committer that forgets everything at once: for plans, which remember nothing.
    pub fn idle() -> (Self, JoinHandle<()>) {
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("commit".to_owned())
            .spawn(move || {
                while let Some(message) = receiver.blocking_recv() {
                    if let Message::Intend(_, done) | Message::Flush(done) = message {
                        // Whoever waited may have been cancelled meanwhile.
                        let _ = done.send(());
                    }
                }
            })
            .expect("the system can start a thread");
        (Self { sender, failure: Arc::default() }, thread)
    }

    /// Notes a request; when this returns it is durable and may be sent.
    pub async fn intend(&self, intent: Intent) -> Result<(), Lost> {
        let (done, durable) = oneshot::channel();
        self.send(Message::Intend(intent, done)).await?;
        durable.await.map_err(|_| Lost)
    }

    /// Hands over how a request ended.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), Lost> {
        self.send(Message::Settle(settlement)).await
    }

    /// Hands over changes that need no request.
    pub async fn change(&self, changes: Vec<Change>) -> Result<(), Lost> {
        self.send(Message::Changes(changes)).await
    }

    /// Hands over rejects, and keys whose earlier rejects are over.
    pub async fn reject(&self, rejects: Vec<Reject>, cleared: Vec<String>) -> Result<(), Lost> {
        self.send(Message::Rejects { rejects, cleared }).await
    }

    /// Hands over a new content of the header.
    pub async fn remember(&self, memory: &Memory) -> Result<(), Lost> {
        self.send(Message::Memory(Box::new(memory.clone()))).await
    }

    /// Returns when all that was handed over before is durable.
    pub async fn flush(&self) -> Result<(), Lost> {
        let (done, durable) = oneshot::channel();
        self.send(Message::Flush(done)).await?;
        durable.await.map_err(|_| Lost)
    }

    /// Why the state cannot be written, once a commit has failed. Taken out.
    pub fn failure(&self) -> Option<StateError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn send(&self, message: Message) -> Result<(), Lost> {
        self.sender.send(message).await.map_err(|_| Lost)
    }
}

struct Worker {
    store: Arc<dyn Store>,
    header: Header,
    clock: Clock,
    stop: CancellationToken,
    failure: Arc<Mutex<Option<StateError>>>,
    failed: bool,
}

#[derive(Default)]
struct Gathered {
    commit: Commit,
    changes: usize,
    waiting: Vec<oneshot::Sender<()>>,
    since: Option<Duration>,
}

impl Worker {
    fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("the system can make a timer");
        runtime.block_on(async {
            let mut gathered = Gathered::default();
            while let Some(message) = self.next(&mut receiver, &mut gathered).await {
                self.gather(message, &mut gathered);
            }
            self.commit(&mut gathered);
        });
    }

    /// The next message; commits whenever somebody waits and nothing more is at hand, or the time is up.
    async fn next(
        &mut self,
        receiver: &mut mpsc::Receiver<Message>,
        gathered: &mut Gathered,
    ) -> Option<Message> {
        loop {
            if gathered.changes >= MOST_CHANGES {
                self.commit(gathered);
            }
            if let Ok(message) = receiver.try_recv() {
                return Some(message);
            }
            if !gathered.waiting.is_empty() {
                self.commit(gathered);
                continue;
            }
            let Some(since) = gathered.since else { return receiver.recv().await };
            let left = INTERVAL.saturating_sub(self.clock.monotonic().saturating_sub(since));
            match self.clock.timeout(left, receiver.recv()).await {
                Some(message) => return message,
                None => self.commit(gathered),
            }
        }
    }

    fn gather(&mut self, message: Message, gathered: &mut Gathered) {
        gathered.since.get_or_insert_with(|| self.clock.monotonic());
        let commit = &mut gathered.commit;
        match message {
            Message::Intend(intent, done) => {
                gathered.changes += intent.records.len();
                commit.intents.push(intent);
                gathered.waiting.push(done);
            }
            Message::Settle(settlement) => {
                gathered.changes += 1 + settlement.exceptions.len();
                commit.settlements.push(settlement);
            }
            Message::Changes(changes) => {
                gathered.changes += changes.len();
                commit.changes.extend(changes);
            }
            Message::Rejects { rejects, cleared } => {
                gathered.changes += rejects.len() + cleared.len();
                commit.rejects.extend(rejects);
                commit.cleared_rejects.extend(cleared);
            }
            Message::Memory(memory) => {
                self.header.body = serde_json::to_value(&memory).expect("plain data becomes JSON");
                commit.header = Some(self.header.clone());
            }
            Message::Flush(done) => gathered.waiting.push(done),
        }
    }

    fn commit(&mut self, gathered: &mut Gathered) {
        let Gathered { commit, waiting, since, .. } = std::mem::take(gathered);
        // An empty commit would still be one: it would make the index that the run's end wrote look old.
        if self.failed || since.is_none() {
            return;
        }
        match self.store.commit(self.header.epoch, commit) {
            Ok(()) => {
                for done in waiting {
                    // Whoever waited may have been cancelled meanwhile: then the intent stays open.
                    let _ = done.send(());
                }
            }
            Err(error) => {
                self.failed = true;
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                self.stop.cancel();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::HashKey;
    use crate::state::{IntentKind, MemoryStore};

    fn start() -> (Arc<MemoryStore>, Committer, JoinHandle<()>, CancellationToken) {
        let store = Arc::new(MemoryStore::new("a store", HashKey::new([1; 16])));
        let header = store.begin().expect("taken");
        let stop = CancellationToken::new();
        let (committer, thread) = Committer::start(store.clone(), header, Clock::system(), stop.clone());
        (store, committer, thread, stop)
    }

    fn intent(store: &MemoryStore) -> Intent {
        let (request, time) = (store.next_request(), jiff::Timestamp::UNIX_EPOCH);
        Intent { request, kind: IntentKind::Track, time, records: Vec::new() }
    }

    /// An empty commit at the end would make the index snapshot of the run's end look old.
    #[test]
    fn who_was_given_nothing_commits_nothing() {
        let (store, committer, thread, _) = start();
        let commits = store.commits();
        let before = *commits.borrow();
        drop(committer);
        thread.join().expect("the thread ends");
        assert_eq!(*commits.borrow(), before);
    }

    /// semantics 10.1: a request goes out only after its intent is durable.
    #[tokio::test]
    async fn an_intent_is_durable_when_it_is_released() {
        let (store, committer, thread, _) = start();
        committer.intend(intent(&store)).await.expect("durable");
        assert_eq!(store.open_requests(), 1);
        drop(committer);
        tokio::task::spawn_blocking(move || thread.join()).await.expect("no panic").expect("the thread ends");
    }

    /// semantics 10.7: a failed commit stops the run, and no request is released by it.
    #[tokio::test]
    async fn a_failed_commit_releases_nothing_and_stops_the_run() {
        let (store, committer, thread, stop) = start();
        store.fail_commit(1);
        assert_eq!(committer.intend(intent(&store)).await, Err(Lost));
        assert!(stop.is_cancelled());
        assert!(matches!(committer.failure(), Some(StateError::Unwritable { .. })));
        assert_eq!(store.open_requests(), 0);
        drop(committer);
        tokio::task::spawn_blocking(move || thread.join()).await.expect("no panic").expect("the thread ends");
    }
}
