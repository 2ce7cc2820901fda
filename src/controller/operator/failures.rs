//! How often looks at an object failed in a row, and how long to wait before the next one.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// First wait.
const FIRST: Duration = Duration::from_secs(2);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row of the objects of all kinds. kube keeps no count of its own.
#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    /// Notes a failure and says how long to wait: twice as long as the time before.
    pub fn another(&self, kind: &str, namespace: &str, name: &str) -> Duration {
        let mut counts = self.0.lock().expect("no panic while held");
        let count = counts.entry(key(kind, namespace, name)).or_default();
        *count = count.saturating_add(1);
        FIRST.saturating_mul(1 << (*count - 1).min(8)).min(LONGEST)
    }

    /// Forgets them: a look went well, or the object is gone.
    pub fn clear(&self, kind: &str, namespace: &str, name: &str) {
        self.0.lock().expect("no panic while held").remove(&key(kind, namespace, name));
    }
}

fn key(kind: &str, namespace: &str, name: &str) -> String {
    format!("{kind}/{namespace}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_twice_as_long_up_to_five_minutes() {
        let failures = Failures::default();
        let mut next = || failures.another("Model", "crm", "users").as_secs();
        let waits: Vec<u64> = std::iter::repeat_with(&mut next).take(10).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        failures.clear("Model", "crm", "users");
        assert_eq!(failures.another("Model", "crm", "users"), FIRST);
        assert_eq!(failures.another("Model", "crm", "others"), FIRST);
    }
}
