//! Three clients of the API server: one for watches, which may be silent for minutes, one for calls, which may not, and
//! one for the lease, whose calls wait for no other.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use grouparoo_clock::Clock;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::limit::GlobalConcurrencyLimitLayer;

use super::ClusterError;
use super::gate::{Gate, GateLayer};

/// A connection that does not come about in this time never will.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time to send a request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest silence of the server while an answer is due; not for watches.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls that are under way at a time. A server that is slow answers none sooner for being asked more at once, and the
/// renewal of the lease would stand behind all of them.
const CALLS_AT_ONCE: usize = 16;

/// The clients of one API server.
#[derive(Clone)]
pub struct Clients {
    /// For watches: waits for the next event as long as it takes.
    pub watches: Client,
    /// For everything that is asked and answered: at most [`CALLS_AT_ONCE`] at a time, the others wait.
    pub calls: Client,
    /// For the calls of an election.
    pub lease: Client,
    /// Namespace of the operator itself, or of the kubeconfig's context.
    pub namespace: String,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Clients {
    /// Clients by a kubeconfig file, or by `KUBECONFIG`, `~/.kube/config` and the Pod's own account, in this order.
    /// `context`: name of a context of the kubeconfig, instead of its current one. Nothing is connected yet. While the
    /// server is away all clients together ask it less than twice a second.
    ///
    /// # Errors
    /// [`ClusterError::Config`] with what is wrong, without anything that the file holds.
    pub async fn connect(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        clock: &Clock,
    ) -> Result<Self, ClusterError> {
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..Default::default() };
        let config = match (kubeconfig, context) {
            (Some(path), _) => {
                let file = Kubeconfig::read_from(path).map_err(|error| explain(&error))?;
                Config::from_custom_kubeconfig(file, &options).await.map_err(|error| explain(&error))?
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| explain(&error))?,
            (None, None) => Config::infer().await.map_err(|_| {
                ClusterError::Config(
                    "there is neither a usable kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config) nor a \
                     ServiceAccount of a Pod"
                        .to_owned(),
                )
            })?,
        };
        Self::from_config(config, clock)
    }

    /// Clients by a configuration that is there already. Its time-outs and its user agent are replaced.
    ///
    /// # Errors
    /// [`ClusterError::Config`]: certificates or credentials cannot be used.
    pub fn from_config(mut config: Config, clock: &Clock) -> Result<Self, ClusterError> {
        // Refused only when something installed one before, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let agent = HeaderValue::from_static(concat!("grouparoo/", env!("CARGO_PKG_VERSION")));
        config.headers.retain(|(name, _)| name != USER_AGENT);
        config.headers.push((USER_AGENT, agent));
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.write_timeout = Some(WRITE_TIMEOUT);
        config.read_timeout = None;
        let namespace = config.default_namespace.clone();
        let gate = Arc::new(Gate::new(clock.clone()));
        let client = |config: Config| {
            let builder = ClientBuilder::try_from(config).map_err(|_| {
                ClusterError::Config("the certificates or credentials cannot be used".to_owned())
            })?;
            Ok(builder.with_layer(&GateLayer(Arc::clone(&gate))))
        };
        let watches = client(config.clone())?.build();
        config.read_timeout = Some(READ_TIMEOUT);
        // Else the time that a connection was idle would count.
        config.reset_reader_on_write = true;
        let lease = client(config.clone())?.build();
        let calls = client(config)?.with_layer(&GlobalConcurrencyLimitLayer::new(CALLS_AT_ONCE)).build();
        Ok(Self { watches, calls, lease, namespace })
    }
}

/// What is wrong with a kubeconfig. A parser repeats what it stumbles over, which may be a token.
fn explain(error: &KubeconfigError) -> ClusterError {
    let text = match error {
        KubeconfigError::ReadConfig(error, path) => {
            format!("the kubeconfig {} cannot be read: {error}", path.display())
        }
        KubeconfigError::CurrentContextNotSet => {
            "the kubeconfig names no current context; give one with --context".to_owned()
        }
        KubeconfigError::LoadContext(name) => format!("the kubeconfig has no context {name}"),
        KubeconfigError::LoadClusterOfContext(name) => {
            format!("the kubeconfig has no cluster {name}, which its context names")
        }
        KubeconfigError::FindPath => "there is no kubeconfig".to_owned(),
        KubeconfigError::Parse(_) => "the kubeconfig is not YAML as kubectl writes it".to_owned(),
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "the cluster of the kubeconfig's context has no usable server".to_owned()
        }
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "the certificate authority of the kubeconfig cannot be read".to_owned()
        }
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            "the client certificate or key of the kubeconfig cannot be read".to_owned()
        }
        _ => "the kubeconfig cannot be used".to_owned(),
    };
    ClusterError::Config(text)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::Request;
    use tempfile::TempDir;
    use tokio::net::TcpListener;
    use tokio::sync::watch;

    use super::*;

    fn kubeconfig(folder: &TempDir, text: &str) -> std::path::PathBuf {
        let path = folder.path().join("config");
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn two_contexts(port: u16) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: one\nclusters:\n- name: here\n  cluster:\n    \
             server: http://127.0.0.1:{port}\nusers:\n- name: me\n  user:\n    token: geheim\ncontexts:\n- name: one\n  \
             context: {{ cluster: here, user: me, namespace: first }}\n- name: two\n  context: {{ cluster: here, \
             user: me, namespace: second }}\n- name: three\n  context: {{ cluster: nowhere, user: me }}\n"
        )
    }

    #[tokio::test]
    async fn a_context_is_chosen_and_the_server_is_told_who_calls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let router = Router::new().fallback(|request: Request| async move {
            let header = |name: &str| {
                let value = request.headers().get(name).and_then(|value| value.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            format!("{} {}", header("user-agent"), header("authorization"))
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = Clock::system();
        let folder = TempDir::new().expect("a folder");
        let path = kubeconfig(&folder, &two_contexts(port));
        let first = Clients::connect(Some(&path), None, &clock).await.expect("clients");
        assert_eq!(first.namespace, "first");
        let second = Clients::connect(Some(&path), Some("two"), &clock).await.expect("clients");
        assert_eq!(second.namespace, "second");
        for client in [first.watches, second.calls] {
            let request = kube::core::Request::new("/version").list(&Default::default()).expect("a request");
            let answer = client.request_text(request).await.expect("an answer");
            assert_eq!(answer, concat!("grouparoo/", env!("CARGO_PKG_VERSION"), " Bearer geheim"));
        }
        server.abort();
    }

    /// A server that answers `/lease` at once and everything else when `open` is set.
    async fn slow_server(open: watch::Receiver<bool>, waiting: Arc<watch::Sender<usize>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let router = Router::new().fallback(move |request: Request| {
            let (mut open, waiting) = (open.clone(), Arc::clone(&waiting));
            async move {
                if request.uri().path() != "/lease" {
                    waiting.send_modify(|count| *count += 1);
                    open.wait_for(|open| *open).await.expect("the test goes on");
                }
                "done"
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://127.0.0.1:{port}")
    }

    /// conventions 9: a leader renews its lease however much else it asks
    #[tokio::test]
    async fn calls_are_few_at_a_time_and_the_lease_waits_for_none() {
        let (open, opened) = watch::channel(false);
        let (waiting, mut count) = watch::channel(0);
        let url = slow_server(opened, Arc::new(waiting)).await;
        let config = Config::new(url.parse().expect("an address"));
        let clients = Clients::from_config(config, &Clock::system()).expect("clients");
        let ask = |client: &Client, path: &str| {
            let (client, request) = (client.clone(), axum::http::Request::get(path).body(Vec::new()));
            async move { client.request_text(request.expect("a request")).await.expect("an answer") }
        };
        let calls: Vec<_> =
            (0..3 * CALLS_AT_ONCE).map(|_| tokio::spawn(ask(&clients.calls, "/object"))).collect();
        count.wait_for(|count| *count == CALLS_AT_ONCE).await.expect("the server lives");
        assert_eq!(ask(&clients.lease, "/lease").await, "done");
        assert_eq!(*count.borrow(), CALLS_AT_ONCE, "no more were sent meanwhile");
        open.send(true).expect("the server lives");
        for call in calls {
            assert_eq!(call.await.expect("no panic"), "done");
        }
        assert_eq!(*count.borrow(), 3 * CALLS_AT_ONCE);
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_said_without_what_it_holds() {
        let clock = Clock::system();
        let folder = TempDir::new().expect("a folder");
        let path = kubeconfig(&folder, &two_contexts(1));
        let message = |result: Result<Clients, ClusterError>| result.expect_err("an error").to_string();
        let missing = message(Clients::connect(Some(&folder.path().join("none")), None, &clock).await);
        assert!(missing.contains("none cannot be read"), "{missing}");
        let context = message(Clients::connect(Some(&path), Some("four"), &clock).await);
        assert_eq!(context, "cannot connect to Kubernetes: the kubeconfig has no context four");
        let cluster = message(Clients::connect(Some(&path), Some("three"), &clock).await);
        assert!(cluster.contains("no cluster nowhere"), "{cluster}");
        let path = kubeconfig(&folder, "users: [geheim\n");
        let broken = message(Clients::connect(Some(&path), None, &clock).await);
        assert!(broken.contains("is not YAML") && !broken.contains("geheim"), "{broken}");
        let path =
            kubeconfig(&folder, "apiVersion: v1\nkind: Config\nusers:\n- name: geheim\n  user: geheim\n");
        let wrong = message(Clients::connect(Some(&path), None, &clock).await);
        assert!(!wrong.contains("geheim"), "{wrong}");
    }
}
