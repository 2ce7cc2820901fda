//! What the API server holds, as last seen: one watch and one store a kind.
//!
//! A change is in the store before anybody hears of it, so whoever is woken never reads something older.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::api::{BrazeApp, Destination, Model, Source, SyncRun};

/// An object, or what is known of one that this program cannot read: one such object must not stop the others.
pub type Guarded<K> = kube::core::DeserializeGuard<K>;

/// The five kinds of one scope: the whole cluster, or one namespace.
#[derive(Clone)]
pub struct Stores {
    /// BrazeApps.
    pub apps: Store<Guarded<BrazeApp>>,
    /// Sources.
    pub sources: Store<Guarded<Source>>,
    /// Models.
    pub models: Store<Guarded<Model>>,
    /// Destinations.
    pub destinations: Store<Guarded<Destination>>,
    /// SyncRuns.
    pub runs: Store<Guarded<SyncRun>>,
    /// Labelled Secrets, without what they hold.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// Labelled ConfigMaps, likewise.
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
}

impl Stores {
    /// Waits until each has been filled once. A writer that is gone belongs to an operator that ends.
    pub async fn ready(&self, with_watched: bool) {
        let _ = self.apps.wait_until_ready().await;
        let _ = self.sources.wait_until_ready().await;
        let _ = self.models.wait_until_ready().await;
        let _ = self.destinations.wait_until_ready().await;
        let _ = self.runs.wait_until_ready().await;
        if with_watched {
            let _ = self.secrets.wait_until_ready().await;
            let _ = self.config_maps.wait_until_ready().await;
        }
    }
}

/// Reads of a store that people would expect.
pub trait Known<K> {
    /// The object of that name, if it is there and can be read.
    fn named(&self, namespace: &str, name: &str) -> Option<K>;

    /// Whether there is an object of that name, readable or not.
    fn has(&self, namespace: &str, name: &str) -> bool;

    /// All readable objects of a namespace that are wanted, ordered by name.
    fn all(&self, namespace: &str, wanted: impl Fn(&K) -> bool) -> Vec<K>;

    /// All objects of a namespace, readable or not, ordered by name, without copying any.
    fn shared(&self, namespace: &str) -> Vec<Arc<Guarded<K>>>;
}

impl<K> Known<K> for Store<Guarded<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    fn named(&self, namespace: &str, name: &str) -> Option<K> {
        self.get(&reference(namespace, name))?.0.as_ref().ok().cloned()
    }

    fn has(&self, namespace: &str, name: &str) -> bool {
        self.get(&reference(namespace, name)).is_some()
    }

    fn all(&self, namespace: &str, wanted: impl Fn(&K) -> bool) -> Vec<K> {
        let mut found: Vec<K> = self
            .state()
            .iter()
            .filter_map(|object| object.0.as_ref().ok())
            .filter(|object| object.namespace().as_deref() == Some(namespace) && wanted(object))
            .cloned()
            .collect();
        found.sort_by_key(ResourceExt::name_any);
        found
    }

    fn shared(&self, namespace: &str) -> Vec<Arc<Guarded<K>>> {
        let mut found = self.state();
        found.retain(|object| object.meta().namespace.as_deref() == Some(namespace));
        found.sort_by(|one, other| one.meta().name.cmp(&other.meta().name));
        found
    }
}

/// The name of an object among those of its kind.
pub fn reference<K>(namespace: &str, name: &str) -> ObjectRef<Guarded<K>>
where
    K: Resource<DynamicType = ()>,
{
    ObjectRef::new(name).within(namespace)
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It is new, or something of it changed.
    Changed,
    /// It is gone.
    Gone,
}

/// Keeps a store equal to what the API server holds, and tells of each change after it is in the store.
///
/// Ends only when the stream does, which a watch never does by itself: its caller takes that as fatal.
pub async fn follow<K>(
    events: impl Stream<Item = Result<Event<K>, watcher::Error>>,
    mut writer: Writer<K>,
    mut tell: impl FnMut(&K, Happened),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let store = writer.as_reader();
    let events = events.default_backoff();
    let mut events = std::pin::pin!(events.into_stream());
    // What was known before a new listing, to see what went while nobody looked.
    let mut before: HashMap<ObjectRef<K>, Arc<K>> = HashMap::new();
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) if is_expired(&error) => {
                tracing::info!(kind = %K::kind(&()), "watch expired; all objects are listed anew");
                continue;
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted");
                continue;
            }
        };
        if matches!(event, Event::Init) {
            before =
                store.state().into_iter().map(|object| (ObjectRef::from_obj(&*object), object)).collect();
        }
        writer.apply_watcher_event(&event);
        match event {
            Event::Apply(object) => tell(&object, Happened::Changed),
            Event::Delete(object) => tell(&object, Happened::Gone),
            Event::Init | Event::InitApply(_) => {}
            Event::InitDone => {
                for object in store.state() {
                    before.remove(&ObjectRef::from_obj(&*object));
                    tell(&object, Happened::Changed);
                }
                for object in std::mem::take(&mut before).into_values() {
                    tell(&object, Happened::Gone);
                }
            }
        }
    }
}

/// Whether the server has forgotten what happened since the newest event of a watch (410): the library lists anew.
fn is_expired(error: &watcher::Error) -> bool {
    const GONE: u16 = 410;
    match error {
        watcher::Error::WatchError(status) => status.code == GONE,
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == GONE,
        _ => false,
    }
}
