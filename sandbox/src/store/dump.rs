//! The content of a workspace as a document that can be loaded again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Group, Kind, Store, Subscription, User};

/// The content of a workspace: everything but keys, faults and the journal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dump {
    /// All profiles.
    pub users: Vec<User>,
    /// All subscription groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// All states of addresses in groups.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    /// The first type seen of each custom attribute.
    #[serde(default)]
    pub kinds: BTreeMap<String, Kind>,
}

/// A document cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum BadDump {
    /// It is not a dump.
    #[error("this is no dump of a sandbox: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Two profiles share an id.
    #[error("two profiles of the dump have the same id, '{0}'")]
    Twice(String),
}

impl Store {
    /// Writes that have not taken effect are left out.
    pub(crate) fn dump(&self, now: Timestamp) -> Dump {
        Dump {
            users: self.users.values().cloned().collect(),
            groups: self.groups.values().cloned().collect(),
            subscriptions: self.subscriptions(now).cloned().collect(),
            kinds: self.kinds.iter().map(|(name, kind)| (name.clone(), *kind)).collect(),
        }
    }

    /// Replaces the content. Groups of the present catalogue stay.
    pub(crate) fn load(&mut self, dump: Dump) -> Result<(), BadDump> {
        let mut fresh = Self {
            users: BTreeMap::new(),
            by_external: Default::default(),
            by_alias: Default::default(),
            by_braze: Default::default(),
            by_email: Default::default(),
            by_phone: Default::default(),
            groups: std::mem::take(&mut self.groups),
            subscriptions: BTreeMap::new(),
            kinds: dump.kinds.into_iter().collect(),
            pending: Default::default(),
            dice: self.dice.clone(),
            next: 0,
            serial: dump.users.iter().map(|user| user.touched).max().unwrap_or(0),
            swallowed: Vec::new(),
            rules: self.rules.clone(),
        };
        let added = dump.users.into_iter().try_for_each(|user| fresh.insert(user));
        if let Err(twice) = added {
            self.groups = fresh.groups;
            return Err(twice);
        }
        dump.groups.into_iter().for_each(|group| fresh.add_group(group));
        for subscription in dump.subscriptions {
            let key = (subscription.address.clone(), subscription.group.clone());
            fresh.subscriptions.insert(key, subscription);
        }
        *self = fresh;
        Ok(())
    }

    fn insert(&mut self, user: User) -> Result<(), BadDump> {
        self.next += 1;
        let id = self.next;
        if self.by_braze.insert(user.braze_id.clone(), id).is_some() {
            return Err(BadDump::Twice(user.braze_id));
        }
        if let Some(external) = &user.external_id
            && self.by_external.insert(external.clone(), id).is_some()
        {
            return Err(BadDump::Twice(external.clone()));
        }
        for alias in &user.aliases {
            if self.by_alias.insert(alias.clone(), id).is_some() {
                return Err(BadDump::Twice(alias.alias_name.clone()));
            }
        }
        if let Some(email) = &user.email {
            self.by_email.entry(crate::text::address_key(email)).or_default().push(id);
        }
        if let Some(phone) = &user.phone {
            self.by_phone.entry(crate::text::address_key(phone)).or_default().push(id);
        }
        self.users.insert(id, user);
        Ok(())
    }
}
