//! What a scenario on the node stands in: a namespace, Braze and a warehouse outside the cluster, and the chart.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::chown;

use braze_sandbox::{Effect, FaultRule, Options as SandboxOptions, Sandbox};
use futures::{StreamExt as _, TryStreamExt as _};
use grouparoo::api::{Destination, SyncRun};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::watcher::{self, watcher};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::control_plane::{Output, condition_of};
use crate::support::node::{ADDRESS, Node, PATIENCE, Place, warehouse};
use crate::support::postgres::Database;

/// Host of Braze: a name that the cluster's name service knows.
pub const BRAZE: &str = "braze.outside.test";
/// Host of the warehouse: a name that stands in the Pod's own hosts file and nowhere else.
pub const WAREHOUSE: &str = "warehouse.hosts.test";
/// Who the operator is in its image.
const USER: u32 = 65_532;
/// The chart.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/grouparoo");

/// One scenario's world.
pub struct World {
    pub place: Place,
    pub sandbox: Sandbox,
    pub database: Database,
}

impl World {
    /// A namespace, a sandbox with https and a CA of its own, and a table of so many people. Nothing is installed.
    pub async fn with_people(node: &'static Node, people: u32) -> Self {
        Self::with(node, people, 0).await
    }

    /// The same with https at this port.
    pub async fn with(node: &'static Node, people: u32, port: u16) -> Self {
        let place = Place::new(node).await;
        let sandbox = Sandbox::start(SandboxOptions {
            https: Some(SocketAddr::new(ADDRESS.parse().expect("an address"), port)),
            tls_names: vec![BRAZE.to_owned()],
            journal_limit: 100_000,
            ..SandboxOptions::default()
        });
        let database = warehouse().database().await;
        database.run("create table users (id integer primary key, email text, plan text)").await;
        let world = Self { place, sandbox, database };
        // A scenario that failed may have left it drained.
        world.place.kubectl(&["uncordon", "node"], "").await.success();
        world.people(1, people).await;
        world.volume().await;
        world.apply_authority().await;
        world
    }

    /// Adds people to the table.
    pub async fn people(&self, first: u32, last: u32) {
        let sql = format!(
            "insert into users select n, 'p' || n || '@example.com', 'basic' from generate_series({first}, {last}) n"
        );
        self.database.run(&sql).await;
    }

    /// The volume of the operator's memory: a folder of the machine, which the claim of the chart finds by its name.
    async fn volume(&self) {
        let name = &self.place.name;
        let folder = self.place.node.folder().join(format!("state-{name}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        chown(&folder, Some(USER), Some(USER)).expect("root may give a folder away");
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name },
            "spec": {
                "capacity": { "storage": "10Gi" }, "accessModes": ["ReadWriteOncePod"],
                "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "",
                "hostPath": { "path": folder, "type": "Directory" },
                "claimRef": { "namespace": name, "name": "grouparoo-state" },
            },
        });
        self.place.apply(&volume.to_string()).await;
    }

    /// The CA of Braze's certificate, as a ConfigMap.
    async fn apply_authority(&self) {
        let authority = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "braze-ca" },
            "data": { "ca.crt": self.sandbox.ca_pem() },
        });
        self.place.apply(&authority.to_string()).await;
    }

    /// Where Braze is, as a BrazeApp names it.
    pub fn braze_url(&self) -> String {
        format!("https://{BRAZE}:{}", self.sandbox.https_address().expect("https is on").port())
    }

    /// What the chart is told.
    fn values(&self, more: &Value) -> String {
        let (registry, repository) = ("localhost", "grouparoo");
        let braze = self.braze_url().trim_start_matches("https://").to_owned();
        let mut values = json!({
            "image": { "registry": registry, "repository": repository, "pullPolicy": "Never" },
            "allowedHosts": [braze],
            "watchNamespaces": [self.place.name],
            "progressInterval": "500ms",
            "log": { "level": "info,grouparoo=debug" },
            "rbac": { "secretWatch": true },
            "hostAliases": [{ "ip": ADDRESS, "hostnames": [WAREHOUSE] }],
            "state": { "persistence": { "storageClassName": "" } },
            "readinessProbe": { "periodSeconds": 1 },
        });
        merge(&mut values, more);
        values.to_string()
    }

    /// Installs or upgrades the release with helm, and does not wait.
    pub async fn helm(&self, more: &Value) -> Output {
        // The definitions belong to the cluster: the release of the scenario before has left them.
        let arguments = [
            "upgrade",
            "--install",
            "grouparoo",
            CHART,
            "--values",
            "-",
            "--timeout",
            "5m",
            "--take-ownership",
        ];
        self.place.helm(&arguments, &self.values(more)).await
    }

    /// Installs or upgrades the release, and waits until its Pod is ready and no other is there.
    pub async fn install(&self, more: &Value) -> Pod {
        self.helm(more).await.success();
        self.place
            .kubectl(&["rollout", "status", "deployment/grouparoo", "--timeout=5m"], "")
            .await
            .success();
        self.ready().await
    }

    /// Each object of the manifests.
    pub fn manifests(&self) -> String {
        let login = &self.database.login;
        let password = login.password.as_ref().expect("a password").expose_secret();
        let ours = |kind: &str, name: &str, spec: Value| json!({ "apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec });
        let secret = |name: &str, host: &str, key: &str, value: &str| {
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": name,
                    "labels": { "grouparoo.io/watch": "Enabled" },
                    "annotations": { "grouparoo.io/allowed-hosts": host },
                },
                "stringData": { key: value },
            })
        };
        let all = [
            secret("braze", BRAZE, "apiKey", braze_sandbox::DEFAULT_KEY),
            secret("warehouse", WAREHOUSE, "password", password),
            ours(
                "BrazeApp",
                "braze",
                json!({
                    "restEndpoint": self.braze_url(), "apiKeySecretRef": { "name": "braze", "key": "apiKey" },
                    "workspace": "sandbox",
                    "tls": { "caConfigMapRef": { "name": "braze-ca", "key": "ca.crt" } },
                    "limits": { "settle": "0s", "retryFor": "1m", "objectsPerRequest": OBJECTS, "maxInFlight": IN_FLIGHT },
                }),
            ),
            ours(
                "Source",
                "crm",
                json!({ "postgres": {
                    "host": WAREHOUSE, "port": login.port, "database": login.database, "user": login.user,
                    "passwordSecretRef": { "name": "warehouse", "key": "password" }, "tls": { "mode": "Disabled" },
                }}),
            ),
            ours(
                "Model",
                "users",
                json!({ "sourceRef": { "name": "crm" }, "table": "users", "primaryKey": "id" }),
            ),
            ours(
                "Destination",
                "users",
                json!({
                    "appRef": { "name": "braze" }, "modelRef": { "name": "users" }, "syncMode": "Sync",
                    "history": { "succeededRuns": 50, "failedRuns": 50 },
                    "propertyMappings": [
                        { "from": "id", "to": "external_id" }, { "from": "email", "to": "email" },
                        { "from": "plan", "to": "plan" },
                    ],
                }),
            ),
        ];
        all.map(|object| object.to_string()).join("\n---\n")
    }

    /// Applies all of them.
    pub async fn apply(&self) {
        self.place.apply(&self.manifests()).await;
    }

    /// Asks for a run.
    pub async fn request(&self, value: &str) {
        let patch = json!({ "metadata": { "annotations": { "grouparoo.io/requested-at": value } } });
        let patched = self
            .place
            .raw("Destination")
            .patch("users", &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        patched.expect("a Destination can be annotated");
    }

    /// Waits until the Destination is as wanted.
    pub async fn destination_when(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = self.place.wait::<Destination>(name, |one| {
            one.is_some_and(|one| wanted(&serde_json::to_value(one).expect("plain data")))
        });
        match grouparoo_clock::Clock::system().timeout(PATIENCE, found).await {
            Some(found) => serde_json::to_value(found).expect("plain data"),
            None => panic!("{name} is not as wanted: {}", self.told(name).await),
        }
    }

    /// Waits until the newest run of the Destination has succeeded, and no other is in progress.
    pub async fn succeeded(&self, name: &str) -> Value {
        self.destination_when(name, |one| {
            condition_of(one, "Ready")["reason"] == "SyncSucceeded" && one["status"]["activeRun"].is_null()
        })
        .await
    }

    /// Waits until Braze has taken so many requests, in the middle of a run.
    pub async fn in_the_middle(&self, requests: u64) {
        let middle =
            self.sandbox.wait_for_requests(self.sandbox.totals().answered + requests, PATIENCE).await;
        assert!(middle, "no run sends anything: {}", self.told("users").await);
    }

    /// From now on Braze takes a while for each request, so that a run lasts some seconds.
    pub fn slow(&self) {
        self.sandbox.set_faults([
            FaultRule::always(Effect::Latency(std::time::Duration::from_millis(200))).at("/users/track")
        ]);
    }

    /// The operator's Pods, those that are ending too.
    pub async fn pods(&self) -> Vec<Pod> {
        let chosen = ListParams::default().labels("app.kubernetes.io/component=operator");
        self.place.api::<Pod>().list(&chosen).await.expect("a list").items
    }

    /// Waits until a Pod of the operator is as wanted.
    pub async fn pod_when(&self, wanted: impl Fn(&Pod) -> bool) -> Pod {
        let chosen = watcher::Config::default().labels("app.kubernetes.io/component=operator");
        let mut events = std::pin::pin!(watcher(self.place.api::<Pod>(), chosen).boxed());
        let waiting = async {
            loop {
                let event = events.try_next().await.expect("a watch").expect("a watch does not end");
                if let watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) = event
                    && wanted(&pod)
                {
                    return pod;
                }
            }
        };
        match grouparoo_clock::Clock::system().timeout(PATIENCE, waiting).await {
            Some(pod) => pod,
            None => panic!("no Pod is as wanted: {:#?}\n{}", self.pods().await, self.told("users").await),
        }
    }

    /// Waits until a Pod of the operator is ready that is not ending.
    pub async fn ready(&self) -> Pod {
        self.pod_when(|pod| {
            pod.metadata.deletion_timestamp.is_none() && container(pod).is_some_and(|one| one.ready)
        })
        .await
    }

    /// Process of the operator's container, as the realm counts.
    pub fn process(&self, pod: &Pod) -> String {
        let id = container(pod).and_then(|one| one.container_id.clone()).expect("a container");
        let id = id.trim_start_matches("containerd://").to_owned();
        let tasks = self.place.node.ctr(&["tasks", "list"]);
        let task = tasks.lines().find(|line| line.starts_with(&id)).expect("the container runs");
        task.split_whitespace().nth(1).expect("its process").to_owned()
    }

    /// Largest resident size of the operator so far, in bytes.
    pub fn peak_memory(&self, pod: &Pod) -> u64 {
        let status = self.place.node.run("cat", &[&format!("/proc/{}/status", self.process(pod))]);
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of the kernel");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes << 10
    }

    /// All SyncRuns.
    pub async fn runs(&self) -> Vec<SyncRun> {
        self.place.api::<SyncRun>().list(&ListParams::default()).await.expect("a list").items
    }

    /// Checks that every person of the table is in Braze as the table has them.
    pub fn arrived(&self, people: u32) {
        let users = self.sandbox.users();
        assert_eq!(users.len(), people as usize, "everybody is in Braze, and nobody else");
        for user in users {
            let user = serde_json::to_value(user).expect("plain data");
            let id = user["external_id"].as_str().expect("an id");
            assert_eq!(user["email"], format!("p{id}@example.com"), "{user}");
        }
    }

    /// Checks that nobody was sent twice, but for those whom a death of the operator at `died` explains.
    ///
    /// A record may be sent again when its request was on the wire, or its answer not half a second old; what a busy
    /// machine adds to that is in `slack`.
    pub fn sent_once(&self, died: Option<Timestamp>) {
        let slack = jiff::Span::new().milliseconds(2_500);
        let mut first: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut again = 0;
        for entry in self.sandbox.journal() {
            let taken = entry.status.is_some_and(|status| status < 300) && entry.path == "/users/track";
            for object in entry.attributes().into_iter().filter(|_| taken) {
                let id = object["external_id"].as_str().expect("an id").to_owned();
                if let Some(before) = first.insert(id.clone(), entry.answered_at) {
                    again += 1;
                    let explained = died.is_some_and(|died| before > died - slack);
                    assert!(
                        explained,
                        "{id} was sent at {before} and again at {}; death: {died:?}",
                        entry.at
                    );
                }
            }
        }
        // What is on the wire, and what was answered within that time at the sandbox's pace.
        let most = OBJECTS * IN_FLIGHT * 15;
        assert!(again <= most, "{again} records were sent twice");
    }

    /// The Destination, the runs, the Pods' logs: for the message of a failed test.
    pub async fn told(&self, name: &str) -> String {
        let destination = self.place.object("Destination", name).await;
        let app = self.place.object("BrazeApp", "braze").await;
        let source = self.place.object("Source", "crm").await;
        let logs = ["logs", "deployment/grouparoo", "--tail=60", "--all-containers"];
        let logs = self.place.kubectl(&logs, "").await;
        format!(
            "{:#}\n{:#}\n{:#}\n{}{}\n{}",
            destination["status"],
            app["status"],
            source["status"],
            logs.stdout,
            logs.stderr,
            self.place.node.logs()
        )
    }

    /// Takes the release and its objects away, so that the node is empty for the next scenario.
    pub async fn check(self) {
        let key = braze_sandbox::DEFAULT_KEY;
        let logs = self.place.kubectl(&["logs", "deployment/grouparoo"], "").await.success();
        assert!(!logs.is_empty() && !logs.contains(key), "the key stands in the log");
        self.place.helm(&["uninstall", "grouparoo", "--wait"], "").await.success();
        self.place.kubectl(&["delete", "namespace", &self.place.name, "--wait=false"], "").await.success();
    }
}

/// Objects in one request of the scenarios, so that there are many.
const OBJECTS: u64 = 10;
/// Requests on the wire at a time.
const IN_FLIGHT: u64 = 4;

/// How the operator's container is.
pub fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

/// Why its container ended the last time.
pub fn last_end(pod: &Pod) -> Option<(String, i32)> {
    let ended = container(pod)?.last_state.as_ref()?.terminated.as_ref()?;
    Some((ended.reason.clone().unwrap_or_default(), ended.exit_code))
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) if !from.is_null() => *into = from.clone(),
        _ => {}
    }
}
