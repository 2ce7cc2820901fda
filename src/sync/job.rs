//! A fully resolved job: everything that a run needs, and nothing that it must look up.
//!
//! Made from manifests and Secrets by one pure function of `controller`; the same type can travel to a worker.
//! Defaults of the API are applied before: every field here has its value.

use std::time::Duration;

use crate::braze::BrazeConfig;
use crate::source::{Relation, SourceConfig};

use super::value::PropertyType;

/// One Destination to be run, with all that it refers to.
#[derive(Clone, Debug)]
pub struct Job {
    /// Namespace of the objects.
    pub namespace: String,
    /// Name of the Destination.
    pub destination: String,
    /// Name under which deliveries are remembered.
    pub state_name: String,
    /// Where to send.
    pub app: App,
    /// Where rows come from.
    pub source: SourceConfig,
    /// What a record is.
    pub model: Model,
    /// What happens to users.
    pub mode: SyncMode,
    /// Which records are wanted.
    pub collection: Collection,
    /// Fields of the profile. One of them is `external_id`.
    pub properties: Vec<PropertyMapping>,
    /// Memberships.
    pub groups: Vec<GroupMapping>,
    /// First run.
    pub initial_sync: InitialSync,
    /// Whether `initialSync` is written out in the manifest (a question is then answered in advance).
    pub initial_sync_stated: bool,
    /// Fields that are no longer mapped.
    pub on_unmap: OnUnmap,
    /// Guard of removals.
    pub deletion_guard: DeletionGuard,
    /// Limit of rejects.
    pub reject_tolerance: RejectTolerance,
    /// Times of mode Enrich.
    pub enrich: Enrich,
    /// Longest time of a run.
    pub run_timeout: Duration,
}

impl Job {
    /// Name of the workspace as the state knows it: the user's name of it, else that of the BrazeApp.
    pub fn app_name(&self) -> String {
        let app = self.app.workspace.as_deref().unwrap_or(&self.app.name);
        format!("{}/{app}", self.namespace)
    }
}

/// One Braze workspace.
#[derive(Clone, Debug)]
pub struct App {
    /// Name of the BrazeApp.
    pub name: String,
    /// The user's name of the workspace, if given.
    pub workspace: Option<String>,
    /// Endpoint, key and limits.
    pub braze: BrazeConfig,
    /// Time after which Braze has applied what it accepted.
    pub settle: Duration,
}

/// What a record is.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name of the Model.
    pub name: String,
    /// Table or query.
    pub relation: Relation,
    /// Name of the property that is the key.
    pub primary_key: String,
    /// Properties as listed; empty: every column under its own name and with its own type.
    pub properties: Vec<Property>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Rows that a full read must return at least.
    pub min_rows: u64,
    /// Rows that a read may return at most.
    pub max_rows: u64,
    /// IANA zone of timestamps that carry none.
    pub time_zone: String,
    /// Two-letter country of phone numbers without a country code.
    pub default_country: Option<String>,
    /// Whether an empty text is kept (else it is null).
    pub keep_empty_text: bool,
    /// Rows that a check looks at.
    pub sample_rows: u32,
}

/// One named, typed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Name in mappings and expressions.
    pub name: String,
    /// Column of the relation.
    pub column: String,
    /// Declared type; `None`: as the source reports it.
    pub property_type: Option<PropertyType>,
}

/// A named set of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name of the group.
    pub name: String,
    /// Who is a member.
    pub rule: GroupRule,
}

/// Who is a member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRule {
    /// Those for whom the CEL expression is true.
    When(String),
    /// Those for whom the Boolean column is true.
    Column(String),
}

/// What happens to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum SyncMode {
    /// Creates, updates and deletes users.
    Sync,
    /// Creates and updates.
    Additive,
    /// Only updates.
    Enrich,
}

/// Which records are wanted in Braze.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Collection {
    /// All records of the model.
    All,
    /// The members of a group.
    Group(String),
    /// No record: everything is taken back.
    None,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A property of the model.
    From(String),
    /// A constant text.
    Value(String),
    /// A CEL expression over the record.
    Expression(String),
}

/// One value to one field of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyMapping {
    /// Where the value comes from.
    pub origin: Origin,
    /// Field of the profile.
    pub to: String,
    /// Kind of the field, when stated.
    pub target_kind: Option<TargetKind>,
    /// Whether null removes the field.
    pub clear_on_null: bool,
    /// JSON kind to send instead.
    pub as_kind: Option<AsKind>,
    /// Whether what is too long is cut (else dropped).
    pub truncate: bool,
    /// Whether values that Braze would swallow silently are found and not sent.
    pub check: bool,
    /// Consent targets: whether an opt-in is sent at first sight too.
    pub always_opt_in: bool,
}

/// Kinds of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A standard field.
    Standard,
    /// A custom attribute.
    Custom,
    /// A key inside a custom attribute: `a.b.c`.
    Nested,
}

/// JSON kinds that a mapping may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AsKind {
    /// `true`, `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// A time: RFC 3339 text.
    Time,
}

/// One group to one membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMapping {
    /// Group of the model.
    pub group: String,
    /// What is written.
    pub target: GroupTarget,
    /// Whether records that were never members are written like those that leave.
    pub remove_non_members: bool,
}

/// What a membership is in Braze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupTarget {
    /// A subscription group.
    Subscription {
        /// Its UUID.
        id: String,
        /// What its state hangs on.
        channel: Channel,
        /// Whether joining writes `subscribed`.
        subscribe_on_join: bool,
        /// Whether leaving writes `unsubscribed`.
        unsubscribe_on_leave: bool,
        /// Whether a person's opt-out is overridden.
        always: bool,
    },
    /// A text in an array attribute.
    Element {
        /// The attribute.
        attribute: String,
        /// The text.
        value: String,
    },
    /// A Boolean attribute.
    Flag {
        /// The attribute.
        attribute: String,
    },
}

/// What the state of a subscription group hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The e-mail address.
    Email,
    /// The phone number.
    Sms,
    /// The phone number.
    WhatsApp,
}

/// The very first run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialSync {
    /// Everything is sent.
    SendAll,
    /// What Braze holds is taken as equal to the source.
    Adopt,
}

/// A field that is no longer mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnmap {
    /// It is removed in Braze.
    Clear,
    /// It stays as it is.
    Leave,
}

/// Limits above which removals wait for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionGuard {
    /// Largest share of the known records, in percent; 100 removes the bound.
    pub max_percent: u32,
    /// Largest number of records.
    pub max_count: u64,
    /// Up to so many are always allowed.
    pub min_count: u64,
    /// Full reads in a row in which a record must be missing.
    pub absent_reads: u8,
}

/// How many records may be rejected before a run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectTolerance {
    /// Largest share of the records, in percent; 100 removes the bound.
    pub max_percent: u32,
    /// Up to so many never stop a run.
    pub min_count: u64,
}

/// Times of mode Enrich.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrich {
    /// How long an absent record rests.
    pub recheck_missing: Duration,
    /// How long an existing user is taken to exist.
    pub recheck_existing: Duration,
}
