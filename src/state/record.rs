//! One record as it is remembered: status, attribute and group entries.

use jiff::Timestamp;

/// What a user is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Status {
    /// Delivered and acknowledged. Known.
    #[default]
    Live,
    /// Sent, nothing acknowledged yet. Known.
    Attempted,
    /// Left under Additive or Enrich: the user stays in Braze, our groups were cleared.
    Released,
    /// New and refused by Braze: only the hash of the refused object is kept.
    Refused,
    /// Enrich: not in Braze when last looked up.
    Absent,
}

impl Status {
    /// Whether Braze holds, or may hold, something of ours.
    pub fn is_known(self) -> bool {
        matches!(self, Self::Live | Self::Attempted)
    }
}

/// What Braze last acknowledged of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AttributeEntry {
    /// Never sent.
    #[default]
    Never,
    /// An unanswered request touched it.
    Unknown,
    /// Null acknowledged.
    Null,
    /// Keyed hash of the JSON acknowledged.
    Hash(u64),
    /// Consent targets: an opt-in that was held back; the keyed hash of its JSON, so that only a change from
    /// it is sent.
    Held(u64),
}

/// What is remembered of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum GroupState {
    /// Nothing of ours.
    #[default]
    None,
    /// Member by us, or found as member.
    In,
    /// We removed it.
    Out,
    /// The person opted out. Left only under `optInPolicy: Always`.
    OptedOut,
    /// A join is unanswered, since this time.
    UnknownJoin(Timestamp),
    /// A leave is unanswered, since this time.
    UnknownLeave(Timestamp),
}

/// A group with the address it was written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct GroupEntry {
    /// The state.
    pub state: GroupState,
    /// Keyed hash of the address (lower case) it was written for; subscription groups only.
    pub address: Option<u64>,
}

/// A record as remembered. Attributes and groups are numbered by the state's schema; entries beyond the end of
/// a list are `never` and `none`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Record {
    /// The canonical key, in clear: a vanished user can only be addressed by it.
    pub key: Vec<u8>,
    /// Status.
    pub status: Status,
    /// Attribute entries by column number.
    pub attributes: Vec<AttributeEntry>,
    /// Group entries by column number.
    pub groups: Vec<GroupEntry>,
    /// Keyed hash of the acknowledged e-mail address in lower case.
    pub email: Option<u64>,
    /// Keyed hash of the acknowledged phone number.
    pub phone: Option<u64>,
    /// Full reads in a row in which the record was missing.
    pub absences: u8,
    /// Serial since which a removal of it is held back.
    pub held_since: Option<u64>,
    /// Hash of the object that Braze refused.
    pub refused: Option<u64>,
    /// Enrich: minute (since 1970-01-01) in which the user was last seen to exist, or to be absent.
    pub existence_minute: Option<u32>,
    /// Enrich: keyed hash of Braze's own id of the user.
    pub braze_id: Option<u64>,
    /// When a delete of it went out without an answer.
    pub delete_sent: Option<Timestamp>,
    /// When it was released: its attribute hashes are forgotten 90 days later.
    pub released: Option<Timestamp>,
}

impl Record {
    /// A record that has nothing yet.
    pub fn new(key: impl Into<Vec<u8>>, status: Status) -> Self {
        Self { key: key.into(), status, ..Self::default() }
    }

    /// The entry of an attribute column.
    pub fn attribute(&self, column: usize) -> AttributeEntry {
        self.attributes.get(column).copied().unwrap_or_default()
    }

    /// Sets the entry of an attribute column.
    pub fn set_attribute(&mut self, column: usize, entry: AttributeEntry) {
        if column >= self.attributes.len() {
            self.attributes.resize(column + 1, AttributeEntry::Never);
        }
        self.attributes[column] = entry;
    }

    /// Whether the person opted out of any group.
    pub fn has_opt_out(&self) -> bool {
        self.groups.iter().any(|entry| entry.state == GroupState::OptedOut)
    }

    /// The entry of a group column.
    pub fn group(&self, column: usize) -> GroupEntry {
        self.groups.get(column).copied().unwrap_or_default()
    }

    /// Sets the entry of a group column.
    pub fn set_group(&mut self, column: usize, entry: GroupEntry) {
        if column >= self.groups.len() {
            self.groups.resize(column + 1, GroupEntry::default());
        }
        self.groups[column] = entry;
    }
}
