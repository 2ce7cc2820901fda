//! What labelled Secrets and ConfigMaps were when the objects that name them were last tested.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;

/// What a test used, as far as it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Used {
    /// These versions.
    Versions(String),
    /// A run was refused since, and ended at this time: whatever the test found is in doubt.
    Doubted(Timestamp),
}

/// The newest test of each object, by kind, namespace and name.
///
/// It is kept in the process alone: a status shows the versions of Secrets to people, but has no room for those of all
/// objects.
#[derive(Debug, Default)]
pub struct Tested(Mutex<HashMap<[String; 3], Used>>);

impl Tested {
    /// A test begins with these versions. Noted before it reads them, so that a change meanwhile leads to another test.
    /// Gives the end of the run for whose sake it is made, if there is one: the test is newer, whatever clocks that
    /// count in seconds say.
    pub fn begins(&self, kind: &str, namespace: &str, name: &str, versions: String) -> Option<Timestamp> {
        let mut all = self.0.lock().expect("no panic while held");
        match all.insert(key(kind, namespace, name), Used::Versions(versions)) {
            Some(Used::Doubted(end)) => Some(end),
            _ => None,
        }
    }

    /// A run that ended at `end` met something else than the test did.
    pub fn doubt(&self, kind: &str, namespace: &str, name: &str, end: Timestamp) {
        let mut all = self.0.lock().expect("no panic while held");
        all.insert(key(kind, namespace, name), Used::Doubted(end));
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
            Used::Doubted(_) => true,
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
        let begins = || tested.begins("Source", "crm", "pg", "a=1".to_owned());
        assert_eq!(begins(), None);
        assert_eq!((is_due("a=1"), is_due("a=2"), is_due("")), (Some(false), Some(true), Some(true)));
        tested.doubt("Source", "crm", "pg", Timestamp::UNIX_EPOCH);
        assert_eq!(is_due("a=1"), Some(true));
        assert_eq!((begins(), begins()), (Some(Timestamp::UNIX_EPOCH), None), "one test for one doubt");
        tested.forget("Source", "crm", "pg");
        assert_eq!(is_due("a=1"), None);
        assert_eq!(tested.is_due("Model", "crm", "pg", "a=1"), None);
    }
}
