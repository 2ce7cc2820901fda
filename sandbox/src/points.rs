//! Data points: what a write costs, whether or not it changes anything.

use serde_json::Value;

use crate::track::Wish;

/// Cost of setting or clearing a standard field.
pub(crate) fn of_standard(name: &str) -> u64 {
    let free = ["email_open_tracking_disabled", "email_click_tracking_disabled", "marked_email_as_spam_at"];
    u64::from(!free.contains(&name))
}

/// Cost of a wish for a custom attribute.
pub(crate) fn of_custom(wish: &Wish) -> u64 {
    match wish {
        Wish::Clear | Wish::Set(_) | Wish::Time(..) | Wish::Increase(_) => 1,
        // An addition counts by value; a call that changes nothing still counts.
        Wish::Edit { add, remove } => (count(add.len()) + u64::from(!remove.is_empty())).max(1),
        Wish::Object(map) => map.values().map(keys).sum::<u64>().max(1),
        Wish::Objects(items) => items.iter().map(keys).sum::<u64>().max(1),
        Wish::EditObjects { add, remove, update } => {
            let added: u64 = add.iter().map(keys).sum();
            let updated: u64 = update.iter().flat_map(|(_, new)| new.values()).map(keys).sum();
            (added + count(remove.len()) + updated).max(1)
        }
    }
}

/// Keys of a nested value that hold something other than an object.
fn keys(value: &Value) -> u64 {
    match value {
        Value::Object(map) => map.values().map(keys).sum(),
        _ => 1,
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Braze sheet 9.
    #[test]
    fn values_cost_by_their_structure() {
        let cost = |value: Value| of_custom(&crate::track::read_wish(value).expect("a wish"));
        assert_eq!(cost(json!(null)), 1);
        assert_eq!(cost(json!("pro")), 1);
        assert_eq!(cost(json!({"inc": 1})), 1);
        assert_eq!(cost(json!(["a", "b", "c"])), 1);
        assert_eq!(cost(json!({"add": ["a", "b"]})), 2);
        assert_eq!(cost(json!({"remove": ["a", "b"]})), 1);
        assert_eq!(cost(json!({"add": []})), 1);
        assert_eq!(cost(json!({"a": 1, "b": {"c": 2, "d": 3}})), 3);
        assert_eq!(cost(json!([{"a": 1, "b": 2}, {"a": 3}])), 3);
        assert_eq!(of_standard("first_name"), 1);
        assert_eq!(of_standard("email_open_tracking_disabled"), 0);
    }
}
