//! What stands in the way of a test, as a state of the object; and when to look again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::controller::Action;

use crate::api::Span;
use crate::cluster::ClusterError;
use crate::controller::checking::{self, Known};
use crate::controller::conditions::{self, Readiness, find};
use crate::controller::{Problem, Reason};

use super::context::Context;

/// The state that a problem makes.
pub fn of(problem: &Problem) -> Readiness {
    let message = format!("{}: {}", problem.field, problem.message);
    match problem.reason {
        Reason::DependencyNotReady => Readiness::Waiting { reason: "DependencyNotReady", message },
        reason => Readiness::Stalled { reason: reason.to_string(), message },
    }
}

/// The first of some problems, if there is one.
pub fn first(problems: &[Problem]) -> Result<(), Readiness> {
    if problems.is_empty() { Ok(()) } else { Err(worst(problems)) }
}

/// The state that several problems make: what only an edit helps comes first.
pub fn worst(problems: &[Problem]) -> Readiness {
    let lasting = problems.iter().find(|problem| problem.reason != Reason::DependencyNotReady);
    lasting.or_else(|| problems.first()).map_or_else(
        || Readiness::Stalled { reason: "InvalidSpec".to_owned(), message: "cannot be used".to_owned() },
        of,
    )
}

/// The state that an API server that does not give something makes.
pub fn unreached(error: &ClusterError) -> Readiness {
    Readiness::Waiting { reason: "DependencyNotReady", message: error.to_string() }
}

/// When to look at a tested object again.
pub fn again(
    context: &Context,
    kind: &str,
    meta: &ObjectMeta,
    known: &Known<'_>,
    interval: Option<&Span>,
) -> Action {
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let name = meta.name.as_deref().unwrap_or_default();
    let ready = find(known.conditions, "Ready");
    let generation = meta.generation.unwrap_or(0);
    match ready {
        Some(ready) if ready.status == "False" && ready.reason == "DependencyNotReady" => {
            context.again_after(checking::patience(known.conditions))
        }
        Some(ready) if ready.status != "True" && find(known.conditions, "Reconciling").is_some() => {
            let wait = context.failures.another(kind, namespace, name);
            let deadline = conditions::deadline(known.conditions, generation);
            let left = deadline.map(|at| std::time::Duration::try_from(at.duration_since(context.now())));
            match left {
                Some(Ok(left)) if left < wait => {
                    context.again_after(left + std::time::Duration::from_secs(1))
                }
                _ => context.again_after(wait),
            }
        }
        _ => {
            context.failures.clear(kind, namespace, name);
            context.again_at([checking::next(known, interval)])
        }
    }
}
