//! Everything that was loaded.

use std::collections::BTreeMap;

use kube::ResourceExt;
use secrecy::SecretString;

use crate::api::{BrazeApp, Destination, Found, Model, Source, SyncRun};

use super::data::{ConfigMap, Secret};

/// Where an object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// File, or `<stdin>`.
    pub file: String,
    /// Number of the document in the file, from 1.
    pub document: usize,
    /// Line on which the object begins.
    pub line: usize,
}

/// An object with its place.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The object. Its namespace is always filled in.
    pub object: T,
    /// Where it stands.
    pub origin: Origin,
}

/// All objects of a set of manifests, in the order in which they stand.
#[derive(Clone, Debug, Default)]
pub struct LoadedSet {
    pub(super) braze_apps: Vec<Loaded<BrazeApp>>,
    pub(super) sources: Vec<Loaded<Source>>,
    pub(super) models: Vec<Loaded<Model>>,
    pub(super) destinations: Vec<Loaded<Destination>>,
    pub(super) sync_runs: Vec<Loaded<SyncRun>>,
    pub(super) secrets: BTreeMap<(String, String), Secret>,
    pub(super) config_maps: BTreeMap<(String, String), ConfigMap>,
    pub(super) notices: Vec<String>,
}

fn find<'a, T: ResourceExt>(all: &'a [Loaded<T>], namespace: &str, name: &str) -> Option<&'a T> {
    all.iter()
        .map(|loaded| &loaded.object)
        .find(|object| object.meta().namespace.as_deref() == Some(namespace) && object.name_any() == name)
}

impl LoadedSet {
    /// The Destinations.
    pub fn destinations(&self) -> &[Loaded<Destination>] {
        &self.destinations
    }

    /// The BrazeApps.
    pub fn braze_apps(&self) -> &[Loaded<BrazeApp>] {
        &self.braze_apps
    }

    /// The Sources.
    pub fn sources(&self) -> &[Loaded<Source>] {
        &self.sources
    }

    /// The Models.
    pub fn models(&self) -> &[Loaded<Model>] {
        &self.models
    }

    /// The SyncRuns.
    pub fn sync_runs(&self) -> &[Loaded<SyncRun>] {
        &self.sync_runs
    }

    /// One Destination.
    pub fn destination(&self, namespace: &str, name: &str) -> Option<&Destination> {
        find(&self.destinations, namespace, name)
    }

    /// One BrazeApp.
    pub fn braze_app(&self, namespace: &str, name: &str) -> Option<&BrazeApp> {
        find(&self.braze_apps, namespace, name)
    }

    /// One Source.
    pub fn source(&self, namespace: &str, name: &str) -> Option<&Source> {
        find(&self.sources, namespace, name)
    }

    /// One Model.
    pub fn model(&self, namespace: &str, name: &str) -> Option<&Model> {
        find(&self.models, namespace, name)
    }

    /// One Secret.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<&Secret> {
        self.secrets.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// One ConfigMap.
    pub fn config_map(&self, namespace: &str, name: &str) -> Option<&ConfigMap> {
        self.config_maps.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The value of a key of a Secret.
    pub fn secret_value(&self, namespace: &str, name: &str, key: &str) -> Found<&SecretString> {
        self.secret(namespace, name).map_or(Found::NoObject, |secret| secret.value(key))
    }

    /// The text of a key of a ConfigMap.
    pub fn config_map_value(&self, namespace: &str, name: &str, key: &str) -> Found<&str> {
        self.config_map(namespace, name).map_or(Found::NoObject, |map| map.text(key))
    }

    /// What was left out, and why: one sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}
