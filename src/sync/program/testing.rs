//! Jobs and columns for tests of what is made from them.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::braze::{BrazeConfig, Limits};
use crate::data::{Column, ColumnKind, HashKey};
use crate::source::{Relation, SourceConfig, SqliteConfig, System};
use crate::sync::job::{
    App, Channel, Collection, DeletionGuard, Enrich, Group, GroupMapping, GroupRule, GroupTarget,
    InitialSync, Job, Model, OnUnmap, Origin, Property, PropertyMapping, RejectTolerance, SyncMode,
};
use crate::sync::schema::Schema;
use crate::sync::value::PropertyType;

use super::{Program, Surroundings, build};

/// A job in mode Additive with nothing but its key `id` of type Integer; all defaults are those of the API.
pub fn job() -> Job {
    Job {
        namespace: "default".into(),
        destination: "users".into(),
        state_name: "users".into(),
        app: App {
            name: "braze".into(),
            workspace: None,
            braze: BrazeConfig {
                endpoint: "http://127.0.0.1:1".into(),
                key: SecretString::from("key"),
                extra_ca: None,
                limits: Limits {
                    objects_per_request: 75,
                    requests_per_second: None,
                    max_in_flight: 64,
                    retry_for: Duration::from_secs(900),
                },
                guard: None,
            },
            settle: Duration::ZERO,
        },
        source: SourceConfig {
            system: System::Sqlite(SqliteConfig { path: "users.db".into(), shown: "users.db".into() }),
            query_timeout: Duration::from_secs(3_600),
        },
        model: Model {
            name: "users".into(),
            relation: Relation::Table("users".into()),
            primary_key: "id".into(),
            properties: Vec::new(),
            groups: Vec::new(),
            min_rows: 0,
            max_rows: 100_000_000,
            time_zone: "UTC".into(),
            default_country: None,
            keep_empty_text: false,
            sample_rows: 100,
        },
        mode: SyncMode::Additive,
        collection: Collection::All,
        properties: vec![from("id", "external_id")],
        groups: Vec::new(),
        initial_sync: InitialSync::SendAll,
        initial_sync_stated: false,
        on_unmap: OnUnmap::Clear,
        deletion_guard: DeletionGuard { max_percent: 10, max_count: 10_000, min_count: 5, absent_reads: 1 },
        reject_tolerance: RejectTolerance { max_percent: 10, min_count: 100 },
        enrich: Enrich {
            recheck_missing: Duration::from_secs(86_400),
            recheck_existing: Duration::from_secs(604_800),
        },
        run_timeout: Duration::from_secs(86_400),
    }
}

impl Job {
    /// With more property mappings.
    pub fn map(mut self, mappings: impl IntoIterator<Item = PropertyMapping>) -> Self {
        self.properties.extend(mappings);
        self
    }

    /// With a group and what is written for its members.
    pub fn group(mut self, name: &str, rule: GroupRule, target: Option<GroupTarget>) -> Self {
        self.model.groups.push(Group { name: name.into(), rule });
        self.groups.extend(target.map(|target| GroupMapping {
            group: name.into(),
            target,
            remove_non_members: false,
        }));
        self
    }

    /// With listed properties, each under the name of its column.
    pub fn listed(mut self, properties: &[(&str, PropertyType)]) -> Self {
        self.model.properties = properties
            .iter()
            .map(|&(name, property_type)| Property {
                name: name.into(),
                column: name.into(),
                property_type: Some(property_type),
            })
            .collect();
        self
    }
}

/// A mapping with the defaults of the API.
fn mapping(origin: Origin, to: &str) -> PropertyMapping {
    PropertyMapping {
        origin,
        to: to.into(),
        target_kind: None,
        clear_on_null: true,
        as_kind: None,
        truncate: false,
        check: true,
        always_opt_in: false,
    }
}

/// A property to a target.
pub fn from(property: &str, to: &str) -> PropertyMapping {
    mapping(Origin::From(property.into()), to)
}

/// An expression to a target.
pub fn expression(source: &str, to: &str) -> PropertyMapping {
    mapping(Origin::Expression(source.into()), to)
}

/// An e-mail subscription group that respects opt-outs.
pub fn subscription() -> GroupTarget {
    GroupTarget::Subscription {
        id: "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11".into(),
        channel: Channel::Email,
        subscribe_on_join: true,
        unsubscribe_on_leave: true,
        always: false,
    }
}

/// An element of an array attribute.
pub fn element(attribute: &str, value: &str) -> GroupTarget {
    GroupTarget::Element { attribute: attribute.into(), value: value.into() }
}

/// Columns by name and kind.
pub fn columns(columns: &[(&str, ColumnKind)]) -> Vec<Column> {
    let column = |(name, kind): &(&str, ColumnKind)| Column {
        name: (*name).into(),
        source_type: format!("{kind:?}").to_lowercase(),
        kind: kind.clone(),
    };
    columns.iter().map(column).collect()
}

/// The key of all hashes.
pub fn hash_key() -> HashKey {
    HashKey::new([7; 16])
}

/// A time.
pub fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).expect("a time")
}

/// A job against its columns, with a fresh schema.
pub fn program(job: &Job, kinds: &[(&str, ColumnKind)]) -> Result<Program, Vec<String>> {
    program_with(job, kinds, Schema::default(), false)
}

/// A job against its columns, with a schema; `full`: a full resync.
pub fn program_with(
    job: &Job,
    kinds: &[(&str, ColumnKind)],
    schema: Schema,
    full: bool,
) -> Result<Program, Vec<String>> {
    build(
        job,
        Surroundings {
            columns: Some(&columns(kinds)),
            schema,
            hash_key: hash_key(),
            address_key: HashKey::new([8; 16]),
            now: at(0),
            full,
            adopt: false,
            elsewhere: &|_| false,
        },
    )
}
