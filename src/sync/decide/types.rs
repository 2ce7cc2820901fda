//! What decisions are made from, and what they are made of.

use jiff::Timestamp;

/// The configuration as decisions see it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// One a mapped target, in the order of [`Row::attributes`].
    pub attributes: Vec<AttributeRule>,
    /// One a mapped group (but for style Flag, which is an attribute), in the order of [`Row::memberships`].
    pub groups: Vec<GroupRule>,
    /// Columns of targets that are no longer mapped and have to be removed.
    pub clearing_attributes: Vec<u16>,
    /// Those of them that are the Boolean of a group: a release clears them too.
    pub clearing_flags: Vec<u16>,
    /// Columns of array elements that are no longer mapped and have to be removed.
    pub clearing_elements: Vec<u16>,
    /// A full resync: active attribute entries count as unknown.
    pub full: bool,
    /// Everything is taken as delivered and nothing is sent.
    pub adopt: bool,
    /// Start of the run.
    pub now: Timestamp,
}

/// One mapped target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeRule {
    /// Its column.
    pub column: u16,
    /// Whether null is sent where something of ours was sent before.
    pub clear_on_null: bool,
    /// Consent under `OnChange`: an opt-in is sent only on a change from another noted value.
    pub guarded_consent: bool,
    /// Whether an address hangs on it.
    pub role: Role,
    /// It is the Boolean of a group: a release clears it.
    pub flag: bool,
    /// A key inside an attribute that null should clear: none can be sent, and that is told.
    pub keeps_on_null: bool,
}

/// Whether the state of subscription groups hangs on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// No.
    Plain,
    /// The `email` target.
    Email,
    /// The `phone` target.
    Phone,
}

/// One mapped group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// Its column.
    pub column: u16,
    /// What is written.
    pub kind: GroupKind,
    /// Whether records that were never members are written like those that leave.
    pub remove_non_members: bool,
}

/// What a group writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// A subscription group.
    Subscription {
        /// Where its state hangs: [`Role::Email`] or [`Role::Phone`].
        address: Role,
        /// Whether joining writes `subscribed`.
        on_join: bool,
        /// Whether leaving writes `unsubscribed`.
        on_leave: bool,
        /// Whether a person's opt-out is overridden.
        always: bool,
    },
    /// An element of an array attribute.
    Element,
}

/// What this run's row wants for one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A value.
    Value {
        /// Keyed hash of its JSON in normal form.
        hash: u64,
        /// A consent value `subscribed` or `opted_in`.
        opt_in: bool,
    },
    /// Null.
    Null,
    /// It cannot be sent: nothing happens to it.
    Dropped,
}

/// Whether a record is a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    /// Yes.
    Member,
    /// No.
    NotMember,
    /// The rule could not be evaluated: neither join nor leave.
    Unknown,
}

/// An address as the row wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// No target of that kind is mapped.
    Unmapped,
    /// Null: there is none.
    Missing,
    /// The value cannot be sent.
    Dropped,
    /// Keyed hash of the address in lower case.
    Known(u64),
}

/// A wanted record.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Canonical key.
    pub key: &'a [u8],
    /// One a rule of [`Rules::attributes`].
    pub attributes: &'a [Wanted],
    /// One a rule of [`Rules::groups`].
    pub memberships: &'a [Membership],
    /// The e-mail address.
    pub email: Address,
    /// The phone number.
    pub phone: Address,
}

impl Row<'_> {
    /// The address of that role.
    pub(super) fn address(&self, role: Role) -> Address {
        match role {
            Role::Email => self.email,
            Role::Phone => self.phone,
            Role::Plain => Address::Unmapped,
        }
    }
}

impl Address {
    /// The hash, where there is an address.
    pub(super) fn known(self) -> Option<u64> {
        match self {
            Self::Known(hash) => Some(hash),
            Self::Unmapped | Self::Missing | Self::Dropped => None,
        }
    }
}

/// What Braze said of one subscription group of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Subscribed.
    Subscribed,
    /// Unsubscribed.
    Unsubscribed,
    /// No history.
    Unknown,
    /// No answer for good: the entry stays, the next run asks again.
    Missing,
    /// An opt-out that is remembered beyond the user (docs/semantics.md, "Subscription groups").
    OptOutMark,
}

/// One value of an attributes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeWrite {
    /// The value that the row wants, by the index of its rule.
    Value(usize),
    /// Null, by the index of its rule.
    Null(usize),
    /// Null for a column that is no longer mapped.
    Cleared(u16),
}

/// One membership of an attributes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupWrite {
    /// `subscribed`, by the index of the rule.
    Subscribe(usize),
    /// `unsubscribed`, by the index of the rule.
    Unsubscribe(usize),
    /// An array element is added, by the index of the rule.
    Add(usize),
    /// An array element is removed, by its column.
    Remove(u16),
}
