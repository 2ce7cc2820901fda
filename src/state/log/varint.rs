//! Numbers of changing length, and a reader over bytes that never runs past their end.

use jiff::Timestamp;

use crate::state::sqlite::Failure;

/// The bytes are not what this program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Damaged("a record is damaged")
    }
}

/// Appends a number in groups of seven bits, lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n as u8) | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends eight bytes.
pub(super) fn put_hash(out: &mut Vec<u8>, hash: u64) {
    out.extend_from_slice(&hash.to_le_bytes());
}

/// Appends bytes with their length in front.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a time, to the nanosecond.
pub(super) fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    put_number(out, zigzag(time.as_second()));
    put_number(out, zigzag(time.subsec_nanosecond().into()));
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Takes values off the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }

    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(Malformed)
    }

    /// A number that counts things of at least one bit each: never more than the bytes left could hold.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        let n = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        if n > self.0.len().saturating_mul(8).max(1 << 16) { Err(Malformed) } else { Ok(n) }
    }

    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let n = self.small()?;
        self.take(n)
    }

    pub fn hash(&mut self) -> Result<u64, Malformed> {
        let bytes: [u8; 8] = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub fn time(&mut self) -> Result<Timestamp, Malformed> {
        let seconds = unzigzag(self.number()?);
        let nanoseconds = i32::try_from(unzigzag(self.number()?)).map_err(|_| Malformed)?;
        Timestamp::new(seconds, nanoseconds).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_come_back() {
        let times = ["1969-12-31T23:59:59.999999999Z", "2026-11-24T17:00:00Z", "-009999-01-02T01:59:59Z"];
        for n in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, n);
            assert_eq!(Reader(&out).number(), Ok(n));
            assert_eq!(Reader(&out[..out.len() - 1]).number(), Err(Malformed));
        }
        for time in times {
            let time: Timestamp = time.parse().expect("a time");
            let mut out = Vec::new();
            put_time(&mut out, time);
            assert_eq!(Reader(&out).time(), Ok(time));
        }
        assert_eq!(Reader(&[0xff; 11]).number(), Err(Malformed));
    }
}
