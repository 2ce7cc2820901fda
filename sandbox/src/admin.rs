//! The administrator's calls: the content as JSON, and everything that a test or a demo changes at run time.
//!
//! They need no key, are not journalled, and count against no ceiling.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::auth::Permissions;
use crate::faults::{FaultRule, parse_span};
use crate::journal::Entry;
use crate::service::{Shared, lock};
use crate::store::{By, Group, GroupState, Identifier, User};
use crate::wire::{Answer, Call, decode, pairs};

/// Whether a path belongs to the administration.
pub(crate) fn is_admin(path: &str) -> bool {
    path == "/admin" || path.starts_with("/admin/")
}

/// Why a call is refused.
struct Refused(StatusCode, String);

impl Refused {
    fn bad(message: impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, message.to_string())
    }
}

/// Answers a call.
pub(crate) fn answer(shared: &Shared, call: &Call) -> Answer {
    match act(shared, call) {
        Ok(answer) => answer,
        Err(Refused(status, message)) => Answer::message(status, &message),
    }
}

fn act(shared: &Shared, call: &Call) -> Result<Answer, Refused> {
    let path = call.path.trim_start_matches("/admin").trim_matches('/');
    let parameters = pairs(call.query.as_deref().unwrap_or_default());
    match (call.method.as_str(), path) {
        ("GET", "") => Ok(shown(&json!({"calls": CALLS}))),
        ("GET", "users") => Ok(users(shared, &parameters)),
        ("GET", path) if path.starts_with("users/") => {
            user(shared, &decode(path.trim_start_matches("users/")))
        }
        ("GET", "subscriptions") => {
            let (store, now) = shared.store();
            Ok(shown(&json!({"subscriptions": store.subscriptions(now).collect::<Vec<_>>()})))
        }
        ("POST", "opt-out") => decide(shared, call, GroupState::Unsubscribed),
        ("POST", "opt-in") => decide(shared, call, GroupState::Subscribed),
        ("GET", "groups") => Ok(shown(&json!({"groups": shared.store().0.groups().collect::<Vec<_>>()}))),
        ("POST", "groups") => {
            let group: Group = body(call)?;
            if uuid::Uuid::parse_str(&group.id).is_err() {
                return Err(Refused::bad("the id of a group is a UUID"));
            }
            shared.store().0.add_group(group);
            done(call)
        }
        ("GET", "journal") => {
            let most = number(&parameters, "limit", 1_000);
            let entries = shared.journal.entries();
            let newest: Vec<Value> = entries.iter().rev().take(most).map(entry).collect();
            Ok(shown(&json!({"totals": totals(shared), "requests": newest})))
        }
        ("DELETE", "journal") | ("POST", "journal/clear") => {
            shared.journal.clear();
            done(call)
        }
        ("GET", "swallowed") => Ok(shown(&json!({"swallowed": shared.store().0.swallowed()}))),
        ("GET", "faults") => {
            let rules = lock(&shared.faults).rules();
            Ok(shown(&json!({"rules": rules.iter().map(ToString::to_string).collect::<Vec<_>>()})))
        }
        ("PUT" | "POST", "faults") => {
            let sent: Rules = body(call)?;
            let rules: Vec<FaultRule> = sent
                .rules
                .iter()
                .chain(&sent.rule)
                .map(|rule| rule.parse())
                .collect::<Result<_, _>>()
                .map_err(Refused::bad)?;
            let mut faults = lock(&shared.faults);
            match call.method.as_str() {
                "PUT" => faults.set(rules),
                _ => rules.into_iter().for_each(|rule| faults.add(rule)),
            }
            drop(faults);
            done(call)
        }
        ("DELETE", "faults") | ("POST", "faults/clear") => {
            lock(&shared.faults).set(Vec::new());
            done(call)
        }
        ("GET", "refused") => Ok(shown(&*shared.refused.read().unwrap_or_else(PoisonError::into_inner))),
        ("PUT", "refused") => {
            let refused: BTreeMap<String, String> = body(call)?;
            *shared.refused.write().unwrap_or_else(PoisonError::into_inner) = refused;
            done(call)
        }
        ("PUT", "keys") => {
            let keys: BTreeMap<String, Option<Vec<String>>> = body(call)?;
            let permissions = |names: Option<Vec<String>>| names.map_or(Permissions::All, Permissions::only);
            let keys = keys.into_iter().map(|(key, names)| (key, permissions(names))).collect();
            *shared.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
            done(call)
        }
        ("GET", "state") => {
            let (store, now) = shared.store();
            Ok(shown(&store.dump(now)))
        }
        ("PUT", "state") => {
            let dump = body(call)?;
            shared.store().0.load(dump).map_err(Refused::bad)?;
            done(call)
        }
        ("GET", "clock") => Ok(clock(shared)),
        ("POST", "clock") => {
            let sent: Advance = body(call)?;
            let by = parse_span(&sent.advance)
                .ok_or_else(|| Refused::bad("'advance' is a span such as 90s or 2h 30m"))?;
            shared.advance(by);
            Ok(clock(shared))
        }
        ("GET", "ca.pem") => match &shared.ca_pem {
            Some(pem) => Ok(Answer::new(StatusCode::OK, "application/x-pem-file", pem.clone())),
            None => Err(Refused(StatusCode::NOT_FOUND, "this sandbox does not serve https".to_owned())),
        },
        _ => Err(Refused(StatusCode::NOT_FOUND, "there is no such call; GET /admin lists them".to_owned())),
    }
}

const CALLS: [&str; 23] = [
    "GET /admin/users?q=&limit=&offset=",
    "GET /admin/users/{external id or Braze id}",
    "GET /admin/subscriptions",
    "POST /admin/opt-out {group, address}",
    "POST /admin/opt-in {group, address}",
    "GET /admin/groups",
    "POST /admin/groups {id, name, channel}",
    "GET /admin/journal?limit=",
    "DELETE /admin/journal",
    "GET /admin/swallowed",
    "GET /admin/faults",
    "PUT /admin/faults {rules: [...]}",
    "POST /admin/faults {rule}",
    "DELETE /admin/faults",
    "GET /admin/refused",
    "PUT /admin/refused {external id: text}",
    "PUT /admin/keys {key: [permissions] or null for all}",
    "GET /admin/state",
    "PUT /admin/state",
    "GET /admin/clock",
    "POST /admin/clock {advance}",
    "GET /admin/ca.pem",
    "GET /admin",
];

#[derive(Deserialize)]
struct Rules {
    #[serde(default)]
    rules: Vec<String>,
    rule: Option<String>,
}

#[derive(Deserialize)]
struct Decision {
    group: String,
    address: String,
}

#[derive(Deserialize)]
struct Advance {
    advance: String,
}

/// Reads a body of JSON, or a form whose fields are text.
fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Refused> {
    if !is_form(call) {
        return serde_json::from_slice(&call.body).map_err(unreadable);
    }
    let fields = pairs(&String::from_utf8_lossy(&call.body));
    let object: serde_json::Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name, Value::String(value.trim().to_owned()))).collect();
    serde_json::from_value(Value::Object(object)).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> Refused {
    Refused::bad(format!(
        "the body is not what this call takes ({error}); GET /admin lists the calls with their fields"
    ))
}

/// Command line clients call a body a form unless they are told otherwise: an object is JSON all the same.
fn is_form(call: &Call) -> bool {
    let kind = call.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_object = call.body.trim_ascii_start().starts_with(b"{");
    kind.starts_with("application/x-www-form-urlencoded") && !is_object
}

/// A form goes back to the page it came from, a call gets a word.
fn done(call: &Call) -> Result<Answer, Refused> {
    if !is_form(call) {
        return Ok(Answer::message(StatusCode::OK, "done"));
    }
    let fields = pairs(&String::from_utf8_lossy(&call.body));
    let back = fields.into_iter().find(|(name, _)| name == "back").map(|(_, back)| back);
    // Only to a page of this server.
    let back = back.filter(|back| back.starts_with("/page/")).unwrap_or_else(|| "/".to_owned());
    let mut answer = Answer::new(StatusCode::SEE_OTHER, "text/plain", "");
    let location = HeaderValue::from_str(&back).unwrap_or_else(|_| HeaderValue::from_static("/"));
    answer.headers.push((LOCATION, location));
    Ok(answer)
}

fn shown(body: &impl serde::Serialize) -> Answer {
    Answer::json(StatusCode::OK, body)
}

fn decide(shared: &Shared, call: &Call, state: GroupState) -> Result<Answer, Refused> {
    let decision: Decision = body(call)?;
    let (mut store, now) = shared.store();
    if store.group(&decision.group).is_none() {
        return Err(Refused(StatusCode::NOT_FOUND, "there is no such group".to_owned()));
    }
    if decision.address.trim().is_empty() {
        return Err(Refused::bad("an address is needed"));
    }
    store.set_subscription(&decision.group, &decision.address, state, By::Person, now);
    drop(store);
    done(call)
}

fn users(shared: &Shared, parameters: &[(String, String)]) -> Answer {
    let (store, _) = shared.store();
    let wanted = parameters.iter().find(|(name, _)| name == "q").map_or("", |(_, wanted)| wanted.as_str());
    let found: Vec<&User> = store.users().filter(|user| matches(user, wanted)).collect();
    let page = found.iter().skip(number(parameters, "offset", 0)).take(number(parameters, "limit", 1_000));
    shown(&json!({"total": found.len(), "users": page.collect::<Vec<_>>()}))
}

fn user(shared: &Shared, id: &str) -> Result<Answer, Refused> {
    let (store, now) = shared.store();
    let Some(user) = store
        .find(&Identifier::External(id.to_owned()))
        .or_else(|| store.find(&Identifier::BrazeId(id.to_owned())))
    else {
        return Err(Refused(StatusCode::NOT_FOUND, "there is no such user".to_owned()));
    };
    let addresses = [&user.email, &user.phone].into_iter().flatten();
    let subscriptions: Vec<_> = addresses.flat_map(|address| store.of_address(address, now)).collect();
    Ok(shown(&json!({"user": user, "subscriptions": subscriptions})))
}

/// Whether an id or an address contains the text.
pub(crate) fn matches(user: &User, text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let ids = [&user.external_id, &user.email, &user.phone].into_iter().flatten();
    text.is_empty() || user.braze_id == text || ids.into_iter().any(|id| id.to_lowercase().contains(&text))
}

fn number(parameters: &[(String, String)], name: &str, default: usize) -> usize {
    let found = parameters.iter().find(|(key, _)| key == name);
    found.and_then(|(_, text)| text.parse().ok()).unwrap_or(default)
}

fn clock(shared: &Shared) -> Answer {
    let (store, now) = shared.store();
    shown(&json!({"now": now, "pending": store.pending(), "settled_at": store.settled_at()}))
}

fn totals(shared: &Shared) -> Value {
    let totals = shared.journal.totals();
    json!({
        "arrived": totals.arrived,
        "answered": totals.answered,
        "accepted": totals.accepted,
        "refused": totals.refused,
        "bytes": totals.bytes,
        "data_points": totals.data_points,
        "most_at_once": totals.most_at_once,
    })
}

/// A request of the journal as JSON.
fn entry(entry: &Entry) -> Value {
    let readable = |bytes: &[u8]| {
        serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
    };
    let headers: BTreeMap<&str, String> = entry
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    json!({
        "number": entry.number,
        "at": entry.at,
        "answered_at": entry.answered_at,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "headers": headers,
        "body": readable(&entry.body),
        "status": entry.status,
        "answer": readable(&entry.answer),
        "outcome": entry.outcome().to_string(),
        "fault": entry.fault,
        "accepted": entry.accepted,
        "refused": entry.refused,
        "data_points": entry.data_points,
    })
}
