//! Reading a row of the log: its records, and as much of each as is asked for.

use super::codec::{
    ALL_HASHES, ERASED, HAS_BEFORE, HAS_EXTRAS, HAS_FINGERPRINT, HAS_GROUPS, RowKind, STATUS, VERSION,
    framed, read_difference, read_entries, read_extras, read_group, read_touched, status_of,
};
use super::varint::{Malformed, Reader};
use crate::state::{IntendedRecord, IntentKind, Record};

/// A row of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub kind: RowKind,
    records: &'a [u8],
}

impl<'a> Row<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        if reader.byte()? != VERSION {
            return Err(Malformed);
        }
        let kind = match reader.byte()? {
            0 => RowKind::Pack,
            1 => RowKind::Intent(IntentKind::Track),
            2 => RowKind::Intent(IntentKind::Delete),
            _ => return Err(Malformed),
        };
        Ok(Self { kind, records: reader.0 })
    }

    /// The records in their order.
    pub fn bodies(self) -> impl Iterator<Item = Result<Body<'a>, Malformed>> {
        let mut reader = Reader(self.records);
        std::iter::from_fn(move || {
            if reader.0.is_empty() {
                return None;
            }
            let body = reader.bytes().map(|bytes| Body { kind: self.kind, bytes });
            if body.is_err() {
                reader.0 = &[];
            }
            Some(body)
        })
    }

    /// The record at a position.
    pub fn body(self, position: usize) -> Result<Body<'a>, Malformed> {
        self.bodies().nth(position).unwrap_or(Err(Malformed))
    }
}

/// One record in a row, not yet read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    kind: RowKind,
    bytes: &'a [u8],
}

/// What can be told of a record without reading all of it, its request being answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glance<'a> {
    pub key: &'a [u8],
    pub fingerprint: u64,
    pub known: bool,
    /// The record says that its key is forgotten.
    pub erased: bool,
}

impl<'a> Body<'a> {
    pub fn glance(self) -> Result<Glance<'a>, Malformed> {
        let mut reader = Reader(self.bytes);
        let head = reader.byte()?;
        let key = reader.bytes()?;
        let erased = head & STATUS == ERASED || self.kind == RowKind::Intent(IntentKind::Delete);
        let fingerprint = if head & HAS_FINGERPRINT == 0 { 0 } else { reader.hash()? };
        let known = !erased && status_of(head & STATUS)?.is_known();
        Ok(Glance { key, fingerprint, known, erased })
    }

    /// What holds: with `open`, while the row's request is unanswered. `None`: the key is forgotten.
    pub fn record(self, open: bool) -> Result<Option<Record>, Malformed> {
        match self.kind {
            RowKind::Intent(_) if open => Ok(Some(self.intended()?.open())),
            RowKind::Intent(IntentKind::Delete) => Ok(None),
            _ if self.glance()?.erased => Ok(None),
            _ => Ok(Some(self.after(&mut Reader(self.bytes))?.0)),
        }
    }

    /// The record of a request's row with all it carries.
    pub fn intended(self) -> Result<IntendedRecord, Malformed> {
        let mut reader = Reader(self.bytes);
        let (after, fingerprint) = self.after(&mut reader)?;
        let touched = read_touched(&mut reader, after.attributes.len())?;
        let has_before = self.bytes[0] & HAS_BEFORE != 0;
        let before = if has_before { Some(Box::new(read_difference(&mut reader, &after)?)) } else { None };
        Ok(IntendedRecord { after, before, touched, fingerprint })
    }

    /// Appends the record to a pack, as it is once the row's request is acknowledged.
    pub fn copy_to(self, row: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut reader = Reader(self.bytes);
        if self.kind != RowKind::Pack {
            self.after(&mut reader)?;
        } else {
            reader.0 = &[];
        }
        let bytes = &self.bytes[..self.bytes.len() - reader.0.len()];
        let (head, rest) = bytes.split_first().ok_or(Malformed)?;
        framed(row, |out| {
            out.push(head & !HAS_BEFORE);
            out.extend_from_slice(rest);
        });
        Ok(())
    }

    fn after(self, reader: &mut Reader<'_>) -> Result<(Record, u64), Malformed> {
        let head = reader.byte()?;
        let key = reader.bytes()?;
        let fingerprint = if head & HAS_FINGERPRINT == 0 { 0 } else { reader.hash()? };
        let mut record = Record::new(key, status_of(head & STATUS)?);
        let columns = reader.count()?;
        record.attributes = read_entries(reader, columns, head & ALL_HASHES != 0)?;
        if head & HAS_GROUPS != 0 {
            let groups = reader.count()?;
            record.groups = (0..groups).map(|_| read_group(reader)).collect::<Result<_, _>>()?;
        }
        if head & HAS_EXTRAS != 0 {
            read_extras(reader, &mut record)?;
        }
        Ok((record, fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{put_erased, put_intended, put_record, start_row};
    use super::*;
    use crate::state::{AttributeEntry, GroupEntry, GroupState, Status, Touched};

    fn record() -> Record {
        let time = "2026-11-24T17:00:00.5Z".parse().expect("a time");
        let mut record =
            Record { email: Some(7), absences: 2, released: Some(time), ..Record::new("k", Status::Live) };
        record.set_attribute(0, AttributeEntry::Hash(0x0102_0304_0506_0708));
        record.set_attribute(2, AttributeEntry::Null);
        record.set_group(1, GroupEntry { state: GroupState::UnknownJoin(time), address: Some(9) });
        record
    }

    fn intended() -> IntendedRecord {
        let mut before = record();
        before.set_attribute(2, AttributeEntry::Held(3));
        before.set_attribute(4, AttributeEntry::Unknown);
        before.status = Status::Released;
        before.held_since = Some(1_000);
        let touched = Touched { attributes: vec![0, 9], groups: vec![(1, GroupState::Out)], deletes: None };
        IntendedRecord { after: record(), before: Some(Box::new(before)), touched, fingerprint: 77 }
    }

    fn pack() -> Vec<u8> {
        let mut row = start_row(RowKind::Pack);
        put_record(&mut row, &record(), 5);
        put_erased(&mut row, b"gone");
        put_record(&mut row, &Record::new("x".repeat(200), Status::Absent), 0);
        row
    }

    fn request() -> Vec<u8> {
        let mut row = start_row(RowKind::Intent(IntentKind::Track));
        put_intended(&mut row, &intended());
        row
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        let row = pack();
        let row = Row::parse(&row).expect("a row");
        assert_eq!(row.body(0).and_then(|body| body.record(false)), Ok(Some(record())));
        assert_eq!(row.body(1).and_then(|body| body.record(false)), Ok(None));
        let long = Record::new("x".repeat(200), Status::Absent);
        assert_eq!(row.body(2).and_then(|body| body.record(true)), Ok(Some(long)));
        assert_eq!(row.bodies().count(), 3);

        let row = request();
        let body = Row::parse(&row).and_then(|row| row.body(0)).expect("a record");
        assert_eq!(body.intended(), Ok(intended()));
        assert_eq!(body.record(true), Ok(Some(intended().open())));
        assert_eq!(body.record(false), Ok(Some(record())));
        let mut copied = start_row(RowKind::Pack);
        body.copy_to(&mut copied).expect("copied");
        let mut written = start_row(RowKind::Pack);
        put_record(&mut written, &record(), 77);
        assert_eq!(copied, written);
    }

    #[test]
    fn rows_are_stable_over_releases() {
        let hex = |row: Vec<u8>| row.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(pack()[..74].to_vec()), PACK);
        assert_eq!(hex(request()), REQUEST);
    }
    const PACK: &str = "01004098016b0500000000000000030302080706050403020102000ca08aaeb00d8094ebdc0309000000000000008502070000000000000002a08aaeb00d8094ebdc03060704676f6e65";
    const REQUEST: &str = "01016bb8016b4d00000000000000030302080706050403020102000ca08aaeb00d8094ebdc0309000000000000008502070000000000000002a08aaeb00d8094ebdc030301020201020a051414030000000000000002008d02070000000000000002e807a08aaeb00d8094ebdc03";

    fn read(row: &[u8], open: bool) -> Result<Vec<Option<Record>>, Malformed> {
        Row::parse(row)?.bodies().map(|body| body?.record(open)).collect()
    }

    #[test]
    fn damaged_rows_are_told_and_never_panic() {
        for (row, records) in [(pack(), 3), (request(), 1)] {
            assert_eq!(read(&row, true).map(|records| records.len()), Ok(records));
            for at in 0..row.len() {
                let whole = read(&row[..at], true).is_ok_and(|read| read.len() == records);
                assert!(!whole, "cut at {at}");
                for value in [0, 1, 0x7f, 0x80, 0xff, row[at] ^ 0x10] {
                    let mut row = row.clone();
                    row[at] = value;
                    // Whatever it is taken for: it neither panics nor takes more memory than there are bytes.
                    let found = [read(&row, true), read(&row, false)];
                    assert!(found.iter().flatten().all(|read| read.len() <= row.len()));
                }
            }
        }
    }
}
