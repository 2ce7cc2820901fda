//! An operator as it is installed: the real program beside a real API server, a sandbox and a customer table.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, Group, Options as SandboxOptions, Sandbox};
use futures::{StreamExt as _, TryStreamExt as _};
use grouparoo::api::{Destination, SyncRun};
use grouparoo::cluster::rbac;
use grouparoo::controller::conditions::invariants;
use kube::ResourceExt as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::runtime::watcher::{self, watcher};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::control_plane::{ControlPlane, Lines, PATIENCE, Process, Space, User};

/// docs/command-line.md: another process took the lead.
const EXIT_FENCED: i32 = 31;

/// The subscription group of the manifests.
pub const NEWS: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";

/// The world of one test. Fields that hold text are parts of the manifests and may be changed before they are applied.
pub struct Installed {
    /// The namespace, which is all that the operator watches.
    pub space: Space,
    /// Braze.
    pub sandbox: Sandbox,
    /// `spec` of the Destination without references, two spaces before each line.
    pub destination: String,
    /// The API key in the Secret.
    pub key: String,
    /// `spec.limits` of the BrazeApp.
    pub limits: String,
    /// Whether the Secret has the label with which its changes are heard of.
    pub watched: bool,
    /// More flags.
    pub flags: Vec<String>,
    /// How much faster than the system's the operator's time goes.
    pub factor: u32,
    /// The operator's time when it starts, instead of the system's.
    pub time: Option<jiff::Timestamp>,
    /// Who the operator is: somebody with the rights that it asks for, and no others.
    pub operator: User,
    /// What it logs.
    pub log_level: String,
    /// Whether it watches all namespaces.
    pub everywhere: bool,
    /// Whether it watches labelled Secrets.
    pub watch_secrets: bool,
    /// Whether it offers the files of a folder.
    pub offers_files: bool,
    folder: TempDir,
    operators: Vec<Process>,
    broken: Arc<Mutex<Vec<String>>>,
    watching: tokio::task::JoinHandle<()>,
}

/// A Destination that runs once after each change, and of whose runs none is pruned while a test counts them.
pub const DESTINATION: &str = "  syncMode: Additive\n  history: { succeededRuns: 50, failedRuns: 50 }\n  propertyMappings:\n    - { from: id, to: external_id }\n    \
                               - { from: email, to: email }\n    - { from: plan, to: plan }";

impl Installed {
    /// A namespace with a table of so many people, and no operator yet.
    pub async fn with_people(people: u32) -> Self {
        Self::on(ControlPlane::shared(), people).await
    }

    /// The same on another API server.
    pub async fn on(plane: &ControlPlane, people: u32) -> Self {
        Self::in_space(plane.space().await, people).await
    }

    /// The same in a namespace that is there.
    pub async fn in_space(space: Space, people: u32) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default());
        sandbox.add_group(Group::email(NEWS, "News"));
        let folder = TempDir::new().expect("a temp folder");
        std::fs::create_dir_all(folder.path().join("data").join(&space.name)).expect("a folder");
        let operator = space.plane.fresh_user();
        // A list as JSON is one as YAML too.
        let rights = [rbac::rules(true), rbac::lease_rules("grouparoo")].concat();
        space.grant(&operator, &serde_json::to_string(&rights).expect("rules are plain data")).await;
        let broken = Arc::default();
        let watching = tokio::spawn(watch_invariants(space.clone(), Arc::clone(&broken)));
        let installed = Self {
            sandbox,
            destination: DESTINATION.to_owned(),
            key: braze_sandbox::DEFAULT_KEY.to_owned(),
            limits: "{ settle: 0s, retryFor: 5s }".to_owned(),
            watched: true,
            flags: Vec::new(),
            factor: 1,
            time: None,
            operator,
            log_level: "info,grouparoo=debug".to_owned(),
            everywhere: false,
            watch_secrets: true,
            offers_files: true,
            folder,
            operators: Vec::new(),
            broken,
            watching,
            space,
        };
        installed.sql("create table users (id integer primary key, email text, plan text, news boolean)");
        installed.people(1..=people);
        installed
    }

    /// Adds people to the table.
    pub fn people(&self, ids: std::ops::RangeInclusive<u32>) {
        let (first, last) = (ids.start(), ids.end());
        if ids.is_empty() {
            return;
        }
        self.sql(&format!(
            "insert into users with recursive n(i) as (select {first} union all select i + 1 from n where i < {last}) \
             select i, 'p' || i || '@example.com', 'basic', 1 from n"
        ));
    }

    /// Runs statements on the customer table.
    pub fn sql(&self, statements: &str) {
        let path = self.folder.path().join("data").join(&self.space.name).join("crm.db");
        let database = rusqlite::Connection::open(path).expect("a database");
        database.execute_batch(statements).expect("statements that work");
    }

    /// The Secret.
    pub fn secret(&self) -> String {
        let labels = if self.watched { "{ grouparoo.io/watch: Enabled }" } else { "{}" };
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: braze\n  labels: {labels}\n  \
             annotations: {{ grouparoo.io/allowed-hosts: 127.0.0.1 }}\nstringData: {{ key: '{}' }}\n",
            self.key
        )
    }

    /// Each object of the manifests, in the order in which they refer to each other.
    pub fn manifests(&self) -> Vec<String> {
        let ours = |kind: &str, name: &str, spec: &str| {
            format!(
                "apiVersion: grouparoo.io/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{spec}\n"
            )
        };
        let app = format!(
            "  restEndpoint: {}\n  apiKeySecretRef: {{ name: braze, key: key }}\n  limits: {}",
            self.sandbox.url(),
            self.limits
        );
        vec![
            self.secret(),
            ours("BrazeApp", "braze", &app),
            ours("Source", "crm", "  sqlite: { path: crm.db }"),
            ours(
                "Model",
                "users",
                "  sourceRef: { name: crm }\n  table: users\n  primaryKey: id\n  groups:\n    - { name: news, column: news }",
            ),
            ours(
                "Destination",
                "users",
                &format!("  appRef: {{ name: braze }}\n  modelRef: {{ name: users }}\n{}", self.destination),
            ),
        ]
    }

    /// Applies all of them.
    pub async fn apply(&self) {
        self.space.apply(&self.manifests().join("---\n")).await;
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts an operator; several may run on one state folder.
    pub fn start(&mut self) -> &Process {
        let kubeconfig = self.space.plane.kubeconfig(&self.operator, &self.space.name);
        self.start_as(&kubeconfig)
    }

    /// Starts an operator that logs in by this file.
    pub fn start_as(&mut self, kubeconfig: &std::path::Path) -> &Process {
        let url = self.sandbox.url();
        let host = url.trim_start_matches("http://").to_owned();
        let text = |path: PathBuf| path.display().to_string();
        let mut arguments = vec![format!("GROUPAROO_CLOCK_FACTOR={}", self.factor)];
        arguments.extend(self.time.map(|time| format!("GROUPAROO_CLOCK_START={time}")));
        arguments.extend([
            env!("CARGO_BIN_EXE_grouparoo").to_owned(),
            "operator".to_owned(),
            format!("--state={}", text(self.state())),
            format!("--kubeconfig={}", kubeconfig.display()),
            "--http=127.0.0.1:0".to_owned(),
            format!("--allowed-host={host}"),
            "--progress-interval=500ms".to_owned(),
            format!("--log-level={}", self.log_level),
        ]);
        if self.offers_files {
            arguments.push(format!("--data-root={}", text(self.folder.path().join("data"))));
        }
        if self.watch_secrets {
            arguments.push("--watch-secrets".to_owned());
        }
        if !self.everywhere {
            arguments.push(format!("--watch-namespace={}", self.space.name));
        }
        arguments.extend(self.flags.iter().cloned());
        let process = Process::start(std::path::Path::new("/usr/bin/env"), arguments, None, Lines::default());
        self.operators.push(process);
        self.operators.last().expect("just pushed")
    }

    /// What the newest operator has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.operators.last().expect("an operator").log.all()
    }

    /// A page of the newest operator: its status line, headers and body.
    pub async fn page(&self, path: &str) -> String {
        let find = |lines: &[String]| lines.iter().find_map(|line| address(line));
        let log = self.operators.last().expect("an operator").log.clone();
        let found = tokio::task::spawn_blocking(move || log.wait(PATIENCE, find)).await;
        let address = found.expect("no panic").expect("the operator tells where its pages are");
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        text
    }

    /// Ends the oldest operator as Kubernetes does, and returns what it logged.
    pub fn stop(&mut self) -> Vec<String> {
        let process = self.operators.remove(0);
        let log = process.log.clone();
        process.stop(PATIENCE);
        log.all()
    }

    /// The oldest operator.
    pub fn operator(&self) -> &Process {
        self.operators.first().expect("an operator that was started")
    }

    /// Kills the oldest operator.
    pub fn kill(&mut self) {
        let process = self.operators.remove(0);
        process.signal("KILL");
        assert!(process.log.ended(PATIENCE), "a killed process ends");
    }

    /// The operators that were started and not ended here, oldest first.
    pub fn operators(&self) -> &[Process] {
        &self.operators
    }

    /// Takes note that the oldest operator ended by itself, because it leads no more.
    pub fn ended_by_itself(&mut self) -> Vec<String> {
        let process = self.operators.remove(0);
        let log = process.log.clone();
        let code = process.exit_code(PATIENCE);
        assert_eq!(code, Some(EXIT_FENCED), "{}", log.all().join("\n"));
        log.all()
    }

    /// Ends the operator and starts another one, for which it is so late.
    pub fn restart_at(&mut self, time: jiff::Timestamp) {
        self.stop();
        self.time = Some(time);
        self.start();
    }

    /// Waits until the Destination is as wanted.
    pub async fn destination_when(&self, wanted: impl Fn(&Destination) -> bool) -> Destination {
        self.space.wait::<Destination>("users", wanted).await
    }

    /// Waits until Ready has this reason.
    pub async fn ready(&self, reason: &str) -> Destination {
        self.destination_when(|destination| ready_reason(destination) == reason).await
    }

    /// All SyncRuns, oldest first.
    pub async fn runs(&self) -> Vec<SyncRun> {
        let list = self.space.api::<SyncRun>().list(&ListParams::default()).await.expect("a list");
        let mut runs = list.items;
        // Times are whole seconds.
        let serial = |run: &SyncRun| run.status.as_ref().and_then(|status| status.state_serial);
        runs.sort_by_key(|run| {
            (run.metadata.creation_timestamp.clone().map(|time| time.0), serial(run), run.name_any())
        });
        runs
    }

    /// Waits until so many runs have ended, and returns all.
    pub async fn runs_ended(&self, count: usize) -> Vec<SyncRun> {
        let api = self.space.api::<SyncRun>();
        let mut ended = std::collections::BTreeSet::new();
        let mut stream = std::pin::pin!(watcher(api, watcher::Config::default()).boxed());
        let waiting = async {
            while ended.len() < count {
                let event = stream.try_next().await.expect("a watch").expect("a watch does not end");
                if let watcher::Event::Apply(run) | watcher::Event::InitApply(run) = event
                    && run.status.as_ref().is_some_and(|status| status.completion_time.is_some())
                {
                    ended.insert(run.name_any());
                }
            }
        };
        let clock = grouparoo_clock::Clock::system();
        assert!(
            clock.timeout(PATIENCE, waiting).await.is_some(),
            "{count} runs should end: {:#?}",
            self.runs().await
        );
        self.runs().await
    }

    /// Waits until a SyncRun is as wanted.
    pub async fn run_when(&self, wanted: impl Fn(&SyncRun) -> bool) -> SyncRun {
        let mut stream =
            std::pin::pin!(watcher(self.space.api::<SyncRun>(), watcher::Config::default()).boxed());
        let waiting = async {
            loop {
                let event = stream.try_next().await.expect("a watch").expect("a watch does not end");
                if let watcher::Event::Apply(run) | watcher::Event::InitApply(run) = event
                    && wanted(&run)
                {
                    return run;
                }
            }
        };
        match grouparoo_clock::Clock::system().timeout(PATIENCE, waiting).await {
            Some(run) => run,
            None => panic!("no run is as wanted: {:#?}", self.runs().await),
        }
    }

    /// Waits until a run is in progress and Braze has taken something from it.
    pub async fn running(&self) -> SyncRun {
        let sends = |run: &SyncRun| {
            let counts = run.status.as_ref().and_then(|status| status.counts.as_ref());
            let sent = counts.map_or(0, |counts| counts.added.unwrap_or(0) + counts.updated.unwrap_or(0));
            run_reason(run) == "Running" && sent > 0
        };
        self.run_when(sends).await
    }

    /// Makes a SyncRun as a person would: `rest` is more of its `spec`, such as `ttlAfterFinished: 1s`.
    pub async fn ask_for(&self, name: &str, mode: &str, rest: &str) {
        self.ask_for_another("users", name, mode, rest).await;
    }

    /// The same for a Destination of another name.
    pub async fn ask_for_another(&self, destination: &str, name: &str, mode: &str, rest: &str) {
        let run = format!(
            "{{ apiVersion: grouparoo.io/v1alpha1, kind: SyncRun, metadata: {{ name: {name} }}, \
             spec: {{ destinationRef: {{ name: {destination} }}, mode: {mode}, {rest} }} }}"
        );
        self.space.apply(&run).await;
    }

    /// Waits until the SyncRun of this name has ended.
    pub async fn ended(&self, name: &str) -> SyncRun {
        let over = |run: &SyncRun| !matches!(condition(run, "Succeeded").as_deref(), None | Some("Unknown"));
        self.space.wait::<SyncRun>(name, over).await
    }

    /// Puts another API key into the Secret, and returns its version.
    pub async fn rotate(&self, key: &str) -> String {
        self.patch("Secret", "braze", &json!({ "stringData": { "key": key } })).await;
        let secret =
            self.space.api::<k8s_openapi::api::core::v1::Secret>().get("braze").await.expect("the Secret");
        secret.metadata.resource_version.expect("a version")
    }

    /// What Braze holds of a person.
    pub fn user(&self, external_id: &str) -> Value {
        serde_json::to_value(self.sandbox.user(external_id)).expect("a user is plain data")
    }

    /// From now on Braze takes so long for each request.
    pub fn slow(&self, by: Duration) {
        self.sandbox.set_faults([FaultRule::always(Effect::Latency(by))]);
    }

    /// Sets an annotation of the Destination.
    pub async fn annotate(&self, annotation: &str, value: &str) {
        let patch = json!({ "metadata": { "annotations": { annotation: value } } });
        self.patch("Destination", "users", &patch).await;
    }

    /// Merges into an object.
    pub async fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let api: kube::Api<DynamicObject> = match kind {
            "Secret" | "ConfigMap" => {
                let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind));
                kube::Api::namespaced_with(self.space.client.clone(), &self.space.name, &resource)
            }
            _ => self.space.raw(kind),
        };
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.unwrap_or_else(|error| panic!("{kind} {name}: {error}"));
    }

    /// What no write of a status may ever break was kept, and no log line holds the key.
    pub async fn check(mut self) {
        let mut log = Vec::new();
        while !self.operators.is_empty() {
            log.extend(self.stop());
        }
        self.watching.abort();
        let broken = self.broken.lock().expect("no panic").clone();
        assert_eq!(broken, [] as [String; 0], "conventions 1: invariants of conditions");
        for line in log {
            assert!(!line.contains(&self.key), "the key stands in the log: {line}");
        }
    }
}

/// Reason of the Ready condition, or nothing.
pub fn ready_reason(destination: &Destination) -> String {
    let conditions =
        destination.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
    conditions.into_iter().find(|one| one.type_ == "Ready").map(|one| one.reason).unwrap_or_default()
}

/// Status of a run's condition of this type.
fn condition(run: &SyncRun, type_: &str) -> Option<String> {
    let conditions = run.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|one| one.type_ == type_).map(|one| one.status.clone())
}

/// Sentence of a run's condition, or nothing.
pub fn run_message(run: &SyncRun) -> String {
    let conditions = run.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
    conditions.into_iter().find(|one| one.type_ == "Succeeded").map(|one| one.message).unwrap_or_default()
}

/// Reason of a run's condition, or nothing.
pub fn run_reason(run: &SyncRun) -> String {
    let conditions = run.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
    conditions.into_iter().find(|one| one.type_ == "Succeeded").map(|one| one.reason).unwrap_or_default()
}

/// Where the pages are, if a line of the log says it.
fn address(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let is_it = line["message"] == "serving probes and metrics";
    line["address"].as_str().filter(|_| is_it).map(str::to_owned)
}

/// Looks at every status that is written in a namespace.
async fn watch_invariants(space: Space, broken: Arc<Mutex<Vec<String>>>) {
    let kinds = ["BrazeApp", "Source", "Model", "Destination", "SyncRun"];
    let watches = kinds.map(|kind| {
        let (space, broken) = (space.clone(), Arc::clone(&broken));
        async move {
            let resource = crate::support::control_plane::our(kind);
            let api: kube::Api<kube::api::DynamicObject> =
                kube::Api::namespaced_with(space.client.clone(), &space.name, &resource);
            let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).boxed());
            while let Some(event) = events.next().await {
                let Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) = event else {
                    continue;
                };
                let name = object.name_any();
                let value = serde_json::to_value(&object).expect("an object is plain data");
                let found = invariants::violations(&value);
                broken
                    .lock()
                    .expect("no panic")
                    .extend(found.into_iter().map(|one| format!("{kind} {name}: {one}")));
                let status = serde_json::to_vec(&value["status"]).expect("a status").len();
                if status > 32 * 1024 {
                    broken.lock().expect("no panic").push(format!("{kind} {name}: status of {status} bytes"));
                }
            }
        }
    });
    futures::future::join_all(watches).await;
}

/// Longer than any of ours should take, and short enough for a test.
pub const SOON: Duration = Duration::from_secs(20);
