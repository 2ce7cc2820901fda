//! Events and purchases: kept as counts, since the product that the sandbox serves sends none.

use serde_json::{Map, Value};

use crate::times;

use super::{Change, Refusal, Rules, identify};

/// Something that happened to a user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happening {
    pub(crate) name: String,
    pub(crate) at: String,
    pub(crate) count: u64,
    /// Price of all of it; `None`: an event.
    pub(crate) revenue: Option<f64>,
}

pub(super) fn event(value: Value, rules: &Rules<'_>) -> Result<Change, Refusal> {
    let (mut change, object) = open(value, rules)?;
    let name = text(&object, "name").ok_or(Refusal::Event)?;
    let at = text(&object, "time").and_then(|time| times::read(&time)).ok_or(Refusal::Event)?;
    change.happening = Some(Happening { name, at: times::canonical(at), count: 1, revenue: None });
    Ok(change)
}

pub(super) fn purchase(value: Value, rules: &Rules<'_>) -> Result<Change, Refusal> {
    let (mut change, object) = open(value, rules)?;
    let count = match object.get("quantity") {
        None | Some(Value::Null) => 1,
        Some(quantity) => quantity.as_u64().filter(|n| (1..=100).contains(n)).ok_or(Refusal::Quantity)?,
    };
    let name = text(&object, "product_id").ok_or(Refusal::Purchase)?;
    text(&object, "currency").ok_or(Refusal::Purchase)?;
    let price = object.get("price").and_then(Value::as_f64).ok_or(Refusal::Purchase)?;
    let at = text(&object, "time").and_then(|time| times::read(&time)).ok_or(Refusal::Purchase)?;
    let revenue = Some(price * count as f64);
    change.happening = Some(Happening { name, at: times::canonical(at), count, revenue });
    Ok(change)
}

fn open(value: Value, rules: &Rules<'_>) -> Result<(Change, Map<String, Value>), Refusal> {
    let Value::Object(mut object) = value else { return Err(Refusal::NoObject) };
    let target = identify::take(&mut object)?;
    rules.admit(&target)?;
    let by_alias = matches!(target, crate::store::Identifier::Alias(_));
    let update_only = object.get("_update_existing_only").and_then(Value::as_bool).unwrap_or(by_alias);
    Ok((Change { target, update_only, points: 1, ..Change::default() }, object))
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}
