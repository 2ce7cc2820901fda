//! Finds what a Destination refers to among what the API server holds.

use std::sync::Arc;

use kube::ResourceExt;

use crate::api::{BrazeApp, Destination, Model, Source};
use crate::controller::operator::stores::{Guarded, Known, Stores};

use super::accept::{Around, Unreadable};

/// A Destination with what it refers to, as last seen.
#[derive(Clone, Debug)]
pub struct Found {
    /// The Destination.
    pub destination: Destination,
    /// Its BrazeApp.
    pub app: Option<BrazeApp>,
    /// Its Model.
    pub model: Option<Model>,
    /// The Source of its Model.
    pub source: Option<Source>,
    /// All Destinations of the namespace.
    pub all: Vec<Arc<Guarded<Destination>>>,
    /// All BrazeApps of the namespace.
    pub apps: Vec<Arc<Guarded<BrazeApp>>>,
    /// Which of the former are there and cannot be read.
    pub unreadable: Unreadable,
}

/// A Destination by its name.
pub fn find(stores: &Stores, namespace: &str, name: &str) -> Option<Found> {
    Some(of(stores, stores.destinations.named(namespace, name)?))
}

/// A Destination that is at hand.
pub fn of(stores: &Stores, destination: Destination) -> Found {
    let namespace = destination.namespace().unwrap_or_default();
    let spec = &destination.spec;
    let app = stores.apps.named(&namespace, &spec.app_ref.name);
    let model = stores.models.named(&namespace, &spec.model_ref.name);
    let source_name = model.as_ref().map(|model| model.spec.source_ref.name.clone());
    let source = source_name.as_ref().and_then(|name| stores.sources.named(&namespace, name));
    let unreadable = Unreadable {
        app: app.is_none() && stores.apps.has(&namespace, &spec.app_ref.name),
        model: model.is_none() && stores.models.has(&namespace, &spec.model_ref.name),
        source: source.is_none() && source_name.is_some_and(|name| stores.sources.has(&namespace, &name)),
    };
    Found {
        app,
        source,
        unreadable,
        model,
        all: stores.destinations.shared(&namespace),
        apps: stores.apps.shared(&namespace),
        destination,
    }
}

impl Found {
    /// Borrowed.
    pub fn borrow(&self) -> Around<'_> {
        Around {
            destination: &self.destination,
            app: self.app.as_ref(),
            model: self.model.as_ref(),
            source: self.source.as_ref(),
            all: readable(&self.all),
            apps: readable(&self.apps),
            unreadable: self.unreadable,
        }
    }
}

/// Those that this program can read.
fn readable<K>(all: &[Arc<Guarded<K>>]) -> Vec<&K> {
    all.iter().filter_map(|object| object.0.as_ref().ok()).collect()
}
