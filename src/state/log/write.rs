//! Appending to the log: what a commit writes, and what it means for the index once it is durable.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::codec::{PACK_BYTES, ROW_RECORDS, RowKind, put_erased, put_intended, put_record, start_row};
use super::index::{Identity, Index, Place};
use super::keys::Keys;
use super::read::{Resident, row_data};
use super::row::Row;
use super::schema::Numbers;
use crate::state::sqlite::Failure;
use crate::state::{Change, IntendedRecord, Intent, IntentKind, Location, Record, Settled, Settlement};

/// A request whose answer is awaited.
#[derive(Debug)]
pub(super) struct InFlight {
    kind: IntentKind,
    /// Its rows, each with [`ROW_RECORDS`] records but the last.
    rows: Vec<u64>,
    items: Vec<Item>,
}

/// What an acknowledgement makes of a record of a request.
#[derive(Clone, Copy, Debug)]
struct Item {
    id: Identity,
    fingerprint: u64,
    known: bool,
}

impl InFlight {
    fn location(&self, position: usize) -> Location {
        Location::new(self.rows[position / ROW_RECORDS], position % ROW_RECORDS)
    }
}

/// A change of the index that holds once the transaction is durable.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// The record of a key lies there now.
    Write { id: Identity, location: Location, fingerprint: u64, known: bool },
    /// The key is forgotten, says the record there.
    Erase { id: Identity, location: Location },
    /// A request was acknowledged: the record there, if nothing newer was written, is what was intended.
    Settle { id: Identity, location: Location, fingerprint: u64, known: bool },
    /// The same for a delete.
    Deleted { id: Identity, location: Location },
}

/// Writes rows within a transaction and collects what follows for the index.
pub(super) struct Appender<'a> {
    db: &'a Connection,
    keys: &'a Keys,
    numbers: Numbers,
    pack: Vec<u8>,
    packed: usize,
    moves: Vec<Move>,
    opened: HashMap<u64, InFlight>,
    closed: Vec<u64>,
    /// Keys for which a settlement in this transaction wrote something of its own.
    written: HashSet<Identity>,
}

/// What a finished transaction means for what is held in memory.
#[derive(Debug)]
pub(super) struct Outcome {
    pub numbers: Numbers,
    moves: Vec<Move>,
    opened: HashMap<u64, InFlight>,
    closed: Vec<u64>,
}

impl<'a> Appender<'a> {
    /// Begins to append to a log with these numbers, within the transaction that `db` has open.
    pub fn new(db: &'a Connection, keys: &'a Keys, mut numbers: Numbers) -> Self {
        numbers.mark.transactions += 1;
        Self {
            db,
            keys,
            numbers,
            pack: start_row(RowKind::Pack),
            packed: 0,
            moves: Vec::new(),
            opened: HashMap::new(),
            closed: Vec::new(),
            written: HashSet::new(),
        }
    }

    pub fn put(&mut self, record: &Record, fingerprint: u64) -> Result<(), Failure> {
        let location = self.next_location()?;
        put_record(&mut self.pack, record, fingerprint);
        let id = self.keys.identity(&record.key);
        self.moves.push(Move::Write { id, location, fingerprint, known: record.status.is_known() });
        Ok(())
    }

    pub fn erase(&mut self, key: &[u8]) -> Result<(), Failure> {
        let location = self.next_location()?;
        put_erased(&mut self.pack, key);
        self.moves.push(Move::Erase { id: self.keys.identity(key), location });
        Ok(())
    }

    pub fn change(&mut self, change: Change) -> Result<(), Failure> {
        match change {
            Change::Put(record, fingerprint) => self.put(&record, fingerprint),
            Change::Erase(key) => self.erase(&key),
        }
    }

    /// The place of the next record of a pack, which is counted.
    fn next_location(&mut self) -> Result<Location, Failure> {
        if self.packed == ROW_RECORDS || self.pack.len() >= PACK_BYTES - 128 {
            self.flush()?;
        }
        self.packed += 1;
        self.numbers.logged += 1;
        Ok(Location::new(self.numbers.next_row, self.packed - 1))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.packed > 0 {
            insert_row(self.db, &mut self.numbers, &self.pack)?;
            self.pack.truncate(start_row(RowKind::Pack).len());
            self.packed = 0;
        }
        Ok(())
    }

    pub fn intent(&mut self, intent: &Intent) -> Result<(), Failure> {
        self.flush()?;
        let mut flight = InFlight { kind: intent.kind, rows: Vec::new(), items: Vec::new() };
        for records in intent.records.chunks(ROW_RECORDS) {
            let mut data = start_row(RowKind::Intent(intent.kind));
            records.iter().for_each(|record| put_intended(&mut data, record));
            let row = insert_row(self.db, &mut self.numbers, &data)?;
            let mut open = self.db.prepare_cached("INSERT INTO open (row, request) VALUES (?1, ?2)")?;
            open.execute(params![row as i64, intent.request as i64])?;
            self.numbers.logged += records.len() as u64;
            flight.rows.push(row);
        }
        for intended in &intent.records {
            let id = self.keys.identity(&intended.after.key);
            let location = flight.location(flight.items.len());
            self.moves.push(Move::Write { id, location, fingerprint: 0, known: opens_known(intended) });
            let known = intended.after.status.is_known();
            flight.items.push(Item { id, fingerprint: intended.fingerprint, known });
        }
        self.opened.insert(intent.request, flight);
        Ok(())
    }

    /// Ends a request. `index` is as of the last commit.
    pub fn settle(
        &mut self,
        settlement: Settlement,
        flight: &InFlight,
        index: &Index,
    ) -> Result<(), Failure> {
        self.close_rows(&flight.rows)?;
        let mut exceptions: HashMap<usize, Settled> = settlement.exceptions.into_iter().collect();
        let mut row = (0, Vec::new());
        for (position, item) in flight.items.iter().enumerate() {
            let location = flight.location(position);
            let exception = exceptions.remove(&position);
            let current = |appender: &Self| {
                index.find_at(item.id.hash, location).is_some() && !appender.written.contains(&item.id)
            };
            match exception {
                None => self.moves.push(match flight.kind {
                    IntentKind::Delete => Move::Deleted { id: item.id, location },
                    IntentKind::Track => {
                        let Item { id, fingerprint, known } = *item;
                        Move::Settle { id, location, fingerprint, known }
                    }
                }),
                Some(Settled::Instead(record, fingerprint)) => {
                    self.written.insert(self.keys.identity(&record.key));
                    self.put(&record, fingerprint)?;
                }
                Some(settled) if current(self) => {
                    if row.0 != location.row() {
                        row = (location.row(), row_data(self.db, location.row())?);
                    }
                    let intended = Row::parse(&row.1)?.body(location.position())?.intended()?;
                    match (settled, &intended.before) {
                        (Settled::Before, Some(before)) => self.put(before, 0)?,
                        (Settled::Before, None) => self.erase(&intended.after.key)?,
                        _ => self.put(&intended.open(), 0)?,
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Ends the requests of runs that are no more: what was open stays so, durably.
    pub fn close_dead(&mut self, rows: Vec<u64>, index: &Index) -> Result<(), Failure> {
        for &row in &rows {
            let data = row_data(self.db, row)?;
            for (position, body) in Row::parse(&data)?.bodies().enumerate() {
                let intended = body?.intended()?;
                let hash = self.keys.hash(&intended.after.key);
                if index.find_at(hash, Location::new(row, position)).is_some() {
                    self.put(&intended.open(), 0)?;
                }
            }
        }
        self.close_rows(&rows)
    }

    fn close_rows(&mut self, rows: &[u64]) -> Result<(), Failure> {
        let mut close = self.db.prepare_cached("DELETE FROM open WHERE row = ?1")?;
        for &row in rows {
            close.execute([row as i64])?;
        }
        self.closed.extend(rows);
        Ok(())
    }

    /// Writes what is left and the numbers. The caller commits.
    pub fn finish(mut self, change: impl FnOnce(&mut Numbers)) -> Result<Outcome, Failure> {
        self.flush()?;
        change(&mut self.numbers);
        self.numbers.write(self.db)?;
        Ok(Outcome { numbers: self.numbers, moves: self.moves, opened: self.opened, closed: self.closed })
    }
}

/// Whether the open form of a record counts as known, without making it.
fn opens_known(intended: &IntendedRecord) -> bool {
    let before = intended.before.as_ref().map_or(crate::state::Status::Attempted, |before| before.status);
    before.is_known() || (intended.touched.deletes.is_none() && intended.after.status.is_known())
}

pub(super) fn insert_row(db: &Connection, numbers: &mut Numbers, data: &[u8]) -> Result<u64, Failure> {
    let row = numbers.next_row;
    db.prepare_cached("INSERT INTO log (row, data) VALUES (?1, ?2)")?.execute(params![row as i64, data])?;
    numbers.next_row += 1;
    Ok(row)
}

impl Outcome {
    /// Brings the index up to what is durable. `db` reads the log as it is now.
    pub fn apply(
        self,
        resident: &mut Resident,
        in_flight: &mut HashMap<u64, InFlight>,
        db: &Connection,
    ) -> Result<(), Failure> {
        for row in self.closed {
            resident.open.remove(&row);
        }
        resident.open.extend(self.opened.values().flat_map(|flight| &flight.rows));
        in_flight.extend(self.opened);
        let index = &mut resident.index;
        for change in self.moves {
            match change {
                Move::Write { id, location, fingerprint, known } => match locate(index, id, location, db)? {
                    Some(place) => index.replace(place, id, fingerprint, location, known),
                    None => index.insert(id, fingerprint, location, known),
                },
                Move::Erase { id, location } => {
                    if let Some(place) = locate(index, id, location, db)? {
                        index.erase(place, id);
                    }
                }
                Move::Settle { id, location, fingerprint, known } => {
                    if let Some(place) = index.find_at(id.hash, location) {
                        index.settle(place, fingerprint, known);
                    }
                }
                Move::Deleted { id, location } => {
                    if let Some(place) = index.find_at(id.hash, location) {
                        index.erase(place, id);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The slot of a key of which a record was written at `written`. Only when several slots agree in both hashes
/// are keys compared.
fn locate(index: &Index, id: Identity, written: Location, db: &Connection) -> Result<Option<Place>, Failure> {
    let mut records = Vec::new();
    let mut reserved = None;
    index.each_place(id.hash, |place| {
        let slot = index.slot(place);
        if slot.is_place_of(id) {
            reserved = Some(place);
        } else if slot.may_be(id) {
            records.push(place);
        }
    });
    if reserved.is_some() || records.len() < 2 {
        return Ok(reserved.or_else(|| records.pop()));
    }
    let key_at = |location: Location| -> Result<Vec<u8>, Failure> {
        let data = row_data(db, location.row())?;
        Ok(Row::parse(&data)?.body(location.position())?.glance()?.key.to_vec())
    };
    let key = key_at(written)?;
    for place in records {
        if key_at(index.slot(place).location())? == key {
            return Ok(Some(place));
        }
    }
    Ok(None)
}
