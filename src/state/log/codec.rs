//! How records lie in a row of the log.
//!
//! A row is one request, or a pack of records written without one: version, kind, then each record with its
//! length in front. A record in a request's row also carries what is needed to tell its open form: what the
//! request touches, and how the record before differs from the one after.

use super::varint::{Malformed, Reader, put_bytes, put_hash, put_number, put_time};
use crate::state::record::{AttributeEntry, GroupEntry, GroupState, Record, Status};
use crate::state::{IntendedRecord, IntentKind, Touched};

/// Version of the encoding.
pub(super) const VERSION: u8 = 1;
/// Records in a row, at most: their position is one byte of a location.
pub(super) const ROW_RECORDS: usize = 256;
/// Bytes of a pack, about: one page of the database.
pub(super) const PACK_BYTES: usize = 8_000;

pub(super) const STATUS: u8 = 0b111;
pub(super) const ERASED: u8 = 0b111;
pub(super) const HAS_EXTRAS: u8 = 1 << 3;
pub(super) const HAS_GROUPS: u8 = 1 << 4;
pub(super) const HAS_BEFORE: u8 = 1 << 5;
pub(super) const ALL_HASHES: u8 = 1 << 6;
pub(super) const HAS_FINGERPRINT: u8 = 1 << 7;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// Records without a request.
    Pack,
    /// A request.
    Intent(IntentKind),
}

/// Begins a row.
pub(super) fn start_row(kind: RowKind) -> Vec<u8> {
    let kind = match kind {
        RowKind::Pack => 0,
        RowKind::Intent(IntentKind::Track) => 1,
        RowKind::Intent(IntentKind::Delete) => 2,
    };
    let mut row = Vec::with_capacity(PACK_BYTES + 512);
    row.extend_from_slice(&[VERSION, kind]);
    row
}

/// Appends a record to a pack.
pub(super) fn put_record(row: &mut Vec<u8>, record: &Record, fingerprint: u64) {
    framed(row, |out| put_body(out, record, fingerprint, 0));
}

/// Appends to a pack that a key is forgotten.
pub(super) fn put_erased(row: &mut Vec<u8>, key: &[u8]) {
    framed(row, |out| {
        out.push(ERASED);
        put_bytes(out, key);
    });
}

/// Appends a record to a request's row.
pub(super) fn put_intended(row: &mut Vec<u8>, intended: &IntendedRecord) {
    framed(row, |out| {
        let flag = if intended.before.is_some() { HAS_BEFORE } else { 0 };
        put_body(out, &intended.after, intended.fingerprint, flag);
        put_touched(out, &intended.touched, intended.after.attributes.len());
        if let Some(before) = &intended.before {
            put_difference(out, before, &intended.after);
        }
    });
}

pub(super) fn framed(row: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    // Most records are shorter than 128 bytes: one byte for the length, moved by one when it needs two.
    let start = row.len();
    row.push(0);
    put(row);
    let len = row.len() - start - 1;
    if len < 0x80 {
        row[start] = len as u8;
    } else {
        let mut head = Vec::with_capacity(4);
        put_number(&mut head, len as u64);
        row.splice(start..=start, head);
    }
}

fn put_body(out: &mut Vec<u8>, record: &Record, fingerprint: u64, flags: u8) {
    let mut head = status_number(record.status) | flags;
    let all_hashes = record.attributes.iter().all(|entry| matches!(entry, AttributeEntry::Hash(_)));
    let extras = extras_of(record);
    for (flag, set) in [
        (HAS_EXTRAS, extras != 0),
        (HAS_GROUPS, !record.groups.is_empty()),
        (ALL_HASHES, all_hashes),
        (HAS_FINGERPRINT, fingerprint != 0),
    ] {
        head |= if set { flag } else { 0 };
    }
    out.push(head);
    put_bytes(out, &record.key);
    if fingerprint != 0 {
        put_hash(out, fingerprint);
    }
    put_number(out, record.attributes.len() as u64);
    if !all_hashes {
        put_kinds(out, &record.attributes);
    }
    put_hashes(out, &record.attributes);
    if !record.groups.is_empty() {
        put_number(out, record.groups.len() as u64);
        record.groups.iter().for_each(|group| put_group(out, *group));
    }
    if extras != 0 {
        put_extras(out, record, extras);
    }
}

fn status_number(status: Status) -> u8 {
    match status {
        Status::Live => 0,
        Status::Attempted => 1,
        Status::Released => 2,
        Status::Refused => 3,
        Status::Absent => 4,
    }
}

pub(super) fn status_of(number: u8) -> Result<Status, Malformed> {
    Ok(match number {
        0 => Status::Live,
        1 => Status::Attempted,
        2 => Status::Released,
        3 => Status::Refused,
        4 => Status::Absent,
        _ => return Err(Malformed),
    })
}

/// Two kinds in a byte.
fn put_kinds(out: &mut Vec<u8>, entries: &[AttributeEntry]) {
    let kind = |entry: &AttributeEntry| match entry {
        AttributeEntry::Never => 0,
        AttributeEntry::Unknown => 1,
        AttributeEntry::Null => 2,
        AttributeEntry::Hash(_) => 3,
        AttributeEntry::Held(_) => 4,
    };
    out.extend(
        entries.chunks(2).map(|pair| kind(&pair[0]) | pair.get(1).map_or(0, |entry| kind(entry) << 4)),
    );
}

fn put_hashes(out: &mut Vec<u8>, entries: &[AttributeEntry]) {
    for entry in entries {
        if let AttributeEntry::Hash(hash) | AttributeEntry::Held(hash) = entry {
            put_hash(out, *hash);
        }
    }
}

pub(super) fn read_entries(
    reader: &mut Reader<'_>,
    n: usize,
    all_hashes: bool,
) -> Result<Vec<AttributeEntry>, Malformed> {
    let kinds = if all_hashes { &[][..] } else { reader.take(n.div_ceil(2))? };
    let mut entries = Vec::with_capacity(n);
    for i in 0..n {
        let kind = if all_hashes { 3 } else { (kinds[i / 2] >> (4 * (i % 2))) & 0xf };
        entries.push(match kind {
            0 => AttributeEntry::Never,
            1 => AttributeEntry::Unknown,
            2 => AttributeEntry::Null,
            3 => AttributeEntry::Hash(reader.hash()?),
            4 => AttributeEntry::Held(reader.hash()?),
            _ => return Err(Malformed),
        });
    }
    Ok(entries)
}

fn put_group(out: &mut Vec<u8>, group: GroupEntry) {
    let (kind, time) = match group.state {
        GroupState::None => (0, None),
        GroupState::In => (1, None),
        GroupState::Out => (2, None),
        GroupState::OptedOut => (3, None),
        GroupState::UnknownJoin(time) => (4, Some(time)),
        GroupState::UnknownLeave(time) => (5, Some(time)),
    };
    out.push(kind | if group.address.is_some() { 8 } else { 0 });
    if let Some(time) = time {
        put_time(out, time);
    }
    if let Some(address) = group.address {
        put_hash(out, address);
    }
}

pub(super) fn read_group(reader: &mut Reader<'_>) -> Result<GroupEntry, Malformed> {
    let head = reader.byte()?;
    let state = match head & 7 {
        0 => GroupState::None,
        1 => GroupState::In,
        2 => GroupState::Out,
        3 => GroupState::OptedOut,
        4 => GroupState::UnknownJoin(reader.time()?),
        5 => GroupState::UnknownLeave(reader.time()?),
        _ => return Err(Malformed),
    };
    let address = if head & 8 == 0 { None } else { Some(reader.hash()?) };
    Ok(GroupEntry { state, address })
}

const EXTRAS: u64 = 9;

/// One bit for each field that most records do not have.
fn extras_of(record: &Record) -> u64 {
    let present = [
        record.email.is_some(),
        record.phone.is_some(),
        record.absences != 0,
        record.held_since.is_some(),
        record.refused.is_some(),
        record.existence_minute.is_some(),
        record.braze_id.is_some(),
        record.delete_sent.is_some(),
        record.released.is_some(),
    ];
    present.iter().enumerate().map(|(bit, &set)| u64::from(set) << bit).sum()
}

fn put_extras(out: &mut Vec<u8>, record: &Record, extras: u64) {
    put_number(out, extras);
    record.email.iter().chain(&record.phone).for_each(|&hash| put_hash(out, hash));
    if record.absences != 0 {
        out.push(record.absences);
    }
    record.held_since.iter().for_each(|&serial| put_number(out, serial));
    record.refused.iter().for_each(|&hash| put_hash(out, hash));
    record.existence_minute.iter().for_each(|&day| put_number(out, day.into()));
    record.braze_id.iter().for_each(|&hash| put_hash(out, hash));
    record.delete_sent.iter().chain(&record.released).for_each(|&time| put_time(out, time));
}

pub(super) fn read_extras(reader: &mut Reader<'_>, record: &mut Record) -> Result<(), Malformed> {
    let extras = reader.number()?;
    if extras >> EXTRAS != 0 {
        return Err(Malformed);
    }
    for bit in (0..EXTRAS).filter(|bit| extras & (1 << bit) != 0) {
        match bit {
            0 => record.email = Some(reader.hash()?),
            1 => record.phone = Some(reader.hash()?),
            2 => record.absences = reader.byte()?,
            3 => record.held_since = Some(reader.number()?),
            4 => record.refused = Some(reader.hash()?),
            5 => record.existence_minute = Some(reader.small()?),
            6 => record.braze_id = Some(reader.hash()?),
            7 => record.delete_sent = Some(reader.time()?),
            _ => record.released = Some(reader.time()?),
        }
    }
    Ok(())
}

/// Touched columns: 0 for all attributes of the record, else one more than the bytes of a bit map.
fn put_touched(out: &mut Vec<u8>, touched: &Touched, columns: usize) {
    let mut map = vec![];
    for &column in &touched.attributes {
        let byte = usize::from(column) / 8;
        if map.len() <= byte {
            map.resize(byte + 1, 0_u8);
        }
        map[byte] |= 1 << (column % 8);
    }
    let set: usize = map.iter().map(|byte| byte.count_ones() as usize).sum();
    let all = set == columns && touched.attributes.iter().all(|&column| usize::from(column) < columns);
    if all {
        out.push(0);
    } else {
        put_number(out, map.len() as u64 + 1);
        out.extend_from_slice(&map);
    }
    put_number(out, (touched.groups.len() as u64) << 1 | u64::from(touched.deletes.is_some()));
    for &(column, state) in &touched.groups {
        put_number(out, column.into());
        put_group(out, GroupEntry { state, address: None });
    }
    if let Some(time) = touched.deletes {
        put_time(out, time);
    }
}

pub(super) fn read_touched(reader: &mut Reader<'_>, columns: usize) -> Result<Touched, Malformed> {
    let mut touched = Touched::default();
    match reader.number()? {
        0 => touched.attributes = (0..columns).map(|column| column as u16).collect(),
        n => {
            let map = reader.take(usize::try_from(n - 1).map_err(|_| Malformed)?)?;
            touched.attributes = set_bits(map).map(|column| column as u16).collect();
        }
    }
    let head = reader.number()?;
    for _ in 0..head >> 1 {
        let column = reader.small()?;
        touched.groups.push((column, read_group(reader)?.state));
    }
    if head & 1 != 0 {
        touched.deletes = Some(reader.time()?);
    }
    Ok(touched)
}

fn set_bits(map: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..map.len() * 8).filter(|bit| map[bit / 8] & (1 << (bit % 8)) != 0)
}

fn put_map(out: &mut Vec<u8>, len: usize, differs: impl Fn(usize) -> bool) {
    put_number(out, len as u64);
    let start = out.len();
    out.resize(start + len.div_ceil(8), 0);
    for i in (0..len).filter(|&i| differs(i)) {
        out[start + i / 8] |= 1 << (i % 8);
    }
}

/// How `before` differs from `after`: status, entries where they differ, all extras if one of them differs.
fn put_difference(out: &mut Vec<u8>, before: &Record, after: &Record) {
    let extras = extras_of(before);
    let same_extras = same_extras(before, after);
    out.push(status_number(before.status) | if same_extras { 0 } else { HAS_EXTRAS });
    put_map(out, before.attributes.len(), |i| before.attribute(i) != after.attribute(i));
    let changed: Vec<AttributeEntry> = (0..before.attributes.len())
        .filter(|&i| before.attribute(i) != after.attribute(i))
        .map(|i| before.attribute(i))
        .collect();
    put_kinds(out, &changed);
    put_hashes(out, &changed);
    put_map(out, before.groups.len(), |i| before.group(i) != after.group(i));
    for i in (0..before.groups.len()).filter(|&i| before.group(i) != after.group(i)) {
        put_group(out, before.group(i));
    }
    if !same_extras {
        put_extras(out, before, extras);
    }
}

fn same_extras(a: &Record, b: &Record) -> bool {
    let fields = |record: &Record| Record {
        key: Vec::new(),
        status: Status::Live,
        attributes: Vec::new(),
        groups: Vec::new(),
        ..record.clone()
    };
    extras_of(a) == extras_of(b) && fields(a) == fields(b)
}

pub(super) fn read_difference(reader: &mut Reader<'_>, after: &Record) -> Result<Record, Malformed> {
    let head = reader.byte()?;
    let mut before = Record::new(after.key.clone(), status_of(head & STATUS)?);
    let columns = reader.count()?;
    before.attributes = (0..columns).map(|i| after.attribute(i)).collect();
    let changed: Vec<usize> = set_bits(reader.take(columns.div_ceil(8))?).collect();
    for (&column, entry) in changed.iter().zip(read_entries(reader, changed.len(), false)?) {
        *before.attributes.get_mut(column).ok_or(Malformed)? = entry;
    }
    let columns = reader.count()?;
    before.groups = (0..columns).map(|i| after.group(i)).collect();
    for column in set_bits(reader.take(columns.div_ceil(8))?) {
        *before.groups.get_mut(column).ok_or(Malformed)? = read_group(reader)?;
    }
    if head & HAS_EXTRAS == 0 {
        let (key, status) = (std::mem::take(&mut before.key), before.status);
        let (attributes, groups) = (before.attributes, before.groups);
        return Ok(Record { key, status, attributes, groups, ..after.clone() });
    }
    read_extras(reader, &mut before)?;
    Ok(before)
}
