//! Who is to be looked at again.

use std::sync::Arc;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::runtime::reflector::ObjectRef;

use crate::api::{BrazeApp, Destination, Model, Source, SyncRun};

use super::stores::{Guarded, reference};
use super::waiting::Waiting;

/// The queue of one kind.
pub type Queue<K> = UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// Puts objects into the queues of their kinds. Waking the same object many times costs one look.
#[derive(Clone)]
pub struct Wakeups {
    apps: UnboundedSender<ObjectRef<Guarded<BrazeApp>>>,
    sources: UnboundedSender<ObjectRef<Guarded<Source>>>,
    models: UnboundedSender<ObjectRef<Guarded<Model>>>,
    destinations: UnboundedSender<ObjectRef<Guarded<Destination>>>,
    runs: UnboundedSender<ObjectRef<Guarded<SyncRun>>>,
    waiting: Arc<Waiting>,
}

/// The other ends.
pub struct Queues {
    /// BrazeApps to look at.
    pub apps: Queue<BrazeApp>,
    /// Sources to look at.
    pub sources: Queue<Source>,
    /// Models to look at.
    pub models: Queue<Model>,
    /// Destinations to look at.
    pub destinations: Queue<Destination>,
    /// SyncRuns to look at.
    pub runs: Queue<SyncRun>,
}

impl Wakeups {
    /// Queues of one scope.
    pub fn new(waiting: Arc<Waiting>) -> (Self, Queues) {
        let (apps, apps_queue) = unbounded();
        let (sources, sources_queue) = unbounded();
        let (models, models_queue) = unbounded();
        let (destinations, destinations_queue) = unbounded();
        let (runs, runs_queue) = unbounded();
        let queues = Queues {
            apps: apps_queue,
            sources: sources_queue,
            models: models_queue,
            destinations: destinations_queue,
            runs: runs_queue,
        };
        (Self { apps, sources, models, destinations, runs, waiting }, queues)
    }

    /// A BrazeApp. A queue that is closed belongs to an operator that ends.
    pub fn app(&self, namespace: &str, name: &str) {
        self.waiting.begin("BrazeApp", namespace, name);
        let _ = self.apps.unbounded_send(reference(namespace, name));
    }

    /// A Source.
    pub fn source(&self, namespace: &str, name: &str) {
        self.waiting.begin("Source", namespace, name);
        let _ = self.sources.unbounded_send(reference(namespace, name));
    }

    /// A Model.
    pub fn model(&self, namespace: &str, name: &str) {
        self.waiting.begin("Model", namespace, name);
        let _ = self.models.unbounded_send(reference(namespace, name));
    }

    /// A Destination.
    pub fn destination(&self, namespace: &str, name: &str) {
        self.waiting.begin("Destination", namespace, name);
        let _ = self.destinations.unbounded_send(reference(namespace, name));
    }

    /// A SyncRun.
    pub fn run(&self, namespace: &str, name: &str) {
        self.waiting.begin("SyncRun", namespace, name);
        let _ = self.runs.unbounded_send(reference(namespace, name));
    }
}
