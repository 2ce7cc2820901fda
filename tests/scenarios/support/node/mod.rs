//! A whole Kubernetes for the scenarios: one node on which the images of this project run as Pods.
//!
//! etcd, API server, controller manager, scheduler, kubelet, kube-proxy, containerd, runc: the real programs, in a
//! [`Realm`] of their own that ends with the tests, whatever happens to them. All scenarios share one, one at a time.
//! What stands outside the cluster, Braze and the warehouse, runs in the tests' process, in the realm's network.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use grouparoo_clock::Clock;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::control_plane::{Process, get, in_runtime, script, until};

mod authority;
mod images;
pub mod names;
mod place;
mod realm;
mod settings;
mod warehouse;

pub use images::Images;
pub use place::Place;
pub use realm::ADDRESS;
pub use warehouse::warehouse;

use realm::Realm;
use settings::{NODE, Settings};

/// How long anything may take that a test waits for: Pods start and end on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The cluster.
pub struct Node {
    /// The images that Pods run.
    pub images: Images,
    /// How long it took from the first process to a node that takes Pods.
    pub started_in: Duration,
    /// Kubeconfig of the administrator.
    pub kubeconfig: PathBuf,
    kubectl: PathBuf,
    programs: PathBuf,
    socket: String,
    servers: Vec<Process>,
    realm: Realm,
}

/// Runs a scenario on the node, in a runtime whose network is that of the realm. One at a time.
///
/// With `GROUPAROO_E2E=skip` it says so and does nothing.
pub fn on_node<F: Future<Output = ()>>(scenario: impl FnOnce(&'static Node) -> F + Send) {
    static ONE: Mutex<()> = Mutex::new(());
    static SHARED: OnceLock<Node> = OnceLock::new();
    if is_left_out() {
        return;
    }
    // One that failed has not hurt the node.
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let node = SHARED.get_or_init(Node::start);
    node.realm.within(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(scenario(node));
    });
}

/// Whether tests on the node are left out on request, which is said.
pub fn is_left_out() -> bool {
    let is_left_out = std::env::var("GROUPAROO_E2E").is_ok_and(|value| value == "skip");
    if is_left_out {
        println!("left out, because GROUPAROO_E2E is skip: a test on a whole Kubernetes node");
    }
    is_left_out
}

impl Node {
    fn start() -> Self {
        let api_programs = script(&[]);
        let programs = script(&["--node"]);
        let images = Images::build();
        let realm = Realm::new();
        let clock = Clock::system();
        let settings = Settings::new(&realm, &programs);
        let node = |name: &str| programs.join(name);
        let mut servers = vec![
            realm.start(&api_programs.join("etcd"), settings.etcd()),
            realm.start(&node("containerd"), settings.containerd()),
            realm.start(&api_programs.join("kube-apiserver"), settings.api_server()),
        ];
        let kubeconfig = settings.admin.clone();
        let socket = settings.socket();
        realm.within(names::serve);
        let ready = realm.within(|| {
            in_runtime(until(|| async {
                has_ended(&servers) || get(&client(&kubeconfig), "/readyz").await.is_ok_and(|it| it == "ok")
            }))
        });
        assert!(
            ready && !has_ended(&servers),
            "the Kubernetes API of the node does not start:\n{}",
            logs(&servers)
        );
        images.import(&realm, &node("ctr"), &socket);
        images.import_pause(&realm, &node("ctr"), &socket, &programs);
        servers.push(realm.start(&node("kube-controller-manager"), settings.controller_manager()));
        servers.push(realm.start(&node("kube-scheduler"), settings.scheduler()));
        servers.push(realm.start(&node("kube-proxy"), settings.proxy()));
        servers.push(realm.start(&node("kubelet"), settings.kubelet()));
        let takes_pods = realm
            .within(|| in_runtime(until(|| async { has_ended(&servers) || is_ready(&kubeconfig).await })));
        assert!(takes_pods && !has_ended(&servers), "the node does not become ready:\n{}", logs(&servers));
        let kubectl = api_programs.join("kubectl");
        Self { images, started_in: clock.monotonic(), kubeconfig, kubectl, programs, socket, servers, realm }
    }

    /// A client of the administrator.
    pub fn client(&self) -> Client {
        client(&self.kubeconfig)
    }

    /// Runs containerd's own client.
    pub fn ctr(&self, arguments: &[&str]) -> String {
        let all = ["--address", &self.socket, "--namespace", "k8s.io"];
        self.realm.run(&self.programs.join("ctr"), all.iter().chain(arguments))
    }

    /// Runs a program of the machine inside the realm.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.realm.run(Path::new(program), arguments)
    }

    /// Where files may be put that Pods see.
    pub fn folder(&self) -> &Path {
        &self.realm.folder
    }

    /// What the programs of the node wrote last, for the message of a failed test.
    pub fn logs(&self) -> String {
        logs(&self.servers)
    }
}

fn has_ended(servers: &[Process]) -> bool {
    servers.iter().any(Process::has_ended)
}

fn logs(servers: &[Process]) -> String {
    let last = |server: &Process| {
        let mut lines = server.log.all();
        lines.split_off(lines.len().saturating_sub(25)).join("\n")
    };
    servers.iter().map(last).collect::<Vec<_>>().join("\n----\n")
}

fn client(kubeconfig: &Path) -> Client {
    in_runtime(async {
        let text = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(text, &KubeConfigOptions::default()).await;
        config.expect("a good configuration")
    })
    .try_into()
    .expect("a client")
}

async fn is_ready(kubeconfig: &Path) -> bool {
    let api: kube::Api<NodeObject> = kube::Api::all(client(kubeconfig));
    let Ok(Some(node)) = api.get_opt(NODE).await else { return false };
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
