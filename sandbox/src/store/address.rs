//! Which profile has which address, and the global e-mail state that follows it.

use jiff::Timestamp;

use crate::text::address_key;

use super::{GlobalState, Store, User};

/// Most profiles that a change of the global e-mail state spreads to.
const SPREAD: usize = 100;

impl Store {
    pub(super) fn with_email(&self, email: &str) -> &[u64] {
        self.by_email.get(&address_key(email)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn with_phone(&self, phone: &str) -> &[u64] {
        self.by_phone.get(&address_key(phone)).map_or(&[], Vec::as_slice)
    }

    /// Gives a profile another e-mail address.
    ///
    /// A changed address takes over the global state of another profile with it, else it is `subscribed`.
    pub(super) fn set_email(&mut self, id: u64, email: Option<String>, now: Timestamp) {
        let Some(user) = self.users.get_mut(&id) else { return };
        if user.email == email {
            return;
        }
        let old = user.email.as_deref().map(address_key);
        let new = email.as_deref().map(address_key);
        user.email = email;
        if old == new {
            return;
        }
        if let Some(old) = old
            && leave(&mut self.by_email, &old, id)
        {
            self.orphan_address(&old, now);
        }
        let Some(new) = new else { return };
        let others = self.by_email.entry(new.clone()).or_default();
        let other = others.first().copied();
        others.push(id);
        let inherited =
            other.filter(|_| !self.rules.resubscribe).map(|other| self.users[&other].email_subscribe);
        let state = inherited.unwrap_or(GlobalState::Subscribed);
        if let Some(user) = self.users.get_mut(&id) {
            user.email_subscribe = state;
        }
        if other.is_none() {
            self.adopt_address(&new, now);
        }
    }

    /// Gives a profile another phone number.
    pub(super) fn set_phone(&mut self, id: u64, phone: Option<String>, valid: bool, now: Timestamp) {
        let Some(user) = self.users.get_mut(&id) else { return };
        if user.phone == phone {
            return;
        }
        let old = user.phone.as_deref().map(address_key);
        let new = phone.as_deref().map(address_key);
        user.phone_valid = valid && phone.is_some();
        user.phone = phone;
        if old == new {
            return;
        }
        if let Some(old) = old
            && leave(&mut self.by_phone, &old, id)
        {
            self.orphan_address(&old, now);
        }
        let Some(new) = new else { return };
        let others = self.by_phone.entry(new.clone()).or_default();
        others.push(id);
        if others.len() == 1 {
            self.adopt_address(&new, now);
        }
    }

    /// Sets the global e-mail state of a profile and of others with the same address.
    pub(super) fn set_email_state(&mut self, id: u64, state: GlobalState) {
        let Some(user) = self.users.get_mut(&id) else { return };
        user.email_subscribe = state;
        let Some(email) = user.email.as_deref().map(address_key) else { return };
        for other in
            self.by_email.get(&email).into_iter().flatten().filter(|other| **other != id).take(SPREAD)
        {
            if let Some(user) = self.users.get_mut(other) {
                user.email_subscribe = state;
            }
        }
    }

    pub(super) fn forget_addresses(&mut self, id: u64, user: &User) {
        if let Some(email) = user.email.as_deref().map(address_key)
            && leave(&mut self.by_email, &email, id)
        {
            self.drop_address(&email);
        }
        if let Some(phone) = user.phone.as_deref().map(address_key)
            && leave(&mut self.by_phone, &phone, id)
        {
            self.drop_address(&phone);
        }
    }
}

/// Takes a profile off an address; true when it was the last one.
fn leave(index: &mut std::collections::HashMap<String, Vec<u64>>, address: &str, id: u64) -> bool {
    let Some(ids) = index.get_mut(address) else { return false };
    ids.retain(|other| *other != id);
    if ids.is_empty() {
        index.remove(address);
        return true;
    }
    false
}
