//! A test's own namespace, with the shortest words for what tests do in it.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use grouparoo_clock::Clock;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams, TypeMeta};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::servers::until;
use super::{ControlPlane, Output, PATIENCE, User};

/// A namespace that no other test uses. It stays until the servers end.
#[derive(Clone)]
pub struct Space {
    /// Where it is.
    pub plane: ControlPlane,
    /// Name of the namespace.
    pub name: String,
    /// A client of the administrator.
    pub client: Client,
}

impl Space {
    pub(super) async fn new(plane: &ControlPlane) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let client = plane.0.access.client(plane.admin(), &name);
        let namespace: Namespace =
            serde_json::from_value(json!({ "metadata": { "name": name } })).expect("a namespace");
        let api: Api<Namespace> = Api::all(client.clone());
        api.create(&PostParams::default(), &namespace).await.expect("a namespace can be made");
        Self { plane: plane.clone(), name, client }
    }

    /// The objects of a kind here.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// The objects of a kind of ours here, such as `Destination`, as they are: nothing is decoded.
    pub fn raw(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, &our(kind))
    }

    /// Another user's client, which answers here where no namespace is named.
    pub fn client_of(&self, user: &User) -> Client {
        self.plane.0.access.client(user, &self.name)
    }

    /// The administrator's kubeconfig file.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig(self.plane.admin(), &self.name)
    }

    /// Runs kubectl here, as the administrator.
    pub async fn kubectl(&self, arguments: &[&str]) -> Output {
        self.plane.kubectl(self.plane.admin(), &self.name, arguments, "").await
    }

    /// The same with something to read at `-f -`.
    pub async fn kubectl_with(&self, arguments: &[&str], stdin: &str) -> Output {
        self.plane.kubectl(self.plane.admin(), &self.name, arguments, stdin).await
    }

    /// Applies documents of YAML here, by server-side apply as the manager `scenarios`. Kinds: ours and those of
    /// Kubernetes.
    ///
    /// # Panics
    /// With the server's words, when it refuses one.
    pub async fn apply(&self, yaml: &str) {
        let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("the text is YAML");
        for document in documents.into_iter().filter(|document| !document.is_null()) {
            let types: TypeMeta = serde_json::from_value(document.clone()).expect("an object has a kind");
            let name = document["metadata"]["name"].as_str().expect("an object has a name").to_owned();
            let resource = ApiResource::from_gvk(&types.try_into().expect("a group and a version"));
            let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.name, &resource);
            let parameters = PatchParams::apply("scenarios").force();
            let applied = api.patch(&name, &parameters, &Patch::Apply(&document)).await;
            applied.unwrap_or_else(|error| panic!("{} {name} is refused: {error}", resource.kind));
        }
    }

    /// Lets a user do here what `rules` say, in the YAML of a Role, and waits until the server knows.
    pub async fn grant(&self, user: &User, rules: &str) {
        let (name, group) = (&user.name, "rbac.authorization.k8s.io");
        let rules: Value = serde_saphyr::from_str(rules).expect("rules are YAML");
        let role = json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": { "name": name }, "rules": rules,
        });
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": { "name": name },
            "roleRef": { "apiGroup": group, "kind": "Role", "name": name },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": name }],
        });
        self.apply(&format!("{role}\n---\n{binding}")).await;
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client_of(user));
        for rule in rules.as_array().expect("a list of rules") {
            let wanted = json!({ "spec": { "resourceAttributes": {
                "namespace": self.name,
                "group": rule["apiGroups"][0], "resource": rule["resources"][0], "verb": rule["verbs"][0],
                "name": rule["resourceNames"][0],
            }}});
            let review = serde_json::from_value(wanted).expect("a review");
            let known = until(|| async {
                let answer = reviews.create(&PostParams::default(), &review).await.expect("anybody may ask");
                answer.status.is_some_and(|status| status.allowed)
            });
            assert!(known.await, "the server does not grant {rule}");
        }
    }

    /// Watches an object until `wanted` holds for it, for at most [`PATIENCE`].
    ///
    /// # Panics
    /// With the object as it is, when the time is up.
    pub async fn wait<K>(&self, name: &str, wanted: impl Fn(&K) -> bool) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
    {
        wait(self.api::<K>(), name, PATIENCE, |object| object.is_some_and(&wanted))
            .await
            .expect("an object that was looked at")
    }

    /// Watches an object of ours until the status of this condition is the wanted one, and returns the condition.
    pub async fn wait_condition(&self, kind: &str, name: &str, condition: &str, status: &str) -> Value {
        let object = wait(self.raw(kind), name, PATIENCE, |object| {
            object.is_some_and(|it| condition_of(&it.data, condition)["status"] == *status)
        });
        condition_of(&object.await.expect("an object that was looked at").data, condition).clone()
    }

    /// Watches until there is no such object.
    pub async fn wait_gone(&self, kind: &str, name: &str) {
        wait(self.raw(kind), name, PATIENCE, |object| object.is_none()).await;
    }
}

/// How a kind of ours is reached.
pub fn our(kind: &str) -> ApiResource {
    let group = grouparoo::api::GROUP;
    ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(group, "v1alpha1", kind))
}

/// A condition of an object, or null.
pub fn condition_of<'a>(object: &'a Value, condition: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|it| it["type"] == *condition);
    found.unwrap_or(&Value::Null)
}

/// Watches an object until `wanted` holds for it (`None`: it is not there).
///
/// # Panics
/// With the object as it is, when the time is up.
pub async fn wait<K>(
    api: Api<K>,
    name: &str,
    limit: Duration,
    wanted: impl Fn(Option<&K>) -> bool,
) -> Option<K>
where
    K: Clone + Debug + DeserializeOwned + Resource + Send + 'static,
{
    let watching = await_condition(api.clone(), name, wanted);
    match Clock::system().timeout(limit, watching).await {
        Some(found) => found.unwrap_or_else(|error| panic!("{name} cannot be watched: {error}")),
        None => panic!("{name} is not as expected: {:#?}", api.get_opt(name).await),
    }
}
