//! `subscription_groups` inside an attributes object.

use serde_json::Value;

use crate::store::{GroupState, Store};

use super::Refusal;

/// Reads the states that an object wants, group by group.
pub(super) fn read(value: &Value, store: &Store) -> Result<Vec<(String, GroupState)>, Refusal> {
    let Value::Array(items) = value else { return Err(Refusal::GroupArray) };
    items
        .iter()
        .map(|item| {
            let part = |key| item.get(key).filter(|part: &&Value| !part.is_null());
            let (Some(id), Some(state)) = (part("subscription_group_id"), part("subscription_state")) else {
                return Err(Refusal::GroupItem);
            };
            let group = id.as_str().and_then(|id| store.group(id)).ok_or(Refusal::GroupId)?;
            let state = state.as_str().and_then(GroupState::read).ok_or(Refusal::GroupState)?;
            Ok((group.id.clone(), state))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::Options;
    use crate::store::Group;

    const NEWS: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";

    /// Braze sheet 12.5, row `subscription_groups`: an error for each way to be wrong.
    #[test]
    fn every_way_to_be_wrong_has_its_error() {
        let store = Store::new(&Options { groups: vec![Group::email(NEWS, "News")], ..Options::default() });
        let item =
            |id: &str, state: &str| json!([{"subscription_group_id": id, "subscription_state": state}]);
        assert_eq!(
            read(&item(&NEWS.to_uppercase(), "subscribed"), &store),
            Ok(vec![(NEWS.to_owned(), GroupState::Subscribed)])
        );
        for (value, refusal) in [
            (json!({}), Refusal::GroupArray),
            (json!(null), Refusal::GroupArray),
            (json!([1]), Refusal::GroupItem),
            (json!([{"subscription_group_id": NEWS}]), Refusal::GroupItem),
            (item("news", "subscribed"), Refusal::GroupId),
            (item("00000000-0000-4000-8000-000000000000", "subscribed"), Refusal::GroupId),
            (item(NEWS, "Subscribed"), Refusal::GroupState),
        ] {
            assert_eq!(read(&value, &store), Err(refusal), "{value}");
        }
    }
}
