//! Whether Braze holds what the table says: an outside look at both.

use std::collections::BTreeMap;

use serde_json::Value;
use workbench::Failure;
use workbench::admin::Admin;

use super::manifests::NEWSLETTER;
use super::table::{Row, Rows};

/// Braze keeps no longer texts.
const LONGEST_TEXT: usize = 255;

/// Differences that a failure names.
const SHOWN: usize = 5;

/// Compares all people. `opted_out` is the address of the one who left the newsletter in Braze.
///
/// # Errors
/// When anything differs.
pub(crate) fn with_braze(admin: Admin, rows: &Rows, opted_out: Option<&str>) -> Result<(), Failure> {
    let state = admin.get("/admin/state")?;
    let differences = differences(&state, rows, opted_out);
    if differences.is_empty() {
        return Ok(());
    }
    let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    Err(Failure::Unexpected(format!("{} differences between table and Braze: {shown}", differences.len())))
}

fn differences(state: &Value, rows: &Rows, opted_out: Option<&str>) -> Vec<String> {
    let all = |name: &str| state[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let users: BTreeMap<&str, &Value> =
        all("users").iter().filter_map(|user| Some((user["external_id"].as_str()?, user))).collect();
    let subscribed: BTreeMap<&str, bool> = all("subscriptions")
        .iter()
        .filter(|entry| entry["group"] == NEWSLETTER)
        .filter_map(|entry| Some((entry["address"].as_str()?, entry["state"] == "subscribed")))
        .collect();
    let mut found = Vec::new();
    if users.len() != rows.len() {
        found.push(format!("{} rows, {} users", rows.len(), users.len()));
    }
    for (id, row) in rows {
        let Some(user) = users.get(id.to_string().as_str()) else {
            found.push(format!("user {id} is missing"));
            continue;
        };
        found.extend(wrong_fields(row, user).map(|field| format!("{field} of user {id}")));
        let Some(address) = row.address() else { continue };
        let wanted = row.gets_newsletter() && opted_out != Some(address);
        if subscribed.get(address.to_lowercase().as_str()).copied().unwrap_or(false) != wanted {
            found.push(format!("newsletter of user {id}"));
        }
    }
    found
}

fn wrong_fields<'a>(row: &'a Row, user: &'a Value) -> impl Iterator<Item = &'static str> + 'a {
    let text = |value: &Option<String>, held: &Value| value.as_deref() == held.as_str();
    let custom = &user["custom_attributes"];
    let money = match (row.lifetime_value, custom["lifetime_value"].as_f64()) {
        (Some(wanted), Some(held)) => (wanted - held).abs() < 0.005,
        (wanted, held) => wanted.is_none() && held.is_none(),
    };
    let plan_fits = row.plan.as_ref().is_none_or(|plan| plan.chars().count() <= LONGEST_TEXT);
    let checks = [
        ("first_name", text(&row.first_name, &user["fields"]["first_name"])),
        ("home_city", text(&row.city, &user["fields"]["home_city"])),
        ("email", row.address() == user["email"].as_str()),
        ("plan", !plan_fits || text(&row.plan, &custom["plan"])),
        ("lifetime_value", money),
        ("loyalty_points", row.loyalty_points == custom["loyalty_points"].as_i64()),
    ];
    checks.into_iter().filter(|(_, equal)| !equal).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> Row {
        Row {
            email: Some("Ann@example.com".to_owned()),
            first_name: Some("Ann".to_owned()),
            city: None,
            plan: Some("pro".to_owned()),
            lifetime_value: Some(10.5),
            loyalty_points: Some(3),
            newsletter: Some(true),
        }
    }

    fn state() -> Value {
        json!({
            "users": [{
                "external_id": "1",
                "email": "Ann@example.com",
                "fields": {"first_name": "Ann"},
                "custom_attributes": {"plan": "pro", "lifetime_value": 10.5, "loyalty_points": 3},
            }],
            "subscriptions": [{"group": NEWSLETTER, "address": "ann@example.com", "state": "subscribed"}],
        })
    }

    #[test]
    fn equal_is_equal() {
        assert_eq!(differences(&state(), &Rows::from([(1, row())]), None), Vec::<String>::new());
    }

    #[test]
    fn whatever_differs_is_named() {
        let rows = Rows::from([(1, row()), (2, row())]);
        assert_eq!(differences(&state(), &rows, None), ["2 rows, 1 users", "user 2 is missing"]);
        let other = Row { plan: None, lifetime_value: Some(10.49), newsletter: Some(false), ..row() };
        assert_eq!(
            differences(&state(), &Rows::from([(1, other)]), None),
            ["plan of user 1", "lifetime_value of user 1", "newsletter of user 1"]
        );
        let rows = Rows::from([(1, row())]);
        assert_eq!(differences(&state(), &rows, Some("Ann@example.com")), ["newsletter of user 1"]);
    }
}
