//! `numeric` in binary to its plain text: groups of four decimal digits, a weight and a display scale.

use super::decode::Malformed;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// Appends the text that PostgreSQL would print, with as many digits after the point as the value shows.
pub(super) fn write(bytes: &[u8], out: &mut String) -> Result<(), Malformed> {
    let (head, groups) = bytes.split_first_chunk::<8>().ok_or(Malformed)?;
    let field = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign, scale) = (field(0), field(2).cast_signed(), field(4), field(6));
    if groups.len() != usize::from(count) * 2 {
        return Err(Malformed);
    }
    match sign {
        0 => {}
        NEGATIVE => out.push('-'),
        NAN => return special("NaN", out),
        INFINITY => return special("Infinity", out),
        NEGATIVE_INFINITY => return special("-Infinity", out),
        _ => return Err(Malformed),
    }
    // Group `n` stands for 10000^n; those that are not sent are zero.
    let weight = i32::from(weight);
    let group = |n: i32| -> Result<[u8; 4], Malformed> {
        let sent = usize::try_from(weight - n).ok().and_then(|at| groups.get(at * 2..at * 2 + 2));
        let value = sent.map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
        if value > 9999 { Err(Malformed) } else { Ok(digits(value)) }
    };
    if weight < 0 {
        out.push('0');
    } else {
        let first = group(weight)?;
        let zeros = first.iter().take_while(|d| **d == b'0').count().min(3);
        push(&first[zeros..], out);
        for n in (0..weight).rev() {
            push(&group(n)?, out);
        }
    }
    let mut left = usize::from(scale);
    if left > 0 {
        out.push('.');
    }
    let mut n = -1;
    while left > 0 {
        let taken = left.min(4);
        push(&group(n)?[..taken], out);
        left -= taken;
        n -= 1;
    }
    Ok(())
}

fn special(text: &str, out: &mut String) -> Result<(), Malformed> {
    out.push_str(text);
    Ok(())
}

fn digits(group: u16) -> [u8; 4] {
    [1000, 100, 10, 1].map(|unit| b'0' + u8::try_from(group / unit % 10).unwrap_or(0))
}

fn push(digits: &[u8], out: &mut String) {
    out.extend(digits.iter().map(|d| char::from(*d)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Result<String, Malformed> {
        let count = u16::try_from(groups.len()).expect("few groups");
        let mut bytes = Vec::new();
        for field in [count, weight.cast_unsigned(), sign, scale].iter().chain(groups) {
            bytes.extend(field.to_be_bytes());
        }
        let mut out = String::new();
        write(&bytes, &mut out).map(|()| out)
    }

    #[test]
    fn groups_become_plain_digits() {
        assert_eq!(text(0, 0, 0, &[]).as_deref(), Ok("0"));
        assert_eq!(text(0, 0, 2, &[]).as_deref(), Ok("0.00"));
        assert_eq!(text(0, 0, 2, &[10, 5000]).as_deref(), Ok("10.50"));
        assert_eq!(text(1, NEGATIVE, 0, &[1]).as_deref(), Ok("-10000"));
        assert_eq!(text(2, 0, 1, &[12, 3456, 7890, 1000]).as_deref(), Ok("1234567890.1"));
        assert_eq!(text(-2, 0, 8, &[12]).as_deref(), Ok("0.00000012"));
        assert_eq!(text(0, NAN, 0, &[]).as_deref(), Ok("NaN"));
        assert_eq!(text(0, NEGATIVE_INFINITY, 0, &[]).as_deref(), Ok("-Infinity"));
    }

    #[test]
    fn a_group_above_9999_or_an_unknown_sign_is_malformed() {
        assert_eq!(text(0, 0, 0, &[10_000]), Err(Malformed));
        assert_eq!(text(0, 1, 0, &[1]), Err(Malformed));
    }
}
