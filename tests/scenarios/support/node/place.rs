//! A scenario's own namespace on the node, and the hands of whoever works in it: kubectl and helm.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use kube::api::DynamicObject;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::Command;

use super::{Node, PATIENCE};
use crate::support::control_plane::{Output, our, run, script, wait};

/// A namespace in which only Pods are admitted that may do nothing special.
pub struct Place {
    /// Where it is.
    pub node: &'static Node,
    /// Name of the namespace.
    pub name: String,
    /// A client of the administrator.
    pub client: Client,
}

impl Place {
    /// A new one.
    pub async fn new(node: &'static Node) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("place-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let place = Self { node, client: node.client(), name };
        let namespace = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n  labels: \
             {{ pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: latest }}\n",
            place.name
        );
        place.apply(&namespace).await;
        place
    }

    /// The objects of a kind here.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// The objects of a kind of ours, as they are.
    pub fn raw(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, &our(kind))
    }

    /// Runs kubectl here. `stdin` is what `-f -` reads.
    pub async fn kubectl(&self, arguments: &[&str], stdin: &str) -> Output {
        self.program(Command::new(&self.node.kubectl), arguments, stdin).await
    }

    /// Runs helm here.
    pub async fn helm(&self, arguments: &[&str], stdin: &str) -> Output {
        static HELM: OnceLock<std::path::PathBuf> = OnceLock::new();
        let helm = HELM.get_or_init(|| script(&["--helm"]));
        self.program(Command::new(helm), arguments, stdin).await
    }

    async fn program(&self, mut command: Command, arguments: &[&str], stdin: &str) -> Output {
        let folder = self.node.folder();
        command
            .arg("--namespace")
            .arg(&self.name)
            .args(arguments)
            .env("KUBECONFIG", &self.node.kubeconfig)
            .env("KUBECACHEDIR", folder.join("kubectl-cache"))
            .env("HOME", folder);
        run(command, stdin, PATIENCE).await
    }

    /// Applies documents of YAML here, by the real kubectl.
    pub async fn apply(&self, yaml: &str) {
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], yaml).await.success();
    }

    /// Watches an object until `wanted` holds for it (`None`: it is not there).
    ///
    /// # Panics
    /// With the object as it is, when the time is up.
    pub async fn wait<K>(&self, name: &str, wanted: impl Fn(Option<&K>) -> bool) -> Option<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
    {
        wait(self.api::<K>(), name, PATIENCE, wanted).await
    }

    /// An object of ours as plain data; null where there is none.
    pub async fn object(&self, kind: &str, name: &str) -> Value {
        let found = self.raw(kind).get_opt(name).await.expect("the API answers");
        serde_json::to_value(found).expect("an object is plain data")
    }
}
