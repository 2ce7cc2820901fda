//! Who is a member of what, and where it is written.

use crate::data::ColumnKind;

use super::super::decide::{GroupKind, Role};
use super::super::expression::Purpose;
use super::super::expression::ResultType;
use super::super::job::{
    Channel, Collection, GroupMapping, GroupRule as Membership, GroupTarget, Origin, PropertyMapping,
    TargetKind,
};
use super::super::object::{Field, GroupField};
use super::super::schema::{AttributeStyle, GroupColumnTarget};
use super::super::value::{PropertyType, Target};
use super::build::Builder;
use super::values::AttributePart;
use super::{AttributeSource, GroupRead, MembershipRule, ValueOrigin, Wanting};

impl Builder<'_> {
    fn group(&mut self, name: &str, place: &str) -> Option<usize> {
        if let Some(index) = self.groups.iter().position(|group| group.name == name) {
            return Some(index);
        }
        let model = &self.job.model;
        let Some(group) = model.groups.iter().find(|group| group.name == name) else {
            self.problems.push(format!("{place}: the Model {} has no group {name:?}", model.name));
            return None;
        };
        let place = format!("Model {}: spec.groups[name={name}]", model.name);
        let rule = match &group.rule {
            Membership::When(source) => {
                MembershipRule::When(self.expression(source, Purpose::Group, &format!("{place}.when"))?)
            }
            Membership::Column(column) => {
                MembershipRule::Column(self.boolean_column(column, &format!("{place}.column"))?)
            }
        };
        self.groups.push(GroupRead { name: name.to_owned(), rule });
        Some(self.groups.len() - 1)
    }

    fn boolean_column(&mut self, name: &str, place: &str) -> Option<usize> {
        let column = self.column(name, place)?;
        if !matches!(column.kind, ColumnKind::Bool | ColumnKind::Dynamic) {
            self.problems.push(format!(
                "{place}: column {name:?} is of type {}, not Boolean; write a rule with 'when' instead",
                column.source_type
            ));
            return None;
        }
        Some(self.read(name))
    }

    pub(super) fn flags(&mut self) -> Vec<AttributePart> {
        let mut parts = Vec::new();
        for (index, mapping) in self.job.groups.iter().enumerate() {
            let GroupTarget::Flag { attribute } = &mapping.target else { continue };
            let place = format!("spec.groupMappings[{index}]");
            let origin = if self.reads_nothing() {
                ValueOrigin::Unread
            } else {
                let Some(group) = self.group(&mapping.group, &place) else { continue };
                ValueOrigin::Flag(group)
            };
            let property = membership_mapping(&mapping.group, attribute);
            let Some((writer, target)) =
                self.writer(&property, ResultType::Known(PropertyType::Boolean), &place)
            else {
                continue;
            };
            parts.push(AttributePart {
                source: AttributeSource { origin, writer, clear_on_null: true, consent: false, kind: None },
                field: Field::new(attribute, None, true),
                kind: target.json_kind(),
                role: Role::Plain,
                style: AttributeStyle::Flag,
                guarded_consent: false,
                keeps_on_null: false,
                mapping: None,
            });
        }
        parts
    }

    pub(super) fn group_rules(&mut self) -> Vec<(GroupMapping, usize)> {
        let mut rules = Vec::new();
        for (index, mapping) in self.job.groups.iter().enumerate() {
            if matches!(mapping.target, GroupTarget::Flag { .. }) {
                continue;
            }
            if self.reads_nothing() {
                // Nobody asks who is a member.
                rules.push((mapping.clone(), 0));
            } else if let Some(group) = self.group(&mapping.group, &format!("spec.groupMappings[{index}]")) {
                rules.push((mapping.clone(), group));
            }
        }
        rules
    }

    pub(super) fn collection(&mut self) -> Wanting {
        match &self.job.collection {
            Collection::All => Wanting::All,
            Collection::None => Wanting::None,
            Collection::Group(name) => {
                let name = name.clone();
                self.group(&name, "spec.collection.group").map_or(Wanting::None, Wanting::Group)
            }
        }
    }

    /// What no rule of one mapping alone can see: a membership and something else written to one place.
    pub(super) fn check_groups(&mut self, targets: &[Target]) {
        let mut written: Vec<GroupColumnTarget> = Vec::new();
        for (index, mapping) in self.job.groups.iter().enumerate() {
            let place = format!("spec.groupMappings[{index}]");
            if let GroupTarget::Element { attribute, .. } = &mapping.target {
                if targets.iter().any(|target| target.path()[0].name() == attribute) {
                    self.problems.push(format!(
                        "{place}: the attribute '{attribute}' is written by another mapping too"
                    ));
                }
                let custom = membership_mapping(&mapping.group, attribute);
                if let Err(problem) = Target::compile(&custom, PropertyType::Array, &self.settings) {
                    self.problems.push(format!("{place}: {problem}"));
                }
            }
            if matches!(mapping.target, GroupTarget::Flag { .. }) {
                continue;
            }
            let column = group_column(mapping);
            if written.contains(&column) {
                self.problems.push(format!("{place}: {column} is mapped twice"));
            }
            written.push(column);
        }
    }
}

/// A membership as the mapping of a custom attribute.
fn membership_mapping(group: &str, attribute: &str) -> PropertyMapping {
    PropertyMapping {
        origin: Origin::From(group.to_owned()),
        to: attribute.to_owned(),
        target_kind: Some(TargetKind::Custom),
        clear_on_null: true,
        as_kind: None,
        truncate: false,
        check: true,
        always_opt_in: false,
    }
}

pub(super) fn group_kind(mapping: &GroupMapping) -> GroupKind {
    match &mapping.target {
        GroupTarget::Subscription { channel, subscribe_on_join, unsubscribe_on_leave, always, .. } => {
            GroupKind::Subscription {
                address: if *channel == Channel::Email { Role::Email } else { Role::Phone },
                on_join: *subscribe_on_join,
                on_leave: *unsubscribe_on_leave,
                always: *always,
            }
        }
        GroupTarget::Element { .. } | GroupTarget::Flag { .. } => GroupKind::Element,
    }
}

pub(super) fn group_column(mapping: &GroupMapping) -> GroupColumnTarget {
    match group_field(mapping) {
        GroupField::Subscription(id) => GroupColumnTarget::Subscription(id),
        GroupField::Element { attribute, value } => GroupColumnTarget::Element { attribute, value },
    }
}

pub(super) fn group_field(mapping: &GroupMapping) -> GroupField {
    match &mapping.target {
        GroupTarget::Subscription { id, .. } => GroupField::Subscription(id.clone()),
        GroupTarget::Element { attribute, value } => {
            GroupField::Element { attribute: attribute.clone(), value: value.clone() }
        }
        GroupTarget::Flag { attribute } => {
            GroupField::Element { attribute: attribute.clone(), value: mapping.group.clone() }
        }
    }
}
