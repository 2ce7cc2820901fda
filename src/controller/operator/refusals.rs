//! Objects that can have no status: what is stored breaks a rule that came after it, and the API server then refuses
//! every write, that of a status too. Only events, the log and a metric can tell of them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::Notice;

use super::context::Context;

/// Time after which a write is tried again, although the object is as it was: its definition may be another.
pub const AGAIN: Duration = Duration::from_secs(10 * 60);

/// The objects, by kind, namespace and name.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<[String; 3], Refused>>);

/// The object as it was refused, and the monotonic time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    uid: Option<String>,
    generation: Option<i64>,
    at: Duration,
}

impl Refusals {
    /// Whether a write would be refused again, as far as anybody can tell.
    pub fn holds(&self, kind: &str, meta: &ObjectMeta, now: Duration) -> bool {
        let all = self.0.lock().expect("no panic while held");
        all.get(&key(kind, meta)).is_some_and(|refused| {
            refused.uid == meta.uid
                && refused.generation == meta.generation
                && now.saturating_sub(refused.at) < AGAIN
        })
    }

    /// A write was refused.
    pub fn note(&self, kind: &str, meta: &ObjectMeta, now: Duration) {
        let refused = Refused { uid: meta.uid.clone(), generation: meta.generation, at: now };
        self.0.lock().expect("no panic while held").insert(key(kind, meta), refused);
    }

    /// A write succeeded, or was not refused for this; whether one was before.
    pub fn clear(&self, kind: &str, meta: &ObjectMeta) -> bool {
        self.0.lock().expect("no panic while held").remove(&key(kind, meta)).is_some()
    }

    /// The object is gone.
    pub fn forget(&self, kind: &str, namespace: &str, name: &str) {
        self.0.lock().expect("no panic while held").remove(&[kind, namespace, name].map(str::to_owned));
    }
}

fn key(kind: &str, meta: &ObjectMeta) -> [String; 3] {
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    [kind, namespace, meta.name.as_deref().unwrap_or_default()].map(str::to_owned)
}

impl Context {
    /// Whether the status of an object need not be tried, because the API server refuses it.
    pub fn is_refused(&self, kind: &str, meta: &ObjectMeta) -> bool {
        self.refusals.holds(kind, meta, self.clock.monotonic())
    }

    /// Tells what stands in no status: an event, a line in the log, a metric. `what`: what is wrong with the object.
    pub async fn tell_refused(&self, object: &ObjectReference, meta: &ObjectMeta, what: &str) {
        let kind = object.kind.clone().unwrap_or_default();
        let (namespace, name) =
            (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
        self.refusals.note(&kind, meta, self.clock.monotonic());
        self.metrics.status_refused(&kind, namespace, name, true);
        tracing::warn!(
            error = what,
            "status refused: the object as it is stored breaks a rule of its definition"
        );
        let note = format!(
            "{what}; Kubernetes refuses a status for the object as it is stored, so this event is all that tells: \
             correct the field and apply the object again, or delete it"
        );
        let notice = Notice { warning: true, reason: "InvalidSpec", action: "Reconcile", note: &note };
        self.events.publish(object, notice).await;
    }

    /// A status was written.
    pub fn status_accepted(&self, kind: &str, meta: &ObjectMeta) {
        if self.refusals.clear(kind, meta) {
            let namespace = meta.namespace.as_deref().unwrap_or_default();
            self.metrics.status_refused(kind, namespace, meta.name.as_deref().unwrap_or_default(), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(uid: &str, generation: i64) -> ObjectMeta {
        ObjectMeta {
            name: Some("users".to_owned()),
            namespace: Some("crm".to_owned()),
            uid: Some(uid.to_owned()),
            generation: Some(generation),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_refusal_holds_until_the_object_is_another_or_some_minutes_have_passed() {
        let (refusals, second) = (Refusals::default(), Duration::from_secs(1));
        refusals.note("Model", &meta("a", 1), second);
        assert!(refusals.holds("Model", &meta("a", 1), AGAIN));
        assert!(!refusals.holds("Model", &meta("a", 2), AGAIN), "edited");
        assert!(!refusals.holds("Model", &meta("b", 1), AGAIN), "made anew");
        assert!(!refusals.holds("Source", &meta("a", 1), AGAIN));
        assert!(!refusals.holds("Model", &meta("a", 1), AGAIN + second), "the definition may be another");
        refusals.forget("Model", "crm", "users");
        assert!(!refusals.holds("Model", &meta("a", 1), second));
        assert!(!refusals.clear("Model", &meta("a", 1)));
    }
}
