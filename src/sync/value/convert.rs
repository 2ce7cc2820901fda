//! From a cell to a typed property, strictly (semantics 5.2), and from one kind to another (`as`).

use std::borrow::Cow;

use crate::data::{Cell, RowBatch};
use crate::sync::job::AsKind;

use super::json::{self, Node};
use super::timetext::{self, Stated};
use super::{Code, Prop, PropertyType, Settings, number, phone, text, time};

/// The value of a cell as a property of that type.
///
/// Empty text is null unless the Model keeps it; then it is a value of type String alone.
///
/// # Errors
/// The code for which the property of this record is dropped. A failed conversion is never a null.
pub fn property<'b>(
    cell: Cell,
    batch: &'b RowBatch,
    property_type: PropertyType,
    settings: &Settings,
) -> Result<Prop<'b>, Code> {
    match cell {
        Cell::Null => return Ok(Prop::Null),
        Cell::BadText => return Err(Code::BadText),
        Cell::InfiniteTime => return Err(Code::BadDate),
        Cell::Unsupported => return Err(Code::NotConvertible),
        _ => {}
    }
    if let Cell::Text(span) = cell {
        return from_text(batch.text(span), property_type, settings);
    }
    match property_type {
        PropertyType::String => string(cell, batch),
        PropertyType::Integer => match cell {
            Cell::Int(n) => Ok(Prop::Int(n)),
            Cell::UInt(n) => Ok(Prop::UInt(n)),
            Cell::Decimal(span) => number::integer_of_decimal(batch.text(span)),
            _ => Err(Code::NotConvertible),
        },
        PropertyType::Float => match cell {
            Cell::Float32(x) if x.is_finite() => Ok(Prop::Float32(x)),
            Cell::Float32(_) => Err(Code::NotFinite),
            Cell::Float64(x) => number::finite(x),
            Cell::Int(n) => number::float_of_integer(n.into()),
            Cell::UInt(n) => number::float_of_integer(n.into()),
            Cell::Decimal(span) => number::float(batch.text(span)),
            _ => Err(Code::NotConvertible),
        },
        PropertyType::Decimal => decimal(cell, batch),
        PropertyType::Boolean => match cell {
            Cell::Bool(b) => Ok(Prop::Bool(b)),
            Cell::Int(n @ (0 | 1)) => Ok(Prop::Bool(n == 1)),
            _ => Err(Code::NotConvertible),
        },
        PropertyType::Date => match cell {
            Cell::Date(days) => time::day(days).map(Prop::Date),
            _ => Err(Code::NotConvertible),
        },
        PropertyType::Timestamp => match cell {
            Cell::Instant(micros) => time::instant(micros).map(Prop::Instant),
            Cell::NaiveTime(micros) => time::instant_of_wall(micros, &settings.time_zone).map(Prop::Instant),
            Cell::Date(days) => midnight(time::day(days)?, settings),
            _ => Err(Code::NotConvertible),
        },
        PropertyType::Email | PropertyType::PhoneNumber | PropertyType::Url => Err(Code::NotConvertible),
        PropertyType::Object => match cell {
            Cell::Json(span) => object(batch.text(span)),
            Cell::Array(span) => objects(batch.items(span), batch),
            _ => Err(Code::NestedInvalid),
        },
        PropertyType::Array => match cell {
            Cell::Json(span) => json_list(batch.text(span)),
            Cell::Array(span) => list(batch.items(span), batch, settings),
            _ => Err(Code::NotConvertible),
        },
    }
}

fn from_text<'b>(raw: &'b str, property_type: PropertyType, settings: &Settings) -> Result<Prop<'b>, Code> {
    let trims = matches!(property_type, PropertyType::Email | PropertyType::PhoneNumber | PropertyType::Url);
    let raw = if trims { raw.trim() } else { raw };
    if raw.is_empty() && !settings.keep_empty_text {
        return Ok(Prop::Null);
    }
    match property_type {
        PropertyType::String => Ok(Prop::Text(Cow::Borrowed(raw))),
        PropertyType::Integer => number::integer(raw),
        PropertyType::Float => number::float(raw),
        PropertyType::Decimal => number::decimal(raw).map(Prop::Decimal),
        PropertyType::Boolean => text::boolean(raw).map(Prop::Bool),
        PropertyType::Date => timetext::parse_date(raw).map(Prop::Date),
        PropertyType::Timestamp => match timetext::parse_time(raw)? {
            Stated::Instant(micros) => Ok(Prop::Instant(micros)),
            Stated::Wall(micros) => time::instant_of_wall(micros, &settings.time_zone).map(Prop::Instant),
            Stated::Day(days) => midnight(days, settings),
        },
        PropertyType::Email => text::email(raw).map(|email| Prop::Text(Cow::Borrowed(email))),
        PropertyType::PhoneNumber => phone::e164(raw, settings.default_country).map(Prop::Text),
        PropertyType::Url => text::url(raw).map(|url| Prop::Text(Cow::Borrowed(url))),
        PropertyType::Object => object(raw),
        PropertyType::Array => json_list(raw),
    }
}

/// Numbers have a text of their own; sources with typed columns never get here (see `fits`).
fn string<'b>(cell: Cell, batch: &'b RowBatch) -> Result<Prop<'b>, Code> {
    let number = match cell {
        Cell::Int(n) => Prop::Int(n),
        Cell::UInt(n) => Prop::UInt(n),
        Cell::Float32(x) => Prop::Float32(x),
        Cell::Float64(x) => Prop::Float64(x),
        Cell::Decimal(span) => return Ok(Prop::Text(Cow::Borrowed(batch.text(span)))),
        _ => return Err(Code::NotConvertible),
    };
    number_text(&number).map(Prop::Text)
}

fn decimal<'b>(cell: Cell, batch: &'b RowBatch) -> Result<Prop<'b>, Code> {
    // A float of a dynamic source is the decimal that its shortest digits name.
    let digits = match cell {
        Cell::Decimal(span) => return number::decimal(batch.text(span)).map(Prop::Decimal),
        Cell::Int(n) => n.to_string(),
        Cell::UInt(n) => n.to_string(),
        Cell::Float32(x) if x.is_finite() => format!("{x}"),
        Cell::Float64(x) if x.is_finite() => format!("{x}"),
        Cell::Float32(_) | Cell::Float64(_) => return Err(Code::NotFinite),
        _ => return Err(Code::NotConvertible),
    };
    number::decimal(&digits).map(|canonical| Prop::Decimal(Cow::Owned(canonical.into_owned())))
}

fn midnight(days: i32, settings: &Settings) -> Result<Prop<'static>, Code> {
    let micros = i64::from(days) * 86_400_000_000;
    time::instant_of_wall(micros, &settings.time_zone).map(Prop::Instant)
}

fn object(raw: &str) -> Result<Prop<'_>, Code> {
    match json::parse(raw) {
        Some(Node::Null) => Ok(Prop::Null),
        Some(node @ (Node::Object(_) | Node::Array(_))) => Ok(Prop::Json(node)),
        _ => Err(Code::NestedInvalid),
    }
}

fn json_list(raw: &str) -> Result<Prop<'_>, Code> {
    match json::parse(raw) {
        Some(Node::Null) => Ok(Prop::Null),
        Some(node @ Node::Array(_)) => Ok(Prop::Json(node)),
        _ => Err(Code::NotConvertible),
    }
}

/// An array of JSON values, as one JSON array.
fn objects<'b>(items: &[Cell], batch: &'b RowBatch) -> Result<Prop<'b>, Code> {
    let node = |item: &Cell| match item {
        Cell::Null => Ok(Node::Null),
        Cell::Json(span) => json::parse(batch.text(*span)).ok_or(Code::NestedInvalid),
        _ => Err(Code::NestedInvalid),
    };
    items.iter().map(node).collect::<Result<_, _>>().map(|nodes| Prop::Json(Node::Array(nodes)))
}

fn list<'b>(items: &[Cell], batch: &'b RowBatch, settings: &Settings) -> Result<Prop<'b>, Code> {
    let item = |item: &Cell| {
        let property_type = match item {
            Cell::Bool(_) => PropertyType::Boolean,
            Cell::Int(_) | Cell::UInt(_) => PropertyType::Integer,
            Cell::Float32(_) | Cell::Float64(_) => PropertyType::Float,
            Cell::Decimal(_) => PropertyType::Decimal,
            Cell::Date(_) => PropertyType::Date,
            Cell::NaiveTime(_) | Cell::Instant(_) => PropertyType::Timestamp,
            Cell::Array(_) | Cell::Json(_) => return Err(Code::ArrayMixed),
            Cell::Null | Cell::Text(_) | Cell::BadText | Cell::InfiniteTime | Cell::Unsupported => {
                PropertyType::String
            }
        };
        property(*item, batch, property_type, settings)
    };
    items.iter().map(item).collect::<Result<_, _>>().map(Prop::List)
}

/// Whether values of a type can be sent as another kind at all.
pub(super) fn can_be(property_type: PropertyType, kind: AsKind) -> bool {
    use PropertyType as T;
    match kind {
        AsKind::String => !matches!(property_type, T::Array | T::Object),
        AsKind::Number => {
            matches!(property_type, T::Boolean | T::Integer | T::Float | T::Decimal | T::String)
        }
        AsKind::Boolean => matches!(property_type, T::Boolean | T::String),
        AsKind::Time => matches!(property_type, T::String | T::Date | T::Timestamp),
    }
}

/// The value as another kind.
pub(super) fn cast<'a>(value: &'a Prop<'_>, kind: AsKind) -> Result<Prop<'a>, Code> {
    let converted = match (kind, value) {
        (AsKind::String, Prop::Text(_))
        | (
            AsKind::Number,
            Prop::Int(_) | Prop::UInt(_) | Prop::Float32(_) | Prop::Float64(_) | Prop::Decimal(_),
        )
        | (AsKind::Boolean, Prop::Bool(_))
        | (AsKind::Time, Prop::Date(_) | Prop::Instant(_)) => reborrow(value),
        (AsKind::String, Prop::Bool(b)) => Prop::Text(Cow::Borrowed(if *b { "true" } else { "false" })),
        (AsKind::String, Prop::Date(days)) => Prop::Text(written(|out| time::push_date(*days, out))),
        (AsKind::String, Prop::Instant(micros)) => {
            Prop::Text(written(|out| time::push_instant(*micros, out)))
        }
        (AsKind::String, number) => Prop::Text(number_text(number)?),
        (AsKind::Number, Prop::Bool(b)) => Prop::Int(i64::from(*b)),
        (AsKind::Number, Prop::Text(text)) => number::number(text)?,
        (AsKind::Boolean, Prop::Text(text)) => Prop::Bool(text::boolean(text)?),
        (AsKind::Time, Prop::Text(text)) => match timetext::parse_time(text)? {
            Stated::Instant(micros) => Prop::Instant(micros),
            Stated::Day(days) => Prop::Date(days),
            // Without an offset the text is no point in time; type Timestamp reads it in the Model's zone.
            Stated::Wall(_) => return Err(Code::BadDate),
        },
        _ => return Err(Code::NotConvertible),
    };
    Ok(converted)
}

fn reborrow<'a>(value: &'a Prop<'_>) -> Prop<'a> {
    match value {
        Prop::Text(text) => Prop::Text(Cow::Borrowed(text)),
        Prop::Decimal(digits) => Prop::Decimal(Cow::Borrowed(digits)),
        other => other.clone(),
    }
}

fn number_text(value: &Prop<'_>) -> Result<Cow<'static, str>, Code> {
    let mut out = Vec::new();
    number::push_number(value, &mut out).ok_or(Code::NotConvertible)??;
    Ok(written(|all| all.append(&mut out)))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Cow<'static, str> {
    let mut out = Vec::new();
    write(&mut out);
    Cow::Owned(String::from_utf8(out).expect("numbers and times are ASCII"))
}
