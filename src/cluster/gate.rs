//! Few requests while the API server is away, however many want to ask it.
//!
//! As long as answers come, nothing waits here. After a request without an answer all clients of the process
//! together try once in [`PAUSE`], until one is answered; then everybody goes on at once.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::{Request, Response, StatusCode};
use grouparoo_clock::Clock;
use kube::client::Body;
use tokio::sync::Notify;
use tower::{Layer, Service};

/// Time between two attempts: fewer than two a second (conventions 6).
pub(super) const PAUSE: Duration = Duration::from_millis(700);

/// What all clients of a process know together about the server.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    /// Monotonic time of the next attempt; `None`: the server answers.
    next: Mutex<Option<Duration>>,
    back: Notify,
}

impl Gate {
    /// Open.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, next: Mutex::default(), back: Notify::new() }
    }

    /// Waits for its turn.
    pub(super) async fn pass(&self) {
        loop {
            let back = self.back.notified();
            tokio::pin!(back);
            // Registered before the look, so that no answer is missed.
            back.as_mut().enable();
            let now = self.clock.monotonic();
            let wait = {
                let mut next = self.next();
                match *next {
                    None => return,
                    Some(turn) if turn <= now => {
                        *next = Some(now + PAUSE);
                        return;
                    }
                    Some(turn) => turn.saturating_sub(now),
                }
            };
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = back => {}
            }
        }
    }

    /// The server answered, or not.
    pub(super) fn answered(&self, answered: bool) {
        let mut next = self.next();
        if answered {
            if next.take().is_some() {
                self.back.notify_waiters();
            }
        } else if next.is_none() {
            *next = Some(self.clock.monotonic() + PAUSE);
        }
    }

    fn next(&self) -> MutexGuard<'_, Option<Duration>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts clients behind one gate.
#[derive(Clone, Debug)]
pub(super) struct GateLayer(pub(super) Arc<Gate>);

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: Arc::clone(&self.0), turn: Turn::None }
    }
}

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Turn {
    None,
    Waits(Later<()>),
    Come,
}

/// A client behind the gate. Requests wait in their order; whoever gives up before its turn asks nothing.
pub(super) struct Gated<S> {
    inner: S,
    gate: Arc<Gate>,
    turn: Turn,
}

impl<S, B> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Later<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        loop {
            match &mut self.turn {
                Turn::None => {
                    let gate = Arc::clone(&self.gate);
                    self.turn = Turn::Waits(Box::pin(async move { gate.pass().await }));
                }
                Turn::Waits(waiting) => {
                    ready!(waiting.as_mut().poll(context));
                    self.turn = Turn::Come;
                }
                Turn::Come => return self.inner.poll_ready(context),
            }
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.turn = Turn::None;
        let gate = Arc::clone(&self.gate);
        let asking = self.inner.call(request);
        Box::pin(async move {
            let answer = asking.await;
            gate.answered(answer.as_ref().is_ok_and(|answer| !is_away(answer.status())));
            answer
        })
    }
}

/// What stands before a server says that the server is away.
fn is_away(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::testing::{noon, settle};

    /// conventions 6: at most two requests a second while the API server is away, however many wait
    #[tokio::test]
    async fn while_nobody_answers_all_try_in_turn() {
        let clock = Clock::manual(noon());
        let gate = Arc::new(Gate::new(clock.clone()));
        gate.pass().await;
        gate.answered(false);
        let tried = Arc::new(Mutex::new(0_u32));
        for _ in 0..100 {
            let (gate, tried) = (Arc::clone(&gate), Arc::clone(&tried));
            tokio::spawn(async move {
                gate.pass().await;
                *tried.lock().expect("no panic") += 1;
                gate.answered(false);
            });
        }
        let passed = || *tried.lock().expect("no panic");
        for _ in 0..100 {
            settle().await;
            clock.advance(Duration::from_millis(100));
        }
        settle().await;
        let before = passed();
        assert!((13..=15).contains(&before), "{before} in ten seconds");
        gate.answered(true);
        settle().await;
        assert!(passed() > before, "somebody goes on at once");
    }

    #[tokio::test]
    async fn an_answer_lets_everybody_go_on() {
        let gate = Arc::new(Gate::new(Clock::manual(noon())));
        gate.answered(false);
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let gate = Arc::clone(&gate);
                tokio::spawn(async move { gate.pass().await })
            })
            .collect();
        settle().await;
        assert!(waiting.iter().all(|one| !one.is_finished()));
        gate.answered(true);
        for one in waiting {
            one.await.expect("no panic");
        }
    }
}
