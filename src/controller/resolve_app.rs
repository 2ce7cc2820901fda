//! A BrazeApp with its Secrets.

use std::time::Duration;

use kube::ResourceExt;
use secrecy::SecretString;

use crate::api::braze_app::AppLimits;
use crate::api::shared::CaRef;
use crate::api::{BrazeApp, Lookup, Span};
use crate::braze::{BrazeConfig, Limits};
use crate::sync::job::App;

use super::problem::{Findings, Problem};

/// The workspace that a BrazeApp describes, or everything that is wrong with it.
pub fn resolve_app(app: &BrazeApp, lookup: &dyn Lookup) -> Result<App, Vec<Problem>> {
    let mut findings = Findings::of("BrazeApp", app);
    match resolve(app, lookup, &mut findings) {
        Some(resolved) if findings.problems.is_empty() => Ok(resolved),
        _ => Err(findings.problems),
    }
}

fn resolve(app: &BrazeApp, lookup: &dyn Lookup, findings: &mut Findings) -> Option<App> {
    let spec = &app.spec;
    let endpoint = findings.take("spec", spec.endpoint()).map(str::to_owned);
    let key = api_key(app, lookup, findings);
    let extra_ca = match &spec.tls {
        None => Some(None),
        Some(tls) => match findings.take("spec.tls", tls.ca())? {
            None => Some(None),
            Some(CaRef::Secret(key)) => {
                findings.secret("spec.tls.caSecretRef", key, lookup).map(|text| Some(text.to_string()))
            }
            Some(CaRef::ConfigMap(key)) => {
                findings.config_map("spec.tls.caConfigMapRef", key, lookup).map(Some)
            }
        },
    };
    let limits = spec.limits.clone().unwrap_or_default();
    let span = |findings: &mut Findings, span: Option<&Span>, field: &str, default: u64| {
        findings.take("spec.limits", Span::or(span, field, Duration::from_secs(default)))
    };
    let settle = span(findings, limits.settle.as_ref(), "settle", 10);
    let retry_for = span(findings, limits.retry_for.as_ref(), "retryFor", 15 * 60);
    let limits = ceilings(&limits, retry_for?);
    Some(App {
        name: app.name_any(),
        workspace: spec.workspace.clone(),
        braze: BrazeConfig { endpoint: endpoint?, key: key?, extra_ca: extra_ca?, limits, guard: None },
        settle: settle?,
    })
}

/// Ceilings with their defaults; the schema keeps the numbers within their ranges.
fn ceilings(limits: &AppLimits, retry_for: Duration) -> Limits {
    let size = |value: Option<i32>, default: usize| {
        value.and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
    };
    Limits {
        objects_per_request: size(limits.objects_per_request, 75),
        requests_per_second: limits.requests_per_second.and_then(|value| u32::try_from(value).ok()),
        max_in_flight: size(limits.max_in_flight, 64),
        retry_for,
    }
}

fn api_key(app: &BrazeApp, lookup: &dyn Lookup, findings: &mut Findings) -> Option<SecretString> {
    let field = "spec.apiKeySecretRef";
    let reference = &app.spec.api_key_secret_ref;
    let text = findings.secret(field, reference, lookup)?;
    // Such a key cannot be sent in a header; Braze's own have none of these.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        findings.invalid(
            format!("{field}.key"),
            format!(
                "key {} of Secret {} is no Braze API key: it has spaces, line ends or other characters that a \
                 key never has",
                reference.key, reference.name
            ),
        );
        return None;
    }
    Some(SecretString::from(text.as_str()))
}
