//! The way of a request to the API: faults, key, ceilings, form, endpoint, journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::auth::{self, Denied, Permissions};
use crate::endpoint::{Endpoint, Family};
use crate::faults::{Effect, Faults, Hit};
use crate::journal::{Entry, Journal};
use crate::limits::{self, Limiter};
use crate::options::Options;
use crate::store::Store;
use crate::wire::{Answer, Call, End};
use crate::{campaigns, delete, export, subscription, track};

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) blocked: BTreeSet<String>,
    pub(crate) keys: RwLock<BTreeMap<String, Permissions>>,
    pub(crate) refused: RwLock<BTreeMap<String, String>>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) limiter: Mutex<Limiter>,
    pub(crate) journal: Journal,
    pub(crate) ca_pem: Option<String>,
    store: Mutex<Store>,
    /// How far time was moved ahead of the clock.
    ahead: Mutex<SignedDuration>,
}

/// What an endpoint did.
#[derive(Debug)]
pub(crate) struct Handled {
    pub(crate) answer: Answer,
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
    pub(crate) points: u64,
}

impl Handled {
    /// An answer to which nothing was changed, or one that is still to be counted.
    pub(crate) fn read(answer: Answer) -> Self {
        Self { answer, accepted: 0, refused: 0, points: 0 }
    }

    /// An answer that refuses the whole request.
    pub(crate) fn refused(answer: Answer) -> Self {
        Self::read(answer)
    }
}

/// The answer to a body that is no JSON.
pub(crate) fn broken_json() -> Answer {
    let text = "Error while parsing request body. Please check your syntax.";
    Answer::json(StatusCode::BAD_REQUEST, &json!({"error": text, "message": text}))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of one request shall not take the others with it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(options: Options, ca_pem: Option<String>) -> Self {
        Self {
            blocked: options.blocked.iter().cloned().collect(),
            keys: RwLock::new(options.keys.clone()),
            refused: RwLock::new(options.refused.clone()),
            faults: Mutex::new(Faults::new(options.faults.clone(), options.seed)),
            limiter: Mutex::default(),
            journal: Journal::new(options.journal_limit, options.journal_bytes),
            ca_pem,
            store: Mutex::new(Store::new(&options)),
            ahead: Mutex::default(),
            options,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.options.clock.now().saturating_add(*lock(&self.ahead)).unwrap_or(Timestamp::MAX)
    }

    /// Moves the sandbox's time forward, without waiting.
    pub(crate) fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut ahead = lock(&self.ahead);
        *ahead = ahead.saturating_add(by);
    }

    /// The store at this time: what is due has happened.
    pub(crate) fn store(&self) -> (MutexGuard<'_, Store>, Timestamp) {
        let mut store = lock(&self.store);
        // After the lock: two requests shall not see time go backwards.
        let now = self.now();
        store.settle(now);
        (store, now)
    }

    /// Answers a request to the API.
    pub(crate) async fn answer(&self, call: Call) -> Answer {
        self.journal.arrive();
        let at = self.now();
        let hit = lock(&self.faults).strike(&call.path);
        self.options.clock.sleep_if(hit.before).await;
        let mut handled = match hit.effect {
            Some(Effect::Reset) => Handled::read(Answer::reset()),
            Some(Effect::Status(status)) => Handled::read(self.injected(status, &call)),
            _ => self.work(&call),
        };
        self.spoil(&hit, &call, &mut handled);
        self.options.clock.sleep_if(hit.after).await;
        let Handled { answer, accepted, refused, points } = handled;
        tracing::debug!(method = %call.method, path = %call.path, status = answer.status.as_u16(), accepted, refused);
        self.journal.record(Entry {
            number: 0,
            at,
            answered_at: self.now(),
            endpoint: Endpoint::find(&call.method, &call.path),
            method: call.method,
            path: call.path,
            query: call.query,
            headers: call.headers,
            body: call.body,
            status: (answer.end != End::Reset).then(|| answer.status.as_u16()),
            answer: answer.body.clone(),
            fault: hit.name,
            accepted,
            refused,
            data_points: points,
        });
        answer
    }

    /// The answer of a fault in place of the work.
    fn injected(&self, status: u16, call: &Call) -> Answer {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match status {
            StatusCode::UNAUTHORIZED => unauthorized(&auth::key(&call.headers)),
            StatusCode::FORBIDDEN => forbidden(call),
            StatusCode::TOO_MANY_REQUESTS => {
                let rate = &self.options.rate;
                let limit = match Endpoint::find(&call.method, &call.path).map(Endpoint::family) {
                    Some(Family::Track) => rate.track_burst.unwrap_or(rate.track),
                    Some(Family::Delete) => rate.delete,
                    Some(Family::Export) => rate.export,
                    _ => rate.default,
                };
                too_many(limits::refusal_headers(rate, limit, self.now()))
            }
            other => Answer::message(other, other.canonical_reason().unwrap_or("error")),
        }
    }

    /// Spoils the answer to a request whose work is done.
    fn spoil(&self, hit: &Hit, call: &Call, handled: &mut Handled) {
        let answer = &mut handled.answer;
        match hit.effect {
            Some(Effect::StatusAfter(status)) => *answer = self.injected(status, call),
            Some(Effect::ResetAfter) => *answer = Answer::reset(),
            Some(Effect::Cut) => answer.end = End::Cut,
            Some(Effect::Garbage) => answer.body = Bytes::from_static(b"<html>upstream \xff</html>"),
            Some(Effect::Queued) if answer.status.is_success() => {
                *answer = Answer::message(StatusCode::ACCEPTED, "queued");
            }
            Some(Effect::StrayErrors) if answer.status.is_success() => {
                let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                body["errors"] = json!([
                    {"type": "something went wrong", "input_array": "attributes", "index": 1_000},
                    {"type": "something else went wrong"},
                    "and more",
                ]);
                *answer = Answer { headers: answer.headers.clone(), ..Answer::json(answer.status, &body) };
            }
            _ => {}
        }
    }

    /// Key, ceilings, form, endpoint.
    fn work(&self, call: &Call) -> Handled {
        let Some(endpoint) = Endpoint::find(&call.method, &call.path) else {
            return Handled::refused(Answer::message(StatusCode::NOT_FOUND, "Invalid URL"));
        };
        let checked = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            auth::check(&keys, &call.headers, endpoint.permission())
        };
        match checked {
            Err(Denied::Unknown(key)) => return Handled::refused(unauthorized(&key)),
            Err(Denied::Missing) => return Handled::refused(forbidden(call)),
            Ok(()) => {}
        }
        let form = self.form(endpoint, call);
        // Read before the ceiling: which one counts depends on the body.
        let export = match (&form, endpoint) {
            (Ok(()), Endpoint::ExportIds) => Some(serde_json::from_slice::<export::Body>(&call.body)),
            _ => None,
        };
        let light = matches!(&export, Some(Ok(body)) if body.is_light());
        let verdict = lock(&self.limiter).take(&self.options.rate, endpoint.family(), light, self.now());
        if !verdict.passed {
            return Handled::refused(too_many(verdict.headers));
        }
        let mut handled = match (form, export) {
            (Err(answer), _) => Handled::refused(answer),
            (Ok(()), Some(Ok(body))) => export::handle(&body, &self.store().0, &self.options),
            (Ok(()), Some(Err(error))) => Handled::refused(bad_body(&error)),
            (Ok(()), None) => self.dispatch(endpoint, call),
        };
        handled.answer.headers.extend(verdict.headers);
        handled
    }

    fn form(&self, endpoint: Endpoint, call: &Call) -> Result<(), Answer> {
        if !endpoint.is_post() {
            return Ok(());
        }
        let kind = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let text = "Content-Type must be application/json";
            return Err(Answer::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        if call.too_long {
            return Err(Answer::message(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large"));
        }
        Ok(())
    }

    fn dispatch(&self, endpoint: Endpoint, call: &Call) -> Handled {
        let query = call.query.as_deref().unwrap_or_default();
        match endpoint {
            Endpoint::Track => self.track(&call.body),
            Endpoint::Delete => match serde_json::from_slice(&call.body) {
                Ok(body) => {
                    let (mut store, now) = self.store();
                    delete::handle(body, &mut store, &self.options, now)
                }
                Err(error) => Handled::refused(bad_body(&error)),
            },
            Endpoint::SubscriptionStatus => {
                let (store, now) = self.store();
                subscription::status(query, &store, now)
            }
            Endpoint::UserSubscriptions => {
                let (store, now) = self.store();
                subscription::user(query, &store, now)
            }
            Endpoint::Campaigns => campaigns::handle(query, &self.options.campaigns),
            Endpoint::ExportIds => Handled::refused(broken_json()),
        }
    }

    fn track(&self, bytes: &Bytes) -> Handled {
        if self.options.counting_sink {
            return track::count(bytes, &self.options);
        }
        let body = match track::Body::read(bytes) {
            Ok(body) => body,
            Err(answer) => return Handled::refused(answer),
        };
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        let rules = track::Rules {
            refused: &refused,
            blocked: &self.blocked,
            app_ids: self.options.app_ids.as_deref(),
            strict: self.options.strict,
            style: self.options.error_style,
            ceiling: self.options.ceiling,
        };
        let (mut store, now) = self.store();
        track::handle(body, &rules, &mut store, &self.options, now)
    }
}

/// Sleeping only where there is something to sleep for.
trait SleepIf {
    async fn sleep_if(&self, span: Duration);
}

impl SleepIf for grouparoo_clock::Clock {
    async fn sleep_if(&self, span: Duration) {
        if !span.is_zero() {
            self.sleep(span).await;
        }
    }
}

fn unauthorized(key: &str) -> Answer {
    Answer::message(StatusCode::UNAUTHORIZED, &format!("Invalid API key: {key}"))
}

fn forbidden(call: &Call) -> Answer {
    let permission = Endpoint::find(&call.method, &call.path).map_or("", Endpoint::permission);
    Answer::message(StatusCode::FORBIDDEN, &format!("Access Denied: the API key lacks '{permission}'"))
}

fn too_many(headers: Vec<(HeaderName, HeaderValue)>) -> Answer {
    let mut answer = Answer::message(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded");
    answer.headers.extend(headers);
    answer
}

fn bad_body(error: &serde_json::Error) -> Answer {
    match error.classify() {
        serde_json::error::Category::Data => {
            Answer::message(StatusCode::BAD_REQUEST, "Bad Request: a field of the body has the wrong type")
        }
        _ => broken_json(),
    }
}
