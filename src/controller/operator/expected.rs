//! SyncRuns that were made and that no watch has told of yet: whoever decides meanwhile must not make another.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use kube::ResourceExt;

use crate::api::SyncRun;

/// Longest time that a watch may take to tell of an object before its deletion was told instead.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs of all Destinations that are not in the store yet, by namespace and name, with the time of their making.
#[derive(Debug, Default)]
pub struct Expected(Mutex<HashMap<(String, String), (Duration, SyncRun)>>);

impl Expected {
    /// A run was made at this monotonic time.
    pub fn made(&self, run: SyncRun, now: Duration) {
        let key = (run.namespace().unwrap_or_default(), run.name_any());
        self.0.lock().expect("no panic while held").insert(key, (now, run));
    }

    /// A watch told of a run, or of its end.
    pub fn seen(&self, namespace: &str, name: &str) {
        let mut all = self.0.lock().expect("no panic while held");
        all.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Adds to the known runs of a Destination those that are still expected.
    pub fn add_to(&self, known: &mut Vec<SyncRun>, namespace: &str, destination: &str, now: Duration) {
        let mut all = self.0.lock().expect("no panic while held");
        all.retain(|_, (made, _)| now.saturating_sub(*made) < LONGEST);
        for ((of, name), (_, run)) in all.iter() {
            let is_meant = of == namespace && run.spec.destination_ref.name == destination;
            if is_meant && known.iter().all(|other| other.name_any() != *name) {
                known.push(run.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(name: &str) -> SyncRun {
        let object = json!({
            "apiVersion": "grouparoo.io/v1alpha1", "kind": "SyncRun",
            "metadata": { "name": name, "namespace": "crm" },
            "spec": { "destinationRef": { "name": "users" }, "mode": "Sync" },
        });
        serde_json::from_value(object).expect("a run")
    }

    fn known(expected: &Expected, mut known: Vec<SyncRun>, at: u64) -> Vec<String> {
        expected.add_to(&mut known, "crm", "users", Duration::from_secs(at));
        known.iter().map(ResourceExt::name_any).collect()
    }

    #[test]
    fn a_run_is_expected_until_a_watch_tells_of_it() {
        let expected = Expected::default();
        expected.made(run("one"), Duration::from_secs(5));
        assert_eq!(known(&expected, vec![], 6), ["one"]);
        assert_eq!(known(&expected, vec![run("one"), run("two")], 6), ["one", "two"], "not twice");
        let mut others = Vec::new();
        expected.add_to(&mut others, "crm", "others", Duration::from_secs(6));
        expected.add_to(&mut others, "shop", "users", Duration::from_secs(6));
        assert!(others.is_empty());
        expected.seen("crm", "one");
        assert_eq!(known(&expected, vec![], 6), [] as [&str; 0]);
    }

    #[test]
    fn a_run_that_nobody_ever_tells_of_is_forgotten() {
        let expected = Expected::default();
        expected.made(run("one"), Duration::from_secs(5));
        assert_eq!(known(&expected, vec![], 34), ["one"]);
        assert_eq!(known(&expected, vec![], 35), [] as [&str; 0]);
    }
}
