//! SQLite's values to cells.
//!
//! A column of SQLite has a declared type and may hold anything. The declared type says what the column is
//! meant to be; a value that fits it becomes such a cell, any other value stays what it is.

use jiff::civil;
use rusqlite::types::ValueRef;

use crate::data::{Cell, ColumnKind, RowBatch};

/// What a declared type means. Expressions have none.
pub(super) fn kind(declared: Option<&str>) -> ColumnKind {
    let Some(declared) = declared else { return ColumnKind::Dynamic };
    let name = declared.split('(').next().unwrap_or_default().trim().to_ascii_uppercase();
    match name.as_str() {
        "BOOL" | "BOOLEAN" => ColumnKind::Bool,
        "DATE" => ColumnKind::Date,
        "DATETIME" | "TIMESTAMP" => ColumnKind::NaiveTime,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" | "DATETIMEOFFSET" => ColumnKind::Instant,
        "JSON" => ColumnKind::Json,
        "NUMERIC" | "DECIMAL" | "NUMBER" | "MONEY" => ColumnKind::Decimal,
        "UUID" | "GUID" | "STRING" | "TIME" => ColumnKind::Text,
        // The rest by SQLite's own rules of affinity.
        name if name.contains("INT") => ColumnKind::Integer,
        name if ["CHAR", "CLOB", "TEXT"].iter().any(|part| name.contains(part)) => ColumnKind::Text,
        name if name.contains("BLOB") => ColumnKind::Unsupported,
        name if ["REAL", "FLOA", "DOUB"].iter().any(|part| name.contains(part)) => ColumnKind::Float,
        _ => ColumnKind::Dynamic,
    }
}

/// Adds one value, and tells how many bytes it has.
pub(super) fn push(value: ValueRef<'_>, kind: &ColumnKind, batch: &mut RowBatch) -> usize {
    match value {
        ValueRef::Null => {
            batch.push(Cell::Null);
            0
        }
        ValueRef::Integer(n) => {
            match (kind, n) {
                (ColumnKind::Bool, 0 | 1) => batch.push(Cell::Bool(n == 1)),
                (ColumnKind::Decimal, _) => batch.push_decimal(itoa::Buffer::new().format(n)),
                _ => batch.push(Cell::Int(n)),
            }
            8
        }
        ValueRef::Real(n) => {
            match kind {
                // The shortest digits that mean this number, without an exponent.
                ColumnKind::Decimal if n.is_finite() => batch.push_decimal(&n.to_string()),
                _ => batch.push(Cell::Float64(n)),
            }
            8
        }
        ValueRef::Text(bytes) => {
            push_text(bytes, kind, batch);
            bytes.len()
        }
        ValueRef::Blob(bytes) => {
            batch.push(Cell::Unsupported);
            bytes.len()
        }
    }
}

fn push_text(bytes: &[u8], kind: &ColumnKind, batch: &mut RowBatch) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let cell = match kind {
        ColumnKind::Json => return batch.push_bytes_as_json(bytes),
        ColumnKind::Date => date(text).map(Cell::Date),
        ColumnKind::NaiveTime | ColumnKind::Instant => time(text),
        _ => None,
    };
    match cell {
        Some(cell) => batch.push(cell),
        None => batch.push_bytes_as_text(bytes),
    }
}

/// Days since 1970 of `YYYY-MM-DD`.
fn date(text: &str) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let day = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    i32::try_from(day.duration_since(civil::date(1970, 1, 1)).as_hours() / 24).ok()
}

/// The texts that SQLite's own functions take for a time: a date, and perhaps `T` or a space, hours, minutes,
/// seconds with a fraction, `Z` or an offset. With either of the last it is an instant.
fn time(text: &str) -> Option<Cell> {
    let days = i64::from(date(text.get(..10)?)?);
    let day_micros = days * 86_400_000_000;
    if text.len() == 10 {
        return Some(Cell::NaiveTime(day_micros));
    }
    let rest = text[10..].strip_prefix([' ', 'T'])?;
    let zone = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let micros = day_micros + clock_micros(clock)?;
    let zone = zone.trim_start_matches(' ');
    Some(match zone {
        "" => Cell::NaiveTime(micros),
        "Z" | "z" => Cell::Instant(micros),
        _ => {
            let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = zone.as_bytes() else { return None };
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if hours > 18 || minutes > 59 {
                return None;
            }
            let offset = (i64::from(hours) * 60 + i64::from(minutes)) * 60_000_000;
            Cell::Instant(if *sign == b'-' { micros + offset } else { micros - offset })
        }
    })
}

/// Microseconds since midnight of `HH:MM`, `HH:MM:SS` and `HH:MM:SS.fraction`.
fn clock_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (hours, minutes, seconds) = match whole.as_bytes() {
        [h1, h2, b':', m1, m2] if fraction.is_empty() => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, 0),
        [h1, h2, b':', m1, m2, b':', s1, s2] => {
            (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?)
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds > 59 || text.ends_with('.') {
        return None;
    }
    let mut micros = ((i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds)) * 1_000_000;
    let mut unit = 100_000;
    for digit in fraction.bytes() {
        micros += i64::from(number(&[digit])?) * unit;
        unit /= 10;
    }
    Some(micros)
}

fn number(digits: &[u8]) -> Option<i16> {
    digits
        .iter()
        .try_fold(0_i16, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i16::from(*digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_says_what_a_column_is_meant_to_be() {
        for (declared, expected) in [
            ("INTEGER", ColumnKind::Integer),
            ("unsigned big int", ColumnKind::Integer),
            ("tinyint(1)", ColumnKind::Integer),
            ("varchar(20)", ColumnKind::Text),
            ("Decimal(10, 2)", ColumnKind::Decimal),
            ("boolean", ColumnKind::Bool),
            ("datetime", ColumnKind::NaiveTime),
            ("date", ColumnKind::Date),
            ("json", ColumnKind::Json),
            ("double precision", ColumnKind::Float),
            ("BLOB", ColumnKind::Unsupported),
            ("", ColumnKind::Dynamic),
            ("anything", ColumnKind::Dynamic),
        ] {
            assert_eq!(kind(Some(declared)), expected, "{declared}");
        }
        assert_eq!(kind(None), ColumnKind::Dynamic);
    }

    #[test]
    fn texts_of_times_are_read_as_sqlite_reads_them() {
        for (text, expected) in [
            ("1970-01-02", Some(Cell::NaiveTime(86_400_000_000))),
            ("1970-01-01 00:01", Some(Cell::NaiveTime(60_000_000))),
            ("1970-01-01T00:00:01.5", Some(Cell::NaiveTime(1_500_000))),
            ("1969-12-31 23:59:59.9999999", Some(Cell::NaiveTime(-1))),
            ("1970-01-01 00:00:00Z", Some(Cell::Instant(0))),
            ("1970-01-01 02:00:00+02:00", Some(Cell::Instant(0))),
            ("1969-12-31 19:00:00 -05:00", Some(Cell::Instant(0))),
            ("1970-01-01 24:00", None),
            ("1970-01-01 00:00:60", None),
            ("1970-01-01 00:00:00.", None),
            ("1970-02-30", None),
            ("1970-01-01x", None),
            ("now", None),
            ("ééééééééé", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(date("2000-02-29"), Some(11_016));
        assert_eq!(date("0000-01-01"), Some(-719_528));
        assert_eq!(date("2001-02-29"), None);
    }
}
