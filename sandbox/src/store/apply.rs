//! An accepted object takes effect.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::track::{Change, Happening, Wish};

use super::{By, Channel, Happened, Identifier, Kind, Rules, Store, User};

impl Store {
    pub(super) fn apply(&mut self, change: Change, now: Timestamp) {
        let Some(id) = self.target(&change, now) else { return };
        self.serial += 1;
        let serial = self.serial;
        let Some(user) = self.users.get_mut(&id) else { return };
        user.touched = serial;
        for (name, value) in change.fields {
            if value.is_null() {
                user.fields.remove(&name);
            } else {
                user.fields.insert(name, value);
            }
        }
        if let Some(state) = change.push_state {
            user.push_subscribe = state;
        }
        for token in change.tokens {
            if !user.push_tokens.contains(&token) {
                user.push_tokens.push(token);
            }
        }
        if let Some(happening) = change.happening {
            note(user, happening);
        }
        self.set_custom(id, change.custom, change.merge);
        if let Some(email) = change.email {
            self.set_email(id, email, now);
        }
        if let Some(phone) = change.phone {
            let (phone, valid) = phone.map_or((None, false), |(phone, valid)| (Some(phone), valid));
            self.set_phone(id, phone, valid, now);
        }
        // After the address: a state in the same object is the one that stays.
        if let Some(state) = change.email_state {
            self.set_email_state(id, state);
        }
        for (group, state) in change.groups {
            let channel = self.groups.get(&group).map(|group| group.channel);
            let user = &self.users[&id];
            let address = if channel == Some(Channel::Email) { &user.email } else { &user.phone };
            match address.clone() {
                Some(address) => self.set_subscription(&group, &address, state, By::Api, now),
                None => {
                    let user = change.target.to_string();
                    self.swallow(
                        user,
                        "subscription_groups".to_owned(),
                        "the user has no address of the channel",
                    );
                }
            }
        }
    }

    /// The profile to change; made if it may be.
    fn target(&mut self, change: &Change, now: Timestamp) -> Option<u64> {
        if let Some(id) = self.find_id(&change.target) {
            return Some(id);
        }
        match change.target {
            Identifier::BrazeId(_) => None,
            Identifier::Nobody => {
                let known = |user: &User| change.tokens.iter().all(|token| user.push_tokens.contains(token));
                (!self.users.values().any(known)).then(|| self.create(&change.target, now))
            }
            _ if change.update_only => None,
            _ => Some(self.create(&change.target, now)),
        }
    }

    fn set_custom(&mut self, id: u64, wishes: Vec<(String, Wish)>, merge: bool) {
        let Self { users, kinds, rules, .. } = self;
        let Some(user) = users.get_mut(&id) else { return };
        let attributes = &mut user.custom_attributes;
        let mut swallowed = Vec::new();
        for (name, wish) in wishes {
            let Some(wish) = typed(&name, wish, rules, kinds) else {
                swallowed.push((name, "the attribute has another type"));
                continue;
            };
            // Most values replace the old one; only edits need to see it.
            let old = match &wish {
                Wish::Set(_) | Wish::Time(..) | Wish::Clear => None,
                _ => attributes.remove(&name),
            };
            match wish.fulfil(old, merge, rules.max_array) {
                Ok(Some(value)) => {
                    attributes.insert(name, value);
                }
                Ok(None) => {
                    attributes.remove(&name);
                }
                Err((old, why)) => {
                    if let Some(old) = old {
                        attributes.insert(name.clone(), old);
                    }
                    swallowed.push((name, why));
                }
            }
        }
        for (name, why) in swallowed {
            self.swallow(self.name_of(id), name, why);
        }
    }

    fn name_of(&self, id: u64) -> String {
        let user = &self.users[&id];
        user.external_id.clone().unwrap_or_else(|| user.braze_id.clone())
    }
}

/// The wish as the attribute's type, where types stick; `None`: it is ignored.
fn typed(name: &str, wish: Wish, rules: &Rules, kinds: &mut HashMap<String, Kind>) -> Option<Wish> {
    if let Some(kind) = rules.forced.get(name) {
        return wish.coerced(*kind);
    }
    if !rules.sticky {
        return Some(wish);
    }
    match (kinds.get(name), wish.kind()) {
        (Some(kind), _) => wish.coerced(*kind),
        (None, Some(kind)) => {
            kinds.insert(name.to_owned(), kind);
            Some(wish)
        }
        (None, None) => Some(wish),
    }
}

fn note(user: &mut User, happening: Happening) {
    let list = match happening.revenue {
        None => &mut user.custom_events,
        Some(revenue) => {
            user.total_revenue += revenue;
            &mut user.purchases
        }
    };
    let at = happening.at;
    let entry = list.entry(happening.name).or_insert_with(|| Happened {
        first: at.clone(),
        last: at.clone(),
        count: 0,
    });
    entry.count += happening.count;
    if at < entry.first {
        entry.first.clone_from(&at);
    }
    if at > entry.last {
        entry.last = at;
    }
}

/// The value of a standard field, where it is text.
impl User {
    /// The text of a standard field such as `first_name`.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// A custom attribute.
    pub fn custom(&self, name: &str) -> Option<&Value> {
        self.custom_attributes.get(name)
    }
}
