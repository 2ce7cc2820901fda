//! A field of the profile, made ready once for all values of a run.

use crate::sync::job::{AsKind, Origin, PropertyMapping};

use super::array::{Element, write_array};
use super::fit::{as_name, fits_standard, resolve, static_kind};
use super::json::Node;
use super::nested::{self, Rules};
use super::standard::Standard;
use super::write::{push_bool, push_string};
use super::{
    Code, JsonKind, Prop, PropertyType, Settings, SpecProblem, Warning, Written, convert, key_kind, number,
    text, time, timetext,
};

/// One part of the path to a field, with its JSON name ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSegment {
    name: String,
    key: Box<[u8]>,
}

impl PathSegment {
    pub(super) fn new(name: &str) -> Self {
        let mut key = Vec::with_capacity(name.len() + 3);
        push_string(name, &mut key);
        key.push(b':');
        Self { name: name.to_owned(), key: key.into() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as JSON with its colon: `"name":`.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

/// What kind of field a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Custom,
    Nested,
    Standard(Standard),
}

/// A field of the profile with the rules of its mapping: the writer of its values.
#[derive(Clone, Debug)]
pub struct Target {
    name: String,
    path: Vec<PathSegment>,
    field: Field,
    kind: Option<JsonKind>,
    as_kind: Option<AsKind>,
    rules: Rules,
    clear_on_null: bool,
    always_opt_in: bool,
    keep_empty_text: bool,
    default_country: Option<phonenumber::country::Id>,
}

impl Target {
    /// The target of a mapping whose values have that type: the property's, that of the result of the expression,
    /// or `String` for a constant.
    ///
    /// # Errors
    /// A sentence when no value of that type could ever be sent to that name (semantics 5.3).
    pub fn compile(
        mapping: &PropertyMapping,
        property_type: PropertyType,
        settings: &Settings,
    ) -> Result<Self, SpecProblem> {
        let (field, path) = resolve(&mapping.to, mapping.target_kind)?;
        if let Some(kind) = mapping.as_kind
            && !convert::can_be(property_type, kind)
        {
            return Err(SpecProblem::NoSuchConversion {
                name: mapping.to.clone(),
                gives: format!("type {property_type:?}"),
                as_kind: as_name(kind),
            });
        }
        let kind = match field {
            Field::Standard(Standard::ExternalId) => {
                let by_from = matches!(mapping.origin, Origin::From(_));
                if !by_from || mapping.as_kind.is_some() || key_kind(property_type).is_none() {
                    return Err(SpecProblem::BadExternalId);
                }
                Some(JsonKind::String)
            }
            Field::Standard(standard) => {
                fits_standard(&mapping.to, standard, property_type, mapping.as_kind)?;
                Some(standard.kind())
            }
            Field::Custom | Field::Nested => static_kind(property_type, mapping.as_kind),
        };
        let target = Self {
            name: mapping.to.clone(),
            path,
            field,
            kind,
            as_kind: if field == Field::Standard(Standard::ExternalId) {
                Some(AsKind::String)
            } else {
                mapping.as_kind
            },
            rules: Rules { truncate: mapping.truncate, check: mapping.check },
            clear_on_null: mapping.clear_on_null,
            always_opt_in: mapping.always_opt_in,
            keep_empty_text: settings.keep_empty_text,
            default_country: settings.default_country,
        };
        if let Origin::Value(constant) = &mapping.origin {
            target.check_constant(constant)?;
        }
        Ok(target)
    }

    fn check_constant(&self, constant: &str) -> Result<(), SpecProblem> {
        let value = Prop::Text(constant.into());
        let bad =
            |code: Code| Err(SpecProblem::BadConstant { name: self.name.clone(), code, hint: code.hint() });
        if constant.contains('\0') {
            return bad(Code::BadText);
        }
        if self.is_null(&value) {
            return Err(SpecProblem::EmptyConstant(self.name.clone()));
        }
        match self.write(&value, &mut Vec::new()) {
            Ok(_) => Ok(()),
            Err(code) => bad(code),
        }
    }

    /// The name as written in the mapping, with dots for a Nested target.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The way to the value: one segment, or for a Nested target the attribute and the keys inside it.
    pub fn path(&self) -> &[PathSegment] {
        &self.path
    }

    /// The JSON name of the attribute with its colon: `"name":`. For a Nested target that of its parent.
    pub fn key(&self) -> &[u8] {
        &self.path[0].key
    }

    /// The attribute that holds a Nested target; `None` for others.
    pub fn parent(&self) -> Option<&str> {
        self.is_nested().then(|| self.path[0].name())
    }

    /// Whether the value is a key inside an attribute. Such objects travel under `_merge_objects`.
    pub fn is_nested(&self) -> bool {
        self.field == Field::Nested
    }

    /// Whether the value is a custom attribute of its own.
    pub fn is_custom(&self) -> bool {
        self.field == Field::Custom
    }

    /// Whether it is the key of the record, which costs nothing and is never compared.
    pub fn is_external_id(&self) -> bool {
        self.field == Field::Standard(Standard::ExternalId)
    }

    /// Whether it is `email_subscribe` or `push_subscribe`.
    pub fn is_consent(&self) -> bool {
        self.field == Field::Standard(Standard::Consent)
    }

    /// Whether it is `email`.
    pub fn is_email(&self) -> bool {
        self.field == Field::Standard(Standard::Email)
    }

    /// Whether it is `phone`.
    pub fn is_phone(&self) -> bool {
        self.field == Field::Standard(Standard::Phone)
    }

    /// The JSON kind of all values, where the types tell it. Values of type Object may be objects or lists.
    pub fn json_kind(&self) -> Option<JsonKind> {
        self.kind
    }

    /// Whether a null is never sent to it: consent targets, `current_location`, Nested keys and `external_id`.
    pub fn never_null(&self) -> bool {
        matches!(
            self.field,
            Field::Nested
                | Field::Standard(Standard::Consent | Standard::CurrentLocation | Standard::ExternalId)
        )
    }

    /// Whether a null value clears the field in Braze: `onNull: Clear`, where nulls can be sent.
    pub fn clears_on_null(&self) -> bool {
        self.clear_on_null && !self.never_null()
    }

    /// Whether a null value should clear the field and cannot, because it is a key inside an attribute.
    pub fn keeps_on_null(&self) -> bool {
        self.clear_on_null && self.is_nested()
    }

    /// Whether an opt-in is sent at first sight too (`optInPolicy: Always`).
    pub fn always_opt_in(&self) -> bool {
        self.always_opt_in
    }

    /// Whether Braze counts data points for it, also when it is cleared (semantics 14.3).
    pub fn costs_data_points(&self) -> bool {
        match self.field {
            Field::Custom | Field::Nested => true,
            Field::Standard(standard) => standard.costs_data_points(),
        }
    }

    /// Whether the JSON of a consent target is an opt-in: `subscribed` or `opted_in`.
    pub fn is_opt_in(&self, json: &[u8]) -> bool {
        self.is_consent() && json != b"\"unsubscribed\""
    }

    /// Whether the value counts as null here: null itself, or empty text unless the Model keeps it.
    pub fn is_null(&self, value: &Prop<'_>) -> bool {
        let Prop::Text(text) = value else { return value.is_null() };
        let trims =
            matches!(self.field, Field::Standard(Standard::Email | Standard::Phone | Standard::ImageUrl));
        !self.keep_empty_text && if trims { text.trim().is_empty() } else { text.is_empty() }
    }

    /// Appends the JSON of a value that is not null. Nothing is appended on an error.
    ///
    /// # Errors
    /// The code for which the attribute of this record is dropped.
    pub fn write(&self, value: &Prop<'_>, out: &mut Vec<u8>) -> Result<Written, Code> {
        let start = out.len();
        let written = match self.as_kind {
            None => self.write_uncast(value, out),
            Some(kind) => convert::cast(value, kind).and_then(|value| self.write_uncast(&value, out)),
        };
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn write_uncast(&self, value: &Prop<'_>, out: &mut Vec<u8>) -> Result<Written, Code> {
        match self.field {
            Field::Standard(standard) => standard.write(value, self.rules, self.default_country, out),
            Field::Custom | Field::Nested => self.write_attribute(value, out),
        }
    }

    fn write_attribute(&self, value: &Prop<'_>, out: &mut Vec<u8>) -> Result<Written, Code> {
        let scalar = |kind, warned| Ok(Written { kind, warned, data_points: 1 });
        if let Some(beyond) = number::push_number(value, out) {
            return scalar(JsonKind::Number, beyond?.then_some(Warning::BeyondDouble));
        }
        match value {
            Prop::Bool(b) => {
                push_bool(*b, out);
                scalar(JsonKind::Bool, None)
            }
            Prop::Text(text) => {
                let cut = nested::push_limited(text, text::MAX_CHARACTERS, self.rules, out)?;
                // Inside objects a time is always written as $time, so a text stays a text.
                let dated = self.field == Field::Custom && timetext::looks_like_time(text);
                let warned =
                    if cut { Some(Warning::Truncated) } else { dated.then_some(Warning::DateLikeText) };
                scalar(JsonKind::String, warned)
            }
            Prop::Date(days) => {
                let days = time::day(*days)?;
                self.push_time(|out| time::push_midnight(days, out), out);
                scalar(JsonKind::Time, None)
            }
            Prop::Instant(micros) => {
                let micros = time::instant(*micros)?;
                self.push_time(|out| time::push_instant(micros, out), out);
                scalar(JsonKind::Time, None)
            }
            Prop::Json(Node::Object(members)) => nested::write_object(members, self.rules, out),
            Prop::Json(Node::Array(items)) => write_array(items.iter().map(Element::Node), self.rules, out),
            Prop::Json(_) => Err(Code::NestedInvalid),
            Prop::List(items) => write_array(items.iter().map(Element::Prop), self.rules, out),
            _ => Err(Code::NotConvertible),
        }
    }

    fn push_time(&self, push: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        let (before, after): (&[u8], &[u8]) =
            if self.field == Field::Nested { (b"{\"$time\":\"", b"\"}") } else { (b"\"", b"\"") };
        out.extend_from_slice(before);
        push(out);
        out.extend_from_slice(after);
    }
}
