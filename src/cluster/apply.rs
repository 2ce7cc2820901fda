//! The one place that writes the status of our objects.

use std::borrow::Cow;
use std::fmt::Debug;

use grouparoo_clock::Clock;
use kube::api::{ApiResource, DynamicObject};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ClusterError;
use super::bounded::{CALL_LIMIT, bounded};

/// The name under which the operator owns fields.
pub const FIELD_MANAGER: &str = "grouparoo";

/// All that is sent: without metadata, so that no field of it is ever ours.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct StatusApply<'a, S> {
    api_version: Cow<'a, str>,
    kind: Cow<'a, str>,
    status: &'a S,
}

/// Makes the status of an object this one, whole: a field that is left out is given up. Server-side apply on
/// `/status`, by force, under [`FIELD_MANAGER`]; returns the object as it is then.
///
/// It writes always: ask [`differs`] first.
///
/// # Errors
/// [`ClusterError::NotFound`] when the object is gone, which is no fault; [`ClusterError::Unreadable`] when the
/// status was written and the object as a whole cannot be read as `K`; and what any call may meet.
pub async fn apply_status<K, S>(
    api: &Api<K>,
    clock: &Clock,
    name: &str,
    status: &S,
) -> Result<K, ClusterError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    S: Serialize + Debug,
{
    let kind = K::kind(&());
    let what = format!("{kind} {name}");
    let body = StatusApply { api_version: K::api_version(&()), kind, status };
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(&body);
    let call = api.patch_status(name, &parameters, &patch);
    bounded(clock, CALL_LIMIT, "apply the status of", &what, call).await
}

/// The same for an object that cannot be read as its kind.
///
/// # Errors
/// As [`apply_status`].
pub async fn apply_dynamic_status(
    api: &Api<DynamicObject>,
    clock: &Clock,
    kind: &ApiResource,
    name: &str,
    status: &serde_json::Value,
) -> Result<(), ClusterError> {
    let what = format!("{} {name}", kind.kind);
    let body = StatusApply {
        api_version: kind.api_version.as_str().into(),
        kind: kind.kind.as_str().into(),
        status,
    };
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(&body);
    let call = api.patch_status(name, &parameters, &patch);
    bounded(clock, CALL_LIMIT, "apply the status of", &what, call).await.map(|_| ())
}

/// Whether a status says something else than the one before, in any field: a time alone counts too, so a caller
/// that would not write for a time takes over the old one first.
pub fn differs<S: Serialize>(old: Option<&S>, new: &S) -> bool {
    let Some(old) = old else { return true };
    match (serde_json::to_value(old), serde_json::to_value(new)) {
        (Ok(old), Ok(new)) => old != new,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{Method, StatusCode};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::core::DeserializeGuard;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::BrazeApp;
    use crate::api::braze_app::BrazeAppStatus;
    use crate::cluster::testing::{Answer, Server, noon};

    fn app(status: Value) -> Value {
        json!({
            "apiVersion": "grouparoo.io/v1alpha1", "kind": "BrazeApp",
            "metadata": { "name": "eu", "namespace": "crm" },
            "spec": { "instance": "EU-01", "apiKeySecretRef": { "name": "k", "key": "k" } },
            "status": status,
        })
    }

    fn status() -> BrazeAppStatus {
        BrazeAppStatus { observed_generation: Some(3), ..Default::default() }
    }

    /// conventions 2: through /status alone, by server-side apply with one manager, force on, and no metadata
    #[tokio::test]
    async fn a_status_is_one_forced_apply_on_the_subresource() {
        let server = Server::new(|_| Answer::json(StatusCode::OK, &app(json!({ "observedGeneration": 3 }))));
        let api: Api<BrazeApp> = Api::namespaced(server.client(), "crm");
        let written = apply_status(&api, &Clock::manual(noon()), "eu", &status()).await.expect("an answer");
        assert_eq!(written.status.and_then(|status| status.observed_generation), Some(3));
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].method, Method::PATCH);
        assert_eq!(seen[0].path, "/apis/grouparoo.io/v1alpha1/namespaces/crm/brazeapps/eu/status");
        let mut query: Vec<&str> = seen[0].query.split('&').filter(|part| !part.is_empty()).collect();
        query.sort_unstable();
        assert_eq!(query, ["fieldManager=grouparoo", "force=true"]);
        assert_eq!(seen[0].content_type, "application/apply-patch+yaml");
        let body: Value = serde_json::from_slice(&seen[0].body).expect("JSON");
        let wanted = json!({
            "apiVersion": "grouparoo.io/v1alpha1", "kind": "BrazeApp", "status": { "observedGeneration": 3 },
        });
        assert_eq!(body, wanted);
    }

    #[tokio::test]
    async fn an_object_that_is_gone_is_an_outcome_of_its_own() {
        let server = Server::new(|_| Answer::status(StatusCode::NOT_FOUND, "NotFound"));
        let api: Api<BrazeApp> = Api::namespaced(server.client(), "crm");
        let error = apply_status(&api, &Clock::manual(noon()), "eu", &status()).await.expect_err("gone");
        assert!(error.is_not_found(), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_waited_for_ten_seconds() {
        let server = Server::new(|_| Answer::Never);
        let clock = Clock::manual(noon());
        let api: Api<BrazeApp> = Api::namespaced(server.client(), "crm");
        let status = status();
        let call = apply_status(&api, &clock, "eu", &status);
        let error = server.drive(&clock, Duration::from_millis(500), call).await.expect_err("no answer");
        assert!(matches!(error, ClusterError::TimedOut { .. }), "{error}");
        assert_eq!(clock.monotonic(), Duration::from_secs(10));
    }

    #[tokio::test]
    async fn the_status_of_an_object_that_cannot_be_read_is_written_through_a_guard() {
        let mut broken = app(json!({}));
        broken["spec"] = json!({ "instance": 7 });
        let server = Server::new(move |_| Answer::json(StatusCode::OK, &broken));
        let api: Api<DeserializeGuard<BrazeApp>> = Api::namespaced(server.client(), "crm");
        let written = apply_status(&api, &Clock::manual(noon()), "eu", &status()).await.expect("an answer");
        assert!(written.0.is_err());
        assert_eq!(server.seen()[0].path, "/apis/grouparoo.io/v1alpha1/namespaces/crm/brazeapps/eu/status");
    }

    #[test]
    fn any_field_that_changed_is_a_difference_and_nothing_else_is() {
        assert!(differs(None, &status()));
        assert!(!differs(Some(&status()), &status()));
        let counted = BrazeAppStatus { destinations: Some(1), ..status() };
        assert!(differs(Some(&status()), &counted) && differs(Some(&counted), &status()));
        let timed = BrazeAppStatus { last_check_time: Some(Time(noon())), ..status() };
        assert!(differs(Some(&status()), &timed));
    }
}
