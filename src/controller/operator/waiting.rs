//! How many objects wait to be looked at: kube's own queues cannot be counted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::telemetry::Metrics;

/// Kinds that have a queue.
const KINDS: [&str; 5] = ["BrazeApp", "Source", "Model", "Destination", "SyncRun"];

/// Objects that were woken and not yet looked at, of all scopes. Keeps the metric of the queues.
pub struct Waiting {
    metrics: Arc<Metrics>,
    kinds: HashMap<&'static str, Mutex<HashSet<(String, String)>>>,
}

impl Waiting {
    /// Nobody waits yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        for kind in KINDS {
            metrics.queue_depth(kind, 0);
        }
        Self { metrics, kinds: KINDS.map(|kind| (kind, Mutex::default())).into() }
    }

    /// An object was woken.
    pub fn begin(&self, kind: &str, namespace: &str, name: &str) {
        self.change(kind, |waiting| waiting.insert((namespace.to_owned(), name.to_owned())));
    }

    /// An object is looked at, or is gone.
    pub fn end(&self, kind: &str, namespace: &str, name: &str) {
        self.change(kind, |waiting| waiting.remove(&(namespace.to_owned(), name.to_owned())));
    }

    fn change(&self, kind: &str, by: impl FnOnce(&mut HashSet<(String, String)>) -> bool) {
        let Some(waiting) = self.kinds.get(kind) else { return };
        let mut waiting = waiting.lock().expect("no panic while held");
        if by(&mut waiting) {
            self.metrics.queue_depth(kind, waiting.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_was_woken_twice_waits_once() {
        let metrics = Arc::new(Metrics::new("1", "r"));
        let waiting = Waiting::new(Arc::clone(&metrics));
        let depth = |wanted: u32| {
            let line = format!("grouparoo_workqueue_depth{{kind=\"Model\"}} {wanted}\n");
            assert!(metrics.encode().contains(&line), "{}", metrics.encode());
        };
        depth(0);
        waiting.begin("Model", "crm", "users");
        waiting.begin("Model", "crm", "users");
        waiting.begin("Model", "shop", "users");
        depth(2);
        waiting.end("Model", "crm", "users");
        waiting.end("Model", "crm", "users");
        depth(1);
        waiting.begin("Secret", "crm", "users");
        depth(1);
    }
}
