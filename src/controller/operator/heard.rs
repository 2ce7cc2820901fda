//! What was last heard of SyncRuns, so that a write of new figures wakes nobody.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;

use kube::{Resource, ResourceExt};

use crate::api::SyncRun;
use crate::controller::conditions::find;

use super::stores::{Guarded, Happened};

/// A digest of what matters of each SyncRun.
#[derive(Debug, Default)]
pub struct Heard(Mutex<HashMap<(String, String), u64>>);

impl Heard {
    /// Whether something happened to a run that anybody acts on.
    pub fn is_news(&self, namespace: &str, name: &str, run: &Guarded<SyncRun>, happened: Happened) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        let mut heard = self.0.lock().expect("no panic while held");
        if happened == Happened::Gone {
            heard.remove(&key);
            return true;
        }
        let digest = digest(run);
        heard.insert(key, digest) != Some(digest)
    }
}

fn digest(run: &Guarded<SyncRun>) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.uid().hash(&mut hasher);
    run.meta().generation.hash(&mut hasher);
    run.meta().deletion_timestamp.is_some().hash(&mut hasher);
    if let Ok(run) = &run.0
        && let Some(status) = &run.status
    {
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let told = find(conditions, "Succeeded").map(|one| (&one.status, &one.reason, &one.message));
        told.hash(&mut hasher);
        status.starts.hash(&mut hasher);
        status.inputs.as_ref().and_then(|inputs| inputs.digest.as_ref()).hash(&mut hasher);
    }
    hasher.finish()
}
