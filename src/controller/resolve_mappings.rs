//! Property mappings, as far as manifests alone tell whether they can work.

use crate::api::destination::{
    As, Check, OnNull, OptInPolicy, PropertyMapping, TargetKind, TooLong, ValueOrigin,
};
use crate::api::model::PropertyType;
use crate::api::{Destination, Model, rules};
use crate::sync::job;

use super::problem::Findings;

/// The mappings of a Destination.
pub(super) fn resolve(
    destination: &Destination,
    model: &Model,
    findings: &mut Findings,
) -> Vec<job::PropertyMapping> {
    let mappings = &destination.spec.property_mappings;
    let mut resolved = Vec::new();
    for (index, mapping) in mappings.iter().enumerate() {
        let path = format!("spec.propertyMappings[{index}]");
        check_source(mapping, model, &path, findings);
        check_target(mapping, &path, findings);
        if let Some(origin) = findings.take(&path, mapping.origin()) {
            resolved.push(one(mapping, origin));
        }
    }
    check_key(mappings, model, findings);
    check_nesting(mappings, model, findings);
    resolved
}

fn one(mapping: &PropertyMapping, origin: ValueOrigin<'_>) -> job::PropertyMapping {
    job::PropertyMapping {
        origin: match origin {
            ValueOrigin::From(property) => job::Origin::From(property.to_owned()),
            ValueOrigin::Value(text) => job::Origin::Value(text.to_owned()),
            ValueOrigin::Expression(expression) => job::Origin::Expression(expression.to_owned()),
        },
        to: mapping.to.clone(),
        target_kind: mapping.target_kind.map(|kind| match kind {
            TargetKind::Standard => job::TargetKind::Standard,
            TargetKind::Custom => job::TargetKind::Custom,
            TargetKind::Nested => job::TargetKind::Nested,
        }),
        clear_on_null: mapping.on_null != Some(OnNull::Leave),
        as_kind: mapping.as_.map(|kind| match kind {
            As::Boolean => job::AsKind::Boolean,
            As::Number => job::AsKind::Number,
            As::String => job::AsKind::String,
            As::Time => job::AsKind::Time,
        }),
        truncate: mapping.too_long == Some(TooLong::Truncate),
        check: mapping.check != Some(Check::Off),
        always_opt_in: mapping.opt_in_policy == Some(OptInPolicy::Always),
    }
}

/// Semantics 4.1: a property in use that the Model does not have refuses the run.
fn check_source(mapping: &PropertyMapping, model: &Model, path: &str, findings: &mut Findings) {
    let properties = model.spec.properties();
    let Some(from) = &mapping.from else { return };
    if properties.is_empty() || properties.iter().any(|property| property.name == *from) {
        return;
    }
    findings.invalid(
        format!("{path}.from"),
        format!(
            "Model {} has no property {from}; its properties are {}",
            destination_model(model),
            listed(properties.iter().map(|property| property.name.as_str()))
        ),
    );
}

fn destination_model(model: &Model) -> &str {
    model.metadata.name.as_deref().unwrap_or_default()
}

/// Some names, and how many more there are.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "none".to_owned(),
        few if few <= SHOWN => names.join(", "),
        many => format!("{} and {} more", names[..SHOWN].join(", "), many - SHOWN),
    }
}

fn check_target(mapping: &PropertyMapping, path: &str, findings: &mut Findings) {
    let field = format!("{path}.to");
    if mapping.kind() == TargetKind::Nested {
        let attribute = mapping.to.split('.').next().unwrap_or_default();
        if rules::is_standard(attribute) || rules::RESERVED.contains(&attribute) {
            findings.invalid(
                field,
                format!(
                    "a Nested target is a key inside a custom attribute, and {attribute} is a name of Braze"
                ),
            );
        }
    } else if mapping.target_kind.is_none()
        && let Some(standard) = rules::near_standard(&mapping.to)
    {
        findings.warn(
            "NearStandardField",
            field,
            format!(
                "{} becomes a custom attribute; if the standard field is meant, write {standard}, else state \
                 targetKind: Custom",
                mapping.to
            ),
        );
    }
}

/// Semantics 5.3, row `external_id`: the primary key, by `from`, exactly once.
fn check_key(mappings: &[PropertyMapping], model: &Model, findings: &mut Findings) {
    let key = &model.spec.primary_key;
    let mut seen = false;
    for (index, mapping) in mappings.iter().enumerate().filter(|(_, mapping)| mapping.to == "external_id") {
        let path = format!("spec.propertyMappings[{index}]");
        if seen {
            findings.invalid(format!("{path}.to"), "external_id is mapped twice");
        }
        seen = true;
        if mapping.from.as_ref() != Some(key) {
            findings.invalid(
                format!("{path}.from"),
                format!(
                    "external_id must come from {key}, the primaryKey of Model {}",
                    destination_model(model)
                ),
            );
        }
    }
    if !seen {
        findings.invalid(
            "spec.propertyMappings",
            format!("one mapping must send the primary key: {{from: {key}, to: external_id}}"),
        );
    }
}

/// Semantics 5.3, row Nested: all keys of one attribute travel as one object that Braze merges, and nothing else
/// may be written to that attribute. As merging holds for a whole request object, no other attribute may get a
/// whole object either.
fn check_nesting(mappings: &[PropertyMapping], model: &Model, findings: &mut Findings) {
    let nested: Vec<&str> = mappings
        .iter()
        .filter(|mapping| mapping.kind() == TargetKind::Nested)
        .map(|mapping| mapping.to.as_str())
        .collect();
    let below =
        |path: &str, parent: &str| path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'));
    for (index, mapping) in mappings.iter().enumerate() {
        let to = mapping.to.as_str();
        let field = format!("spec.propertyMappings[{index}].to");
        if let Some(key) = nested.iter().find(|key| below(key, to)) {
            findings.invalid(
                field,
                format!("{to} cannot be written as a whole while {key} writes a key inside it; build the object in the query"),
            );
        } else if let Some(first) = nested.first()
            && mapping.kind() == TargetKind::Custom
            && is_object(mapping, model)
        {
            findings.invalid(
                field,
                format!("a whole object cannot be sent beside the Nested target {first}: Braze would merge it; build the object in the query"),
            );
        }
    }
}

/// Whether a mapping sends a property that is declared as an object.
fn is_object(mapping: &PropertyMapping, model: &Model) -> bool {
    model.spec.properties().iter().any(|property| {
        Some(&property.name) == mapping.from.as_ref() && property.type_ == Some(PropertyType::Object)
    })
}
