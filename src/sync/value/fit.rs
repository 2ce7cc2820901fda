//! Whether a mapping can work at all: names, kinds and types (semantics 5.3), before any row is read.

use crate::sync::job::{AsKind, TargetKind};

use super::standard::{Standard, is_reserved, standard};
use super::target::{Field, PathSegment};
use super::{JsonKind, PropertyType, SpecProblem, Target, text};

/// The field that a name and a stated kind mean, and the way to it.
pub(super) fn resolve(
    name: &str,
    kind: Option<TargetKind>,
) -> Result<(Field, Vec<PathSegment>), SpecProblem> {
    let bad = |why| Err(SpecProblem::BadName { name: name.to_owned(), why });
    if name.is_empty() || name.starts_with('$') || name.trim() != name {
        return bad("may not be empty, begin with '$' or have spaces around it");
    }
    if text::cut(name, text::MAX_CHARACTERS).1 {
        return bad("has more than 255 characters");
    }
    if is_reserved(name) {
        return bad("is not accepted by Braze here; groups go into groupMappings");
    }
    let whole = || vec![PathSegment::new(name)];
    match (kind, standard(name)) {
        (Some(TargetKind::Nested), _) => {
            let path: Vec<PathSegment> = name.split('.').map(PathSegment::new).collect();
            let plain =
                |segment: &PathSegment| !segment.name().is_empty() && !segment.name().contains(['$', ' ']);
            if !(2..=5).contains(&path.len()) || !path.iter().all(plain) {
                return bad("must be attribute.key with up to five parts and no spaces or '$' to be Nested");
            }
            if standard(path[0].name()).is_some() || is_reserved(path[0].name()) {
                return bad("lies inside a standard field; Nested keys belong to custom attributes");
            }
            Ok((Field::Nested, path))
        }
        (Some(TargetKind::Standard) | None, Some(standard)) => Ok((Field::Standard(standard), whole())),
        (Some(TargetKind::Standard), None) => bad("is no standard field of Braze, so it cannot be Standard"),
        (Some(TargetKind::Custom), Some(_)) => bad("is a standard field of Braze, so it cannot be Custom"),
        (Some(TargetKind::Custom), None) => Ok((Field::Custom, whole())),
        (None, None) if name.contains('.') => bad(
            "has a dot and needs targetKind Nested (a key inside an object) or Custom (the dot is part of the name)",
        ),
        (None, None) => Ok((Field::Custom, whole())),
    }
}

/// The kind as it is written in a manifest.
pub(super) fn as_name(kind: AsKind) -> &'static str {
    match kind {
        AsKind::Boolean => "Boolean",
        AsKind::Number => "Number",
        AsKind::String => "String",
        AsKind::Time => "Time",
    }
}

/// The JSON kind of values of a type; `None` for Object, whose values may be lists.
pub(super) fn static_kind(property_type: PropertyType, as_kind: Option<AsKind>) -> Option<JsonKind> {
    use PropertyType as T;
    Some(match as_kind {
        Some(AsKind::Boolean) => JsonKind::Bool,
        Some(AsKind::Number) => JsonKind::Number,
        Some(AsKind::String) => JsonKind::String,
        Some(AsKind::Time) => JsonKind::Time,
        None => match property_type {
            T::Boolean => JsonKind::Bool,
            T::Integer | T::Float | T::Decimal => JsonKind::Number,
            T::String | T::Email | T::PhoneNumber | T::Url => JsonKind::String,
            T::Date | T::Timestamp => JsonKind::Time,
            T::Array => JsonKind::Array,
            T::Object => return None,
        },
    })
}

/// Refuses a type of which no value could be sent to a standard field.
pub(super) fn fits_standard(
    name: &str,
    field: Standard,
    property_type: PropertyType,
    as_kind: Option<AsKind>,
) -> Result<(), SpecProblem> {
    let kind = static_kind(property_type, as_kind);
    let (good, wants) = match field {
        Standard::TrackingFlag => (kind == Some(JsonKind::Bool), "Boolean values"),
        Standard::CurrentLocation | Standard::Facebook | Standard::Twitter => {
            (property_type == PropertyType::Object, "a property of type Object")
        }
        Standard::Moment => (kind == Some(JsonKind::Time), "a Timestamp or Date (or as: Time)"),
        Standard::Dob => {
            // The text of a timestamp is never a day alone.
            let text = kind == Some(JsonKind::String) && property_type != PropertyType::Timestamp;
            (text || property_type == PropertyType::Date, "a Date, or text YYYY-MM-DD")
        }
        _ => (kind == Some(JsonKind::String), "text (or as: String)"),
    };
    if good {
        return Ok(());
    }
    let gives = match as_kind {
        Some(kind) => format!("type {property_type:?} with as: {}", as_name(kind)),
        None => format!("type {property_type:?}"),
    };
    Err(SpecProblem::Unfit { name: name.to_owned(), wants, gives })
}

/// What two targets of one Destination do to each other, if they cannot stand together (semantics 5.3).
pub fn conflict(targets: &[Target]) -> Option<SpecProblem> {
    for (i, one) in targets.iter().enumerate() {
        for other in &targets[i + 1..] {
            if let Some(problem) = conflict_of(one, other).or_else(|| conflict_of(other, one)) {
                return Some(problem);
            }
        }
    }
    None
}

fn conflict_of(one: &Target, other: &Target) -> Option<SpecProblem> {
    if one.path() == other.path() {
        return Some(SpecProblem::MappedTwice(one.name().to_owned()));
    }
    let inside = other.path().len() > one.path().len() && other.path().starts_with(one.path());
    if inside && (one.is_custom() || one.is_nested()) {
        return Some(SpecProblem::Overlap { whole: one.name().to_owned(), part: other.name().to_owned() });
    }
    let whole_object = one.is_custom() && one.json_kind().is_none();
    if whole_object && other.is_nested() {
        return Some(SpecProblem::WholeObject {
            nested: other.name().to_owned(),
            object: one.name().to_owned(),
        });
    }
    None
}
