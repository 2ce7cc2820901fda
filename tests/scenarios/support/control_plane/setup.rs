//! Makes a control plane: its programs, its folder, its settings, our kinds in it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, ResourceExt as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::process::Lines;
use super::servers::{Servers, Settings, get, in_runtime, until};
use super::users::{Access, Users};
use super::{ControlPlane, Inner};

/// What the audit records: who touched our kinds, what they lead to, and what is secret. Bodies never.
const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    resources:
      - { group: grouparoo.io }
      - { group: '', resources: [secrets, configmaps, events, namespaces] }
      - { group: events.k8s.io }
      - { group: coordination.k8s.io }
      - { group: batch }
  - level: None
";

/// The folder that holds the programs, made by the script where it is missing. `GROUPAROO_CONTROL_PLANE` names it
/// where it is known.
fn programs() -> PathBuf {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    let find = || std::env::var_os("GROUPAROO_CONTROL_PLANE").map_or_else(|| script(&[]), PathBuf::from);
    PROGRAMS.get_or_init(find).clone()
}

/// What `scripts/control-plane` prints. Its messages go to the tests' own standard error.
pub fn script(arguments: &[&str]) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/control-plane");
    let output = Command::new(script).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.expect("scripts/control-plane runs");
    assert!(output.status.success(), "scripts/control-plane failed: its message is above");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path is text").trim())
}

/// Starts the servers and waits until they are ready; `None` when they ended, as with a port that was taken.
pub fn start() -> Option<ControlPlane> {
    let programs = programs();
    let users = Users::new();
    let [etcd_port, peer_port, port] = free_ports();
    let etcd_url = format!("http://127.0.0.1:{etcd_port}");
    let certificate = Certificate::new();
    // The last thing before etcd's watchdog, which removes it.
    let folder = tempfile::Builder::new().prefix("scenarios-kubernetes-").tempdir().expect("a folder").keep();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        path.display().to_string()
    };
    let service_accounts = KeyPair::generate().expect("a key");
    let etcd = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={etcd_url}"),
        format!("--advertise-client-urls={etcd_url}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    let api_server = vec![
        format!("--etcd-servers={etcd_url}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-cluster-ip-range=198.51.100.0/24".to_owned(),
        format!("--cert-dir={}", folder.display()),
        format!("--tls-cert-file={}", write("server.pem", &certificate.pem)),
        format!("--tls-private-key-file={}", write("server.key", &certificate.key)),
        format!("--token-auth-file={}", write("tokens.csv", &users.token_file())),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", write("accounts.pub", &service_accounts.public_key_pem())),
        format!(
            "--service-account-signing-key-file={}",
            write("accounts.key", &service_accounts.serialize_pem())
        ),
        "--authorization-mode=RBAC".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        // Off in most clusters, on in some: what works with it works without.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned(),
        format!("--audit-policy-file={}", write("audit.yaml", AUDIT_POLICY)),
        // To its standard output, which we read.
        "--audit-log-path=-".to_owned(),
        "--profiling=false".to_owned(),
    ];
    let audit = Lines::default();
    let servers = Servers::start(&programs, &folder, &etcd, Settings { arguments: api_server }, &audit);
    let inner = Inner {
        servers: Mutex::new(servers),
        access: Access {
            url: format!("https://127.0.0.1:{port}"),
            ca: certificate.ca,
            ca_der: certificate.ca_der,
        },
        users,
        audit,
        folder,
        programs,
        etcd_url,
    };
    if inner.is_ready() {
        return Some(ControlPlane(Arc::new(inner)));
    }
    let logs = inner.servers.lock().expect("nobody panicked").logs();
    assert!(logs.contains("address already in use"), "the Kubernetes API does not start:\n{logs}");
    None
}

/// Installs the definitions under `crds/` and waits until they are served.
pub fn install_kinds(plane: &ControlPlane) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut definitions: Vec<CustomResourceDefinition> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a readable file"))
        .map(|text| serde_saphyr::from_str(&text).expect("a definition"))
        .collect();
    definitions.sort_by_key(|definition| definition.name_any());
    in_runtime(async {
        let client = plane.client(plane.admin());
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        for definition in &definitions {
            let parameters = PatchParams::apply("scenarios");
            let applied = api.patch(&definition.name_any(), &parameters, &Patch::Apply(definition)).await;
            applied.unwrap_or_else(|error| panic!("{} is refused: {error}", definition.name_any()));
        }
        let clock = grouparoo_clock::Clock::system();
        for definition in &definitions {
            let name = definition.name_any();
            let established = await_condition(api.clone(), &name, conditions::is_crd_established());
            let waited = clock.timeout(super::PATIENCE, established).await;
            waited.unwrap_or_else(|| panic!("{name} is not established")).expect("a watch");
        }
        // The description that kubectl reads follows a moment later, and nothing tells when.
        let described = until(|| async {
            let text = get(&client, "/openapi/v3/apis/grouparoo.io/v1alpha1").await.unwrap_or_default();
            definitions.iter().all(|it| text.contains(&format!("/{}/{{name}}/status", it.spec.names.plural)))
        });
        assert!(described.await, "our kinds are not described: {}", plane.log().join("\n"));
    });
}

/// The server's certificate, and the authority that signed it.
struct Certificate {
    ca: String,
    ca_der: Vec<u8>,
    pem: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "scenarios");
        let ca = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"));
        let ca = ca.expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("good names");
        let certificate = params.signed_by(&key, &ca).expect("a certificate");
        Self { ca: ca.pem(), ca_der: ca.der().to_vec(), pem: certificate.pem(), key: key.serialize_pem() }
    }
}

/// Different ports that are free now.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
