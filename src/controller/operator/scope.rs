//! One scope: its watches, its stores, and the five controllers over them.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::api::{BrazeApp, Destination, Model, Source, SyncRun, WATCH_LABEL};
use crate::cluster::{references_of_app, references_of_model, references_of_source};
use crate::controller::examine::fit::Fits;
use crate::controller::sync_run::registry::Lane;
use crate::controller::{braze_app, destination, model, source, sync_run};

use super::OperatorError;
use super::context::{Context, Shared};
use super::error::Error;
use super::heard::Heard;
use super::slots::Slots;
use super::stores::{Guarded, Happened, Known, Stores, follow, reference};
use super::wakeups::{Queue, Wakeups};

/// The library bounds nothing: our own [`Slots`] do, which know that some looks only wait.
const UNBOUNDED: u16 = 0;

/// Runs the controllers of one namespace, or of all, until `stop` is cancelled.
pub async fn run(
    shared: Arc<Shared>,
    namespace: Option<String>,
    stop: CancellationToken,
) -> Result<(), OperatorError> {
    let client = shared.clients.watches.clone();
    let (wake, queues) = Wakeups::new(Arc::clone(&shared.waiting));
    let (apps, apps_writer) = reflector::store();
    let (sources, sources_writer) = reflector::store();
    let (models, models_writer) = reflector::store();
    let (destinations, destinations_writer) = reflector::store();
    let (runs, runs_writer) = reflector::store();
    let (secrets, secrets_writer) = reflector::store();
    let (config_maps, config_maps_writer) = reflector::store();
    let stores = Stores { apps, sources, models, destinations, runs, secrets, config_maps };
    let context = Arc::new(Context {
        shared,
        stores,
        wake,
        heard: Heard::default(),
        fits: Fits::default(),
        namespace: namespace.clone(),
    });
    let scope = namespace.as_deref();
    let labelled = watcher::Config::default().labels(&format!("{WATCH_LABEL}=Enabled"));
    let all = watcher::Config::default;
    let told = |tell: fn(&Context, &str, &str, Happened)| {
        let context = Arc::clone(&context);
        move |namespace: &str, name: &str, happened: Happened| tell(&context, namespace, name, happened)
    };
    let told_by = &context;
    let of_object = told(watched_changed);
    let of_map = told(watched_changed);
    let watches = async {
        tokio::join!(
            watch(&client, scope, all(), apps_writer, |object, how| app_changed(told_by, object, how)),
            watch(&client, scope, all(), sources_writer, |object, how| source_changed(told_by, object, how)),
            watch(&client, scope, all(), models_writer, |object, how| model_changed(told_by, object, how)),
            watch(&client, scope, all(), destinations_writer, |object, how| destination_changed(
                told_by, object, how
            )),
            watch(&client, scope, all(), runs_writer, |object, how| run_changed(told_by, object, how)),
            async {
                if context.settings.watch_secrets {
                    tokio::join!(
                        watch::<PartialObjectMeta<Secret>>(
                            &client,
                            scope,
                            labelled.clone(),
                            secrets_writer,
                            |object, how| named(object, how, &of_object)
                        ),
                        watch::<PartialObjectMeta<ConfigMap>>(
                            &client,
                            scope,
                            labelled.clone(),
                            config_maps_writer,
                            |object, how| named(object, how, &of_map)
                        ),
                    );
                } else {
                    // Never ready, never asked.
                    drop((secrets_writer, config_maps_writer));
                    std::future::pending::<()>().await;
                }
            },
        );
    };
    let controllers = async {
        context.stores.ready(context.settings.watch_secrets).await;
        context.health.set_synced(true);
        let Stores { apps, sources, models, destinations, runs, .. } = context.stores.clone();
        tokio::join!(
            control(&context, apps, queues.apps, stop.clone(), braze_app::reconcile),
            control(&context, sources, queues.sources, stop.clone(), source::reconcile),
            control(&context, models, queues.models, stop.clone(), model::reconcile),
            control(&context, destinations, queues.destinations, stop.clone(), destination::reconcile),
            control(&context, runs, queues.runs, stop.clone(), sync_run::reconcile),
        );
    };
    tokio::select! {
        () = watches => {
            Err(OperatorError::WatchEnded(namespace.unwrap_or_else(|| "all namespaces".to_owned())))
        }
        () = controllers => Ok(()),
    }
}

async fn watch<K>(
    client: &Client,
    namespace: Option<&str>,
    config: watcher::Config,
    writer: reflector::store::Writer<K>,
    tell: impl FnMut(&K, Happened),
) where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    let api: Api<K> = match namespace {
        None => Api::all(client.clone()),
        Some(namespace) => Api::namespaced(client.clone(), namespace),
    };
    follow(watcher(api, config.any_semantic()), writer, tell).await;
}

fn named<K: ResourceExt>(object: &K, happened: Happened, tell: &impl Fn(&str, &str, Happened)) {
    tell(&object.namespace().unwrap_or_default(), &object.name_any(), happened);
}

async fn control<K, F>(
    context: &Arc<Context>,
    store: Store<Guarded<K>>,
    queue: Queue<K>,
    stop: CancellationToken,
    reconcile: fn(Arc<Guarded<K>>, Arc<Context>) -> F,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    F: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let kind = K::kind(&()).into_owned();
    let config = controller::Config::default().concurrency(UNBOUNDED).debounce(Duration::from_millis(50));
    let measured = Arc::clone(context);
    let (slots, known) = (Arc::new(Slots::default()), store.clone());
    let looks = Controller::for_stream(futures::stream::pending(), store)
        .reconcile_on(queue)
        .with_config(config)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            move |object, context: Arc<Context>| {
                let (slots, known) = (Arc::clone(&slots), known.clone());
                async move {
                    let clock = context.clock.clone();
                    slots.within(&clock, || look(reconcile, known, object, context)).await
                }
            },
            |object, error, context| failed(&object, error, &context),
            Arc::clone(context),
        );
    looks
        .for_each(|looked| {
            let (kind, context) = (&kind, &measured);
            async move {
                match looked {
                    Ok(_) | Err(controller::Error::ReconcilerFailed(..)) => {}
                    // Gone before the look.
                    Err(controller::Error::ObjectNotFound(object)) => {
                        let namespace = object.namespace.clone().unwrap_or_default();
                        context.failures.clear(kind, &namespace, &object.name);
                        context.waiting.end(kind, &namespace, &object.name);
                    }
                    Err(error) => tracing::warn!(kind, %error, "controller"),
                }
            }
        })
        .await;
}

/// One look, measured: at the object as it is when its turn has come.
async fn look<K, F>(
    reconcile: fn(Arc<Guarded<K>>, Arc<Context>) -> F,
    known: Store<Guarded<K>>,
    object: Arc<Guarded<K>>,
    context: Arc<Context>,
) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()> + Clone,
    F: Future<Output = Result<Action, Error>>,
{
    let kind = K::kind(&()).into_owned();
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.waiting.end(&kind, &namespace, &name);
    let Some(object) = known.get(&reference(&namespace, &name)) else {
        context.failures.clear(&kind, &namespace, &name);
        return Ok(Action::await_change());
    };
    if !context.may_lead() {
        // The process is about to end.
        return Ok(Action::await_change());
    }
    // Of the highest level: what is told of a failure needs it, whatever else is told.
    let span = tracing::error_span!(
        "reconcile",
        kind,
        namespace,
        name,
        generation = object.meta().generation.unwrap_or(0),
        reconcileId = %uuid::Uuid::new_v4().simple(),
    );
    let begun = context.clock.monotonic();
    let looking = async {
        let result = reconcile(Arc::clone(&object), Arc::clone(&context)).await;
        let word = match &result {
            Ok(_) => "success",
            Err(error) if error.is_conflict() => "conflict",
            Err(_) => "error",
        };
        match &result {
            Err(error) if !error.is_conflict() => tracing::warn!(%error, "look failed"),
            _ => tracing::debug!(result = word, "looked"),
        }
        (word, result)
    };
    let (word, result) = looking.instrument(span).await;
    context.metrics.reconciled(&kind, word, context.clock.monotonic() - begun);
    result
}

/// When to look again after a failure.
fn failed<K: Resource<DynamicType = ()>>(
    object: &Arc<Guarded<K>>,
    error: &Error,
    context: &Arc<Context>,
) -> Action {
    if error.is_conflict() {
        // Somebody was faster: read again.
        return context.again_after(Duration::from_millis(500));
    }
    let kind = K::kind(&()).into_owned();
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.again_after(context.failures.another(&kind, &namespace, &name).min(Duration::from_secs(30)))
}

fn app_changed(context: &Context, object: &Guarded<BrazeApp>, happened: Happened) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.wake.app(&namespace, &name);
    if context.heard.is_news_of_referent(object, happened) {
        for one in context.stores.destinations.all(&namespace, |one| one.spec.app_ref.name == name) {
            wake_with_run(context, &namespace, &one.name_any());
        }
    }
    if happened == Happened::Gone {
        context.tested.forget("BrazeApp", &namespace, &name);
        context.refusals.forget("BrazeApp", &namespace, &name);
        context.workspaces.forget(&namespace, &name);
        context.metrics.forget("BrazeApp", &namespace, &name);
    }
}

fn source_changed(context: &Context, object: &Guarded<Source>, happened: Happened) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.wake.source(&namespace, &name);
    if context.heard.is_news_of_referent(object, happened) {
        for one in context.stores.models.all(&namespace, |one| one.spec.source_ref.name == name) {
            context.wake.model(&namespace, &one.name_any());
            wake_users_of_model(context, &namespace, &one.name_any());
        }
    }
    if happened == Happened::Gone {
        context.tested.forget("Source", &namespace, &name);
        context.refusals.forget("Source", &namespace, &name);
        context.metrics.forget("Source", &namespace, &name);
    }
}

fn model_changed(context: &Context, object: &Guarded<Model>, happened: Happened) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.wake.model(&namespace, &name);
    if context.heard.is_news_of_referent(object, happened) {
        wake_users_of_model(context, &namespace, &name);
        let named = object.0.as_ref().ok().filter(|_| !may_name_others(object));
        // Each counts its Models, also one that is not named any more.
        for source in context.stores.sources.shared(&namespace) {
            if named.is_none_or(|one| one.spec.source_ref.name == source.name_any()) {
                context.wake.source(&namespace, &source.name_any());
            }
        }
    }
    if happened == Happened::Gone {
        context.tested.forget("Model", &namespace, &name);
        context.refusals.forget("Model", &namespace, &name);
        context.fits.forget_model(&namespace, &name);
        context.metrics.forget("Model", &namespace, &name);
    }
}

fn wake_users_of_model(context: &Context, namespace: &str, name: &str) {
    for one in context.stores.destinations.all(namespace, |one| one.spec.model_ref.name == name) {
        wake_with_run(context, namespace, &one.name_any());
    }
}

/// A Destination and its run in progress, which may send now what nobody wants any more.
fn wake_with_run(context: &Context, namespace: &str, destination: &str) {
    context.wake.destination(namespace, destination);
    let lane = Lane { namespace: namespace.to_owned(), destination: destination.to_owned() };
    if let Some(active) = context.registry.active(&lane) {
        context.wake.run(namespace, &active.run);
    }
}

/// Whether an object may have named others before: it was edited since it was made.
fn may_name_others<K: Resource<DynamicType = ()>>(object: &Guarded<K>) -> bool {
    object.meta().generation.is_none_or(|generation| generation > 1)
}

fn destination_changed(context: &Context, object: &Guarded<Destination>, happened: Happened) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.wake.destination(&namespace, &name);
    for run in context.stores.runs.all(&namespace, |run| run.spec.destination_ref.name == name) {
        context.wake.run(&namespace, &run.name_any());
    }
    if context.heard.is_edited(object, happened) {
        let named = object.0.as_ref().ok().filter(|_| !may_name_others(object));
        // Each counts its Destinations, also one that is not named any more.
        for app in context.stores.apps.shared(&namespace) {
            if named.is_none_or(|one| one.spec.app_ref.name == app.name_any()) {
                context.wake.app(&namespace, &app.name_any());
            }
        }
        for model in context.stores.models.shared(&namespace) {
            if named.is_none_or(|one| one.spec.model_ref.name == model.name_any()) {
                context.wake.model(&namespace, &model.name_any());
            }
        }
    }
    if happened == Happened::Gone {
        // Its siblings may be allowed now what they were not.
        for one in context.stores.destinations.all(&namespace, |_| true) {
            context.wake.destination(&namespace, &one.name_any());
        }
        context.stop_run_of(&namespace, &name);
        context.fits.forget_destination(&namespace, &name);
        context.refusals.forget("Destination", &namespace, &name);
        context.metrics.forget("Destination", &namespace, &name);
    }
}

fn run_changed(context: &Context, object: &Guarded<SyncRun>, happened: Happened) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    context.expected.seen(&namespace, &name);
    // Figures of a run that goes on wake nobody.
    if !context.heard.is_news_of_run(object, happened) {
        return;
    }
    context.wake.run(&namespace, &name);
    if happened == Happened::Gone {
        context.refusals.forget("SyncRun", &namespace, &name);
        context.metrics.forget("SyncRun", &namespace, &name);
    }
    if let Ok(run) = &object.0 {
        let destination = &run.spec.destination_ref.name;
        context.wake.destination(&namespace, destination);
        if happened == Happened::Gone {
            context.registry.ended_unseen(&run.uid().unwrap_or_default(), true);
            context.stop_run(&namespace, destination, &name, "the SyncRun was deleted");
            context.wake_waiting();
        }
    }
}

/// A labelled Secret or ConfigMap.
fn watched_changed(context: &Context, namespace: &str, name: &str, _: Happened) {
    let holds = |references: crate::cluster::References| {
        references.secrets.contains(name) || references.config_maps.contains(name)
    };
    for app in context.stores.apps.all(namespace, |app| holds(references_of_app(app))) {
        context.wake.app(namespace, &app.name_any());
    }
    for source in context.stores.sources.all(namespace, |source| holds(references_of_source(source))) {
        context.wake.source(namespace, &source.name_any());
    }
    for model in context.stores.models.all(namespace, |model| holds(references_of_model(model))) {
        context.wake.model(namespace, &model.name_any());
    }
}
