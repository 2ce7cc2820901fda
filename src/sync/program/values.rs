//! Where values come from, and how they are written.

use crate::data::HashKey;

use super::super::decide::Role;
use super::super::expression::{Purpose, ResultType};
use super::super::job::{Job, Origin, PropertyMapping};
use super::super::object::Field;
use super::super::schema::{AttributeStyle, WantedColumn};
use super::super::value::{JsonKind, PropertyType, Target};
use super::build::Builder;
use super::{AttributeSource, ValueOrigin, Writer, digest};

impl Builder<'_> {
    pub(super) fn attributes(&mut self) -> Vec<AttributePart> {
        let mappings = &self.job.properties;
        let mut parts = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.to != "external_id") {
            let place = format!("spec.propertyMappings[to={}]", mapping.to);
            if let Some(part) = self.attribute(mapping, &place) {
                parts.push(part);
            }
        }
        parts
    }

    fn attribute(&mut self, mapping: &PropertyMapping, place: &str) -> Option<AttributePart> {
        let (origin, gives) = match &mapping.origin {
            Origin::From(_) | Origin::Expression(_) if self.reads_nothing() => {
                (ValueOrigin::Unread, ResultType::Dynamic)
            }
            Origin::From(name) => {
                let index = self.property(name, place)?;
                (ValueOrigin::Property(index), ResultType::Known(self.properties[index].property_type))
            }
            Origin::Value(text) => {
                (ValueOrigin::Constant(text.clone()), ResultType::Known(PropertyType::String))
            }
            Origin::Expression(source) => {
                let expression = self.expression(source, Purpose::Mapping, &format!("{place}.expression"))?;
                let gives = expression.result_type();
                (ValueOrigin::Expression(expression), gives)
            }
        };
        let (writer, target) = self.writer(mapping, gives, place)?;
        let (clears, kind) = (target.clears_on_null(), writer.kind());
        let source = AttributeSource {
            origin,
            writer,
            clear_on_null: clears,
            consent: target.is_consent(),
            kind: None,
        };
        let role = match mapping.to.as_str() {
            "email" => Role::Email,
            "phone" => Role::Phone,
            _ => Role::Plain,
        };
        let style = match () {
            () if target.is_consent() || role != Role::Plain => AttributeStyle::Kept,
            () if target.is_nested() => AttributeStyle::Nested,
            // Null is never sent to it, so it cannot be cleared.
            () if target.never_null() => AttributeStyle::Kept,
            () => AttributeStyle::Field,
        };
        Some(AttributePart {
            source,
            field: Field::new(
                target.name(),
                target.is_nested().then(|| target.path().iter().map(|part| part.name().to_owned()).collect()),
                target.costs_data_points(),
            ),
            kind,
            role,
            style,
            guarded_consent: target.is_consent() && !mapping.always_opt_in,
            keeps_on_null: target.keeps_on_null(),
            mapping: Some(mapping.clone()),
        })
    }

    /// The writer, and a target to ask about names and rules (for a dynamic type: the first that fits).
    pub(super) fn writer(
        &mut self,
        mapping: &PropertyMapping,
        gives: ResultType,
        place: &str,
    ) -> Option<(Writer, Target)> {
        const DYNAMIC: [PropertyType; 7] = [
            PropertyType::String,
            PropertyType::Integer,
            PropertyType::Float,
            PropertyType::Boolean,
            PropertyType::Timestamp,
            PropertyType::Array,
            PropertyType::Object,
        ];
        match gives {
            ResultType::Known(property_type) => match Target::compile(mapping, property_type, &self.settings)
            {
                Ok(target) => Some((Writer::Fixed(Box::new(target.clone())), target)),
                Err(problem) => {
                    self.problems.push(format!("{place}: {problem}"));
                    None
                }
            },
            ResultType::Dynamic => {
                let mut targets = Vec::new();
                let mut first_problem = None;
                for property_type in DYNAMIC {
                    match Target::compile(mapping, property_type, &self.settings) {
                        Ok(target) => targets.push((property_type, target)),
                        Err(problem) => first_problem = first_problem.or(Some(problem)),
                    }
                }
                let Some((_, target)) = targets.first().cloned() else {
                    let problem = first_problem.map(|p| p.to_string()).unwrap_or_default();
                    self.problems.push(format!("{place}: {problem}"));
                    return None;
                };
                Some((Writer::ByType(targets), target))
            }
        }
    }
}

/// An attribute under construction.
pub(super) struct AttributePart {
    pub(super) source: AttributeSource,
    pub(super) field: Field,
    pub(super) kind: Option<JsonKind>,
    pub(super) role: Role,
    pub(super) style: AttributeStyle,
    pub(super) guarded_consent: bool,
    pub(super) keeps_on_null: bool,
    pub(super) mapping: Option<PropertyMapping>,
}

impl AttributePart {
    pub(super) fn column(&self, job: &Job, key: &HashKey) -> WantedColumn {
        let digest = match &self.mapping {
            // An edit of the mapping, its property or the Model counts as first sight.
            Some(mapping) if self.guarded_consent => digest::of_consent(job, mapping, key),
            _ => 0,
        };
        WantedColumn { target: self.field.name.clone(), kind: self.kind, digest, style: self.style }
    }
}
