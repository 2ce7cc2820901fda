//! When a connection or a Model is tested again. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};

use crate::api::braze_app::BrazeAppStatus;
use crate::api::model::ModelStatus;
use crate::api::source::SourceStatus;
use crate::api::{RECONCILE_AT_ANNOTATION, REQUESTED_AT_ANNOTATION, Span};

use super::conditions::{self, Marks, Readiness, find};

/// Time between two tests that no event asks for.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Wait for something that may come at any moment.
const SOON: Duration = Duration::from_secs(5);
/// Wait for something that did not come for long.
const LATER: Duration = Duration::from_secs(60);
/// So far ahead of the clock can the end of a run be dated, which is a second later than that of the run before it.
const AHEAD: SignedDuration = SignedDuration::from_secs(10);
/// Most letters of an echo.
const ECHO: usize = 256;

/// What the status of a tested object remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Generation of the last look.
    pub observed: Option<i64>,
    /// Conditions.
    pub conditions: &'a [Condition],
    /// End of the last test.
    pub checked: Option<Timestamp>,
    /// Echo of the annotation of our own.
    pub requested: Option<&'a str>,
    /// Echo of Flux's.
    pub reconciled: Option<&'a str>,
}

/// Statuses of objects that are tested.
pub trait TestedStatus {
    /// What is remembered.
    fn known(&self) -> Known<'_>;

    /// The status after a look that found this state.
    fn looked(&self, meta: &ObjectMeta, readiness: &Readiness, now: Timestamp) -> Self;
}

macro_rules! tested_status {
    ($($status:ty),+) => {
        $(impl TestedStatus for $status {
            fn known(&self) -> Known<'_> {
                Known {
                    observed: self.observed_generation,
                    conditions: self.conditions.as_deref().unwrap_or_default(),
                    checked: self.last_check_time.as_ref().map(|time| time.0),
                    requested: self.last_handled_request_at.as_deref(),
                    reconciled: self.last_handled_reconcile_at.as_deref(),
                }
            }

            fn looked(&self, meta: &ObjectMeta, readiness: &Readiness, now: Timestamp) -> Self {
                let generation = meta.generation.unwrap_or(0);
                let previous = self.conditions.as_deref().unwrap_or_default();
                let (requested, reconciled) = echoes(meta);
                Self {
                    observed_generation: Some(generation),
                    conditions: Some(conditions::next(previous, readiness, &Marks::default(), generation, now)),
                    last_handled_request_at: requested.or(self.last_handled_request_at.clone()),
                    last_handled_reconcile_at: reconciled.or(self.last_handled_reconcile_at.clone()),
                    ..self.clone()
                }
            }
        })+
    };
}

tested_status!(BrazeAppStatus, SourceStatus, ModelStatus);

/// What is present.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The object's metadata.
    pub meta: &'a ObjectMeta,
    /// `spec.checkInterval`.
    pub interval: Option<&'a Span>,
    /// A watched Secret or ConfigMap is another one than at the last test.
    pub moved: bool,
    /// The time.
    pub now: Timestamp,
}

/// Echoes of the request annotations as they are to be written.
fn echoes(meta: &ObjectMeta) -> (Option<String>, Option<String>) {
    (token(meta, REQUESTED_AT_ANNOTATION), token(meta, RECONCILE_AT_ANNOTATION))
}

fn token(meta: &ObjectMeta, annotation: &str) -> Option<String> {
    let text = meta.annotations.as_ref()?.get(annotation)?;
    Some(text.chars().take(ECHO).collect::<String>()).filter(|text| !text.is_empty())
}

/// Whether a test is due.
pub fn is_due(known: &Known<'_>, present: &Present<'_>) -> bool {
    let (requested, reconciled) = echoes(present.meta);
    known.observed != present.meta.generation
        || known.checked.is_none()
        || waits(known)
        || requested.is_some_and(|token| Some(token.as_str()) != known.requested)
        || reconciled.is_some_and(|token| Some(token.as_str()) != known.reconciled)
        || present.moved
        || next(known, present.interval).is_none_or(|next| next <= present.now)
}

/// Whether the last look found something that may pass by itself.
fn waits(known: &Known<'_>) -> bool {
    find(known.conditions, "Ready").is_none_or(|ready| {
        ready.status != "True"
            && matches!(
                ready.reason.as_str(),
                "Progressing" | "DependencyNotReady" | "EndpointUnreachable" | "QueryFailed"
            )
    })
}

/// When the next regular test is due.
pub fn next(known: &Known<'_>, interval: Option<&Span>) -> Option<Timestamp> {
    let interval = interval.and_then(Span::duration).unwrap_or(INTERVAL);
    known.checked?.checked_add(SignedDuration::try_from(interval).ok()?).ok()
}

/// How long to wait for what is missing: any order of applying objects works within seconds.
pub fn patience(conditions: &[Condition]) -> Duration {
    if find(conditions, "Stalled").is_some() { LATER } else { SOON }
}

/// The time of a test that ends now: not before the end of the run that asked for it, nor before the test before it.
/// What lies far ahead comes from a clock that was set back.
pub fn time_of_test(now: Timestamp, since: Option<Timestamp>, last: Option<&Time>) -> Timestamp {
    let known = [since, last.map(|last| last.0)].into_iter().flatten();
    known.filter(|known| *known <= now + AHEAD).fold(now, Timestamp::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// conventions 1: a test that a refused run asked for is newer than the run, and the next one is newer still
    #[test]
    fn the_times_of_tests_never_go_back() {
        let at =
            |second: &str| -> Timestamp { format!("2026-03-01T12:00:{second}Z").parse().expect("a time") };
        let last = |second: &str| Some(Time(at(second)));
        assert_eq!(time_of_test(at("10"), None, None), at("10"));
        assert_eq!(
            time_of_test(at("10"), Some(at("11")), last("09").as_ref()),
            at("11"),
            "the run ended later"
        );
        assert_eq!(
            time_of_test(at("10"), None, last("11").as_ref()),
            at("11"),
            "asked for again in the second"
        );
        assert_eq!(time_of_test(at("10"), Some(at("09")), last("08").as_ref()), at("10"));
        assert_eq!(time_of_test(at("10"), None, last("50").as_ref()), at("10"), "the clock was set back");
    }
}
