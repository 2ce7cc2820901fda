//! Custom attributes: what a sent value asks for, and how it changes what is there.

use serde_json::{Map, Number, Value};

use crate::store::Kind;
use crate::times;

use super::nested::{self, MAX_BYTES, MAX_TEXT};

/// What a sent value asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    Clear,
    Set(Value),
    /// Text that reads as a time: as sent, and as stored.
    Time(String, String),
    /// A nested object.
    Object(Map<String, Value>),
    /// An array of objects.
    Objects(Vec<Value>),
    Increase(Number),
    /// `add` and `remove` on an array of scalars.
    Edit {
        add: Vec<Value>,
        remove: Vec<Value>,
    },
    /// `$add`, `$remove` and `$update` on an array of objects.
    EditObjects {
        add: Vec<Value>,
        remove: Vec<Pick>,
        update: Vec<(Pick, Map<String, Value>)>,
    },
}

/// An element of an array of objects, by one of its members.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick {
    key: String,
    value: Value,
}

impl Pick {
    fn hits(&self, element: &Value) -> bool {
        element.get(&self.key) == Some(&self.value)
    }
}

/// Reads a sent value; the error says why Braze stores nothing.
pub(crate) fn read(value: Value) -> Result<Wish, &'static str> {
    match value {
        Value::Null => Ok(Wish::Clear),
        Value::String(text) if text.len() > MAX_TEXT && text.chars().count() > MAX_TEXT => {
            Err("the string is longer than 255 characters")
        }
        Value::String(text) => Ok(match times::read(&text) {
            Some(at) => Wish::Time(text, times::canonical(at)),
            None => Wish::Set(Value::String(text)),
        }),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
            objects(items).map(Wish::Objects)
        }
        Value::Array(items) => scalars(items).map(|items| Wish::Set(Value::Array(items))),
        Value::Object(map) => read_object(map),
        scalar => Ok(Wish::Set(scalar)),
    }
}

fn read_object(mut map: Map<String, Value>) -> Result<Wish, &'static str> {
    let only = |map: &Map<String, Value>, words: &[&str]| {
        !map.is_empty() && map.keys().all(|key| words.contains(&key.as_str()))
    };
    let list = |map: &mut Map<String, Value>, key: &str| match map.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err("an array operation needs an array"),
    };
    if only(&map, &["inc"]) {
        return match map.remove("inc") {
            Some(Value::Number(number)) if !number.is_f64() => Ok(Wish::Increase(number)),
            _ => Err("an increment must be an integer"),
        };
    }
    if only(&map, &["add", "remove"]) {
        let (add, remove) = (list(&mut map, "add")?, list(&mut map, "remove")?);
        return Ok(Wish::Edit { add: scalars(add)?, remove: scalars(remove)? });
    }
    if only(&map, &["$add", "$remove", "$update"]) {
        let add = objects(list(&mut map, "$add")?)?;
        let remove = list(&mut map, "$remove")?.into_iter().map(|item| pick(item).map(|(pick, _)| pick));
        let remove = remove.collect::<Result<_, _>>()?;
        let update = list(&mut map, "$update")?.into_iter().map(|item| match pick(item)? {
            (pick, Some(Value::Object(new))) => Ok((pick, nested::object(new)?)),
            _ => Err("an update of an array of objects needs a new object"),
        });
        return Ok(Wish::EditObjects { add, remove, update: update.collect::<Result<_, _>>()? });
    }
    let object = Value::Object(nested::object(map)?);
    if nested::size(&object) > MAX_BYTES {
        return Err("the object is larger than 100 KB");
    }
    match object {
        Value::Object(map) => Ok(Wish::Object(map)),
        _ => Err("an object is needed"),
    }
}

fn pick(item: Value) -> Result<(Pick, Option<Value>), &'static str> {
    let Value::Object(mut item) = item else { return Err("an element is named by an object") };
    match (item.remove("$identifier_key"), item.remove("$identifier_value")) {
        (Some(Value::String(key)), Some(value)) => Ok((Pick { key, value }, item.remove("$new_object"))),
        _ => Err("an element is named by $identifier_key and $identifier_value"),
    }
}

fn objects(items: Vec<Value>) -> Result<Vec<Value>, &'static str> {
    items
        .into_iter()
        .map(|item| match item {
            Value::Object(map) => nested::object(map).map(Value::Object),
            _ => Err("an array of objects holds objects only"),
        })
        .collect()
}

fn scalars(items: Vec<Value>) -> Result<Vec<Value>, &'static str> {
    let fits = |item: &Value| match item {
        Value::String(text) => text.len() <= MAX_TEXT || text.chars().count() <= MAX_TEXT,
        Value::Bool(_) | Value::Number(_) => true,
        _ => false,
    };
    if items.iter().all(fits) {
        Ok(items)
    } else {
        Err("an array holds short strings, numbers and booleans only")
    }
}

impl Wish {
    /// The kind that the wish is of; `None` where it is of any.
    pub(crate) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Clear => None,
            Self::Set(value) => kind_of(value),
            Self::Time(..) => Some(Kind::Time),
            Self::Object(_) => Some(Kind::Object),
            Self::Objects(_) | Self::EditObjects { .. } => Some(Kind::Objects),
            Self::Increase(_) => Some(Kind::Number),
            Self::Edit { .. } => Some(Kind::Array),
        }
    }

    /// The same wish as another kind, where that is possible.
    pub(crate) fn coerced(self, kind: Kind) -> Option<Self> {
        if self.kind().is_none_or(|own| own == kind) {
            return Some(self);
        }
        let value = match (kind, self) {
            (Kind::String, Self::Time(text, _)) => Value::String(text),
            (Kind::String, Self::Set(Value::Number(number))) => Value::String(number.to_string()),
            (Kind::Number, Self::Set(Value::String(text))) => number(&text)?,
            (Kind::Boolean, Self::Set(Value::String(text))) => Value::Bool(boolean(&text)?),
            (Kind::Boolean, Self::Set(Value::Number(number))) => Value::Bool(boolean(&number.to_string())?),
            // An empty array is one of either sort.
            (Kind::Objects, Self::Set(Value::Array(items))) if items.is_empty() => Value::Array(items),
            _ => return None,
        };
        Some(Self::Set(value))
    }

    /// The value after the wish, `Ok(None)` for none; the error says why nothing changes.
    pub(crate) fn fulfil(
        self,
        old: Option<Value>,
        merge: bool,
        max_array: usize,
    ) -> Result<Option<Value>, (Option<Value>, &'static str)> {
        let new = match self {
            Self::Clear => return Ok(None),
            Self::Set(Value::Array(items)) => Value::Array(unique(items, max_array)),
            Self::Set(value) => return Ok(Some(value)),
            Self::Time(_, stored) => return Ok(Some(Value::String(stored))),
            Self::Object(new) => match old {
                Some(Value::Object(mut merged)) if merge => {
                    let before = merged.clone();
                    nested::merge(&mut merged, new);
                    return sized(Value::Object(merged), Some(Value::Object(before)));
                }
                _ => Value::Object(new),
            },
            Self::Objects(items) => Value::Array(items),
            Self::Increase(by) => return increase(old, &by),
            Self::Edit { add, remove } => {
                let mut items = match old {
                    Some(Value::Array(items)) => items,
                    None if add.is_empty() => return Ok(None),
                    None => Vec::new(),
                    other => return Err((other, "an array operation needs an array")),
                };
                items.extend(add);
                items.retain(|item| !remove.contains(item));
                Value::Array(unique(items, max_array))
            }
            Self::EditObjects { add, remove, update } => {
                let before = match old {
                    Some(Value::Array(items)) => items,
                    None if add.is_empty() => return Ok(None),
                    None => Vec::new(),
                    other => return Err((other, "an array operation needs an array")),
                };
                let mut items = before.clone();
                items.extend(add);
                items.retain(|item| !remove.iter().any(|pick| pick.hits(item)));
                for (pick, new) in update {
                    for item in items.iter_mut().filter(|item| pick.hits(item)) {
                        match item {
                            Value::Object(item) if merge => nested::merge(item, new.clone()),
                            item => *item = Value::Object(new.clone()),
                        }
                    }
                }
                return sized(Value::Array(items), Some(Value::Array(before)));
            }
        };
        sized(new, None)
    }
}

/// Drops an update that makes a value too large.
fn sized(new: Value, old: Option<Value>) -> Result<Option<Value>, (Option<Value>, &'static str)> {
    if nested::size(&new) > MAX_BYTES { Err((old, "the value is larger than 100 KB")) } else { Ok(Some(new)) }
}

fn increase(old: Option<Value>, by: &Number) -> Result<Option<Value>, (Option<Value>, &'static str)> {
    let sum = match &old {
        None => return Ok(Some(Value::Number(by.clone()))),
        Some(Value::Number(number)) => match (number.as_i64(), by.as_i64()) {
            (Some(number), Some(by)) => number.checked_add(by).map(Number::from),
            _ => number.as_f64().zip(by.as_f64()).and_then(|(number, by)| Number::from_f64(number + by)),
        },
        Some(_) => None,
    };
    sum.map(|sum| Some(Value::Number(sum))).ok_or((old, "an increment needs a number"))
}

/// Each value once, at the place of its last occurrence; the oldest drop out beyond the ceiling.
fn unique(items: Vec<Value>, max: usize) -> Vec<Value> {
    // Most arrays are short: comparing all pairs is then cheaper than hashing text.
    const SHORT: usize = 24;
    if items.len() <= SHORT.min(max) && (1..items.len()).all(|at| !items[..at].contains(&items[at])) {
        return items;
    }
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    let mut kept: Vec<Value> =
        items.into_iter().rev().filter(|item| seen.insert(item.to_string())).take(max).collect();
    kept.reverse();
    kept
}

const fn kind_of(value: &Value) -> Option<Kind> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(Kind::Boolean),
        Value::Number(_) => Some(Kind::Number),
        Value::String(_) => Some(Kind::String),
        Value::Array(_) => Some(Kind::Array),
        Value::Object(_) => Some(Kind::Object),
    }
}

fn number(text: &str) -> Option<Value> {
    match text.trim().parse::<i64>() {
        Ok(number) => Some(Value::from(number)),
        Err(_) => Number::from_f64(text.trim().parse().ok()?).map(Value::Number),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "t" => Some(true),
        "0" | "false" | "f" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(old: Value, sent: Value, merge: bool) -> Result<Value, &'static str> {
        let old = Some(old).filter(|old| !old.is_null());
        match read(sent)?.fulfil(old, merge, 4) {
            Ok(new) => Ok(new.unwrap_or(Value::Null)),
            Err((_, why)) => Err(why),
        }
    }

    /// Braze sheet 4.7, row Array.
    #[test]
    fn arrays_hold_each_value_once_at_its_last_place_and_drop_the_oldest() {
        assert_eq!(after(Value::Null, json!(["a", "b", "a"]), false), Ok(json!(["b", "a"])));
        assert_eq!(after(Value::Null, json!([1, 2, 3, 4, 5]), false), Ok(json!([2, 3, 4, 5])));
        assert_eq!(after(json!(["a", "b"]), json!({"add": ["a"]}), false), Ok(json!(["b", "a"])));
        assert_eq!(
            after(json!(["a", "b"]), json!({"add": ["c"], "remove": ["a"]}), false),
            Ok(json!(["b", "c"]))
        );
        assert_eq!(after(Value::Null, json!({"add": ["a"]}), false), Ok(json!(["a"])));
        assert_eq!(after(Value::Null, json!({"remove": ["a"]}), false), Ok(Value::Null));
        assert!(after(json!("text"), json!({"add": ["a"]}), false).is_err());
        assert_eq!(after(Value::Null, json!([]), false), Ok(json!([])));
        for bad in [json!([[1]]), json!([1, null]), json!([1, {"a": 1}]), json!(["x".repeat(256)])] {
            assert!(after(Value::Null, bad.clone(), false).is_err(), "{bad}");
        }
    }

    /// Braze sheet 4.7, row Number.
    #[test]
    fn an_increment_adds_integers() {
        assert_eq!(after(Value::Null, json!({"inc": 3}), false), Ok(json!(3)));
        assert_eq!(after(json!(4), json!({"inc": -6}), false), Ok(json!(-2)));
        assert_eq!(after(json!(1.5), json!({"inc": 1}), false), Ok(json!(2.5)));
        assert!(after(json!("4"), json!({"inc": 1}), false).is_err());
        assert!(after(json!(4), json!({"inc": 1.5}), false).is_err());
    }

    /// Braze sheet 4.7, row Array of objects.
    #[test]
    fn operations_on_objects_run_add_remove_update() {
        let old = json!([{"id": 1, "x": 1}, {"id": 2}]);
        let ops = json!({
            "$update": [{"$identifier_key": "id", "$identifier_value": 3, "$new_object": {"y": 9}}],
            "$remove": [{"$identifier_key": "id", "$identifier_value": 2}],
            "$add": [{"id": 2, "new": true}, {"id": 3, "x": 3}],
        });
        assert_eq!(
            after(old.clone(), ops.clone(), true),
            Ok(json!([{"id": 1, "x": 1}, {"id": 3, "x": 3, "y": 9}]))
        );
        assert_eq!(after(old, ops, false), Ok(json!([{"id": 1, "x": 1}, {"y": 9}])));
    }

    /// Braze sheet 4.7, rows Object and Array of objects: 100 KB.
    #[test]
    fn a_value_over_100_kb_is_dropped_and_the_old_one_stays() {
        let long: Vec<Value> = (0..600).map(|n| json!({"n": n, "text": "x".repeat(200)})).collect();
        let wish = read(json!({"$add": long})).expect("a wish");
        let old = Some(json!([{"n": 0}]));
        let (kept, _) = wish.fulfil(old.clone(), false, 500).expect_err("too large");
        assert_eq!(kept, old);
        assert!(after(Value::Null, Value::Array(long), false).is_err());
    }

    /// Braze sheet 4.7: a forced type coerces where possible.
    #[test]
    fn a_value_is_coerced_to_the_kind_of_its_attribute() {
        let coerced = |value: Value, kind| read(value).expect("a wish").coerced(kind);
        assert_eq!(coerced(json!("100"), Kind::Number), Some(Wish::Set(json!(100))));
        assert_eq!(coerced(json!("t"), Kind::Boolean), Some(Wish::Set(json!(true))));
        assert_eq!(coerced(json!(0), Kind::Boolean), Some(Wish::Set(json!(false))));
        assert_eq!(coerced(json!(1.5), Kind::String), Some(Wish::Set(json!("1.5"))));
        assert_eq!(coerced(json!("2026-09-15"), Kind::String), Some(Wish::Set(json!("2026-09-15"))));
        assert_eq!(coerced(json!("many"), Kind::Number), None);
        assert_eq!(coerced(json!("text"), Kind::Time), None);
    }
}
