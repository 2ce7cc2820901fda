//! What the functions give.

use std::rc::Rc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Fault;
use super::convert;
use super::evaluate::MAX_BUILT;
use super::functions::Function;
use super::node::Field;
use super::value::{Text, Value};

/// Applies a function to its arguments, the receiver first.
pub(super) fn function<'a>(function: Function, values: &[Value<'a>]) -> Result<Value<'a>, Fault> {
    use Function as F;
    Ok(match (function, values) {
        (F::Size, [Value::Text(text)]) => length(text.as_str().chars().count()),
        (F::Size, [Value::List(items)]) => length(items.len()),
        (F::Size, [Value::Map(members)]) => length(members.len()),
        (F::Contains, [Value::Text(text), Value::Text(part)]) => {
            Value::Bool(text.as_str().contains(part.as_str()))
        }
        (F::StartsWith, [Value::Text(text), Value::Text(part)]) => {
            Value::Bool(text.as_str().starts_with(part.as_str()))
        }
        (F::EndsWith, [Value::Text(text), Value::Text(part)]) => {
            Value::Bool(text.as_str().ends_with(part.as_str()))
        }
        (F::LowerAscii, [Value::Text(text)]) => Value::text(text.as_str().to_ascii_lowercase()),
        (F::UpperAscii, [Value::Text(text)]) => Value::text(text.as_str().to_ascii_uppercase()),
        (F::Trim, [Value::Text(text)]) => match text {
            Text::Borrowed(text) => Value::Text(Text::Borrowed(text.trim())),
            Text::Made(text) => Value::text(text.trim()),
        },
        (F::Substring, [Value::Text(text), Value::Int(from)]) => substring(text.as_str(), *from, None)?,
        (F::Substring, [Value::Text(text), Value::Int(from), Value::Int(to)]) => {
            substring(text.as_str(), *from, Some(*to))?
        }
        (F::Replace, [Value::Text(text), Value::Text(old), Value::Text(new)]) => {
            replace(text.as_str(), old.as_str(), new.as_str())?
        }
        (F::Split, [Value::Text(text), Value::Text(by)]) => split(text.as_str(), by.as_str()),
        (F::Join, [Value::List(items)]) => join(items, "")?,
        (F::Join, [Value::List(items), Value::Text(by)]) => join(items, by.as_str())?,
        (F::ToInt, [value]) => Value::Int(int(value)?),
        (F::ToUInt, [value]) => Value::UInt(uint(value)?),
        (F::ToDouble, [value]) => Value::Double(double(value)?),
        (F::ToText, [value]) => text(value)?,
        (F::ToBool, [Value::Bool(b)]) => Value::Bool(*b),
        (F::ToBool, [Value::Text(text)]) => match text.as_str() {
            "true" | "True" | "TRUE" | "t" | "T" | "1" => Value::Bool(true),
            "false" | "False" | "FALSE" | "f" | "F" | "0" => Value::Bool(false),
            _ => return Err(Fault::NotConvertible),
        },
        (F::ToTime, [Value::Time(time)]) => Value::Time(*time),
        (F::ToTime, [Value::Int(second)]) => {
            Value::Time(convert::time_of_second(*second).ok_or(Fault::NotConvertible)?)
        }
        (F::ToTime, [Value::Text(text)]) => {
            Value::Time(convert::time(text.as_str()).ok_or(Fault::NotConvertible)?)
        }
        (F::ToDuration, [Value::Duration(span)]) => Value::Duration(*span),
        (F::ToDuration, [Value::Text(text)]) => {
            Value::Duration(convert::duration(text.as_str()).ok_or(Fault::NotConvertible)?)
        }
        _ => return Err(Fault::WrongType),
    })
}

fn length<'a>(length: usize) -> Value<'a> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn substring<'a>(text: &str, from: i64, to: Option<i64>) -> Result<Value<'a>, Fault> {
    let place = |index: i64| -> Result<usize, Fault> {
        let index = usize::try_from(index).map_err(|_| Fault::NoSuchKey)?;
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        ends.nth(index).ok_or(Fault::NoSuchKey)
    };
    let (from, to) = (place(from)?, to.map_or(Ok(text.len()), place)?);
    Ok(Value::text(text.get(from..to).ok_or(Fault::NoSuchKey)?))
}

fn replace<'a>(text: &str, old: &str, new: &str) -> Result<Value<'a>, Fault> {
    let found = text.matches(old).count();
    if text.len().saturating_add(found.saturating_mul(new.len())) > MAX_BUILT {
        return Err(Fault::TooMuchWork);
    }
    Ok(Value::text(text.replace(old, new)))
}

fn split<'a>(text: &str, by: &str) -> Value<'a> {
    let parts: Vec<Value<'a>> = if by.is_empty() {
        text.chars().map(|c| Value::text(c.to_string())).collect()
    } else {
        text.split(by).map(Value::text).collect()
    };
    Value::List(Rc::new(parts))
}

fn join<'a>(items: &[Value<'a>], by: &str) -> Result<Value<'a>, Fault> {
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        let Value::Text(item) = item else { return Err(Fault::WrongType) };
        if index > 0 {
            joined.push_str(by);
        }
        joined.push_str(item.as_str());
        if joined.len() > MAX_BUILT {
            return Err(Fault::TooMuchWork);
        }
    }
    Ok(Value::text(joined))
}

fn int(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Int(i) => Ok(*i),
        Value::UInt(u) => i64::try_from(*u).map_err(|_| Fault::Overflow),
        Value::Double(d) => whole(*d).and_then(|whole| i64::try_from(whole).map_err(|_| Fault::Overflow)),
        Value::Text(text) => text.as_str().parse().map_err(|_| Fault::NotConvertible),
        Value::Time(time) => Ok(seconds(*time)),
        _ => Err(Fault::WrongType),
    }
}

fn uint(value: &Value<'_>) -> Result<u64, Fault> {
    match value {
        Value::Int(i) => u64::try_from(*i).map_err(|_| Fault::Overflow),
        Value::UInt(u) => Ok(*u),
        Value::Double(d) => whole(*d).and_then(|whole| u64::try_from(whole).map_err(|_| Fault::Overflow)),
        Value::Text(text) => text.as_str().parse().map_err(|_| Fault::NotConvertible),
        _ => Err(Fault::WrongType),
    }
}

/// A double without its fraction.
fn whole(double: f64) -> Result<i128, Fault> {
    if !double.is_finite() {
        return Err(Fault::Overflow);
    }
    #[expect(clippy::cast_possible_truncation)]
    Ok(double as i128)
}

#[expect(clippy::cast_precision_loss)]
fn double(value: &Value<'_>) -> Result<f64, Fault> {
    match value {
        Value::Int(i) => Ok(*i as f64),
        Value::UInt(u) => Ok(*u as f64),
        Value::Double(d) => Ok(*d),
        Value::Text(text) => text.as_str().parse().map_err(|_| Fault::NotConvertible),
        _ => Err(Fault::WrongType),
    }
}

fn text<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    Ok(match value {
        Value::Text(text) => Value::Text(text.clone()),
        Value::Bool(b) => Value::text(b.to_string()),
        Value::Int(i) => Value::text(i.to_string()),
        Value::UInt(u) => Value::text(u.to_string()),
        Value::Double(d) => Value::text(d.to_string()),
        Value::Time(time) => Value::text(time.to_string()),
        Value::Duration(span) => Value::text(convert::duration_text(*span)),
        _ => return Err(Fault::WrongType),
    })
}

/// Whole seconds since 1970, rounded down before it too.
fn seconds(time: Timestamp) -> i64 {
    time.as_nanosecond().div_euclid(1_000_000_000).try_into().unwrap_or(i64::MIN)
}

/// A field of a time in a zone, or a span in whole units.
pub(super) fn clock(field: Field, value: &Value<'_>, zone: &TimeZone) -> Result<i64, Fault> {
    match value {
        Value::Time(time) => {
            let zoned = time.to_zoned(zone.clone());
            Ok(match field {
                Field::FullYear => i64::from(zoned.year()),
                Field::Month => i64::from(zoned.month()) - 1,
                Field::DayOfMonth => i64::from(zoned.day()) - 1,
                Field::Date => i64::from(zoned.day()),
                Field::DayOfWeek => i64::from(zoned.weekday().to_sunday_zero_offset()),
                Field::DayOfYear => i64::from(zoned.day_of_year()) - 1,
                Field::Hours => i64::from(zoned.hour()),
                Field::Minutes => i64::from(zoned.minute()),
                Field::Seconds => i64::from(zoned.second()),
                Field::Milliseconds => i64::from(zoned.millisecond()),
            })
        }
        Value::Duration(span) => span_field(field, *span),
        _ => Err(Fault::WrongType),
    }
}

fn span_field(field: Field, span: SignedDuration) -> Result<i64, Fault> {
    match field {
        Field::Hours => Ok(span.as_secs() / 3600),
        Field::Minutes => Ok(span.as_secs() / 60),
        Field::Seconds => Ok(span.as_secs()),
        Field::Milliseconds => i64::try_from(span.as_millis()).map_err(|_| Fault::Overflow),
        _ => Err(Fault::WrongType),
    }
}
