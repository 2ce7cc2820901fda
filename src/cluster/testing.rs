//! An API server in process, for the tests of this room: it answers as a test says and remembers what was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use grouparoo_clock::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub content_type: String,
    pub body: Bytes,
}

/// What is answered.
pub(super) enum Answer {
    Body(StatusCode, Vec<u8>),
    /// The request is received, and that is all.
    Never,
}

impl Answer {
    pub(super) fn json(code: StatusCode, value: &Value) -> Self {
        Self::Body(code, value.to_string().into_bytes())
    }

    pub(super) fn status(code: StatusCode, reason: &str) -> Self {
        let status = json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "message": "in the server's words",
            "reason": reason, "code": code.as_u16(),
        });
        Self::json(code, &status)
    }
}

/// The server: no sockets, so nothing of it is left after a test.
pub(super) struct Server {
    seen: Arc<Mutex<Vec<Seen>>>,
    router: Router,
}

impl Server {
    pub(super) fn new(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let answer = Arc::new(answer);
        let noted = seen.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let (answer, noted) = (answer.clone(), noted.clone());
            async move {
                let (head, body) = request.into_parts();
                let request = Seen {
                    method: head.method,
                    path: head.uri.path().to_owned(),
                    query: head.uri.query().unwrap_or_default().to_owned(),
                    content_type: head
                        .headers
                        .get(CONTENT_TYPE)
                        .and_then(|value| value.to_str().ok())
                        .unwrap_or_default()
                        .to_owned(),
                    body: to_bytes(body, usize::MAX).await.expect("a body"),
                };
                noted.lock().expect("not poisoned").push(request.clone());
                match answer(&request) {
                    Answer::Body(code, body) => {
                        Response::builder().status(code).body(Body::from(body)).expect("a response")
                    }
                    Answer::Never => std::future::pending().await,
                }
            }
        });
        Self { seen, router }
    }

    pub(super) fn client(&self) -> kube::Client {
        kube::Client::new(self.router.clone(), "default")
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// Runs `work` and moves the clock by `step` whenever everything else has had its turn.
    pub(super) async fn drive<T>(&self, clock: &Clock, step: Duration, work: impl Future<Output = T>) -> T {
        drive(clock, step, work).await
    }
}

/// Runs `work` and moves the clock by `step` whenever everything else has had its turn.
pub(super) async fn drive<T>(clock: &Clock, step: Duration, work: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            settle().await;
            clock.advance(step);
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = time => unreachable!("time never ends"),
    }
}

/// Lets everything that can go on go on.
pub(super) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a timestamp")
}
