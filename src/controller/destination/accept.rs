//! Whether a Destination can run, as far as its objects tell without a connection. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::braze_app::PermissionState;
use crate::api::destination::SyncMode;
use crate::api::shared::Warning;
use crate::api::{BrazeApp, Destination, Model, Source};
use crate::controller::conditions::{Readiness, find};
use crate::controller::examine::fit::Fits;
use crate::controller::examine::permissions::{Needs, needed};
use crate::controller::execution::siblings::{Sibling, conflicts};
use crate::controller::problem::{Problem, Reason};
use crate::controller::sync_run::inputs::digest;
use crate::controller::{Objects, refuse_shared_state, refuse_unsupported, resolve};

/// A Destination with all that it refers to, as far as it is there.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// The Destination.
    pub destination: &'a Destination,
    /// Its BrazeApp.
    pub app: Option<&'a BrazeApp>,
    /// Its Model.
    pub model: Option<&'a Model>,
    /// The Source of its Model.
    pub source: Option<&'a Source>,
    /// All Destinations of the namespace, itself too.
    pub all: Vec<&'a Destination>,
    /// All BrazeApps of the namespace.
    pub apps: Vec<&'a BrazeApp>,
    /// Which of the former are there and cannot be read.
    pub unreadable: Unreadable,
}

/// Objects that are there and that this program cannot read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// The BrazeApp.
    pub app: bool,
    /// The Model.
    pub model: bool,
    /// The Source.
    pub source: bool,
}

/// What is said of an object that is not at hand.
pub fn missing(kind: &str, name: &str, is_unreadable: bool) -> String {
    match is_unreadable {
        true => format!("{kind} {name} cannot be read by this version of grouparoo; its own status says why"),
        false => format!("there is no {kind} {name}"),
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Why no run starts.
    pub blocked: Option<Readiness>,
    /// What is wrong although runs start.
    pub trouble: Option<Readiness>,
    /// Advice.
    pub warnings: Vec<Warning>,
    /// Digest of what is sent, when all objects are there.
    pub digest: Option<String>,
}

/// Looks at a Destination with all that it refers to. `fits`: what is known of the columns of its Model.
pub fn accept_with(around: &Around<'_>, fits: &Fits, now: Timestamp) -> Verdict {
    let mut verdict = accept(around);
    if verdict.blocked.is_none()
        && let (Some(model), Some(digest)) = (around.model, &verdict.digest)
    {
        verdict.blocked = unfit(&fits.misfits(around.destination, model, digest, now));
    }
    verdict
}

/// What does not fit, as a state.
fn unfit(problems: &[String]) -> Option<Readiness> {
    let first = problems.first()?;
    let is_expression = first.contains(".expression: ") || first.contains(".when: ");
    let reason = if is_expression { "InvalidExpression" } else { "InvalidSpec" };
    Some(Readiness::Stalled { reason: reason.to_owned(), message: problems.join("; ") })
}

/// Looks at a Destination with all that it refers to, but for the columns of its Model.
pub fn accept(around: &Around<'_>) -> Verdict {
    let Around { destination, app, model, source, .. } = *around;
    let (mut problems, advice) = resolve::check_destination(destination, model);
    problems.extend(beside(around));
    let mut verdict = Verdict { warnings: advice.iter().map(warning).collect(), ..Verdict::default() };
    verdict.warnings.extend(near(around));
    if let (Some(app), Some(model), Some(source)) = (app, model, source) {
        verdict.digest = Some(digest(&Objects { destination, app, model, source }));
    }
    verdict.blocked = invalid(&problems).or_else(|| referents(around)).or_else(|| withheld(around, true));
    verdict.trouble = withheld(around, false);
    verdict
}

/// Problems with other Destinations that are this one's.
fn beside(around: &Around<'_>) -> Vec<Problem> {
    let all = || around.all.iter().filter(|one| one.metadata.deletion_timestamp.is_none());
    let own = around.destination;
    // Of a thousand only those that may matter: the rules compare each with each.
    let of_app: Vec<&Destination> =
        all().filter(|one| one.spec.app_ref.name == own.spec.app_ref.name).copied().collect();
    let of_state: Vec<&Destination> =
        all().filter(|one| state_name(one) == state_name(own)).copied().collect();
    let mut problems =
        if own.spec.sync_mode == SyncMode::Sync { refuse_unsupported(&of_app) } else { Vec::new() };
    problems.extend(refuse_shared_state(&of_state));
    let name = around.destination.name_any();
    problems.retain(|problem| problem.kind == "Destination" && problem.name == name);
    problems
}

fn state_name(destination: &Destination) -> Option<&str> {
    destination.spec.state_name.as_deref().or(destination.metadata.name.as_deref())
}

fn invalid(problems: &[Problem]) -> Option<Readiness> {
    let first = problems.first()?;
    let more = match problems.len() - 1 {
        0 => String::new(),
        1 => " (and one more problem)".to_owned(),
        more => format!(" (and {more} more problems)"),
    };
    let message = format!("{}: {}{more}", first.field, first.message);
    Some(match first.reason {
        Reason::DependencyNotReady => Readiness::Waiting { reason: "DependencyNotReady", message },
        reason => Readiness::Stalled { reason: reason.to_string(), message },
    })
}

/// Whether what it refers to is there and ready.
fn referents(around: &Around<'_>) -> Option<Readiness> {
    let spec = &around.destination.spec;
    let (app, model) = (&spec.app_ref.name, &spec.model_ref.name);
    let waits = |message: String| Some(Readiness::Waiting { reason: "DependencyNotReady", message });
    let unreadable = around.unreadable;
    let Some(braze) = around.app else { return waits(missing("BrazeApp", app, unreadable.app)) };
    let Some(rows) = around.model else { return waits(missing("Model", model, unreadable.model)) };
    if around.source.is_none() {
        let source = missing("Source", &rows.spec.source_ref.name, unreadable.source);
        return waits(format!("{source}; Model {model} names it"));
    }
    let status = braze.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    let unready_app = unready("BrazeApp", app, braze.metadata.generation, conditions);
    if unready_app.is_some() {
        return unready_app;
    }
    let conditions = rows.status.as_ref().and_then(|status| status.conditions.as_deref());
    unready("Model", model, rows.metadata.generation, conditions)
}

type Conditions<'a> = Option<&'a [k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]>;

fn unready(kind: &str, name: &str, generation: Option<i64>, conditions: Conditions<'_>) -> Option<Readiness> {
    match find(conditions.unwrap_or_default(), "Ready") {
        Some(ready) if ready.status == "True" && ready.observed_generation == generation => None,
        Some(ready) if ready.status == "False" && ready.observed_generation == generation => {
            let message = format!("{kind} {name} is not ready: {}: {}", ready.reason, ready.message);
            Some(Readiness::Waiting { reason: "DependencyNotReady", message })
        }
        _ => Some(Readiness::Progressing { message: format!("{kind} {name} is being checked") }),
    }
}

/// A permission that the key lacks: one without which nothing can be done, or any.
fn withheld(around: &Around<'_>, blocking: bool) -> Option<Readiness> {
    let app = around.app?;
    let needs = Needs::of(around.destination);
    let permissions = app.status.as_ref()?.permissions.as_deref().unwrap_or_default();
    let lacks =
        |name: &str| permissions.iter().any(|one| one.name == name && one.state == PermissionState::Missing);
    let missing = needed(std::iter::once(needs))
        .into_iter()
        .find(|permission| lacks(permission.name) && (permission.blocks || !blocking))?;
    let message = format!(
        "the API key of BrazeApp {} lacks the permission {}: {}; permissions of a key cannot be changed, so make a \
         new one",
        app.name_any(),
        missing.name,
        missing.otherwise
    );
    Some(Readiness::Stalled { reason: "PermissionMissing".to_owned(), message })
}

fn warning(advice: &crate::controller::Advice) -> Warning {
    Warning {
        code: advice.code.to_owned(),
        field: Some(advice.field.clone()),
        message: advice.message.clone(),
    }
}

/// What other Destinations of the workspace write too (semantics 2.4).
fn near(around: &Around<'_>) -> Vec<Warning> {
    let siblings = siblings(around);
    let Some(own) = siblings.iter().find(|one| one.destination == around.destination.name_any()) else {
        return Vec::new();
    };
    let found = conflicts(own, &siblings).into_iter();
    found.map(|one| Warning { code: one.code, field: Some(one.field), message: one.message }).collect()
}

/// The Destinations of the workspace as they stand to each other, itself too.
fn siblings(around: &Around<'_>) -> Vec<Sibling> {
    let Some(own) = around.app else { return Vec::new() };
    let workspace = workspace(own);
    let apps: HashMap<&str, &BrazeApp> = around
        .apps
        .iter()
        .filter(|app| self::workspace(app) == workspace)
        .filter_map(|app| Some((app.metadata.name.as_deref()?, *app)))
        .collect();
    let app_of = |one: &Destination| apps.get(one.spec.app_ref.name.as_str()).copied();
    around.all.iter().filter_map(|one| Some(Sibling::of(one, app_of(one)?))).collect()
}

/// The name of a workspace within its namespace.
fn workspace(app: &BrazeApp) -> Option<&str> {
    app.spec.workspace.as_deref().or(app.metadata.name.as_deref())
}
