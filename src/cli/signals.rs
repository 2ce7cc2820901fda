//! Work on a thread of its own, while the main thread keeps the terminal and the signals.

use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::exit;
use super::failure::Failure;

/// Time between two looks at a run, for its progress.
const TICK: Duration = Duration::from_millis(200);

/// What is to be done on the main thread meanwhile.
pub(super) trait Audience<E> {
    /// The work says something.
    fn hear(&mut self, event: E);

    /// A moment passed.
    fn tick(&mut self);

    /// The first signal came: the work was asked to end.
    fn interrupted(&mut self);
}

/// Carries out work that may take long. The first SIGINT or SIGTERM cancels `interrupt`; the second ends the process
/// at once, which the state survives by design.
pub(super) fn supervise<E: Send>(
    interrupt: &CancellationToken,
    work: impl FnOnce(UnboundedSender<E>) + Send,
    audience: &mut impl Audience<E>,
) -> Result<(), Failure> {
    let system = |error: std::io::Error| Failure { code: exit::BUG, problems: vec![error.to_string()] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let (sender, mut events) = unbounded_channel();
    // Caught before the work begins, so that none is lost.
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(system)?;
    let ended = thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("runs".to_owned())
            .spawn_scoped(scope, move || work(sender))
            .map_err(system)?;
        runtime.block_on(async {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    () = signals.next() => {
                        if interrupt.is_cancelled() {
                            std::process::exit(exit::KILLED.into());
                        }
                        interrupt.cancel();
                        audience.interrupted();
                    }
                    event = events.recv() => match event {
                        Some(event) => audience.hear(event),
                        None => break,
                    },
                    _ = ticks.tick() => audience.tick(),
                }
            }
        });
        Ok::<_, Failure>(worker.join())
    })?;
    // The sentence about it was written by the hook.
    ended.map_err(|_| Failure { code: exit::BUG, problems: Vec::new() })
}

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they are caught.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
