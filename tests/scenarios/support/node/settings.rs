//! What the programs of a node are told.

use std::path::{Path, PathBuf};

use super::authority::Authority;
use super::realm::{ADDRESS, PODS, Realm, SERVICES};

/// Name of the node.
pub const NODE: &str = "node";
/// First address of the Services: the API's own.
const API_SERVICE: &str = "198.51.100.1";
/// Image of the container that holds a Pod's namespaces.
pub const PAUSE: &str = "localhost/pause:1";
/// Base URL of the API.
pub const API: &str = "https://192.0.2.1:6443";

/// Files and arguments of the programs, made for one realm.
pub struct Settings<'a> {
    realm: &'a Realm,
    /// Folder of the programs of a node.
    programs: &'a Path,
    authority: Authority,
    /// Kubeconfig of the administrator.
    pub admin: PathBuf,
}

impl<'a> Settings<'a> {
    pub fn new(realm: &'a Realm, programs: &'a Path) -> Self {
        let authority = Authority::new();
        let admin = authority.kubeconfig(&realm.folder, API, "admin", Some("system:masters"));
        std::fs::write(realm.folder.join("ca.pem"), authority.pem()).expect("the folder can be written");
        Self { realm, programs, authority, admin }
    }

    fn at(&self, name: &str) -> String {
        self.realm.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.realm.folder.join(name), text).expect("the folder can be written");
        self.at(name)
    }

    /// How a program of the cluster logs in.
    fn login(&self, user: &str, group: Option<&str>) -> String {
        self.authority.kubeconfig(&self.realm.folder, API, user, group).display().to_string()
    }

    /// Arguments of etcd.
    pub fn etcd(&self) -> Vec<String> {
        vec![
            format!("--data-dir={}", self.at("etcd")),
            "--listen-client-urls=http://127.0.0.1:2379".to_owned(),
            "--advertise-client-urls=http://127.0.0.1:2379".to_owned(),
            "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    /// Arguments of the API server: with the admission of service accounts and the rights of nodes, as clusters have.
    pub fn api_server(&self) -> Vec<String> {
        let accounts = rcgen::KeyPair::generate().expect("a key");
        let folder = &self.realm.folder;
        let (certificate, key) = self.authority.certificate(
            folder,
            "api-server",
            &["127.0.0.1", ADDRESS, API_SERVICE, "kubernetes.default.svc"],
        );
        let (client, client_key) = self.authority.certificate(folder, "kube-apiserver-kubelet-client", &[]);
        vec![
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            "--secure-port=6443".to_owned(),
            "--bind-address=0.0.0.0".to_owned(),
            format!("--advertise-address={ADDRESS}"),
            format!("--service-cluster-ip-range={SERVICES}"),
            format!("--cert-dir={}", self.at("api-server")),
            format!("--client-ca-file={}", self.at("ca.pem")),
            format!("--tls-cert-file={}", certificate.display()),
            format!("--tls-private-key-file={}", key.display()),
            format!("--kubelet-client-certificate={}", client.display()),
            format!("--kubelet-client-key={}", client_key.display()),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.write("accounts.pub", &accounts.public_key_pem())),
            format!(
                "--service-account-signing-key-file={}",
                self.write("accounts.key", &accounts.serialize_pem())
            ),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement".to_owned(),
            "--allow-privileged".to_owned(),
            "--profiling=false".to_owned(),
        ]
    }

    /// Arguments of the controller manager.
    pub fn controller_manager(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.login("system:kube-controller-manager", None)),
            "--use-service-account-credentials".to_owned(),
            format!("--service-account-private-key-file={}", self.at("accounts.key")),
            format!("--root-ca-file={}", self.at("ca.pem")),
            "--leader-elect=false".to_owned(),
            // A node that is gone is no part of these tests, and a busy machine may look like it.
            "--node-monitor-grace-period=5m".to_owned(),
        ]
    }

    /// Arguments of the scheduler.
    pub fn scheduler(&self) -> Vec<String> {
        let login = self.login("system:kube-scheduler", None);
        vec![format!("--kubeconfig={login}"), "--leader-elect=false".to_owned()]
    }

    /// Arguments of kube-proxy. It writes no settings of the machine's kernel.
    pub fn proxy(&self) -> Vec<String> {
        let login = self.login("system:kube-proxy", None);
        let text = format!(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: iptables\n\
             clusterCIDR: {PODS}\nhostnameOverride: {NODE}\nclientConnection: {{ kubeconfig: {login} }}\n\
             iptables: {{ localhostNodePorts: false }}\n\
             conntrack: {{ maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }}\n"
        );
        vec![format!("--config={}", self.write("proxy.yaml", &text))]
    }

    /// Arguments of containerd.
    pub fn containerd(&self) -> Vec<String> {
        let network = self.realm.folder.join("network");
        std::fs::create_dir_all(&network).expect("a folder");
        let bridge = format!(
            r#"{{ "cniVersion": "1.0.0", "name": "pods", "plugins": [{{
                "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
                "ipam": {{ "type": "host-local", "dataDir": "{}",
                    "ranges": [[{{ "subnet": "{PODS}", "rangeStart": "192.0.2.10", "gateway": "{ADDRESS}" }}]],
                    "routes": [{{ "dst": "0.0.0.0/0" }}] }} }}] }}"#,
            self.at("addresses")
        );
        std::fs::write(network.join("10-pods.conflist"), bridge).expect("the folder can be written");
        let text = format!(
            r#"version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{programs}"]
    conf_dir = "{network}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE}"
"#,
            root = self.at("containerd"),
            state = self.at("containerd-state"),
            socket = self.socket(),
            programs = self.programs.display(),
            network = network.display(),
        );
        vec![format!("--config={}", self.write("containerd.toml", &text)), "--log-level=warn".to_owned()]
    }

    /// Where containerd listens.
    pub fn socket(&self) -> String {
        self.at("containerd.sock")
    }

    /// Arguments of the kubelet.
    pub fn kubelet(&self) -> Vec<String> {
        let user = format!("system:node:{NODE}");
        let login = self.login(&user, Some("system:nodes"));
        let logs = self.at("pod-logs");
        std::fs::create_dir_all(&logs).expect("a folder");
        let resolver = self.write("resolv.conf", &format!("nameserver {ADDRESS}\n"));
        let text = format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
             authentication: {{ anonymous: {{ enabled: false }}, webhook: {{ enabled: false }}, x509: {{ clientCAFile: {ca} }} }}\n\
             authorization: {{ mode: AlwaysAllow }}\n\
             cgroupDriver: cgroupfs\ncgroupRoot: /{group}\nfailCgroupV1: false\nfailSwapOn: false\n\
             enforceNodeAllocatable: []\nlocalStorageCapacityIsolation: false\n\
             evictionHard: {{ memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1% }}\n\
             containerRuntimeEndpoint: unix://{socket}\npodLogsDir: {logs}\n\
             clusterDNS: ['{ADDRESS}']\nclusterDomain: cluster.local\nresolvConf: {resolver}\n\
             imageMinimumGCAge: 24h\nimageGCHighThresholdPercent: 100\n\
             nodeStatusUpdateFrequency: 5s\nsyncFrequency: 10s\n\
             shutdownGracePeriod: 0s\n",
            ca = self.at("ca.pem"),
            group = self.realm.group,
            socket = self.socket(),
        );
        vec![
            format!("--config={}", self.write("kubelet.yaml", &text)),
            format!("--kubeconfig={login}"),
            format!("--root-dir={}", self.at("kubelet")),
            format!("--hostname-override={NODE}"),
            format!("--node-ip={ADDRESS}"),
        ]
    }
}
