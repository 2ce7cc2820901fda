//! The three pages over HTTP: `/healthz`, `/readyz`, `/metrics`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use grouparoo_clock::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use super::metrics::OPENMETRICS;

/// Silence of the event loop after which it counts as dead.
const MOST_SILENCE: Duration = Duration::from_secs(60);

/// How the process is, told by its parts and read by probes.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    /// Time of the last beat, in milliseconds of the monotonic clock.
    beat: AtomicU64,
    synced: AtomicBool,
    stopping: AtomicBool,
}

impl Health {
    /// A process that lives, and is not ready yet.
    pub fn new(clock: Clock) -> Self {
        let beat = AtomicU64::new(millis(&clock));
        Self { clock, beat, synced: AtomicBool::new(false), stopping: AtomicBool::new(false) }
    }

    /// The event loop turns: to be told every few seconds, by a task of the runtime that it is about.
    pub fn beat(&self) {
        self.beat.store(millis(&self.clock), Ordering::Relaxed);
    }

    /// Beats for as long as it is awaited, so that a runtime which stands still is noticed.
    pub async fn keep_beating(&self) {
        loop {
            self.beat();
            self.clock.sleep(MOST_SILENCE / 12).await;
        }
    }

    /// Whether all caches hold what the API server has.
    pub fn set_synced(&self, synced: bool) {
        self.synced.store(synced, Ordering::Relaxed);
    }

    /// The process is about to end: alive, and not ready any more.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the event loop has turned lately. Independent of the API server.
    pub fn is_alive(&self) -> bool {
        let silence = millis(&self.clock).saturating_sub(self.beat.load(Ordering::Relaxed));
        u128::from(silence) < MOST_SILENCE.as_millis()
    }

    /// Whether the caches are synced; leader or not.
    pub fn is_ready(&self) -> bool {
        self.synced.load(Ordering::Relaxed) && !self.stopping.load(Ordering::Relaxed) && self.is_alive()
    }
}

fn millis(clock: &Clock) -> u64 {
    u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX)
}

#[derive(Clone)]
struct Pages {
    health: Arc<Health>,
    metrics: Arc<Metrics>,
}

/// Serves the pages until `shutdown` is cancelled and the last answer is out. Give it a runtime of its own, or
/// `/healthz` cannot answer when the other one stands still.
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let pages = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(exposition))
        .with_state(Pages { health, metrics });
    axum::serve(listener, pages).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

async fn healthz(State(pages): State<Pages>) -> Response {
    answer(pages.health.is_alive(), "the event loop stands still")
}

async fn readyz(State(pages): State<Pages>) -> Response {
    answer(pages.health.is_ready(), "not ready: caches are not synced, or the process ends")
}

async fn exposition(State(pages): State<Pages>) -> Response {
    ([(CONTENT_TYPE, OPENMETRICS)], pages.metrics.encode()).into_response()
}

fn answer(is_fine: bool, otherwise: &'static str) -> Response {
    if is_fine {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{otherwise}\n")).into_response()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    async fn page(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        text
    }

    #[tokio::test]
    async fn probes_see_life_by_the_clock_and_readiness_by_the_caches() {
        let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a time"));
        let health = Arc::new(Health::new(clock.clone()));
        let metrics = Arc::new(Metrics::new("1.2.3", "abc"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, health.clone(), metrics, shutdown.clone()));
        let code = |text: &str| text.split(' ').nth(1).expect("a status").to_owned();

        assert_eq!(code(&page(address, "/healthz").await), "200");
        assert_eq!(code(&page(address, "/readyz").await), "503");
        health.set_synced(true);
        assert_eq!(code(&page(address, "/readyz").await), "200");
        clock.advance(Duration::from_secs(61));
        assert_eq!(code(&page(address, "/healthz").await), "503");
        assert_eq!(code(&page(address, "/readyz").await), "503");
        health.beat();
        assert_eq!(code(&page(address, "/healthz").await), "200");
        health.set_stopping();
        assert_eq!(code(&page(address, "/readyz").await), "503");
        assert_eq!(code(&page(address, "/healthz").await), "200");
        assert_eq!(code(&page(address, "/nothing").await), "404");

        let exposed = page(address, "/metrics").await;
        assert!(exposed.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{exposed}");
        assert!(exposed.ends_with("# EOF\n"), "{exposed}");
        shutdown.cancel();
        server.await.expect("no panic").expect("a clean end");
    }

    #[tokio::test]
    async fn a_loop_that_turns_keeps_beating() {
        let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a time"));
        let health = Arc::new(Health::new(clock.clone()));
        let beating = tokio::spawn({
            let health = health.clone();
            async move { health.keep_beating().await }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(5));
        }
        tokio::task::yield_now().await;
        assert!(health.is_alive());
        beating.abort();
        clock.advance(Duration::from_secs(60));
        assert!(!health.is_alive());
    }
}
