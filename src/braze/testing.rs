//! A scripted server and a clock that moves while the test waits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grouparoo_clock::Clock;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::{Braze, BrazeConfig, Limits, TrackBatch};

/// The key that must never be seen anywhere.
pub(super) const CANARY: &str = "canary-5f1c7a90";

/// A request that the server got.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
    /// Monotonic time of the test's clock.
    pub(super) at: Duration,
}

impl Seen {
    /// Values of the objects in the `attributes` array.
    pub(super) fn objects(&self) -> Vec<u64> {
        self.list("attributes").iter().filter_map(|object| object["n"].as_u64()).collect()
    }

    /// The elements of an array of the body.
    pub(super) fn list(&self, array: &str) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).expect("a JSON body");
        body[array].as_array().cloned().unwrap_or_default()
    }
}

/// What the server does with a request.
#[derive(Clone)]
pub(super) enum Act {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Closes the connection without an answer.
    Drop,
    /// Never answers.
    Hang,
    /// Announces a longer body than it sends, and closes.
    Cut(u16),
    /// Waits for a permit of the test, then acts.
    After(Arc<Notify>, Box<Act>),
}

/// An answer with a status and a body.
pub(super) fn answer(status: u16, body: impl Into<String>) -> Act {
    Act::Answer { status, headers: Vec::new(), body: body.into() }
}

/// An answer without errors.
pub(super) fn success() -> Act {
    answer(201, r#"{"message":"success","attributes_processed":1}"#)
}

impl Act {
    pub(super) fn with(self, name: &'static str, value: impl ToString) -> Self {
        match self {
            Self::Answer { status, mut headers, body } => {
                headers.push((name, value.to_string()));
                Self::Answer { status, headers, body }
            }
            other => other,
        }
    }
}

type Script = Arc<dyn Fn(&Seen) -> Act + Send + Sync>;

/// A server on a free port of this machine; it ends with its value.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) clock: Clock,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server that does with each request what `script` says, under a manual clock.
    pub(super) async fn new(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::start(None, script).await
    }

    /// A server whose requests get these acts in this order, and the last one for ever.
    pub(super) async fn with(acts: Vec<Act>) -> Self {
        let next = Mutex::new(0);
        Self::new(move |_| {
            let mut next = next.lock().expect("not poisoned");
            let act = acts[(*next).min(acts.len() - 1)].clone();
            *next += 1;
            act
        })
        .await
    }

    /// The same over TLS, with the certificate and key of a server.
    pub(super) async fn start(
        tls: Option<Arc<rustls::ServerConfig>>,
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log, time): (Script, _, _) = (Arc::new(script), Arc::clone(&seen), clock.clone());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log, time, tls) = (script.clone(), log.clone(), time.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, script, log, time).await,
                        Some(tls) => {
                            if let Ok(stream) = tokio_rustls::TlsAcceptor::from(tls).accept(stream).await {
                                serve(stream, script, log, time).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, clock, seen, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    pub(super) fn config(&self) -> BrazeConfig {
        config(&format!("http://{}", self.address))
    }

    pub(super) fn client(&self) -> Braze {
        self.client_with(|_| ())
    }

    pub(super) fn client_with(&self, change: impl FnOnce(&mut BrazeConfig)) -> Braze {
        let mut config = self.config();
        change(&mut config);
        Braze::new(config, self.clock.clone()).expect("a client")
    }

    /// Runs `work` while the clock moves.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        drive(&self.clock, work).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn config(endpoint: &str) -> BrazeConfig {
    BrazeConfig {
        endpoint: endpoint.to_owned(),
        key: SecretString::from(CANARY),
        extra_ca: None,
        limits: Limits {
            objects_per_request: 75,
            requests_per_second: None,
            max_in_flight: 64,
            retry_for: Duration::from_secs(900),
        },
        guard: None,
    }
}

/// Runs `work` and moves the clock by 20 ms whenever everything else has had its turn: time passes with the
/// progress of the test's own runtime, never with the load of the machine.
pub(super) async fn drive<T>(clock: &Clock, work: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_millis(20));
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = time => unreachable!("time does not end"),
    }
}

/// A batch of objects `{"n":…}`.
pub(super) fn batch(objects: impl IntoIterator<Item = u64>) -> TrackBatch {
    let mut batch = TrackBatch::new();
    for n in objects {
        batch.push(format!(r#"{{"n":{n}}}"#).as_bytes());
    }
    batch
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script,
    log: Arc<Mutex<Vec<Seen>>>,
    clock: Clock,
) {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream, &clock).await {
        let mut act = script(&seen);
        log.lock().expect("not poisoned").push(seen);
        while let Act::After(permit, next) = act {
            permit.notified().await;
            act = *next;
        }
        match act {
            Act::Answer { status, headers, body } => {
                let mut text = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    text += &format!("{name}: {value}\r\n");
                }
                text += &format!("\r\n{body}");
                if stream.write_all(text.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Act::Drop => return,
            Act::Hang => std::future::pending().await,
            Act::Cut(status) => {
                let text = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: 90\r\n\r\n{{\"message\":");
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.flush().await;
                return;
            }
            Act::After(..) => unreachable!("unwrapped above"),
        }
    }
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin), clock: &Clock) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Seen {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: String::from_utf8(body).ok()?,
        at: clock.monotonic(),
    })
}
