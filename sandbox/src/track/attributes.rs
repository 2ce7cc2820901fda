//! One attributes object: standard fields, control keys, and what is left for the custom attributes.

use serde_json::{Map, Value};

use crate::points;
use crate::store::{GlobalState, GroupState, Identifier, Store};
use crate::{text, times};

use super::nested::MAX_TEXT;
use super::{Refusal, Rules, custom, identify, subscription};

/// What an accepted object asks for.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) target: Identifier,
    /// Never create a profile.
    pub(crate) update_only: bool,
    pub(crate) merge: bool,
    /// `Some(None)`: remove.
    pub(crate) email: Option<Option<String>>,
    /// The number and whether it is valid; `Some(None)`: remove.
    pub(crate) phone: Option<Option<(String, bool)>>,
    pub(crate) email_state: Option<GlobalState>,
    pub(crate) push_state: Option<GlobalState>,
    /// Standard fields as they will be stored; null: remove.
    pub(crate) fields: Vec<(String, Value)>,
    pub(crate) custom: Vec<(String, custom::Wish)>,
    pub(crate) groups: Vec<(String, GroupState)>,
    pub(crate) tokens: Vec<Value>,
    pub(crate) happening: Option<super::Happening>,
    /// Data points that it costs.
    pub(crate) points: u64,
    /// What Braze would not store, without a word.
    pub(crate) swallowed: Vec<(String, &'static str)>,
}

/// Reads an attributes object.
pub(super) fn read(value: Value, rules: &Rules<'_>, store: &Store) -> Result<Change, Refusal> {
    let Value::Object(mut object) = value else { return Err(Refusal::NoObject) };
    if object.remove("push_token_import") == Some(Value::Bool(true)) {
        return import(&mut object, rules);
    }
    let target = identify::take(&mut object)?;
    rules.admit(&target)?;
    let by_alias = matches!(target, Identifier::Alias(_));
    let mut change = Change { target, update_only: by_alias, ..Change::default() };
    for (key, value) in object {
        change.field(key, value, rules, store)?;
    }
    Ok(change)
}

impl Change {
    fn field(&mut self, key: String, value: Value, rules: &Rules<'_>, store: &Store) -> Result<(), Refusal> {
        match key.as_str() {
            "_update_existing_only" => self.update_only = value.as_bool().unwrap_or(self.update_only),
            "_merge_objects" => self.merge = value.as_bool().unwrap_or(false),
            "email" => {
                self.email = Some(match value {
                    Value::Null => None,
                    Value::String(email) if text::is_email(email.trim()) => Some(email.trim().to_owned()),
                    _ => return Err(Refusal::BadEmail),
                });
                self.points += 1;
            }
            "phone" => match value {
                Value::Null => self.phone(None),
                Value::String(phone) => {
                    let (phone, valid) = text::phone(&phone);
                    if !valid {
                        self.swallow(key, "the phone number is invalid");
                    }
                    self.phone(Some((phone, valid)));
                }
                _ => self.swallow(key, "a phone number must be a string"),
            },
            "email_subscribe" => self.email_state = Some(state(&value).ok_or(Refusal::EmailState)?),
            "push_subscribe" => self.push_state = Some(state(&value).ok_or(Refusal::PushState)?),
            "subscription_groups" => self.groups = subscription::read(&value, store)?,
            "email_subscription_info" => return Err(Refusal::EmailInfo),
            "current_location" => {
                let part = |key| value.get(key).and_then(Value::as_f64);
                let (Some(longitude), Some(latitude)) = (part("longitude"), part("latitude")) else {
                    return Err(Refusal::Location);
                };
                self.store(key, Value::from(vec![longitude, latitude]));
            }
            "push_tokens" => self.tokens = tokens(value, rules)?,
            "bio" | "alias_name" | "alias_label" => self.swallow(key, "the name is reserved"),
            "external_id" | "user_alias" | "braze_id" => {}
            name => match standard(name) {
                Some(_) if value.is_null() => self.store(key, value),
                Some(rule) => match rule(value) {
                    Ok(value) => self.store(key, value),
                    Err(Bad::Ignored(why)) => self.swallow(key, why),
                    Err(Bad::Nulled(why)) => {
                        self.swallow(key.clone(), why);
                        self.store(key, Value::Null);
                    }
                },
                None => self.custom(key, value),
            },
        }
        Ok(())
    }

    fn phone(&mut self, phone: Option<(String, bool)>) {
        self.phone = Some(phone);
        self.points += 1;
    }

    fn store(&mut self, key: String, value: Value) {
        self.points += points::of_standard(&key);
        self.fields.push((key, value));
    }

    fn custom(&mut self, key: String, value: Value) {
        let name = match key.trim() {
            trimmed if trimmed.len() == key.len() => key,
            trimmed => trimmed.to_owned(),
        };
        if name.is_empty() || name.starts_with('$') || name.chars().count() > MAX_TEXT {
            return self.swallow(name, "the name is not allowed");
        }
        match custom::read(value) {
            Ok(wish) => {
                self.points += points::of_custom(&wish);
                self.custom.push((name, wish));
            }
            Err(why) => self.swallow(name, why),
        }
    }

    fn swallow(&mut self, field: String, why: &'static str) {
        self.swallowed.push((field, why));
    }
}

fn state(value: &Value) -> Option<GlobalState> {
    GlobalState::read(value.as_str()?)
}

/// An anonymous import of push tokens.
fn import(object: &mut Map<String, Value>, rules: &Rules<'_>) -> Result<Change, Refusal> {
    let named = object.contains_key("external_id") || object.contains_key("braze_id");
    let tokens = match object.remove("push_tokens") {
        Some(value) if !named => tokens(value, rules)?,
        _ => return Err(Refusal::TokenImport),
    };
    if tokens.is_empty() {
        return Err(Refusal::TokenImport);
    }
    Ok(Change { tokens, ..Change::default() })
}

fn tokens(value: Value, rules: &Rules<'_>) -> Result<Vec<Value>, Refusal> {
    let Value::Array(items) = value else { return Err(Refusal::TokenValue) };
    for item in &items {
        if !item.is_object() {
            return Err(Refusal::TokenValue);
        }
        if !item.get("token").is_some_and(Value::is_string) {
            return Err(Refusal::TokenText);
        }
        let app = item.get("app_id").and_then(Value::as_str).ok_or(Refusal::TokenApp)?;
        if rules.app_ids.is_some_and(|apps| !apps.iter().any(|known| known == app)) {
            return Err(Refusal::TokenApp);
        }
        match item.get("device_id") {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if (8..=255).contains(&id.len()) => {}
            Some(_) => return Err(Refusal::DeviceId),
        }
    }
    Ok(items)
}

/// What becomes of a bad value: nothing, or null.
enum Bad {
    Ignored(&'static str),
    Nulled(&'static str),
}

type Rule = fn(Value) -> Result<Value, Bad>;

/// The rule of a standard field; `None`: the name is that of a custom attribute.
fn standard(name: &str) -> Option<Rule> {
    Some(match name {
        "first_name" | "last_name" | "home_city" => |value| short(value, MAX_TEXT),
        "image_url" => |value| short(value, 1_024),
        "dob" => |value| pick(value, times::is_day, "a date of birth is YYYY-MM-DD"),
        "gender" => |value| {
            pick(value, |text| ["M", "F", "O", "N", "P"].contains(&text), "a gender is one of M, F, O, N, P")
        },
        "language" => |value| pick(value, text::is_language, "the language is no code of ISO 639-1"),
        "time_zone" => |value| pick(value, text::is_time_zone, "the time zone is unknown"),
        "country" => |value| {
            let code = value.as_str().and_then(text::country);
            code.map(Value::from).ok_or(Bad::Nulled("the country is unknown"))
        },
        "email_open_tracking_disabled" | "email_click_tracking_disabled" => |value| match value {
            Value::Bool(_) => Ok(value),
            _ => Err(Bad::Ignored("a boolean is needed")),
        },
        "marked_email_as_spam_at" | "date_of_first_session" | "date_of_last_session" => |value| {
            let at = value.as_str().and_then(times::read);
            at.map(|at| times::canonical(at).into()).ok_or(Bad::Ignored("a time is needed"))
        },
        "facebook" | "twitter" => |value| match value {
            Value::Object(_) => Ok(value),
            _ => Err(Bad::Ignored("an object is needed")),
        },
        _ => return None,
    })
}

fn short(value: Value, max: usize) -> Result<Value, Bad> {
    match &value {
        Value::String(text) if text.len() <= max || text.chars().count() <= max => Ok(value),
        Value::String(_) => Err(Bad::Ignored("the string is too long")),
        _ => Err(Bad::Ignored("a string is needed")),
    }
}

fn pick(value: Value, fits: impl Fn(&str) -> bool, why: &'static str) -> Result<Value, Bad> {
    if value.as_str().is_some_and(fits) { Ok(value) } else { Err(Bad::Ignored(why)) }
}
