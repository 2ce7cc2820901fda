//! What the API server recorded about requests: who did what, and what came of it.

use serde_json::Value;

use super::servers::get;
use super::{ControlPlane, PATIENCE};

impl ControlPlane {
    /// Events of the audit that `wanted` accepts, of all requests that were answered before this call.
    ///
    /// An event is `audit.k8s.io/v1` of level Metadata, such as `user.username`, `verb`, `objectRef.resource`,
    /// `objectRef.namespace`, `objectRef.name`, `objectRef.subresource`, `responseStatus.code`. Recorded are our
    /// group, `batch`, leases, events, secrets, config maps and namespaces.
    pub async fn audit(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        // Events come in the order in which requests end: behind one of ours stand all before it.
        let mark = format!("mark-{}", uuid::Uuid::new_v4());
        let path = format!("/api/v1/namespaces/default/secrets/{mark}");
        get(&self.client(self.admin()), &path).await.expect_err("there is no such secret");
        self.audit_until(move |event| event["objectRef"]["name"] == *mark).await;
        self.events(wanted)
    }

    /// Waits for an event that `wanted` accepts, and returns the first one.
    pub async fn audit_until(&self, wanted: impl Fn(&Value) -> bool + Send + 'static) -> Value {
        let audit = self.0.audit.clone();
        let find = move |lines: &[String]| lines.iter().filter_map(|line| event(line)).find(|it| wanted(it));
        let found = tokio::task::spawn_blocking(move || audit.wait(PATIENCE, find)).await;
        found.expect("nobody panics").expect("the API server records the request")
    }

    fn events(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.0.audit.all().iter().filter_map(|line| event(line)).filter(|it| wanted(it)).collect()
    }
}

/// A line of the audit; others may come from the server itself.
fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}
