//! Blocking readers behind the trait: a plain thread that fills batches, and a stream that takes them.
//!
//! Between the two stand at most two batches: a slow taker stops the thread, and a taker that is gone ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use grouparoo_clock::Clock;
use tokio::sync::{mpsc, oneshot};

use super::{RowStream, SourceError};
use crate::data::RowBatch;

/// Rows of a batch, and bytes after which a batch of long rows is handed on.
const BATCH_ROWS: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
/// Batches that wait for the taker.
const WAITING: usize = 2;

/// Tells a reader when to give up, and why.
#[derive(Clone)]
pub(super) struct Stopper {
    cancelled: Arc<AtomicBool>,
    clock: Clock,
    started: Duration,
    timeout: Duration,
}

impl Stopper {
    pub(super) fn new(clock: &Clock, timeout: Duration) -> Self {
        let started = clock.monotonic();
        Self { cancelled: Arc::default(), clock: clock.clone(), started, timeout }
    }

    /// Whether nobody waits any more, or the time is up.
    pub(super) fn must_stop(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.time_left().is_zero()
    }

    /// The error of a reader that stopped because it must.
    pub(super) fn verdict(&self) -> SourceError {
        if self.cancelled.load(Ordering::Relaxed) {
            return SourceError::Cut("nobody reads any more".to_owned());
        }
        SourceError::TimedOut(self.timeout)
    }

    /// What is left of the time.
    pub(super) fn time_left(&self) -> Duration {
        self.timeout.saturating_sub(self.clock.monotonic().saturating_sub(self.started))
    }
}

/// Cancels the reader when it is dropped.
struct CancelOnDrop(Stopper);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Runs blocking work on a thread of its own; dropping the future cancels it.
pub(super) async fn blocking<T: Send + 'static>(
    stopper: Stopper,
    work: impl FnOnce(&Stopper) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let guard = CancelOnDrop(stopper.clone());
    let (sender, receiver) = oneshot::channel();
    spawn(move || drop(sender.send(work(&stopper))))?;
    match guard.0.clock.timeout(guard.0.time_left(), receiver).await {
        None => Err(guard.0.verdict()),
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(reader_died()),
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), SourceError> {
    let thread = std::thread::Builder::new().name("source-reader".to_owned()).spawn(work);
    thread.map(drop).map_err(|e| SourceError::Cut(format!("no thread to read with: {e}")))
}

fn reader_died() -> SourceError {
    SourceError::Cut("the reader stopped without a word".to_owned())
}

enum Message {
    /// The relation is open, its columns are there.
    Opened,
    More(RowBatch),
    Last(RowBatch),
    Failed(SourceError),
}

/// The writing side, in the thread.
pub(super) struct Sink {
    full: mpsc::Sender<Message>,
    empty: mpsc::Receiver<RowBatch>,
    batch: RowBatch,
    stopper: Stopper,
    bytes: Arc<AtomicU64>,
    width: usize,
}

impl Sink {
    /// Says that the read begins: what fails from here on fails the stream.
    pub(super) fn opened(&mut self) -> Result<(), SourceError> {
        self.send(Message::Opened)
    }

    /// Where the cells of a row are pushed.
    pub(super) fn batch(&mut self) -> &mut RowBatch {
        &mut self.batch
    }

    /// Ends a row, and hands a full batch on.
    pub(super) fn end_row(&mut self) -> Result<(), SourceError> {
        self.batch.end_row();
        if self.batch.rows() < BATCH_ROWS && self.batch.bytes() < BATCH_BYTES {
            return Ok(());
        }
        self.check()?;
        let mut next = self.empty.try_recv().unwrap_or_else(|_| RowBatch::new(self.width));
        next.clear();
        let full = std::mem::replace(&mut self.batch, next);
        self.send(Message::More(full))
    }

    /// Fails when the reader must stop; a reader that skips rows calls it now and then.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        if self.stopper.must_stop() { Err(self.stopper.verdict()) } else { Ok(()) }
    }

    /// Counts bytes read.
    pub(super) fn count_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn send(&self, message: Message) -> Result<(), SourceError> {
        self.full.blocking_send(message).map_err(|_| self.stopper.verdict())
    }
}

/// The reading side.
pub(super) struct Pump {
    full: mpsc::Receiver<Message>,
    empty: mpsc::Sender<RowBatch>,
    bytes: Arc<AtomicU64>,
    ended: bool,
    guard: CancelOnDrop,
}

/// Starts a reader of rows of `width` cells and waits until it has opened its relation.
pub(super) async fn start(
    stopper: Stopper,
    width: usize,
    work: impl FnOnce(&mut Sink, &Stopper) -> Result<(), SourceError> + Send + 'static,
) -> Result<Box<dyn RowStream>, SourceError> {
    let (full_sender, full) = mpsc::channel(WAITING);
    let (empty, empty_receiver) = mpsc::channel(WAITING + 2);
    let bytes = Arc::new(AtomicU64::new(0));
    let mut sink = Sink {
        full: full_sender,
        empty: empty_receiver,
        batch: RowBatch::new(width),
        stopper: stopper.clone(),
        bytes: bytes.clone(),
        width,
    };
    let mut pump = Pump { full, empty, bytes, ended: false, guard: CancelOnDrop(stopper.clone()) };
    spawn(move || {
        let last = match work(&mut sink, &stopper) {
            Ok(()) => Message::Last(std::mem::take(&mut sink.batch)),
            Err(error) => Message::Failed(error),
        };
        // A taker that is gone does not want to know.
        let _ = sink.send(last);
    })?;
    match pump.receive().await? {
        Message::Opened => Ok(Box::new(pump)),
        Message::Failed(error) => Err(error),
        Message::More(_) | Message::Last(_) => Err(reader_died()),
    }
}

impl Pump {
    async fn receive(&mut self) -> Result<Message, SourceError> {
        let stopper = &self.guard.0;
        match stopper.clock.timeout(stopper.time_left(), self.full.recv()).await {
            None => Err(stopper.verdict()),
            Some(None) => Err(reader_died()),
            Some(Some(message)) => Ok(message),
        }
    }
}

#[async_trait]
impl RowStream for Pump {
    async fn next(&mut self, batch: &mut RowBatch) -> Result<bool, SourceError> {
        batch.clear();
        if self.ended {
            return Ok(false);
        }
        let (mut filled, more) = match self.receive().await? {
            Message::More(filled) => (filled, true),
            Message::Last(filled) => (filled, false),
            Message::Failed(error) => return Err(error),
            Message::Opened => return Err(reader_died()),
        };
        std::mem::swap(batch, &mut filled);
        // When no place is left the buffers are simply freed.
        let _ = self.empty.try_send(filled);
        self.ended = !more;
        Ok(more)
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Cell;

    fn stopper() -> Stopper {
        Stopper::new(&Clock::system(), Duration::from_secs(60))
    }

    #[tokio::test]
    async fn all_rows_arrive_in_order_and_the_end_is_announced_once() {
        let work = |sink: &mut Sink, _: &Stopper| {
            sink.opened()?;
            for n in 0..2000 {
                sink.batch().push(Cell::Int(n));
                sink.count_bytes(8);
                sink.end_row()?;
            }
            Ok(())
        };
        let mut stream = start(stopper(), 1, work).await.expect("it opens");
        let mut batch = RowBatch::new(1);
        let mut expected = 0;
        loop {
            let more = stream.next(&mut batch).await.expect("rows");
            for row in 0..batch.rows() {
                assert_eq!(batch.row(row), [Cell::Int(expected)]);
                expected += 1;
            }
            if !more {
                break;
            }
        }
        assert_eq!((expected, stream.bytes()), (2000, 16_000));
        assert!(!stream.next(&mut batch).await.expect("still the end"));
        assert!(batch.is_empty());
    }

    #[tokio::test]
    async fn a_slow_taker_stops_the_reader_after_a_few_batches() {
        let produced = Arc::new(AtomicU64::new(0));
        let (done, finished) = oneshot::channel::<()>();
        let work = {
            let produced = produced.clone();
            move |sink: &mut Sink, _: &Stopper| {
                let _done = done;
                sink.opened()?;
                loop {
                    sink.batch().push(Cell::Null);
                    produced.fetch_add(1, Ordering::Relaxed);
                    sink.end_row()?;
                }
            }
        };
        let mut stream = start(stopper(), 1, work).await.expect("it opens");
        let mut batch = RowBatch::new(1);
        for _ in 0..10 {
            stream.next(&mut batch).await.expect("rows");
        }
        // Taken, waiting, in the hands of the reader, and being filled.
        let limit = u64::try_from((10 + WAITING + 2) * BATCH_ROWS).expect("small");
        assert!(produced.load(Ordering::Relaxed) <= limit);
        drop(stream);
        finished.await.expect_err("the reader ends when nobody takes");
        assert!(produced.load(Ordering::Relaxed) <= limit);
    }

    #[tokio::test]
    async fn a_reader_that_panics_is_a_cut_and_never_an_end() {
        let work = |sink: &mut Sink, _: &Stopper| {
            sink.opened()?;
            panic!("a bug of a reader");
        };
        let mut stream = start(stopper(), 1, work).await.expect("it opens");
        let result = stream.next(&mut RowBatch::new(1)).await;
        assert!(matches!(result, Err(SourceError::Cut(_))), "{result:?}");
    }

    #[tokio::test]
    async fn a_read_that_takes_too_long_is_timed_out_by_the_clock() {
        let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let work = move |sink: &mut Sink, _: &Stopper| {
            sink.opened()?;
            let _ = held.recv();
            Ok(())
        };
        let stopper = Stopper::new(&clock, Duration::from_secs(60));
        let mut stream = start(stopper, 1, work).await.expect("it opens");
        clock.advance(Duration::from_secs(61));
        let result = stream.next(&mut RowBatch::new(1)).await;
        assert!(matches!(result, Err(SourceError::TimedOut(_))), "{result:?}");
        drop(release);
    }
}
