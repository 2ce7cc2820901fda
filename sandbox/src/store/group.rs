//! Subscription groups and the states of addresses in them.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text::address_key;

use super::Store;

/// How long the state of an address that no profile has is kept.
const ORPHAN_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A subscription group of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its UUID, lower case.
    pub id: String,
    /// Its name in the dashboard.
    pub name: String,
    /// Its channel, which decides whose address counts.
    pub channel: Channel,
}

impl Group {
    /// A group for e-mail.
    pub fn email(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), channel: Channel::Email }
    }

    /// A group for text messages.
    pub fn sms(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), channel: Channel::Sms }
    }
}

/// Channel of a subscription group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By e-mail address.
    Email,
    /// By phone number.
    Sms,
    /// By phone number.
    WhatsApp,
}

impl Channel {
    /// Its name as answers show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
        }
    }
}

/// A text that names no group: wanted is `UUID=NAME[:channel]`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "'{0}' is not a group; write UUID=NAME or UUID=NAME:CHANNEL, the channel one of email, sms, whatsapp"
)]
pub struct BadGroup(String);

impl FromStr for Group {
    type Err = BadGroup;

    fn from_str(text: &str) -> Result<Self, BadGroup> {
        let bad = || BadGroup(text.to_owned());
        let (id, rest) = text.split_once('=').ok_or_else(bad)?;
        let id = uuid::Uuid::parse_str(id.trim()).map_err(|_| bad())?;
        let (name, channel) = match rest.rsplit_once(':') {
            Some((name, "email")) => (name, Channel::Email),
            Some((name, "sms")) => (name, Channel::Sms),
            Some((name, "whatsapp")) => (name, Channel::WhatsApp),
            Some(_) => return Err(bad()),
            None => (rest, Channel::Email),
        };
        Ok(Self { id: id.to_string(), name: name.trim().to_owned(), channel })
    }
}

/// State of an address in a group. An address without history has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupState {
    /// Wants the group's messages.
    Subscribed,
    /// Does not.
    Unsubscribed,
}

impl GroupState {
    /// Reads the spelling of writes.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "subscribed" => Some(Self::Subscribed),
            "unsubscribed" => Some(Self::Unsubscribed),
            _ => None,
        }
    }

    /// The spelling of reads, which is capitalised.
    pub const fn capitalised(self) -> &'static str {
        match self {
            Self::Subscribed => "Subscribed",
            Self::Unsubscribed => "Unsubscribed",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.capitalised())
    }
}

/// Who brought about a subscription state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A request to the API.
    Api,
    /// The person, by a link or a preference page.
    Person,
}

/// What is kept of one address in one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The group's UUID.
    pub group: String,
    /// The address: e-mail in lower case, or phone number.
    pub address: String,
    /// The state.
    pub state: GroupState,
    /// Who brought it about.
    pub by: By,
    /// When.
    pub changed_at: Timestamp,
    /// Since when no profile has the address; dropped 30 days later.
    pub orphan_since: Option<Timestamp>,
}

impl Subscription {
    fn expired(&self, now: Timestamp) -> bool {
        self.orphan_since.is_some_and(|since| now.duration_since(since) >= ORPHAN_LIFE)
    }
}

impl Store {
    /// The group with this id, in any spelling of the UUID.
    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        if let Some(group) = self.groups.get(id) {
            return Some(group);
        }
        self.groups.get(&uuid::Uuid::parse_str(id).ok()?.to_string())
    }

    pub(crate) fn add_group(&mut self, mut group: Group) {
        if let Ok(id) = uuid::Uuid::parse_str(&group.id) {
            group.id = id.to_string();
        }
        self.groups.insert(group.id.clone(), group);
    }

    /// State of an address in a group; `None` without history.
    pub(crate) fn subscription(&self, group: &str, address: &str, now: Timestamp) -> Option<&Subscription> {
        let found = self.subscriptions.get(&(address_key(address), self.group(group)?.id.clone()))?;
        (!found.expired(now)).then_some(found)
    }

    /// All states that are still kept, by address.
    pub(crate) fn subscriptions(&self, now: Timestamp) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.values().filter(move |found| !found.expired(now))
    }

    /// States of one address.
    pub(crate) fn of_address(&self, address: &str, now: Timestamp) -> impl Iterator<Item = &Subscription> {
        let key = address_key(address);
        let from = (key.clone(), String::new());
        self.subscriptions
            .range(from..)
            .take_while(move |((address, _), _)| *address == key)
            .map(|(_, found)| found)
            .filter(move |found| !found.expired(now))
    }

    /// Puts an address into a state. The group must exist.
    pub(crate) fn set_subscription(
        &mut self,
        group: &str,
        address: &str,
        state: GroupState,
        by: By,
        now: Timestamp,
    ) {
        let Some(group) = self.group(group).map(|group| group.id.clone()) else { return };
        let address = address_key(address);
        let owned = self.by_email.contains_key(&address) || self.by_phone.contains_key(&address);
        let orphan_since = (!owned).then_some(now);
        let key = (address.clone(), group.clone());
        self.subscriptions
            .insert(key, Subscription { group, address, state, by, changed_at: now, orphan_since });
    }

    /// An address got its first profile: states younger than 30 days are inherited, older ones are gone.
    pub(super) fn adopt_address(&mut self, address: &str, now: Timestamp) {
        self.change_address(address, |found| {
            let kept = !found.expired(now);
            found.orphan_since = None;
            kept
        });
    }

    /// No profile has the address any more, but the address may come back.
    pub(super) fn orphan_address(&mut self, address: &str, now: Timestamp) {
        self.change_address(address, |found| {
            found.orphan_since = Some(now);
            true
        });
    }

    /// The last profile of the address was deleted.
    pub(super) fn drop_address(&mut self, address: &str) {
        self.change_address(address, |_| false);
    }

    fn change_address(&mut self, address: &str, mut keep: impl FnMut(&mut Subscription) -> bool) {
        if self.subscriptions.is_empty() {
            return;
        }
        let from = (address.to_owned(), String::new());
        let mut gone = Vec::new();
        for (key, found) in self.subscriptions.range_mut(from..) {
            if key.0 != address {
                break;
            }
            if !keep(found) {
                gone.push(key.clone());
            }
        }
        for key in gone {
            self.subscriptions.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";

    #[test]
    fn a_group_is_read_from_one_word() {
        let group: Group = format!("{ID}=News: daily:sms").parse().expect("a group");
        assert_eq!(group, Group { id: ID.to_owned(), name: "News: daily".to_owned(), channel: Channel::Sms });
        let plain: Group = format!("{}=News", ID.to_uppercase()).parse().expect("a group");
        assert_eq!(plain, Group::email(ID, "News"));
        assert!("news=News".parse::<Group>().is_err());
        assert!(format!("{ID}=News:fax").parse::<Group>().is_err());
    }
}
