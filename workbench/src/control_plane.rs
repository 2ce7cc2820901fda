//! A Kubernetes API of one's own: etcd and kube-apiserver on free ports of the loopback, without nodes and controllers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::Failure;
use crate::watched::{End, Watched};

/// Longest wait for the API server: it reads a hundred megabytes of program from the disk first.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two questions to a server that tells nobody when it is ready.
const PAUSE: Duration = Duration::from_millis(100);
/// Lines of a server's log that a failure shows.
const WORDS: usize = 5;

/// Both servers. They end when this is dropped, the API server first: without etcd it hangs.
#[derive(Debug)]
pub struct ControlPlane {
    _api_server: Watched,
    _etcd: Watched,
    url: String,
}

impl ControlPlane {
    /// Starts both out of the folder `programs`, waits until they are ready, and writes the administrator's login into
    /// `kubeconfig`. Everything of theirs is kept in `folder`.
    ///
    /// # Errors
    /// When a program is missing, or the servers do not start.
    pub fn start(programs: &Path, folder: &Path, kubeconfig: &Path) -> Result<Self, Failure> {
        for program in ["etcd", "kube-apiserver", "kubectl"] {
            if !programs.join(program).is_file() {
                let missing = programs.join(program).display().to_string();
                return Err(Failure::Kubernetes(format!(
                    "{missing} is missing; scripts/control-plane makes it"
                )));
            }
        }
        // A port that was free may be taken a moment later: then others are tried.
        for attempt in 0..5 {
            let place = folder.join(attempt.to_string());
            std::fs::create_dir_all(&place).map_err(|error| Failure::file(&place, error))?;
            if let Some(plane) = Self::try_start(programs, &place, kubeconfig)? {
                return Ok(plane);
            }
        }
        Err(Failure::Kubernetes("no ports stay free for it".to_owned()))
    }

    /// URL of the API.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn try_start(programs: &Path, folder: &Path, kubeconfig: &Path) -> Result<Option<Self>, Failure> {
        let [etcd_port, peer_port, port] = free_ports()?;
        let (etcd_url, url) = (format!("http://127.0.0.1:{etcd_port}"), format!("https://127.0.0.1:{port}"));
        let files = Files::write(folder)?;
        let token = uuid::Uuid::new_v4().to_string();
        let tokens = write(folder, "tokens.csv", &format!("{token},admin,admin,\"system:masters\"\n"))?;
        let mut command = Command::new(programs.join("etcd"));
        command
            .arg(format!("--data-dir={}", folder.join("etcd").display()))
            .arg(format!("--listen-client-urls={etcd_url}"))
            .arg(format!("--advertise-client-urls={etcd_url}"))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"))
            .args(["--unsafe-no-fsync", "--log-level=warn"]);
        let mut etcd = Watched::start(&command, End::Killed, &folder.join("etcd.log"))?;
        let file = |flag: &str, path: &Path| format!("--{flag}={}", path.display());
        let mut command = Command::new(programs.join("kube-apiserver"));
        command
            .arg(format!("--etcd-servers={etcd_url}"))
            .arg(format!("--secure-port={port}"))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .args(["--endpoint-reconciler-type=none", "--service-cluster-ip-range=198.51.100.0/24"])
            .arg(file("cert-dir", folder))
            .arg(file("tls-cert-file", &files.certificate))
            .arg(file("tls-private-key-file", &files.key))
            .arg(file("token-auth-file", &tokens))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(file("service-account-key-file", &files.accounts_public))
            .arg(file("service-account-signing-key-file", &files.accounts_key))
            .args(["--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"]);
        let mut api_server = Watched::start(&command, End::Killed, &folder.join("kube-apiserver.log"))?;
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: demo\n\
             clusters: [{{ name: demo, cluster: {{ server: '{url}', certificate-authority: '{}' }} }}]\n\
             users: [{{ name: admin, user: {{ token: {token} }} }}]\n\
             contexts: [{{ name: demo, context: {{ cluster: demo, user: admin, namespace: default }} }}]\n",
            files.authority.display()
        );
        std::fs::write(kubeconfig, text).map_err(|error| Failure::file(kubeconfig, error))?;
        let mut question = Command::new(programs.join("kubectl"));
        question.args(["get", "--raw=/readyz", "--request-timeout=5s"]).env("KUBECONFIG", kubeconfig);
        question.env("KUBECACHEDIR", folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        loop {
            for server in [&mut etcd, &mut api_server] {
                if server.has_ended() {
                    let words = server.last_words(WORDS);
                    let taken = words.contains("address already in use");
                    let failed = || Failure::Kubernetes(format!("a server does not start:\n{words}"));
                    return if taken { Ok(None) } else { Err(failed()) };
                }
            }
            let asked = question.status().map_err(|error| Failure::Program("kubectl".to_owned(), error))?;
            if asked.success() {
                return Ok(Some(Self { _api_server: api_server, _etcd: etcd, url }));
            }
            if start.elapsed() > PATIENCE {
                let words = api_server.last_words(WORDS);
                return Err(Failure::Kubernetes(format!("the API server does not become ready:\n{words}")));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The API server's certificate, the authority that signed it, and the key pair of service accounts.
struct Files {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    accounts_key: PathBuf,
    accounts_public: PathBuf,
}

impl Files {
    fn write(folder: &Path) -> Result<Self, Failure> {
        let failed = |error: rcgen::Error| Failure::Kubernetes(format!("its certificate: {error}"));
        let mut authority = CertificateParams::new(Vec::new()).map_err(failed)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "grouparoo demo");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(failed)?).map_err(failed)?;
        let (key, accounts) = (KeyPair::generate().map_err(failed)?, KeyPair::generate().map_err(failed)?);
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names)
            .and_then(|names| names.signed_by(&key, &authority))
            .map_err(failed)?;
        Ok(Self {
            authority: write(folder, "ca.pem", &authority.pem())?,
            certificate: write(folder, "server.pem", &certificate.pem())?,
            key: write(folder, "server.key", &key.serialize_pem())?,
            accounts_key: write(folder, "accounts.key", &accounts.serialize_pem())?,
            accounts_public: write(folder, "accounts.pub", &accounts.public_key_pem())?,
        })
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    Ok(path)
}

/// Different ports that are free now.
///
/// # Errors
/// When the system has none.
pub fn free_ports<const N: usize>() -> Result<[u16; N], Failure> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let bound = TcpListener::bind("127.0.0.1:0").and_then(|it| Ok((it.local_addr()?.port(), it)));
        let (number, listener) =
            bound.map_err(|error| Failure::Kubernetes(format!("no free port: {error}")))?;
        *port = number;
        listeners.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let failure = ControlPlane::start(folder.path(), folder.path(), &folder.path().join("kubeconfig"));
        let text = failure.expect_err("there is no etcd").to_string();
        assert!(text.contains("/etcd is missing"), "{text}");
    }

    #[test]
    fn a_server_that_ends_at_once_is_told_with_its_words() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["etcd", "kube-apiserver", "kubectl"] {
            use std::os::unix::fs::PermissionsExt as _;
            let path = write(folder.path(), name, "#!/bin/sh\necho no luck\nexit 1\n").expect("written");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("executable");
        }
        let failure = ControlPlane::start(folder.path(), folder.path(), &folder.path().join("kubeconfig"));
        let text = failure.expect_err("they do not start").to_string();
        assert!(text.contains("no luck"), "{text}");
    }
}
