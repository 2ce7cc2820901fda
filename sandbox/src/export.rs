//! `POST /users/export/ids`.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::options::{Account, DobForm, Options};
use crate::service::Handled;
use crate::store::{Identifier, Store, User};
use crate::track::identify::read_alias;
use crate::wire::Answer;
use crate::{text, times};

/// Most ids in one request.
const MOST: usize = 50;

#[derive(Deserialize)]
pub(crate) struct Body {
    #[serde(default)]
    external_ids: Vec<String>,
    #[serde(default)]
    user_aliases: Vec<Map<String, Value>>,
    braze_id: Option<String>,
    email_address: Option<String>,
    phone: Option<String>,
    device_id: Option<String>,
    fields_to_export: Option<Vec<String>>,
}

impl Body {
    /// Whether the request counts against the ceiling of exports that name their fields.
    pub(crate) fn is_light(&self) -> bool {
        let heavy = ["canvases_received", "campaigns_received"];
        self.fields_to_export
            .as_ref()
            .is_some_and(|fields| !fields.iter().any(|field| heavy.contains(&field.as_str())))
    }
}

pub(crate) fn handle(body: &Body, store: &Store, options: &Options) -> Handled {
    match answer(body, store, options) {
        Ok(answer) => Handled::read(answer),
        Err(message) => Handled::refused(Answer::message(StatusCode::BAD_REQUEST, message)),
    }
}

fn answer(body: &Body, store: &Store, options: &Options) -> Result<Answer, &'static str> {
    if body.external_ids.len() + body.user_aliases.len() > MOST {
        return Err("The max number of external_ids and aliases per request was exceeded");
    }
    if options.account == Account::New && body.fields_to_export.is_none() {
        return Err("'fields_to_export' is required");
    }
    let singles = [&body.braze_id, &body.email_address, &body.phone, &body.device_id];
    if body.external_ids.is_empty() && body.user_aliases.is_empty() && singles.iter().all(|one| one.is_none())
    {
        return Err(
            "an identifier is required: external_ids, user_aliases, device_id, email_address or phone",
        );
    }
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for id in &body.external_ids {
        match store.find(&Identifier::External(id.clone())) {
            Some(user) => found.push(user),
            None => unknown.push(id),
        }
    }
    for alias in &body.user_aliases {
        let alias = read_alias(alias).map_err(|_| "a user alias has an 'alias_name' and an 'alias_label'")?;
        found.extend(store.find(&Identifier::Alias(alias)));
    }
    if let Some(id) = &body.braze_id {
        found.extend(store.find(&Identifier::BrazeId(id.clone())));
    }
    if let Some(email) = &body.email_address {
        found.extend(store.with_address(email));
    }
    if let Some(phone) = &body.phone {
        let (number, valid) = text::phone(phone);
        if !valid || !phone.starts_with('+') {
            return Err("'phone' must be in E.164 format");
        }
        found.extend(store.with_address(&number));
    }
    if let Some(device) = &body.device_id {
        let has = |user: &&User| user.push_tokens.iter().any(|token| token["device_id"] == json!(device));
        found.extend(store.users().filter(has));
    }
    let fields = body.fields_to_export.as_deref();
    let users: Vec<Value> = found.into_iter().map(|user| shown(user, fields, options.dob)).collect();
    let mut answer = json!({"users": users, "message": "success"});
    if !unknown.is_empty() {
        answer["invalid_user_ids"] = json!(unknown);
    }
    Ok(Answer::json(StatusCode::CREATED, &answer))
}

/// A profile as exported: empty fields are left out.
pub(crate) fn shown(user: &User, fields: Option<&[String]>, dob: DobForm) -> Value {
    let mut out = Map::new();
    let wanted = |name: &str| fields.is_none_or(|fields| fields.iter().any(|field| field == name));
    let mut put = |name: &str, value: Value| {
        if wanted(name) {
            out.insert(name.to_owned(), value);
        }
    };
    put("created_at", times::canonical(user.created_at).into());
    put("braze_id", user.braze_id.clone().into());
    put("appboy_id", user.braze_id.clone().into());
    put("random_bucket", user.random_bucket.into());
    put("user_aliases", json!(user.aliases));
    put("email_subscribe", user.email_subscribe.as_str().into());
    put("push_subscribe", user.push_subscribe.as_str().into());
    put("total_revenue", revenue(user.total_revenue));
    let texts = [("external_id", &user.external_id), ("email", &user.email), ("phone", &user.phone)];
    for (name, value) in texts {
        if let Some(value) = value {
            put(name, value.clone().into());
        }
    }
    for (name, value) in &user.fields {
        match (name.as_str(), dob) {
            ("current_location", _) => put("last_coordinates", value.clone()),
            ("dob", DobForm::Timestamp) => {
                put("dob", format!("{}T00:00:00.000Z", value.as_str().unwrap_or_default()).into());
            }
            (name, _) => put(name, value.clone()),
        }
    }
    if !user.custom_attributes.is_empty() {
        put("custom_attributes", Value::Object(user.custom_attributes.clone()));
    }
    for (name, list) in [("custom_events", &user.custom_events), ("purchases", &user.purchases)] {
        if !list.is_empty() {
            let entry = |(name, happened): (&String, &crate::store::Happened)| json!({"name": name, "first": happened.first, "last": happened.last, "count": happened.count});
            put(name, list.iter().map(entry).collect());
        }
    }
    if !user.push_tokens.is_empty() {
        put("push_tokens", json!(user.push_tokens));
    }
    Value::Object(out)
}

/// An integer where it is one, as recorded.
fn revenue(sum: f64) -> Value {
    if sum.fract() == 0.0 && sum.abs() < 1e15 { json!(sum as i64) } else { json!(sum) }
}
