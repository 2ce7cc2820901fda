//! semantics 5.2: each type with what it reads, what it sends, and what it drops.

use crate::data::{Cell, RowBatch};
use crate::sync::job::AsKind;

use super::super::{Code, JsonKind, PropertyType, Settings, Warning};
use super::Way;

fn cells(way: &Way, table: &[(Cell, Result<&str, Code>)]) {
    for (cell, expected) in table {
        let got = way.cell(&|batch| batch.push(*cell));
        assert_eq!(got.as_deref().map_err(|code| *code), *expected, "{cell:?}");
    }
}

fn array(way: &Way, push: &dyn Fn(&mut RowBatch)) -> Result<String, Code> {
    way.cell(&|batch| {
        batch.begin_array();
        push(batch);
        batch.end_array();
    })
}

/// semantics 5.2, row Boolean
#[test]
fn booleans() {
    let way = Way::of(PropertyType::Boolean);
    cells(
        &way,
        &[
            (Cell::Bool(true), Ok("true")),
            (Cell::Bool(false), Ok("false")),
            (Cell::Int(1), Ok("true")),
            (Cell::Int(0), Ok("false")),
            (Cell::Int(2), Err(Code::NotConvertible)),
            (Cell::Float64(1.0), Err(Code::NotConvertible)),
            (Cell::Null, Ok("null")),
        ],
    );
    way.sends(&[("TRUE", "true"), ("f", "false"), ("1", "true"), ("0", "false")]);
    way.refuses(Code::NotConvertible, &["yes", " true", "2"]);
    Way::of(PropertyType::Boolean)
        .with(|m| m.as_kind = Some(AsKind::String))
        .sends(&[("t", "\"true\""), ("0", "\"false\"")]);
    Way::of(PropertyType::Boolean)
        .with(|m| m.as_kind = Some(AsKind::Number))
        .sends(&[("t", "1"), ("0", "0")]);
}

/// semantics 5.2, row Integer
#[test]
fn integers() {
    let way = Way::of(PropertyType::Integer);
    cells(
        &way,
        &[
            (Cell::Int(9_007_199_254_740_993), Ok("9007199254740993")),
            (Cell::Int(i64::MIN), Ok("-9223372036854775808")),
            (Cell::UInt(u64::MAX), Ok("18446744073709551615")),
            (Cell::Float64(7.0), Err(Code::NotConvertible)),
            (Cell::Bool(true), Err(Code::NotConvertible)),
            (Cell::Date(0), Err(Code::NotConvertible)),
        ],
    );
    way.sends(&[("+7", "7"), ("-007", "-7"), ("9007199254740993", "9007199254740993")]);
    way.refuses(Code::NotConvertible, &["1.0", "1e3", "seven", " 7", "18446744073709551616"]);
    assert_eq!(way.cell(&|b| b.push_decimal("12.00")).as_deref(), Ok("12"));
    assert_eq!(way.cell(&|b| b.push_decimal("12.50")), Err(Code::NotConvertible));
    assert_eq!(way.cell(&|b| b.push_decimal("NaN")), Err(Code::NotFinite));
    Way::of(PropertyType::Integer)
        .with(|m| m.as_kind = Some(AsKind::String))
        .sends(&[("18446744073709551615", "\"18446744073709551615\""), ("-7", "\"-7\"")]);
}

/// semantics 5.2, row Float
#[test]
fn floats() {
    let way = Way::of(PropertyType::Float);
    cells(
        &way,
        &[
            (Cell::Float32(0.1), Ok("0.1")),
            (Cell::Float64(0.1), Ok("0.1")),
            (Cell::Float64(f64::from(0.1_f32)), Ok("0.10000000149011612")),
            (Cell::Float64(-0.0), Ok("0.0")),
            (Cell::Float32(-0.0), Ok("0.0")),
            (Cell::Int(3), Ok("3.0")),
            (Cell::Int(9_007_199_254_740_993), Err(Code::NotConvertible)),
            (Cell::Float64(f64::NAN), Err(Code::NotFinite)),
            (Cell::Float32(f32::NEG_INFINITY), Err(Code::NotFinite)),
            (Cell::Bool(true), Err(Code::NotConvertible)),
        ],
    );
    way.sends(&[("2.50", "2.5"), ("1e3", "1000.0"), ("-0", "0.0")]);
    way.refuses(Code::NotFinite, &["NaN", "inf", "1e999"]);
    way.refuses(Code::NotConvertible, &["1,5", "x", "0x10"]);
    assert_eq!(way.cell(&|b| b.push_decimal("10.50")).as_deref(), Ok("10.5"));
    Way::of(PropertyType::Float).with(|m| m.as_kind = Some(AsKind::String)).sends(&[("2.50", "\"2.5\"")]);
}

/// semantics 5.2, row Decimal
#[test]
fn decimals() {
    let way = Way::of(PropertyType::Decimal);
    for (digits, json) in [
        ("10.50", Ok("10.5")),
        ("10.00", Ok("10")),
        ("-0.00", Ok("0")),
        ("79228162514264337593543950335.1234567890", Ok("79228162514264337593543950335.123456789")),
        ("NaN", Err(Code::NotFinite)),
        ("Infinity", Err(Code::NotFinite)),
        ("-Infinity", Err(Code::NotFinite)),
    ] {
        let got = way.cell(&|b| b.push_decimal(digits));
        assert_eq!(got.as_deref().map_err(|code| *code), json, "{digits}");
    }
    cells(&way, &[(Cell::Int(-5), Ok("-5")), (Cell::UInt(u64::MAX), Ok("18446744073709551615"))]);
    // A SQLite column of type NUMERIC may hold floats.
    cells(&way, &[(Cell::Float64(10.5), Ok("10.5")), (Cell::Float64(1e21), Ok("1000000000000000000000"))]);
    cells(
        &way,
        &[(Cell::Float64(f64::NAN), Err(Code::NotFinite)), (Cell::Bool(true), Err(Code::NotConvertible))],
    );
    way.sends(&[("+7.250", "7.25"), ("007.5", "7.5")]);
    way.refuses(Code::NotConvertible, &["1e3", "1,5", "€ 5"]);
    Way::of(PropertyType::Decimal).with(|m| m.as_kind = Some(AsKind::String)).sends(&[("10.50", "\"10.5\"")]);
}

/// semantics 5.2, row String
#[test]
fn strings() {
    let way = Way::of(PropertyType::String);
    way.sends(&[
        ("Ana", "\"Ana\""),
        (" a ", "\" a \""),
        ("say \"hi\"\n", "\"say \\\"hi\\\"\\n\""),
        ("0b1f8c1e-94a5-4d5e-8f39-0d9c7c1f2a3b", "\"0b1f8c1e-94a5-4d5e-8f39-0d9c7c1f2a3b\""),
        ("12:30:00", "\"12:30:00\""),
        ("007", "\"007\""),
    ]);
    way.refuses(Code::BadText, &["a\0b"]);
    assert_eq!(way.cell(&|b| b.push_bytes_as_text(&[0xff])), Err(Code::BadText));
    // Cells of a dynamic column.
    cells(
        &way,
        &[
            (Cell::Int(7), Ok("\"7\"")),
            (Cell::UInt(u64::MAX), Ok("\"18446744073709551615\"")),
            (Cell::Float64(1.5), Ok("\"1.5\"")),
            (Cell::Float64(f64::NAN), Err(Code::NotFinite)),
            (Cell::Bool(true), Err(Code::NotConvertible)),
            (Cell::Date(0), Err(Code::NotConvertible)),
            (Cell::Unsupported, Err(Code::NotConvertible)),
        ],
    );
    assert_eq!(way.cell(&|b| b.push_decimal("10.50")).as_deref(), Ok("\"10.50\""));
}

/// semantics 5.2, row String: `as: Number` (strict), `Boolean`, `Time` (RFC 3339, date)
#[test]
fn strings_as_another_kind() {
    let number = Way::of(PropertyType::String).with(|m| m.as_kind = Some(AsKind::Number));
    number.sends(&[("42", "42"), ("+42", "42"), ("10.50", "10.5"), ("1e3", "1000.0")]);
    number.sends(&[
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901", "123456789012345678901"),
    ]);
    number.refuses(Code::NotConvertible, &["42 ", "4 2", "forty", "1,5", "0x2a", "$5", "true"]);
    number.refuses(Code::NotFinite, &["NaN", "Infinity", "1e999"]);
    let boolean = Way::of(PropertyType::String).with(|m| m.as_kind = Some(AsKind::Boolean));
    boolean.sends(&[("T", "true"), ("0", "false")]);
    boolean.refuses(Code::NotConvertible, &["yes", "2"]);
    let time = Way::of(PropertyType::String).with(|m| m.as_kind = Some(AsKind::Time));
    time.sends(&[
        ("2024-02-29", "\"2024-02-29T00:00:00Z\""),
        ("2024-02-29T12:00:00.5+01:00", "\"2024-02-29T11:00:00.500Z\""),
    ]);
    time.refuses(
        Code::BadDate,
        &["2024-02-29T12:00:00", "yesterday", "2024-02-30", "3001-01-01", "29.02.2024"],
    );
}

/// semantics 5.2, row Email
#[test]
fn emails() {
    let way = Way::of(PropertyType::Email);
    way.sends(&[(" Ana@Example.com ", "\"Ana@Example.com\"")]);
    way.refuses(Code::BadEmail, &["ana", "ana@host", "a b@c.de", "a@b.de, c@d.de"]);
    cells(&way, &[(Cell::Int(7), Err(Code::NotConvertible))]);
}

/// semantics 5.2, row PhoneNumber
#[test]
fn phone_numbers() {
    let way = Way::of(PropertyType::PhoneNumber);
    way.sends(&[("+33 6 12 34 56 78", "\"+33612345678\"")]);
    way.refuses(Code::BadPhone, &["06 12 34 56 78", "+331", "nobody"]);
    let french = Way::of(PropertyType::PhoneNumber)
        .set(|s| *s = Settings::new("UTC", Some("FR"), false).expect("known"));
    french.sends(&[("06 12 34 56 78", "\"+33612345678\""), ("+4930901820", "\"+4930901820\"")]);
    french.refuses(Code::BadPhone, &["12", "999"]);
}

/// semantics 5.2, row Url
#[test]
fn urls_keep_their_case() {
    let way = Way::of(PropertyType::Url);
    way.sends(&[(" https://Example.com/Path?Q=A ", "\"https://Example.com/Path?Q=A\"")]);
    way.refuses(Code::BadUrl, &["example.com", "/path", "ftp://example.com", "https://"]);
}

/// semantics 5.2, row Date
#[test]
fn dates() {
    let way = Way::of(PropertyType::Date);
    cells(
        &way,
        &[
            (Cell::Date(19_782), Ok("\"2024-02-29T00:00:00Z\"")),
            (Cell::Date(-719_528), Ok("\"0000-01-01T00:00:00Z\"")),
            (Cell::Date(-719_529), Err(Code::BadDate)),
            (Cell::Date(376_565), Err(Code::BadDate)),
            (Cell::Date(i32::MAX), Err(Code::BadDate)),
            (Cell::InfiniteTime, Err(Code::BadDate)),
            (Cell::Int(5), Err(Code::NotConvertible)),
        ],
    );
    way.sends(&[("2024-02-29", "\"2024-02-29T00:00:00Z\"")]);
    way.refuses(Code::BadDate, &["2023-02-29", "29.02.2024", "3001-01-01", "soon"]);
    Way::of(PropertyType::Date).to("dob").sends(&[("1990-05-17", "\"1990-05-17\"")]);
    Way::of(PropertyType::Date)
        .with(|m| m.as_kind = Some(AsKind::String))
        .sends(&[("1990-05-17", "\"1990-05-17\"")]);
}

/// semantics 5.2, row Timestamp
#[test]
fn timestamps() {
    let way = Way::of(PropertyType::Timestamp);
    cells(
        &way,
        &[
            (Cell::Instant(1_709_210_096_789_999), Ok("\"2024-02-29T12:34:56.789Z\"")),
            (Cell::Instant(1_709_210_096_000_999), Ok("\"2024-02-29T12:34:56Z\"")),
            (Cell::Instant(-1), Ok("\"1969-12-31T23:59:59.999Z\"")),
            (Cell::NaiveTime(0), Ok("\"1970-01-01T00:00:00Z\"")),
            (Cell::Date(0), Ok("\"1970-01-01T00:00:00Z\"")),
            (Cell::Instant(i64::MAX), Err(Code::BadDate)),
            (Cell::NaiveTime(i64::MIN), Err(Code::BadDate)),
            (Cell::InfiniteTime, Err(Code::BadDate)),
            (Cell::Int(1_709_210_096), Err(Code::NotConvertible)),
        ],
    );
    let paris = Way::of(PropertyType::Timestamp)
        .set(|s| *s = Settings::new("Europe/Paris", None, false).expect("known"));
    paris.sends(&[
        ("2024-07-15 12:00:00", "\"2024-07-15T10:00:00Z\""),
        ("2024-07-15", "\"2024-07-14T22:00:00Z\""),
        ("2024-03-31T02:30:00", "\"2024-03-31T01:30:00Z\""),
        ("2024-10-27T02:30:00", "\"2024-10-27T00:30:00Z\""),
        ("2024-10-27T02:30:00+01:00", "\"2024-10-27T01:30:00Z\""),
    ]);
    cells(
        &paris,
        &[
            (Cell::NaiveTime(0), Ok("\"1969-12-31T23:00:00Z\"")),
            (Cell::Instant(0), Ok("\"1970-01-01T00:00:00Z\"")),
        ],
    );
    paris.refuses(Code::BadDate, &["noon", "2024-02-30 12:00:00", "infinity"]);
}

/// semantics 5.2, row Object
#[test]
fn objects() {
    let way = Way::of(PropertyType::Object);
    for (json, expected) in [
        (r#" { "b" : 1, "a" : [ "x" ] } "#, Ok(r#"{"b":1,"a":["x"]}"#)),
        (r#"["a","b"]"#, Ok(r#"["a","b"]"#)),
        (r#"[{"a":1},{"a":2}]"#, Ok(r#"[{"a":1},{"a":2}]"#)),
        (r#"{"n":9007199254740993,"m":1.10}"#, Ok(r#"{"n":9007199254740993,"m":1.10}"#)),
        ("null", Ok("null")),
        ("{}", Ok("{}")),
        ("5", Err(Code::NestedInvalid)),
        ("\"text\"", Err(Code::NestedInvalid)),
        ("true", Err(Code::NestedInvalid)),
        ("{", Err(Code::NestedInvalid)),
    ] {
        for got in [way.json(json), way.text(json)] {
            assert_eq!(got.as_deref().map_err(|code| *code), expected, "{json}");
        }
    }
    let list = array(&way, &|batch| {
        batch.push_json(r#"{"a": 1}"#);
        batch.push(Cell::Null);
        batch.push_json(r#"{"a": 2}"#);
    });
    assert_eq!(list.as_deref(), Ok(r#"[{"a":1},{"a":2}]"#));
    cells(&way, &[(Cell::Int(5), Err(Code::NestedInvalid))]);
}

/// semantics 5.2, row Array
#[test]
fn arrays() {
    let way = Way::of(PropertyType::Array);
    let texts = |items: &'static [Option<&'static str>]| {
        array(&way, &|batch| {
            for item in items {
                match item {
                    Some(text) => batch.push_text(text),
                    None => batch.push(Cell::Null),
                }
            }
        })
    };
    assert_eq!(texts(&[Some("a"), None, Some("b")]).as_deref(), Ok(r#"["a","b"]"#));
    assert_eq!(texts(&[Some("a"), Some("b"), Some("a")]).as_deref(), Ok(r#"["b","a"]"#));
    assert_eq!(texts(&[]).as_deref(), Ok("[]"));
    assert_eq!(texts(&[None, None]).as_deref(), Ok("[]"));
    assert_eq!(texts(&[Some("a"), Some("b\0")]), Err(Code::BadText));
    let numbers = array(&way, &|batch| {
        batch.push(Cell::Int(9_007_199_254_740_993));
        batch.push(Cell::Float64(0.5));
        batch.push_decimal("1.50");
    });
    assert_eq!(numbers.as_deref(), Ok("[9007199254740993,0.5,1.5]"));
    let times = array(&way, &|batch| {
        batch.push(Cell::Date(0));
        batch.push(Cell::Instant(1));
    });
    assert_eq!(times.as_deref(), Ok(r#"["1970-01-01T00:00:00Z"]"#), "equal when written");
    let mixed = array(&way, &|batch| {
        batch.push(Cell::Int(1));
        batch.push_text("a");
    });
    assert_eq!(mixed, Err(Code::ArrayMixed));
    let nested = array(&way, &|batch| {
        batch.begin_array();
        batch.push(Cell::Int(1));
        batch.end_array();
    });
    assert_eq!(nested, Err(Code::ArrayMixed));
    assert_eq!(array(&way, &|batch| batch.push(Cell::Float64(f64::NAN))), Err(Code::NotFinite));
    assert_eq!(array(&way, &|batch| batch.push(Cell::InfiniteTime)), Err(Code::BadDate));
    // Sources without arrays hold them as JSON text.
    way.sends(&[(r#"["a", null, "b", "a"]"#, r#"["b","a"]"#), ("[]", "[]"), ("null", "null")]);
    way.refuses(Code::ArrayMixed, &["[1,\"a\"]", "[[1]]", "[1,true]", "[{\"a\":1},2]"]);
    way.refuses(Code::NotConvertible, &["a,b", "{\"a\":1}", "5", "["]);
}

/// semantics 5.2, row Array: of many duplicates the last stays, too
#[test]
fn duplicates_in_a_long_array_are_removed() {
    let way = Way::of(PropertyType::Array);
    let items: Vec<String> = (0..100).map(|i| (i % 40).to_string()).collect();
    let kept: Vec<String> = (60..100).map(|i| (i % 40).to_string()).collect();
    assert_eq!(way.text(&format!("[{}]", items.join(","))), Ok(format!("[{}]", kept.join(","))));
}

/// semantics 5.2, "Numbers beyond 2^53 or 15 digits are sent exactly, warning BeyondDouble"
#[test]
fn numbers_beyond_a_double_are_warned_of() {
    for (property_type, text, warned) in [
        (PropertyType::Integer, "9007199254740993", true),
        (PropertyType::Integer, "9007199254740992", false),
        (PropertyType::Decimal, "0.1234567890123456", true),
        (PropertyType::Decimal, "12345.67", false),
        (PropertyType::Float, "0.1", false),
        (PropertyType::Array, "[1,9007199254740993]", true),
        (PropertyType::Object, r#"{"n":9007199254740993}"#, true),
        (PropertyType::Object, r#"{"n":1}"#, false),
    ] {
        let (json, written) = Way::of(property_type).written(&|b| b.push_text(text)).expect("sent");
        assert_eq!(json, text);
        let expected = warned.then_some(Warning::BeyondDouble);
        assert_eq!(written.and_then(|w| w.warned), expected, "{text}");
    }
    let (json, written) = Way::of(PropertyType::Integer)
        .with(|m| m.as_kind = Some(AsKind::String))
        .written(&|b| b.push(Cell::Int(9_007_199_254_740_993)))
        .expect("sent");
    assert_eq!(json, "\"9007199254740993\"");
    assert_eq!(written.and_then(|w| w.warned), None, "as: String is safe");
}

/// semantics 5.2, "String text in a time format is sent unchanged, warning DateLikeText"
#[test]
fn text_like_a_date_is_sent_unchanged_and_warned_of() {
    for (text, warned) in
        [("2026-09-15", true), ("12/1/2021", true), ("2026-09-15 10:00:00", true), ("gold", false)]
    {
        let (json, written) = Way::of(PropertyType::String).written(&|b| b.push_text(text)).expect("sent");
        assert_eq!(json, format!("\"{text}\""));
        let written = written.expect("a value");
        assert_eq!(written.kind, JsonKind::String);
        assert_eq!(written.warned, warned.then_some(Warning::DateLikeText), "{text}");
    }
    let (_, written) =
        Way::of(PropertyType::String).to("first_name").written(&|b| b.push_text("2026-09-15")).expect("sent");
    assert_eq!(written.and_then(|w| w.warned), None, "a standard field has a type of its own");
}
