//! Dates and times of PostgreSQL, which count from 2000-01-01, and their texts in ISO 8601.

use crate::data::Cell;

/// From 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// A date by its days since 2000-01-01; both ends of the range stand for infinity.
pub(super) fn date(days: i32) -> Cell {
    match days {
        i32::MIN | i32::MAX => Cell::InfiniteTime,
        _ => days.checked_add(EPOCH_DAYS).map_or(Cell::InfiniteTime, Cell::Date),
    }
}

/// A timestamp by its microseconds since 2000-01-01; both ends of the range stand for infinity.
pub(super) fn timestamp(micros: i64, cell: fn(i64) -> Cell) -> Cell {
    match micros {
        i64::MIN | i64::MAX => Cell::InfiniteTime,
        _ => micros.checked_add(EPOCH_MICROS).map_or(Cell::InfiniteTime, cell),
    }
}

/// `13:45:01.5`: the fraction is cut where only zeros follow.
pub(super) fn write_time(micros: i64, out: &mut String) {
    let seconds = micros / 1_000_000;
    push_two(seconds / 3600, out);
    out.push(':');
    push_two(seconds / 60 % 60, out);
    out.push(':');
    push_two(seconds % 60, out);
    write_fraction(micros % 1_000_000, out);
}

/// `+02:00`; PostgreSQL counts seconds west of Greenwich.
pub(super) fn write_offset(west: i32, out: &mut String) {
    out.push(if west > 0 { '-' } else { '+' });
    let seconds = i64::from(west).abs();
    push_two(seconds / 3600, out);
    out.push(':');
    push_two(seconds / 60 % 60, out);
    if seconds % 60 != 0 {
        out.push(':');
        push_two(seconds % 60, out);
    }
}

/// `P1Y2M3DT4H5M6.7S`, as the server itself prints an interval in this style; each part has its own sign.
/// `false`, and nothing written, for an infinite one.
pub(super) fn write_interval(bytes: [u8; 16], out: &mut String) -> bool {
    let [micros @ .., d0, d1, d2, d3, m0, m1, m2, m3] = bytes;
    let micros = i64::from_be_bytes(micros);
    let days = i32::from_be_bytes([d0, d1, d2, d3]);
    let months = i32::from_be_bytes([m0, m1, m2, m3]);
    let ends = [(i64::MAX, i32::MAX, i32::MAX), (i64::MIN, i32::MIN, i32::MIN)];
    if ends.contains(&(micros, days, months)) {
        return false;
    }
    out.push('P');
    push_part((months / 12).into(), 'Y', out);
    push_part((months % 12).into(), 'M', out);
    push_part(days.into(), 'D', out);
    if micros != 0 {
        out.push('T');
        push_part(micros / 3_600_000_000, 'H', out);
        push_part(micros / 60_000_000 % 60, 'M', out);
        let rest = micros % 60_000_000;
        if rest != 0 {
            if rest < 0 {
                out.push('-');
            }
            out.push_str(itoa::Buffer::new().format(rest.abs() / 1_000_000));
            write_fraction(rest.abs() % 1_000_000, out);
            out.push('S');
        }
    } else if months == 0 && days == 0 {
        out.push_str("T0S");
    }
    true
}

fn push_part(n: i64, unit: char, out: &mut String) {
    if n != 0 {
        out.push_str(itoa::Buffer::new().format(n));
        out.push(unit);
    }
}

fn push_two(n: i64, out: &mut String) {
    if n < 10 {
        out.push('0');
    }
    out.push_str(itoa::Buffer::new().format(n));
}

fn write_fraction(micros: i64, out: &mut String) {
    if micros == 0 {
        return;
    }
    out.push('.');
    let mut rest = micros;
    let mut unit = 100_000;
    while rest > 0 {
        out.push_str(itoa::Buffer::new().format(rest / unit));
        rest %= unit;
        unit /= 10;
    }
}
