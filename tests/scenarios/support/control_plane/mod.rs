//! A real Kubernetes API for the scenarios: etcd and kube-apiserver, one pair for the whole test binary, a
//! namespace ([`Space`]) a test.
//!
//! What is not there: controllers (nothing collects garbage, empties namespaces, runs Jobs or Pods), nodes, and the
//! admission of service accounts. The programs come from `scripts/control-plane`; `KUBEBUILDER_ASSETS` names others.
//! They run in a temporary folder on free ports of the loopback and end with the tests, also after a failure.
//!
//! A test that stops, pauses or compacts a server starts its own: [`ControlPlane::start_own`].

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use kube::Client;

mod audit;
mod kubectl;
mod process;
mod servers;
mod setup;
mod space;
mod users;

pub use kubectl::{Output, run};
pub use process::{Lines, Process};
pub use servers::{get, in_runtime, until};
pub use setup::script;
pub use space::{Space, condition_of, our, wait};
pub use users::User;

use servers::Servers;

/// How long anything may take that a test waits for, unless it says so: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// An API server with its etcd. Cloning is cheap; the servers end with the last clone.
#[derive(Clone)]
pub struct ControlPlane(Arc<Inner>);

struct Inner {
    servers: Mutex<Servers>,
    access: users::Access,
    users: users::Users,
    /// Events of the audit, one line each, over all starts of the server.
    audit: process::Lines,
    folder: PathBuf,
    programs: PathBuf,
    etcd_url: String,
}

impl ControlPlane {
    /// The one that all scenarios share. Our kinds are installed.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(Self::start_own)
    }

    /// Another one, for a test that does things to it. Our kinds are installed.
    ///
    /// It blocks for some seconds: in a test with a runtime of one thread, start it before anything else.
    pub fn start_own() -> Self {
        let plane = Self::start_bare();
        setup::install_kinds(&plane);
        plane
    }

    /// Another one without our kinds, for a test that installs them.
    pub fn start_bare() -> Self {
        // A port that was free may be taken a moment later: then others are tried.
        (0..3).find_map(|_| setup::start()).expect("the Kubernetes API starts")
    }

    /// Base URL of the API.
    pub fn url(&self) -> &str {
        &self.0.access.url
    }

    /// The administrator.
    pub fn admin(&self) -> &User {
        self.0.users.admin()
    }

    /// Somebody without any right whom no other test uses; role bindings name them by [`User::name`].
    pub fn fresh_user(&self) -> User {
        self.0.users.fresh()
    }

    /// A client of this user. It lives as long as the runtime in which it was made.
    pub fn client(&self, user: &User) -> Client {
        Client::try_from(self.config(user)).expect("a good configuration")
    }

    /// What a client of this user is made of.
    pub fn config(&self, user: &User) -> kube::Config {
        self.0.access.config(user, "default")
    }

    /// A kubeconfig file of this user, for programs.
    pub fn kubeconfig(&self, user: &User, namespace: &str) -> PathBuf {
        self.0.access.kubeconfig(&self.0.folder, user, namespace)
    }

    /// A new namespace for a test.
    pub async fn space(&self) -> Space {
        Space::new(self).await
    }

    /// Stops the API server as an administrator would; etcd and the data stay.
    pub async fn stop(&self) {
        self.in_thread(|inner| inner.servers.lock().expect("no test panics within").stop()).await;
    }

    /// Starts the API server again, on the same port and data, and waits until it is ready.
    pub async fn start(&self) {
        self.in_thread(|inner| inner.start_again()).await;
    }

    /// Halts the API server in the middle of everything: connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.0.servers.lock().expect("no test panics within").api_server().signal("STOP");
    }

    /// Lets a frozen API server go on.
    pub fn thaw(&self) {
        self.0.servers.lock().expect("no test panics within").api_server().signal("CONT");
    }

    /// Makes etcd forget all but the newest state. The API server answers running watches from its own memory: a
    /// watch is refused with 410 Gone when the server was also started again.
    pub async fn compact(&self) {
        servers::compact(&self.0.etcd_url).await;
    }

    /// What the API server wrote into its log, for the message of a failed test.
    pub fn log(&self) -> Vec<String> {
        self.0.servers.lock().expect("no test panics within").api_server().log.all()
    }

    /// Runs something that blocks where it holds nobody up.
    async fn in_thread(&self, work: impl FnOnce(&Inner) + Send + 'static) {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.expect("the servers obey");
    }
}
