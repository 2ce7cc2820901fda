//! A job held against the columns that its relation really has: what to read, how to convert it, what to send.
//!
//! Everything that can be wrong with the two together is found here, before the first request
//! (`InvalidSpec`, with a sentence each).

mod build;
mod digest;
mod groups;
#[cfg(test)]
pub(in crate::sync) mod testing;
#[cfg(test)]
mod tests;
mod values;

use jiff::Timestamp;

use crate::data::{Column, HashKey, KeyKind};

use super::decide::Rules;
use super::expression::Expression;
use super::job::SyncMode;
use super::object::Shape;
use super::schema::{Alignment, Schema};
use super::value::{JsonKind, PropertyType, Settings, Target};

pub use build::build;

/// What a run does with each row, ready to be carried out.
pub struct Program {
    /// Columns to read, in this order; the first is the key's.
    pub columns: Vec<String>,
    /// Column behind the primary key.
    pub key_column: String,
    /// Family of the key.
    pub key_kind: KeyKind,
    /// Properties that something uses.
    pub properties: Vec<PropertyRead>,
    /// How values are read.
    pub settings: Settings,
    /// Where each attribute's value comes from; one an attribute rule.
    pub sources: Vec<AttributeSource>,
    /// Who is a member; one a rule that anything uses (mapped groups, Flags, the collection).
    pub memberships: Vec<GroupRead>,
    /// For each mapped group (one a group rule): the index in `memberships`.
    pub mapped: Vec<usize>,
    /// The collection's group: the index in `memberships`.
    pub collection: Wanting,
    /// What a record gets.
    pub rules: Rules,
    /// How objects look.
    pub shape: Shape,
    /// Columns of the state, aligned with the job.
    pub schema: Schema,
    /// What the alignment found.
    pub alignment: Alignment,
    /// Hash of the rules: with other rules every record is compared entry by entry once.
    pub digest: u64,
    /// Hash of mappings and Model: after an edit, what Braze refused is sent again.
    pub edition: u64,
    /// Modes.
    pub mode: SyncMode,
    /// Key of the hashes of keys, values and fingerprints.
    pub hash_key: HashKey,
    /// Key of the hashes of addresses: that of the app, so that opt-outs can be told to its other Destinations.
    pub address_key: HashKey,
    /// Names of the mapped groups' groups, in the order of the report.
    pub group_names: Vec<String>,
}

/// Which records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanting {
    /// All.
    All,
    /// Members of the group of this index.
    Group(usize),
    /// None.
    None,
}

/// A property that is read.
#[derive(Clone, Debug)]
pub struct PropertyRead {
    /// Its name.
    pub name: String,
    /// Index of its column among those read.
    pub cell: usize,
    /// Its type.
    pub property_type: PropertyType,
}

/// Where an attribute's value comes from.
pub struct AttributeSource {
    /// Origin.
    pub origin: ValueOrigin,
    /// How it is written.
    pub writer: Writer,
    /// Whether null means something other than nothing: what [`AttributeRule::clear_on_null`] says.
    pub clear_on_null: bool,
    /// Consent target: an opt-in is special.
    pub consent: bool,
    /// JSON kind first sent, where it is fixed.
    pub kind: Option<JsonKind>,
}

/// Origin of a value.
pub enum ValueOrigin {
    /// The property of this index.
    Property(usize),
    /// A constant.
    Constant(String),
    /// An expression over properties of these indices.
    Expression(Expression),
    /// Whether the record is a member of the group of this index.
    Flag(usize),
    /// Nothing is read, so there is no value.
    Unread,
}

/// How a value becomes JSON.
pub enum Writer {
    /// The type is known.
    Fixed(Box<Target>),
    /// Only the row tells the type: one target a type that fits.
    ByType(Vec<(PropertyType, Target)>),
}

impl Writer {
    /// A target to ask about names and rules: the same for all types.
    pub fn any(&self) -> &Target {
        match self {
            Self::Fixed(target) => target,
            Self::ByType(targets) => &targets[0].1,
        }
    }

    /// The JSON kind of all values, where the types tell it.
    pub fn kind(&self) -> Option<JsonKind> {
        match self {
            Self::Fixed(target) => target.json_kind(),
            Self::ByType(targets) => {
                let first = targets[0].1.json_kind();
                targets.iter().all(|(_, target)| target.json_kind() == first).then_some(first).flatten()
            }
        }
    }

    /// The target that says with what other targets this one cannot stand together: that of a whole object, if
    /// the values may be one.
    fn widest(&self) -> &Target {
        match self {
            Self::Fixed(target) => target,
            Self::ByType(targets) => targets
                .iter()
                .map(|(_, target)| target)
                .find(|target| target.json_kind().is_none())
                .unwrap_or(&targets[0].1),
        }
    }

    /// The target for values of a type; `None` when they do not fit.
    pub fn of(&self, property_type: Option<PropertyType>) -> Option<&Target> {
        match self {
            Self::Fixed(target) => Some(target),
            Self::ByType(targets) => {
                targets.iter().find(|(t, _)| Some(*t) == property_type).map(|(_, target)| target)
            }
        }
    }
}

/// Who is a member of a group.
pub struct GroupRead {
    /// Its name.
    pub name: String,
    /// The rule.
    pub rule: MembershipRule,
}

/// How membership is found.
pub enum MembershipRule {
    /// By expression.
    When(Expression),
    /// By the Boolean column of this index among those read.
    Column(usize),
}

/// What a program is made of besides the job.
pub struct Surroundings<'a> {
    /// Columns that the relation has; `None`: nothing is read, and records are only taken back.
    pub columns: Option<&'a [Column]>,
    /// Columns of the state as remembered.
    pub schema: Schema,
    /// Key of all hashes of the state.
    pub hash_key: HashKey,
    /// Key of the hashes of addresses: that of the app.
    pub address_key: HashKey,
    /// Start of the run.
    pub now: Timestamp,
    /// A full resync.
    pub full: bool,
    /// Everything is taken as delivered.
    pub adopt: bool,
    /// Whether a sibling Destination of the app maps a target.
    pub elsewhere: &'a dyn Fn(&str) -> bool,
}

impl Program {
    /// Hash of an object, bound to the configuration: an object that Braze refused is sent again after an edit.
    pub fn object_hash(&self, object: &[u8]) -> u64 {
        let mut hasher = self.hash_key.hasher();
        hasher.number(self.edition);
        hasher.bytes(object);
        hasher.finish()
    }
}
