//! Hashes of a configuration: what has to be compared, asked or sent again after an edit.
//!
//! What is remembered over releases is written out field by field; nothing of it hangs on how Rust prints a type.

use crate::data::{HashKey, KeyedHasher};
use crate::source::Relation;

use super::super::decide::{GroupKind, Role, Rules};
use super::super::job::{AsKind, Job, Origin, PropertyMapping};
use super::super::value::PropertyType;

/// Hash of all that decides what is sent for the same wanted values and memberships.
///
/// Values are no part of it, nor is what they are made with: those show in the fingerprints of the records. The
/// columns to clear are none either: a mapping that is gone has changed the rules already.
pub(super) fn of_rules(rules: &Rules, key: &HashKey) -> u64 {
    let mut hasher = key.derive("rules").hasher();
    hasher.number(rules.attributes.len() as u64);
    for rule in &rules.attributes {
        hasher.number(rule.column.into());
        hasher.number(flags(&[rule.clear_on_null, rule.guarded_consent]));
        if rule.keeps_on_null {
            // Written only where it is, so that the digests of others stay.
            hasher.number(8);
        }
        hasher.number(role(rule.role));
    }
    for rule in &rules.groups {
        hasher.number(rule.column.into());
        hasher.number(rule.remove_non_members.into());
        match rule.kind {
            GroupKind::Element => hasher.number(0),
            GroupKind::Subscription { address, on_join, on_leave, always } => {
                hasher.number(role(address));
                hasher.number(flags(&[on_join, on_leave, always]));
            }
        }
    }
    hasher.finish()
}

/// Hash of mappings and Model, to tell an edit of them. A release may change it, which costs one more refusal of
/// what Braze refused before.
pub(super) fn of_configuration(job: &Job, key: &HashKey) -> u64 {
    let text = format!("{:?} {:?} {:?} {:?}", job.mode, job.properties, job.groups, job.model);
    key.derive("edition").hash(text.as_bytes())
}

/// Hash of what gives a consent target its values: the mapping, its property and the Model. Parts of the Model that
/// alter no value (groups, expected rows, samples) are left out, so that editing them holds no opt-in back.
pub(super) fn of_consent(job: &Job, mapping: &PropertyMapping, key: &HashKey) -> u64 {
    let model = &job.model;
    let mut hasher = key.derive("consent").hasher();
    let (kind, text) = match &mapping.origin {
        Origin::From(name) => (0, name),
        Origin::Value(text) => (1, text),
        Origin::Expression(source) => (2, source),
    };
    hasher.number(kind);
    field(&mut hasher, text);
    hasher.number(match mapping.as_kind {
        None => 0,
        Some(AsKind::Boolean) => 1,
        Some(AsKind::Number) => 2,
        Some(AsKind::String) => 3,
        Some(AsKind::Time) => 4,
    });
    hasher.number(flags(&[mapping.truncate, mapping.check, model.keep_empty_text]));
    field(&mut hasher, &model.name);
    let (kind, text) = match &model.relation {
        Relation::Table(table) => (0, table),
        Relation::Query(query) => (1, query),
    };
    hasher.number(kind);
    field(&mut hasher, text);
    field(&mut hasher, &model.primary_key);
    for property in &model.properties {
        field(&mut hasher, &property.name);
        field(&mut hasher, &property.column);
        field(&mut hasher, property.property_type.map_or("", type_name));
    }
    // 0 is the digest of targets that are no consent.
    hasher.finish().max(1)
}

/// Text of any length, told apart from what follows.
fn field(hasher: &mut KeyedHasher, text: &str) {
    hasher.number(text.len() as u64);
    hasher.bytes(text.as_bytes());
}

fn flags(flags: &[bool]) -> u64 {
    flags.iter().fold(1, |bits, flag| (bits << 1) | u64::from(*flag))
}

fn role(role: Role) -> u64 {
    match role {
        Role::Plain => 1,
        Role::Email => 2,
        Role::Phone => 3,
    }
}

fn type_name(property_type: PropertyType) -> &'static str {
    match property_type {
        PropertyType::String => "String",
        PropertyType::Integer => "Integer",
        PropertyType::Float => "Float",
        PropertyType::Decimal => "Decimal",
        PropertyType::Boolean => "Boolean",
        PropertyType::Date => "Date",
        PropertyType::Timestamp => "Timestamp",
        PropertyType::Email => "Email",
        PropertyType::PhoneNumber => "PhoneNumber",
        PropertyType::Url => "Url",
        PropertyType::Array => "Array",
        PropertyType::Object => "Object",
    }
}
