//! The functions that an expression may call, and what they take.

use super::kind::Kind;
use super::node::Field;

/// A function that is evaluated from its arguments alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Trim,
    Substring,
    Replace,
    Split,
    Join,
    ToInt,
    ToUInt,
    ToDouble,
    ToText,
    ToBool,
    ToTime,
    ToDuration,
}

/// How a name is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Function(Function),
    Matches,
    Clock(Field),
}

/// Whether a function stands behind a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Method,
    Global,
    Either,
}

/// What a function takes and gives. The receiver of a method is the first parameter.
pub(super) struct Signature {
    pub named: Named,
    pub style: Style,
    pub parameters: &'static [&'static [Kind]],
    /// How many of the parameters, from the end, may be left out.
    pub optional: usize,
    pub result: Kind,
    /// How it is written.
    pub usage: &'static str,
}

const TEXT: &[Kind] = &[Kind::Text];
const SIZED: &[Kind] = &[Kind::Text, Kind::List, Kind::Map];
const CLOCK: &[Kind] = &[Kind::Time, Kind::Duration];
const NUMBERS: &[Kind] = &[Kind::Int, Kind::UInt, Kind::Double, Kind::Text];
const INTEGERS: &[Kind] = &[Kind::Int, Kind::UInt, Kind::Double, Kind::Text, Kind::Time];
const WRITABLE: &[Kind] =
    &[Kind::Bool, Kind::Int, Kind::UInt, Kind::Double, Kind::Text, Kind::Time, Kind::Duration];

/// Finds a function by name.
pub(super) fn signature(name: &str) -> Option<Signature> {
    use Function as F;
    use Style::{Either, Global, Method};
    let of = |function, style, parameters, result, usage| Signature {
        named: Named::Function(function),
        style,
        parameters,
        optional: 0,
        result,
        usage,
    };
    let clock = |field, parameters, usage| Signature {
        named: Named::Clock(field),
        style: Method,
        parameters,
        optional: 1,
        result: Kind::Int,
        usage,
    };
    Some(match name {
        "size" => of(F::Size, Either, &[SIZED], Kind::Int, "size(record.name)"),
        "contains" => of(F::Contains, Method, &[TEXT, TEXT], Kind::Bool, "record.name.contains('text')"),
        "startsWith" => {
            of(F::StartsWith, Method, &[TEXT, TEXT], Kind::Bool, "record.name.startsWith('text')")
        }
        "endsWith" => of(F::EndsWith, Method, &[TEXT, TEXT], Kind::Bool, "record.name.endsWith('text')"),
        "matches" => Signature {
            named: Named::Matches,
            ..of(F::Size, Either, &[TEXT, TEXT], Kind::Bool, "record.name.matches('^[a-z]+$')")
        },
        "lowerAscii" => of(F::LowerAscii, Method, &[TEXT], Kind::Text, "record.name.lowerAscii()"),
        "upperAscii" => of(F::UpperAscii, Method, &[TEXT], Kind::Text, "record.name.upperAscii()"),
        "trim" => of(F::Trim, Method, &[TEXT], Kind::Text, "record.name.trim()"),
        "substring" => Signature {
            optional: 1,
            ..of(
                F::Substring,
                Method,
                &[TEXT, &[Kind::Int], &[Kind::Int]],
                Kind::Text,
                "record.name.substring(0, 3)",
            )
        },
        "replace" => {
            of(F::Replace, Method, &[TEXT, TEXT, TEXT], Kind::Text, "record.name.replace('old', 'new')")
        }
        "split" => of(F::Split, Method, &[TEXT, TEXT], Kind::List, "record.name.split(',')"),
        "join" => Signature {
            optional: 1,
            ..of(F::Join, Method, &[&[Kind::List], TEXT], Kind::Text, "record.tags.join(', ')")
        },
        "int" => of(F::ToInt, Global, &[INTEGERS], Kind::Int, "int(record.name)"),
        "uint" => of(F::ToUInt, Global, &[NUMBERS], Kind::UInt, "uint(record.name)"),
        "double" => of(F::ToDouble, Global, &[NUMBERS], Kind::Double, "double(record.name)"),
        "string" => of(F::ToText, Global, &[WRITABLE], Kind::Text, "string(record.name)"),
        "bool" => of(F::ToBool, Global, &[&[Kind::Text, Kind::Bool]], Kind::Bool, "bool(record.name)"),
        "timestamp" => of(
            F::ToTime,
            Global,
            &[&[Kind::Text, Kind::Int, Kind::Time]],
            Kind::Time,
            "timestamp('2026-01-31T00:00:00Z')",
        ),
        "duration" => {
            of(F::ToDuration, Global, &[&[Kind::Text, Kind::Duration]], Kind::Duration, "duration('720h')")
        }
        "getFullYear" => clock(Field::FullYear, &[&[Kind::Time], TEXT], "record.time.getFullYear()"),
        "getMonth" => clock(Field::Month, &[&[Kind::Time], TEXT], "record.time.getMonth()"),
        "getDayOfMonth" => clock(Field::DayOfMonth, &[&[Kind::Time], TEXT], "record.time.getDayOfMonth()"),
        "getDate" => clock(Field::Date, &[&[Kind::Time], TEXT], "record.time.getDate()"),
        "getDayOfWeek" => clock(Field::DayOfWeek, &[&[Kind::Time], TEXT], "record.time.getDayOfWeek()"),
        "getDayOfYear" => clock(Field::DayOfYear, &[&[Kind::Time], TEXT], "record.time.getDayOfYear()"),
        "getHours" => clock(Field::Hours, &[CLOCK, TEXT], "record.time.getHours()"),
        "getMinutes" => clock(Field::Minutes, &[CLOCK, TEXT], "record.time.getMinutes()"),
        "getSeconds" => clock(Field::Seconds, &[CLOCK, TEXT], "record.time.getSeconds()"),
        "getMilliseconds" => clock(Field::Milliseconds, &[CLOCK, TEXT], "record.time.getMilliseconds()"),
        _ => return None,
    })
}

/// All names, for suggestions.
pub(super) const NAMES: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "lowerAscii",
    "upperAscii",
    "trim",
    "substring",
    "replace",
    "split",
    "join",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "timestamp",
    "duration",
    "getFullYear",
    "getMonth",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "has",
];
