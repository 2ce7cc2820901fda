//! What was last heard of objects, so that a write of new figures wakes nobody.
//!
//! A thousand Destinations of one BrazeApp change its count a thousand times; whoever woke all of them each time
//! would look a million times.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;

use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::Value;

use crate::api::SyncRun;
use crate::controller::conditions::find;

use super::stores::{Guarded, Happened};

/// A digest of what matters of each object to others.
#[derive(Debug, Default)]
pub struct Heard(Mutex<HashMap<Key, u64>>);

/// Kind, namespace, name.
type Key = (String, String, String);

impl Heard {
    /// Whether something happened to a run that anybody acts on.
    pub fn is_news_of_run(&self, run: &Guarded<SyncRun>, happened: Happened) -> bool {
        self.is_news(run, happened, digest)
    }

    /// Whether something happened to a referent that those who name it act on: anything but the count of them.
    pub fn is_news_of_referent<K>(&self, object: &Guarded<K>, happened: Happened) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        self.is_news(object, happened, |object| {
            let mut hasher = begun(object);
            if let Ok(readable) = &object.0 {
                let mut status = serde_json::to_value(readable).map(|mut all| all["status"].take());
                if let Ok(Value::Object(fields)) = &mut status {
                    fields.remove("destinations");
                    fields.remove("models");
                }
                status.unwrap_or_default().to_string().hash(&mut hasher);
            }
            hasher.finish()
        })
    }

    /// Whether an object came, went or was edited: its status does not count.
    pub fn is_edited<K>(&self, object: &Guarded<K>, happened: Happened) -> bool
    where
        K: Resource<DynamicType = ()>,
    {
        self.is_news(object, happened, |object| begun(object).finish())
    }

    fn is_news<K>(&self, object: &Guarded<K>, happened: Happened, digest: impl Fn(&Guarded<K>) -> u64) -> bool
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = K::kind(&()).into_owned();
        let key = (kind, object.namespace().unwrap_or_default(), object.name_any());
        let mut heard = self.0.lock().expect("no panic while held");
        if happened == Happened::Gone {
            heard.remove(&key);
            return true;
        }
        let digest = digest(object);
        heard.insert(key, digest) != Some(digest)
    }
}

/// What every edit changes.
fn begun<K: Resource<DynamicType = ()>>(object: &Guarded<K>) -> DefaultHasher {
    let mut hasher = DefaultHasher::new();
    object.uid().hash(&mut hasher);
    object.meta().generation.hash(&mut hasher);
    object.meta().deletion_timestamp.is_some().hash(&mut hasher);
    object.0.is_ok().hash(&mut hasher);
    hasher
}

fn digest(run: &Guarded<SyncRun>) -> u64 {
    let mut hasher = begun(run);
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
