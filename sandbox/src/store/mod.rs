//! What the workspace holds: profiles, addresses, groups, and writes that have not taken effect yet.
//!
//! Time is a parameter of every method; nothing in here looks at a clock or talks to anyone.

mod address;
mod apply;
mod dump;
mod group;
mod pending;
mod user;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

pub use dump::{BadDump, Dump};
pub use group::{BadGroup, By, Channel, Group, GroupState, Subscription};
pub(crate) use pending::Deletion;
pub(crate) use user::Identifier;
pub use user::{Alias, GlobalState, Happened, Kind, User};

use crate::dice::Dice;
use crate::options::Options;
use pending::Pending;

/// Something that Braze swallowed without a word.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Swallowed {
    /// Identifier of the object.
    pub user: String,
    /// The field, or the control key.
    pub field: String,
    /// Why it had no effect.
    pub why: &'static str,
}

/// How many swallowed values are remembered.
const SWALLOWED_KEPT: usize = 1_000;

/// The content of a workspace.
#[derive(Debug)]
pub(crate) struct Store {
    users: BTreeMap<u64, User>,
    by_external: HashMap<String, u64>,
    by_alias: HashMap<Alias, u64>,
    by_braze: HashMap<String, u64>,
    by_email: HashMap<String, Vec<u64>>,
    by_phone: HashMap<String, Vec<u64>>,
    groups: BTreeMap<String, Group>,
    subscriptions: BTreeMap<(String, String), Subscription>,
    kinds: HashMap<String, Kind>,
    pending: Pending,
    dice: Dice,
    next: u64,
    serial: u64,
    swallowed: Vec<Swallowed>,
    rules: Rules,
}

/// The options that decide on effects.
#[derive(Clone, Debug)]
struct Rules {
    sticky: bool,
    forced: BTreeMap<String, Kind>,
    max_array: usize,
    resubscribe: bool,
}

impl Store {
    pub(crate) fn new(options: &Options) -> Self {
        let mut store = Self {
            users: BTreeMap::new(),
            by_external: HashMap::new(),
            by_alias: HashMap::new(),
            by_braze: HashMap::new(),
            by_email: HashMap::new(),
            by_phone: HashMap::new(),
            groups: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            kinds: HashMap::new(),
            pending: Pending::default(),
            dice: Dice::new(options.seed),
            next: 0,
            serial: 0,
            swallowed: Vec::new(),
            rules: Rules {
                sticky: options.sticky_types,
                forced: options.forced_types.clone(),
                max_array: options.max_array,
                resubscribe: options.resubscribe_on_email_change,
            },
        };
        options.groups.iter().cloned().for_each(|group| store.add_group(group));
        store
    }

    /// All profiles in the order of their creation.
    pub(crate) fn users(&self) -> impl DoubleEndedIterator<Item = &User> {
        self.users.values()
    }

    pub(crate) fn count(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub(crate) fn swallowed(&self) -> &[Swallowed] {
        &self.swallowed
    }

    pub(crate) fn swallow(&mut self, user: String, field: String, why: &'static str) {
        if self.swallowed.len() == SWALLOWED_KEPT {
            self.swallowed.remove(0);
        }
        self.swallowed.push(Swallowed { user, field, why });
    }

    /// The profile that an identifier names; by address the most recently updated, with an external id first.
    pub(crate) fn find(&self, identifier: &Identifier) -> Option<&User> {
        self.users.get(&self.find_id(identifier)?)
    }

    fn find_id(&self, identifier: &Identifier) -> Option<u64> {
        match identifier {
            Identifier::External(id) => self.by_external.get(id).copied(),
            Identifier::Alias(alias) => self.by_alias.get(alias).copied(),
            Identifier::BrazeId(id) => self.by_braze.get(id).copied(),
            Identifier::Email(email) => {
                let key = |id: &u64| (self.users[id].external_id.is_some(), self.users[id].touched);
                self.with_email(email).iter().copied().max_by_key(key)
            }
            Identifier::Phone(phone) => {
                self.with_phone(phone).iter().copied().max_by_key(|id| self.users[id].touched)
            }
            Identifier::Nobody => None,
        }
    }

    /// All profiles with an address.
    pub(crate) fn with_address(&self, address: &str) -> Vec<&User> {
        let ids = if address.contains('@') { self.with_email(address) } else { self.with_phone(address) };
        ids.iter().map(|id| &self.users[id]).collect()
    }

    /// Makes the shell of a profile: ids and defaults.
    fn create(&mut self, identifier: &Identifier, now: Timestamp) -> u64 {
        self.next += 1;
        let id = self.next;
        // The time first, as in the real ids, then chance.
        let seconds = u32::try_from(now.as_second()).unwrap_or(0);
        let braze_id = format!("{seconds:08x}{:016x}", self.dice.roll());
        let mut user = User {
            braze_id: braze_id.clone(),
            external_id: None,
            aliases: Vec::new(),
            created_at: now,
            random_bucket: u16::try_from(self.dice.roll() % 10_000).unwrap_or(0),
            email: None,
            phone: None,
            phone_valid: false,
            email_subscribe: GlobalState::Subscribed,
            push_subscribe: GlobalState::Subscribed,
            fields: BTreeMap::new(),
            custom_attributes: serde_json::Map::new(),
            custom_events: BTreeMap::new(),
            purchases: BTreeMap::new(),
            total_revenue: 0.0,
            push_tokens: Vec::new(),
            touched: 0,
        };
        match identifier {
            Identifier::External(external) => {
                self.by_external.insert(external.clone(), id);
                user.external_id = Some(external.clone());
            }
            Identifier::Alias(alias) => {
                self.by_alias.insert(alias.clone(), id);
                user.aliases.push(alias.clone());
            }
            Identifier::BrazeId(_) | Identifier::Email(_) | Identifier::Phone(_) | Identifier::Nobody => {}
        }
        self.by_braze.insert(braze_id, id);
        self.users.insert(id, user);
        match identifier {
            Identifier::Email(email) => self.set_email(id, Some(email.clone()), now),
            Identifier::Phone(phone) => self.set_phone(id, Some(phone.clone()), true, now),
            _ => {}
        }
        id
    }

    /// Removes a profile; states of addresses that only it had go with it.
    fn remove(&mut self, id: u64) {
        let Some(user) = self.users.remove(&id) else { return };
        self.by_braze.remove(&user.braze_id);
        if let Some(external) = &user.external_id {
            self.by_external.remove(external);
        }
        for alias in &user.aliases {
            self.by_alias.remove(alias);
        }
        self.forget_addresses(id, &user);
    }
}
