//! Binary values of PostgreSQL to cells: one function, no allocation a row.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::types::Decoder;
use super::{numeric, time};
use crate::data::{Cell, RowBatch};

/// Bytes that are not a value of the type that the server announced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Adds one value. `scratch` is a buffer that is kept between calls.
pub(super) fn decode(
    decoder: &Decoder,
    bytes: &[u8],
    scratch: &mut String,
    batch: &mut RowBatch,
) -> Result<(), Malformed> {
    let cell = match decoder {
        Decoder::Text => {
            batch.push_bytes_as_text(bytes);
            return Ok(());
        }
        Decoder::Bool => Cell::Bool(array::<1>(bytes)?[0] != 0),
        Decoder::Int2 => Cell::Int(i16::from_be_bytes(array(bytes)?).into()),
        Decoder::Int4 => Cell::Int(i32::from_be_bytes(array(bytes)?).into()),
        Decoder::Int8 => Cell::Int(i64::from_be_bytes(array(bytes)?)),
        Decoder::UInt4 => Cell::Int(u32::from_be_bytes(array(bytes)?).into()),
        Decoder::UInt8 => {
            let n = u64::from_be_bytes(array(bytes)?);
            i64::try_from(n).map_or(Cell::UInt(n), Cell::Int)
        }
        Decoder::Float4 => Cell::Float32(f32::from_be_bytes(array(bytes)?)),
        Decoder::Float8 => Cell::Float64(f64::from_be_bytes(array(bytes)?)),
        Decoder::Date => time::date(i32::from_be_bytes(array(bytes)?)),
        Decoder::Timestamp => time::timestamp(i64::from_be_bytes(array(bytes)?), Cell::NaiveTime),
        Decoder::TimestampTz => time::timestamp(i64::from_be_bytes(array(bytes)?), Cell::Instant),
        Decoder::OneBit => Cell::Bool(bits(bytes)?.1.first().is_some_and(|byte| byte & 0x80 != 0)),
        Decoder::Unsupported => Cell::Unsupported,
        Decoder::Padded => {
            let end = bytes.iter().rposition(|b| *b != b' ').map_or(0, |n| n + 1);
            batch.push_bytes_as_text(&bytes[..end]);
            return Ok(());
        }
        Decoder::SingleByte => {
            let byte = array::<1>(bytes)?;
            batch.push_bytes_as_text(if byte == [0] { b"" } else { bytes });
            return Ok(());
        }
        Decoder::Json => {
            batch.push_bytes_as_json(bytes);
            return Ok(());
        }
        Decoder::Jsonb => {
            let [1, text @ ..] = bytes else { return Err(Malformed) };
            batch.push_bytes_as_json(text);
            return Ok(());
        }
        Decoder::Array(item) => return items(item, bytes, scratch, batch),
        Decoder::Numeric => {
            scratch.clear();
            numeric::write(bytes, scratch)?;
            batch.push_decimal(scratch);
            return Ok(());
        }
        Decoder::Interval => {
            scratch.clear();
            if time::write_interval(array(bytes)?, scratch) {
                batch.push_text(scratch);
            } else {
                batch.push(Cell::InfiniteTime);
            }
            return Ok(());
        }
        Decoder::Uuid | Decoder::Time | Decoder::TimeTz | Decoder::Network | Decoder::Mac | Decoder::Bits => {
            scratch.clear();
            write_text(decoder, bytes, scratch)?;
            batch.push_text(scratch);
            return Ok(());
        }
    };
    batch.push(cell);
    Ok(())
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed)
}

/// Takes a big-endian number off the front.
fn take_i32(bytes: &mut &[u8]) -> Result<i32, Malformed> {
    let (head, tail) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = tail;
    Ok(i32::from_be_bytes(*head))
}

fn write_text(decoder: &Decoder, bytes: &[u8], out: &mut String) -> Result<(), Malformed> {
    match decoder {
        Decoder::Uuid => {
            for (at, byte) in array::<16>(bytes)?.into_iter().enumerate() {
                if matches!(at, 4 | 6 | 8 | 10) {
                    out.push('-');
                }
                push_hex(byte, out);
            }
        }
        Decoder::Mac if matches!(bytes.len(), 6 | 8) => {
            for (at, byte) in bytes.iter().enumerate() {
                if at > 0 {
                    out.push(':');
                }
                push_hex(*byte, out);
            }
        }
        Decoder::Time => time::write_time(i64::from_be_bytes(array(bytes)?), out),
        Decoder::TimeTz => {
            let (time, zone) = bytes.split_first_chunk().ok_or(Malformed)?;
            time::write_time(i64::from_be_bytes(*time), out);
            time::write_offset(i32::from_be_bytes(array(zone)?), out);
        }
        Decoder::Network => write_network(bytes, out)?,
        Decoder::Bits => {
            let (count, bytes) = bits(bytes)?;
            for at in 0..count {
                out.push(if bytes[at / 8] & (0x80 >> (at % 8)) == 0 { '0' } else { '1' });
            }
        }
        _ => return Err(Malformed),
    }
    Ok(())
}

fn push_hex(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// Number of bits, and the bytes that hold them.
fn bits(mut bytes: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let count = usize::try_from(take_i32(&mut bytes)?).map_err(|_| Malformed)?;
    if bytes.len() == count.div_ceil(8) { Ok((count, bytes)) } else { Err(Malformed) }
}

/// `inet` and `cidr` as PostgreSQL prints them: the mask is left out of an `inet` of one address.
fn write_network(bytes: &[u8], out: &mut String) -> Result<(), Malformed> {
    use std::fmt::Write as _;
    let [_family, mask, is_cidr, length, address @ ..] = bytes else { return Err(Malformed) };
    let full = match (length, address.len()) {
        (4, 4) => {
            let _ = write!(out, "{}", Ipv4Addr::from(array::<4>(address)?));
            32
        }
        (16, 16) => {
            let _ = write!(out, "{}", Ipv6Addr::from(array::<16>(address)?));
            128
        }
        _ => return Err(Malformed),
    };
    if *is_cidr != 0 || *mask != full {
        let _ = write!(out, "/{mask}");
    }
    Ok(())
}

/// An array: its dimensions, then the items in row-major order. A dimension below the first nests.
fn items(
    item: &Decoder,
    mut bytes: &[u8],
    scratch: &mut String,
    batch: &mut RowBatch,
) -> Result<(), Malformed> {
    let dimensions = usize::try_from(take_i32(&mut bytes)?).map_err(|_| Malformed)?;
    let _has_nulls = take_i32(&mut bytes)?;
    let _item_type = take_i32(&mut bytes)?;
    if dimensions > 6 {
        return Err(Malformed);
    }
    let mut lengths = [0; 6];
    for length in &mut lengths[..dimensions] {
        *length = usize::try_from(take_i32(&mut bytes)?).map_err(|_| Malformed)?;
        let _lower_bound = take_i32(&mut bytes)?;
    }
    // Each item has at least its length: what claims more would fill the memory before it fails.
    let count = lengths[..dimensions].iter().try_fold(1_usize, |n, length| n.checked_mul(*length));
    if dimensions > 0 && count.is_none_or(|n| n == 0 || n > bytes.len() / 4) {
        return Err(Malformed);
    }
    nested(item, &lengths[..dimensions], &mut bytes, scratch, batch)?;
    if bytes.is_empty() { Ok(()) } else { Err(Malformed) }
}

fn nested(
    item: &Decoder,
    lengths: &[usize],
    bytes: &mut &[u8],
    scratch: &mut String,
    batch: &mut RowBatch,
) -> Result<(), Malformed> {
    batch.begin_array();
    if let [length, inner @ ..] = lengths {
        for _ in 0..*length {
            if !inner.is_empty() {
                nested(item, inner, bytes, scratch, batch)?;
                continue;
            }
            match usize::try_from(take_i32(bytes)?) {
                Err(_) => batch.push(Cell::Null),
                Ok(size) => {
                    let (value, rest) = bytes.split_at_checked(size).ok_or(Malformed)?;
                    *bytes = rest;
                    decode(item, value, scratch, batch)?;
                }
            }
        }
    }
    batch.end_array();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the wrong length, as no honest server sends them.
    #[test]
    fn malformed_bytes_are_an_error_and_never_a_panic() {
        let all = [
            Decoder::Bool,
            Decoder::Int2,
            Decoder::Int4,
            Decoder::Int8,
            Decoder::UInt4,
            Decoder::UInt8,
            Decoder::Float4,
            Decoder::Float8,
            Decoder::Numeric,
            Decoder::SingleByte,
            Decoder::Uuid,
            Decoder::Date,
            Decoder::Timestamp,
            Decoder::TimestampTz,
            Decoder::Time,
            Decoder::TimeTz,
            Decoder::Interval,
            Decoder::Jsonb,
            Decoder::Network,
            Decoder::Mac,
            Decoder::Bits,
            Decoder::OneBit,
            Decoder::Array(Box::new(Decoder::Int4)),
        ];
        for decoder in &all {
            for bytes in [&[][..], &[0xff; 3], &[0xff; 31]] {
                let mut batch = RowBatch::new(1);
                assert_eq!(
                    decode(decoder, bytes, &mut String::new(), &mut batch),
                    Err(Malformed),
                    "{decoder:?}"
                );
            }
        }
    }

    #[test]
    fn an_array_that_claims_more_items_than_it_has_is_malformed() {
        let mut bytes = Vec::new();
        for n in [1_i32, 0, 23, i32::MAX, 1, 4, 7] {
            bytes.extend(n.to_be_bytes());
        }
        let mut batch = RowBatch::new(1);
        let decoder = Decoder::Array(Box::new(Decoder::Int4));
        assert_eq!(decode(&decoder, &bytes, &mut String::new(), &mut batch), Err(Malformed));
    }
}
