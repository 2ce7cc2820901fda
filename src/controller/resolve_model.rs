//! A Model with its query.

use jiff::tz::TimeZone;
use kube::ResourceExt;

use crate::api::model::{self, EmptyText, MembersBy, Rows};
use crate::api::{Lookup, Model};
use crate::source::Relation;
use crate::sync::job;
use crate::sync::value::PropertyType;

use super::problem::{Findings, Problem};

/// What a Model says a record is, or everything that is wrong with it.
pub fn resolve_model(model: &Model, lookup: &dyn Lookup) -> Result<job::Model, Vec<Problem>> {
    let mut findings = Findings::of("Model", model);
    match resolve(model, lookup, &mut findings) {
        Some(resolved) if findings.problems.is_empty() => Ok(resolved),
        _ => Err(findings.problems),
    }
}

fn resolve(model: &Model, lookup: &dyn Lookup, findings: &mut Findings) -> Option<job::Model> {
    let spec = &model.spec;
    if spec.change_cursor.is_some() {
        findings.invalid(
            "spec.changeCursor",
            "reading only rows that changed is not supported by this version; leave it out, and every run reads \
             all rows",
        );
    }
    let time_zone = spec.time_zone.clone().unwrap_or_else(|| "UTC".to_owned());
    if TimeZone::get(&time_zone).is_err() {
        findings.invalid("spec.timeZone", format!("there is no IANA time zone {time_zone}"));
    }
    if let Some(country) = &spec.default_country
        && rust_iso3166::from_alpha2(country).is_none()
    {
        findings.invalid("spec.defaultCountry", format!("there is no country {country}"));
    }
    let (min_rows, max_rows) = expected_rows(model, findings);
    let mut groups = Vec::new();
    for (index, group) in spec.groups().iter().enumerate() {
        if let Some(members) = findings.take(&format!("spec.groups[{index}]"), group.members()) {
            let rule = match members {
                MembersBy::When(expression) => job::GroupRule::When(expression.to_owned()),
                MembersBy::Column(column) => job::GroupRule::Column(column.to_owned()),
            };
            groups.push(job::Group { name: group.name.clone(), rule });
        }
    }
    Some(job::Model {
        name: model.name_any(),
        relation: relation(model, lookup, findings)?,
        primary_key: spec.primary_key.clone(),
        properties: spec.properties().iter().map(property).collect(),
        groups,
        min_rows,
        max_rows,
        time_zone,
        default_country: spec.default_country.clone(),
        keep_empty_text: spec.empty_text == Some(EmptyText::Keep),
        sample_rows: spec.sample_rows.and_then(|rows| u32::try_from(rows).ok()).unwrap_or(100),
    })
}

fn relation(model: &Model, lookup: &dyn Lookup, findings: &mut Findings) -> Option<Relation> {
    match findings.take("spec", model.spec.rows())? {
        Rows::Table(table) => Some(Relation::Table(table.to_owned())),
        Rows::Query(query) => Some(Relation::Query(query.to_owned())),
        Rows::QueryFrom(key) => {
            let field = "spec.queryFrom.configMapKeyRef";
            let query = findings.config_map(field, key, lookup)?;
            if query.trim().is_empty() {
                findings.invalid(
                    format!("{field}.key"),
                    format!("key {} of ConfigMap {} holds no statement", key.key, key.name),
                );
                return None;
            }
            Some(Relation::Query(query))
        }
    }
}

/// Bounds of a full read. A lower bound above the upper one's default would refuse every read.
fn expected_rows(model: &Model, findings: &mut Findings) -> (u64, u64) {
    let expected = model.spec.expected_rows.clone().unwrap_or_default();
    let rows = |value: Option<i64>, default: u64| {
        value.and_then(|value| u64::try_from(value).ok()).unwrap_or(default)
    };
    let (min, max) = (rows(expected.min, 0), rows(expected.max, 100_000_000));
    if min > max {
        findings.invalid(
            "spec.expectedRows.min",
            format!("must not be greater than max, which is {max} unless it is stated"),
        );
    }
    (min, max)
}

fn property(property: &model::Property) -> job::Property {
    job::Property {
        name: property.name.clone(),
        column: property.column.clone().unwrap_or_else(|| property.name.clone()),
        property_type: property.type_.map(property_type),
    }
}

fn property_type(declared: model::PropertyType) -> PropertyType {
    match declared {
        model::PropertyType::String => PropertyType::String,
        model::PropertyType::Integer => PropertyType::Integer,
        model::PropertyType::Float => PropertyType::Float,
        model::PropertyType::Decimal => PropertyType::Decimal,
        model::PropertyType::Boolean => PropertyType::Boolean,
        model::PropertyType::Date => PropertyType::Date,
        model::PropertyType::Timestamp => PropertyType::Timestamp,
        model::PropertyType::Email => PropertyType::Email,
        model::PropertyType::PhoneNumber => PropertyType::PhoneNumber,
        model::PropertyType::Url => PropertyType::Url,
        model::PropertyType::Array => PropertyType::Array,
        model::PropertyType::Object => PropertyType::Object,
    }
}
