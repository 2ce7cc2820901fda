//! The two servers of a control plane.

use std::path::Path;
use std::time::Duration;

use grouparoo_clock::Clock;
use kube::Client;
use serde_json::{Value, json};

use super::process::{Lines, Process};
use super::{Inner, PATIENCE};

/// Time between two questions to a server that tells nobody when it is ready.
const PAUSE: Duration = Duration::from_millis(50);

/// Settings of the API server, apart from its programs.
pub struct Settings {
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// etcd and the API server. Fields end in their order: an API server without etcd hangs.
pub struct Servers {
    api_server: Option<Process>,
    pub etcd: Process,
    settings: Settings,
}

impl Servers {
    /// Starts both. etcd's end removes the folder.
    pub fn start(programs: &Path, folder: &Path, etcd: &[String], settings: Settings, audit: &Lines) -> Self {
        let etcd = Process::start(&programs.join("etcd"), etcd, Some(folder), Lines::default());
        let mut servers = Self { api_server: None, etcd, settings };
        servers.start_api_server(programs, audit);
        servers
    }

    fn start_api_server(&mut self, programs: &Path, audit: &Lines) {
        assert!(self.api_server.is_none(), "the API server was not stopped");
        let program = programs.join("kube-apiserver");
        self.api_server = Some(Process::start(&program, &self.settings.arguments, None, audit.clone()));
    }

    /// The running API server.
    pub fn api_server(&self) -> &Process {
        self.api_server.as_ref().expect("the API server runs")
    }

    /// Ends the API server.
    pub fn stop(&mut self) {
        self.api_server.take().expect("the API server runs").stop(PATIENCE);
    }

    /// Whether one of them has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.etcd.has_ended() || self.api_server().has_ended()
    }

    /// The logs of both.
    pub fn logs(&self) -> String {
        format!("{}\n{}", self.etcd.log.all().join("\n"), self.api_server().log.all().join("\n"))
    }
}

impl Inner {
    /// Starts the API server after a stop.
    pub fn start_again(&self) {
        self.servers.lock().expect("no test panics within").start_api_server(&self.programs, &self.audit);
        assert!(self.is_ready(), "{}", self.servers.lock().expect("no test panics within").logs());
    }

    /// Waits until the API server says that it is ready; false: one of the servers has ended before.
    pub fn is_ready(&self) -> bool {
        in_runtime(async {
            let client = self.access.client(self.users.admin(), "default");
            let ended = || self.servers.lock().expect("no test panics within").has_ended();
            let ready =
                until(|| async { ended() || get(&client, "/readyz").await.is_ok_and(|it| it == "ok") });
            assert!(ready.await, "{}", self.servers.lock().expect("no test panics within").logs());
            !ended()
        })
    }
}

/// A text of the API.
pub async fn get(client: &Client, path: &str) -> kube::Result<String> {
    let request = axum::http::Request::get(path).body(Vec::new()).expect("a good path");
    client.request_text(request).await
}

/// Asks again and again, for at most [`PATIENCE`]: for what no event tells.
pub async fn until<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) -> bool {
    let clock = Clock::system();
    let asking = async {
        while !ask().await {
            clock.sleep(PAUSE).await;
        }
    };
    clock.timeout(PATIENCE, asking).await.is_some()
}

/// Runs a future to its end in a thread with a runtime of its own, whether or not the caller is in one.
pub fn in_runtime<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(work)
        });
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Makes etcd forget what was before now.
pub async fn compact(etcd_url: &str) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ask = async |path: &str, body: Value| -> Value {
        let request = client.post(format!("{etcd_url}{path}")).body(body.to_string());
        let answer = request.send().await.expect("etcd answers");
        let (status, text) = (answer.status(), answer.text().await.expect("etcd answers"));
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).expect("etcd answers with JSON")
    };
    // The key is a zero byte in base64; only the revision in the answer counts.
    let now = ask("/v3/kv/range", json!({ "key": "AA==" })).await;
    let revision = now["header"]["revision"].clone();
    ask("/v3/kv/compaction", json!({ "revision": revision, "physical": true })).await;
}
