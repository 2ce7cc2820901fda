//! `POST /users/track`: objects are read and judged one by one; what is accepted goes to the store.

mod attributes;
mod custom;
mod happening;
pub(crate) mod identify;
pub(crate) mod nested;
mod refusal;
mod subscription;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hyper::StatusCode;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use attributes::Change;
pub(crate) use custom::Wish;
#[cfg(test)]
pub(crate) use custom::read as read_wish;
pub(crate) use happening::Happening;
pub(crate) use refusal::Refusal;

use crate::options::{Ceiling, ErrorStyle, Options};
use crate::service::Handled;
use crate::store::{Identifier, Store};
use crate::wire::Answer;

/// What a request gets that has nothing valid in it.
const NOTHING_VALID: &str =
    "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";

/// The rules by which objects are judged.
pub(crate) struct Rules<'a> {
    pub(crate) refused: &'a BTreeMap<String, String>,
    pub(crate) blocked: &'a BTreeSet<String>,
    pub(crate) app_ids: Option<&'a [String]>,
    pub(crate) strict: bool,
    pub(crate) style: ErrorStyle,
    pub(crate) ceiling: Ceiling,
}

impl Rules<'_> {
    fn admit(&self, target: &Identifier) -> Result<(), Refusal> {
        let Identifier::External(id) = target else { return Ok(()) };
        if self.blocked.contains(id) {
            return Err(Refusal::Blocked);
        }
        match self.refused.get(id) {
            Some(text) => Err(Refusal::Ordered(text.clone())),
            None => Ok(()),
        }
    }
}

/// A body, its arrays of whatever elements.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(crate) struct Body<T> {
    attributes: Option<Vec<T>>,
    events: Option<Vec<T>>,
    purchases: Option<Vec<T>>,
}

#[derive(Serialize)]
struct Response<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_processed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_processed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchases_processed: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ObjectError<'a>>,
}

#[derive(Serialize)]
struct ObjectError<'a> {
    #[serde(rename = "type")]
    text: Cow<'a, str>,
    input_array: &'static str,
    index: usize,
}

impl<T: DeserializeOwned> Body<T> {
    /// Reads a body; the error is the answer.
    pub(crate) fn read(bytes: &Bytes) -> Result<Self, Answer> {
        serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Answer::message(StatusCode::BAD_REQUEST, NOTHING_VALID),
            _ => crate::service::broken_json(),
        })
    }

    fn lengths(&self) -> [Option<usize>; 3] {
        [&self.attributes, &self.events, &self.purchases].map(|list| list.as_ref().map(Vec::len))
    }

    fn objects(&self) -> usize {
        self.lengths().into_iter().flatten().sum()
    }

    fn too_many(&self, ceiling: Ceiling) -> bool {
        match ceiling {
            Ceiling::Total(most) => self.objects() > most,
            Ceiling::PerArray(most) => self.lengths().into_iter().flatten().any(|length| length > most),
        }
    }
}

/// Answers a request after counting its objects.
pub(crate) fn count(bytes: &Bytes, options: &Options) -> Handled {
    let body = match Body::<IgnoredAny>::read(bytes) {
        Ok(body) => body,
        Err(answer) => return Handled::refused(answer),
    };
    if body.too_many(options.ceiling) {
        return Handled::refused(too_many());
    }
    let [attributes, events, purchases] = body.lengths();
    let response = Response {
        message: "success",
        attributes_processed: attributes,
        events_processed: events,
        purchases_processed: purchases,
        errors: Vec::new(),
    };
    Handled { accepted: body.objects(), ..Handled::read(Answer::json(StatusCode::CREATED, &response)) }
}

/// Judges the objects of a request and gives the accepted ones to the store.
pub(crate) fn handle(
    body: Body<Value>,
    rules: &Rules<'_>,
    store: &mut Store,
    options: &Options,
    now: Timestamp,
) -> Handled {
    if body.too_many(rules.ceiling) {
        return Handled::refused(too_many());
    }
    let lengths = body.lengths();
    let mut changes = Vec::with_capacity(body.objects());
    let mut refusals = Vec::new();
    let mut accepted = [0usize; 3];
    let lists = [("attributes", body.attributes), ("events", body.events), ("purchases", body.purchases)];
    for (number, (name, list)) in lists.into_iter().enumerate() {
        for (index, value) in list.unwrap_or_default().into_iter().enumerate() {
            let change = match number {
                0 => attributes::read(value, rules, store),
                1 => happening::event(value, rules),
                _ => happening::purchase(value, rules),
            };
            match change.and_then(|change| judge(change, rules, store)) {
                Ok(change) => {
                    accepted[number] += 1;
                    changes.push(change);
                }
                Err(refusal) => refusals.push((refusal, name, index)),
            }
        }
    }
    let points = changes.iter().map(|change| change.points).sum();
    let total = changes.len();
    let refused = refusals.len();
    let errors = refusals
        .iter()
        .map(|(refusal, input_array, index)| ObjectError {
            text: refusal.text(rules.style),
            input_array,
            index: *index,
        })
        .collect();
    let counted = |number: usize| lengths[number].filter(|_| total > 0).map(|_| accepted[number]);
    let response = Response {
        message: if total == 0 { NOTHING_VALID } else { "success" },
        attributes_processed: counted(0),
        events_processed: counted(1),
        purchases_processed: counted(2),
        errors,
    };
    let status = if total == 0 { StatusCode::BAD_REQUEST } else { StatusCode::CREATED };
    let answer = Answer::json(status, &response);
    store.accept(changes, &options.delays, now);
    Handled { answer, accepted: total, refused, points }
}

/// Notes what Braze swallows; in strict mode refuses it.
fn judge(mut change: Change, rules: &Rules<'_>, store: &mut Store) -> Result<Change, Refusal> {
    let creatable = !change.update_only && !matches!(change.target, Identifier::BrazeId(_));
    if !creatable && change.target != Identifier::Nobody && store.find(&change.target).is_none() {
        change.points = 0;
        change.swallowed.push(("_update_existing_only".to_owned(), "there is no such user"));
    }
    if change.swallowed.is_empty() {
        return Ok(change);
    }
    if rules.strict {
        let (field, why) = &change.swallowed[0];
        return Err(Refusal::Strict(format!("strict mode: '{field}' would be swallowed: {why}")));
    }
    for (field, why) in change.swallowed.drain(..) {
        store.swallow(change.target.to_string(), field, why);
    }
    Ok(change)
}

fn too_many() -> Answer {
    Answer::message(StatusCode::BAD_REQUEST, "Max Input Length Exceeded")
}
