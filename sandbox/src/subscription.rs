//! The reads of subscription states: of one group for many users, and of all groups for a user.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::service::Handled;
use crate::store::{Channel, Identifier, Store, User};
use crate::text;
use crate::wire::{Answer, pairs};

/// Most users in one request.
const MOST: usize = 50;
/// Most results of one page.
const PAGE: usize = 100;

const BOTH: &str = "Either an email address or a phone number should be provided, but not both.";

/// By what users are asked for.
enum Asked {
    ExternalIds(Vec<String>),
    Emails(Vec<String>),
    Phones(Vec<String>),
}

/// The parameters of a query.
struct Query(Vec<(String, String)>);

impl Query {
    fn all(&self, name: &str) -> Vec<String> {
        let fits = |key: &str| key == name || key.strip_suffix("[]") == Some(name);
        self.0
            .iter()
            .filter(|(key, value)| fits(key) && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.all(name).first().and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    /// External ids win over addresses; both kinds of address together are an error.
    fn asked(&self) -> Result<Asked, &'static str> {
        let (ids, emails, phones) = (self.all("external_id"), self.all("email"), self.all("phone"));
        let asked = match (ids.is_empty(), emails.is_empty(), phones.is_empty()) {
            (false, _, _) => Asked::ExternalIds(ids),
            (_, false, false) => return Err(BOTH),
            (_, false, _) => Asked::Emails(emails),
            (_, _, false) => Asked::Phones(phones),
            _ => return Err("'external_id', 'email' or 'phone' is required"),
        };
        let count = match &asked {
            Asked::ExternalIds(list) | Asked::Emails(list) | Asked::Phones(list) => list.len(),
        };
        if count > MOST { Err("The max number of ids per request was exceeded") } else { Ok(asked) }
    }
}

fn answered(result: Result<Value, &'static str>) -> Handled {
    match result {
        Ok(body) => Handled::read(Answer::json(StatusCode::OK, &body)),
        Err(message) => Handled::refused(Answer::message(StatusCode::BAD_REQUEST, message)),
    }
}

/// `GET /subscription/status/get`.
pub(crate) fn status(query: &str, store: &Store, now: Timestamp) -> Handled {
    let query = Query(pairs(query));
    answered(status_of(&query, store, now))
}

fn status_of(query: &Query, store: &Store, now: Timestamp) -> Result<Value, &'static str> {
    let asked = query.asked()?;
    let ids = query.all("subscription_group_id");
    let group = ids.first().and_then(|id| store.group(id)).ok_or("'subscription_group_id' is not valid")?;
    let state = |address: &str| {
        store.subscription(&group.id, address, now).map_or("Unknown", |found| found.state.capitalised())
    };
    let states: Map<String, Value> = match asked {
        Asked::ExternalIds(ids) => ids
            .into_iter()
            .map(|id| {
                let user = store.find(&Identifier::External(id.clone()));
                let address = user.and_then(|user| match group.channel {
                    Channel::Email => user.email.as_deref(),
                    Channel::Sms | Channel::WhatsApp => user.phone.as_deref(),
                });
                (id, address.map_or("Unknown", state).into())
            })
            .collect(),
        Asked::Emails(emails) => emails
            .into_iter()
            .map(|email| {
                let state = state(&email).into();
                (email, state)
            })
            .collect(),
        Asked::Phones(phones) => phones
            .into_iter()
            .map(|phone| {
                let state = state(&text::phone(&phone).0).into();
                (phone, state)
            })
            .collect(),
    };
    Ok(json!({"status": states, "message": "success"}))
}

/// `GET /subscription/user/status`.
pub(crate) fn user(query: &str, store: &Store, now: Timestamp) -> Handled {
    let query = Query(pairs(query));
    answered(users_of(&query, store, now))
}

fn users_of(query: &Query, store: &Store, now: Timestamp) -> Result<Value, &'static str> {
    let users: Vec<&User> = match query.asked()? {
        Asked::ExternalIds(ids) => {
            ids.into_iter().filter_map(|id| store.find(&Identifier::External(id))).collect()
        }
        Asked::Emails(emails) => emails.iter().flat_map(|email| store.with_address(email)).collect(),
        Asked::Phones(phones) => {
            phones.iter().flat_map(|phone| store.with_address(&text::phone(phone).0)).collect()
        }
    };
    let total = users.len();
    let limit = query.number("limit", PAGE).min(PAGE);
    let page = users.into_iter().skip(query.number("offset", 0)).take(limit);
    let shown: Vec<Value> = page.map(|user| shown(user, store, now)).collect();
    Ok(json!({"users": shown, "total_count": total, "message": "success"}))
}

fn shown(user: &User, store: &Store, now: Timestamp) -> Value {
    let addresses = [&user.email, &user.phone].into_iter().flatten();
    let groups: Vec<Value> = addresses
        .flat_map(|address| store.of_address(address, now))
        .filter_map(|found| {
            let group = store.group(&found.group)?;
            Some(json!({
                "id": group.id,
                "name": group.name,
                "channel": group.channel.as_str(),
                "status": found.state.capitalised(),
            }))
        })
        .collect();
    json!({
        "external_id": user.external_id,
        "email": user.email,
        "phone": user.phone,
        "subscription_groups": groups,
    })
}
