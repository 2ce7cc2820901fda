//! What labelled Secrets and ConfigMaps were when the objects that name them were last tested.

use std::collections::HashMap;
use std::sync::Mutex;

/// What a test used, as far as it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Used {
    /// These versions.
    Versions(String),
    /// A run was refused since: whatever the test found is in doubt.
    Doubted,
}

/// The newest test of each object, by kind, namespace and name.
///
/// It is kept in the process alone: a status shows the versions of Secrets to people, but has no room for those of all
/// objects.
#[derive(Debug, Default)]
pub struct Tested(Mutex<HashMap<[String; 3], Used>>);

impl Tested {
    /// A test begins with these versions. Noted before it reads them, so that a change meanwhile leads to another test.
    pub fn begins(&self, kind: &str, namespace: &str, name: &str, versions: String) {
        let mut all = self.0.lock().expect("no panic while held");
        all.insert(key(kind, namespace, name), Used::Versions(versions));
    }

    /// A run met something else than the test did.
    pub fn doubt(&self, kind: &str, namespace: &str, name: &str) {
        let mut all = self.0.lock().expect("no panic while held");
        all.insert(key(kind, namespace, name), Used::Doubted);
    }

    /// The object is gone.
    pub fn forget(&self, kind: &str, namespace: &str, name: &str) {
        self.0.lock().expect("no panic while held").remove(&key(kind, namespace, name));
    }

    /// Whether another test is due with these versions; `None`: this process has made none.
    pub fn is_due(&self, kind: &str, namespace: &str, name: &str, versions: &str) -> Option<bool> {
        let all = self.0.lock().expect("no panic while held");
        all.get(&key(kind, namespace, name)).map(|used| match used {
            Used::Versions(then) => then != versions,
            Used::Doubted => true,
        })
    }
}

fn key(kind: &str, namespace: &str, name: &str) -> [String; 3] {
    [kind, namespace, name].map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_due_when_what_it_used_changed_or_is_in_doubt() {
        let tested = Tested::default();
        let is_due = |versions| tested.is_due("Source", "crm", "pg", versions);
        assert_eq!(is_due("a=1"), None);
        tested.begins("Source", "crm", "pg", "a=1".to_owned());
        assert_eq!((is_due("a=1"), is_due("a=2"), is_due("")), (Some(false), Some(true), Some(true)));
        tested.doubt("Source", "crm", "pg");
        assert_eq!(is_due("a=1"), Some(true));
        tested.forget("Source", "crm", "pg");
        assert_eq!(is_due("a=1"), None);
        assert_eq!(tested.is_due("Model", "crm", "pg", "a=1"), None);
    }
}
