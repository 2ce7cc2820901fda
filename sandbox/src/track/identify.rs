//! Whom an object is about.

use serde_json::{Map, Value};

use crate::store::{Alias, Identifier};
use crate::text;

use super::Refusal;

/// Longest external id in bytes.
const LONGEST: usize = 987;

/// Takes the identifier out of an object. Addresses stay in it as attributes where a primary identifier stands.
pub(super) fn take(object: &mut Map<String, Value>) -> Result<Identifier, Refusal> {
    let present = |key: &str| object.get(key).is_some_and(|value: &Value| !value.is_null());
    let primaries = ["external_id", "user_alias", "braze_id"].into_iter().filter(|key| present(key)).count();
    if primaries > 1 {
        return Err(Refusal::ManyIdentifiers);
    }
    let external = object.remove("external_id");
    let alias = object.remove("user_alias");
    let braze_id = object.remove("braze_id");
    match (external, alias, braze_id) {
        (Some(Value::String(id)), _, _) if !id.is_empty() => match id.len() {
            0..=LONGEST => Ok(Identifier::External(id)),
            _ => Err(Refusal::ExternalIdTooLong),
        },
        (_, Some(Value::Object(alias)), _) => read_alias(&alias).map(Identifier::Alias),
        (_, _, Some(Value::String(id))) => Ok(Identifier::BrazeId(id)),
        _ if primaries == 1 => Err(Refusal::NoIdentifier),
        _ => by_address(object),
    }
}

fn by_address(object: &mut Map<String, Value>) -> Result<Identifier, Refusal> {
    match object.remove("email") {
        Some(Value::String(email)) => {
            return if text::is_email(email.trim()) {
                Ok(Identifier::Email(email.trim().to_owned()))
            } else {
                Err(Refusal::BadEmail)
            };
        }
        None | Some(Value::Null) => {}
        Some(_) => return Err(Refusal::BadEmail),
    }
    match object.remove("phone") {
        Some(Value::String(phone)) => match text::phone(&phone) {
            (phone, true) => Ok(Identifier::Phone(phone)),
            _ => Err(Refusal::NoIdentifier),
        },
        _ => Err(Refusal::NoIdentifier),
    }
}

/// Reads `{alias_name, alias_label}`.
pub(crate) fn read_alias(alias: &Map<String, Value>) -> Result<Alias, Refusal> {
    let part = |key: &str| alias.get(key).and_then(Value::as_str).filter(|part| !part.is_empty());
    match (part("alias_name"), part("alias_label")) {
        (Some(name), Some(label)) => Ok(Alias { alias_label: label.to_owned(), alias_name: name.to_owned() }),
        _ => Err(Refusal::NoIdentifier),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(value: Value) -> (Result<Identifier, Refusal>, Value) {
        let Value::Object(mut object) = value else { panic!("an object") };
        (take(&mut object), Value::Object(object))
    }

    /// Braze sheet 4.4.
    #[test]
    fn one_primary_identifier_and_addresses_only_without_one() {
        let (who, rest) = taken(json!({"external_id": "u", "email": "a@b.co"}));
        assert_eq!((who, rest), (Ok(Identifier::External("u".into())), json!({"email": "a@b.co"})));
        let (who, rest) = taken(json!({"email": "a@b.co", "phone": "+4930901820"}));
        assert_eq!((who, rest), (Ok(Identifier::Email("a@b.co".into())), json!({"phone": "+4930901820"})));
        let (who, _) = taken(json!({"external_id": null, "phone": "(212) 555-2368"}));
        assert_eq!(who, Ok(Identifier::Phone("+12125552368".into())));
        let both = json!({"external_id": "u", "braze_id": "x"});
        assert_eq!(taken(both).0, Err(Refusal::ManyIdentifiers));
        assert_eq!(taken(json!({"plan": "pro"})).0, Err(Refusal::NoIdentifier));
        assert_eq!(taken(json!({"external_id": 7})).0, Err(Refusal::NoIdentifier));
        assert_eq!(taken(json!({"external_id": "x".repeat(988)})).0, Err(Refusal::ExternalIdTooLong));
        assert!(taken(json!({"external_id": "ü".repeat(493)})).0.is_ok());
        assert_eq!(taken(json!({"email": "nobody"})).0, Err(Refusal::BadEmail));
        assert_eq!(taken(json!({"user_alias": {"alias_name": "x"}})).0, Err(Refusal::NoIdentifier));
    }
}
