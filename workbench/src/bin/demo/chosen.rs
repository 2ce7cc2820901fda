//! Three people whose profiles are shown as they were and as they are.

use serde_json::Value;
use workbench::Failure;
use workbench::admin::Admin;

use super::manifests::NEWSLETTER;
use super::table::{Row, Rows};

/// Width of the column of names, and of that of old values.
const NAME: usize = 18;
const VALUE: usize = 36;

/// A person whom the story follows.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The external id.
    pub(crate) id: u32,
    /// The address, in small letters as the person typed it.
    pub(crate) address: String,
    /// What happens to the person.
    what: &'static str,
    before: Profile,
}

/// Names and values, in an order for reading.
type Profile = Vec<(&'static str, String)>;

/// Chooses one person who buys and will opt out, one who joins the newsletter and one who goes.
///
/// # Errors
/// When the changes hold no such person.
pub(crate) fn choose(admin: Admin, before: &Rows, after: &Rows) -> Result<[Chosen; 3], Failure> {
    let both = || before.iter().filter_map(|(id, old)| Some((*id, old, after.get(id)?)));
    let named = |row: &Row| row.first_name.is_some() && row.address().is_some();
    let buys = |(_, old, new): &(u32, &Row, &Row)| {
        old.lifetime_value != new.lifetime_value && old.gets_newsletter() && named(old)
    };
    let tier = |row: &Row| row.lifetime_value.map_or(0, |v| u8::from(v >= 200.0) + u8::from(v >= 1000.0));
    let rises = both().filter(buys).find(|(_, old, new)| tier(old) != tier(new));
    let buyer = rises.or_else(|| both().find(buys)).map(|(id, old, _)| (id, old));
    let joins = both()
        .find(|(_, old, new)| named(old) && !old.gets_newsletter() && new.gets_newsletter())
        .map(|(id, old, _)| (id, old));
    let goes = before
        .iter()
        .find(|(id, old)| !after.contains_key(id) && named(old) && old.gets_newsletter())
        .map(|(id, old)| (*id, old));
    let chosen = |found: Option<(u32, &Row)>, what| -> Result<Chosen, Failure> {
        let missing = || Failure::Unexpected(format!("nobody among the people {what}"));
        let (id, row) = found.ok_or_else(missing)?;
        let address = row.address().unwrap_or_default().to_owned();
        Ok(Chosen { id, address, what, before: profile(admin, id)? })
    };
    Ok([
        chosen(buyer, "bought something, and left the newsletter in Braze by a link in a mail")?,
        chosen(joins, "asked for the newsletter in the shop")?,
        chosen(goes, "is gone from the table")?,
    ])
}

impl Chosen {
    /// Both profiles side by side: what differs, and the address and the newsletter in any case.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub(crate) fn table(&self, admin: Admin) -> Result<String, Failure> {
        let after = profile(admin, self.id)?;
        let mut lines = vec![
            format!("User {}, who {}:", self.id, self.what),
            format!("  {:NAME$}{:VALUE$}{}", "", "before", "after"),
        ];
        if after.is_empty() {
            lines.push(format!("  {:NAME$}{:VALUE$}{}", "(the profile)", "", "deleted"));
        }
        for (at, (name, old)) in self.before.iter().enumerate() {
            let new = after.get(at).map_or("", |(_, new)| new);
            if old != new || ["email", "newsletter"].contains(name) {
                lines.push(format!("  {name:NAME$}{old:VALUE$}{new}").trim_end().to_owned());
            }
        }
        Ok(lines.join("\n"))
    }

    /// The state of the newsletter in Braze.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub(crate) fn newsletter(&self, admin: Admin) -> Result<Option<String>, Failure> {
        let profile = profile(admin, self.id)?;
        Ok(profile.into_iter().find(|(name, _)| *name == "newsletter").map(|(_, state)| state))
    }
}

/// What Braze holds; empty: no such user.
fn profile(admin: Admin, id: u32) -> Result<Profile, Failure> {
    // Asking for a user who is gone is no mistake of the demo's.
    let found = admin.get(&format!("/admin/users?q={id}&limit=1000000"))?;
    let users = found["users"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !users.iter().any(|user| user["external_id"].as_str() == Some(&id.to_string())) {
        return Ok(Profile::new());
    }
    Ok(read(&admin.get(&format!("/admin/users/{id}"))?))
}

fn read(found: &Value) -> Profile {
    let (user, custom) = (&found["user"], &found["user"]["custom_attributes"]);
    let subscriptions = found["subscriptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let newsletter = subscriptions.iter().find(|entry| entry["group"] == NEWSLETTER).map_or_else(
        || "never heard of it".to_owned(),
        |entry| {
            let by = if entry["by"] == "person" { ", by the person" } else { "" };
            format!("{}{by}", entry["state"].as_str().unwrap_or("?"))
        },
    );
    let mut profile: Profile = [("email", &user["email"])]
        .into_iter()
        .chain(["first_name", "last_name", "home_city", "country"].map(|name| (name, &user["fields"][name])))
        .chain(
            [
                "plan",
                "lifetime_value",
                "loyalty_points",
                "loyalty_tier",
                "last_purchase_at",
                "segments",
                "is_active",
            ]
            .map(|name| (name, &custom[name])),
        )
        .map(|(name, value)| (name, shown(value)))
        .collect();
    profile.push(("newsletter", newsletter));
    profile
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
