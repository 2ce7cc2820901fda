//! Reading rows of the log: by location, and from the first to the last.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _};

use super::index::Index;
use super::keys::Keys;
use super::row::{Body, Row};
use super::schema::Numbers;
use crate::state::sqlite::Failure;
use crate::state::{Location, Record};

/// Rows read at a time, so that no lock is held while their records are handed on.
const ROWS_AT_A_TIME: usize = 64;

/// What is held in memory of a log.
#[derive(Debug, PartialEq)]
pub(super) struct Resident {
    pub index: Index,
    /// Rows of requests without an answer: their records are read in their open form.
    pub open: HashSet<u64>,
}

/// A connection that only reads.
#[derive(Debug)]
pub(super) struct Reader {
    db: Connection,
    watched: Option<Watched>,
}

/// A file that is read as if nobody could write it, and as it looked when it was opened.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    look: (u64, SystemTime),
}

impl Watched {
    pub fn new(path: &Path) -> std::io::Result<Self> {
        Ok(Self { look: look(path)?, path: path.to_owned() })
    }
}

fn look(path: &Path) -> std::io::Result<(u64, SystemTime)> {
    let file = std::fs::metadata(path)?;
    Ok((file.len(), file.modified()?))
}

impl Reader {
    pub fn new(db: Connection, watched: Option<Watched>) -> Self {
        Self { db, watched }
    }

    pub fn db(&self) -> &Connection {
        &self.db
    }

    /// Fails when an immutable file changed while it was read: what was read may be a mixture.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.watched {
            Some(watched) if look(&watched.path)? != watched.look => {
                Err(Failure::Damaged("a run changed it while it was read; try again"))
            }
            _ => Ok(()),
        }
    }

    /// Calls `each` with what lies at the given places, sorted by location and each told whether its row is
    /// open. Rows that are gone are left out.
    pub fn at(
        &self,
        places: &[(Location, bool)],
        mut each: impl FnMut(Location, Body<'_>, bool) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut select = self.db.prepare_cached("SELECT data FROM log WHERE row = ?1")?;
        for of_row in places.chunk_by(|(a, _), (b, _)| a.row() == b.row()) {
            let mut rows = select.query([of_row[0].0.row() as i64])?;
            let Some(row) = rows.next()? else { continue };
            let row = Row::parse(blob(row, 0)?)?;
            for &(location, open) in of_row {
                each(location, row.body(location.position())?, open)?;
            }
        }
        self.check()
    }

    /// Calls `each` with rows and their numbers after a given one; at most [`ROWS_AT_A_TIME`].
    fn after(&self, last: u64) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let sql = "SELECT row, data FROM log WHERE row > ?1 ORDER BY row LIMIT ?2";
        let mut select = self.db.prepare_cached(sql)?;
        let rows = select.query_map([last as i64, ROWS_AT_A_TIME as i64], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
        })?;
        let rows = rows.collect::<Result<_, _>>()?;
        self.check()?;
        Ok(rows)
    }
}

pub(super) fn blob<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> Result<&'a [u8], Failure> {
    row.get_ref(column)?.as_blob().map_err(|_| Failure::Damaged("a row is damaged"))
}

/// One row of the log.
pub(super) fn row_data(db: &Connection, row: u64) -> Result<Vec<u8>, Failure> {
    let mut select = db.prepare_cached("SELECT data FROM log WHERE row = ?1")?;
    let data = select.query_row([row as i64], |row| row.get(0)).optional()?;
    data.ok_or(Failure::Damaged("a row is missing"))
}

/// The numbers of rows whose requests are open, in order.
pub(super) fn open_rows(db: &Connection) -> Result<Vec<u64>, Failure> {
    let mut select = db.prepare_cached("SELECT row FROM open ORDER BY row")?;
    let rows = select.query_map([], |row| row.get::<_, i64>(0).map(|row| row as u64))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Builds the index from the log: of each key the highest location counts.
///
/// The first walk finds the places, and tells keys by both their hashes in full: the second hash stands where
/// the fingerprint will be. The second walk puts the fingerprints there.
pub(super) fn scan(db: &Connection, keys: &Keys) -> Result<Resident, Failure> {
    let open: HashSet<u64> = open_rows(db)?.into_iter().collect();
    let mut index = Index::sized(Numbers::read(db)?.records);
    walk(db, |location, body| {
        let glance = body.glance()?;
        let (mut erased, mut known) = (glance.erased, glance.known);
        if open.contains(&location.row())
            && let Some(record) = body.record(true)?
        {
            (erased, known) = (false, record.status.is_known());
        }
        let id = keys.identity(glance.key);
        match index.find(id.hash, |slot| slot.fingerprint == id.check) {
            Some(place) if erased => index.erase(place, id),
            Some(place) => index.replace(place, id, id.check, location, known),
            None if erased => {}
            None => index.insert(id, id.check, location, known),
        }
        Ok(())
    })?;
    walk(db, |location, body| {
        let glance = body.glance()?;
        if let Some(place) = index.find_at(keys.hash(glance.key), location) {
            let is_open = open.contains(&location.row());
            index.slot_mut(place).fingerprint = if is_open { 0 } else { glance.fingerprint };
        }
        Ok(())
    })?;
    Ok(Resident { index, open })
}

/// Calls `each` with every record of the log, dead ones too.
pub(super) fn walk(
    db: &Connection,
    mut each: impl FnMut(Location, Body<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut select = db.prepare_cached("SELECT row, data FROM log ORDER BY row")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let number = row.get::<_, i64>(0)? as u64;
        for (position, body) in Row::parse(blob(row, 1)?)?.bodies().enumerate() {
            each(Location::new(number, position), body?)?;
        }
    }
    Ok(())
}

/// Which records a visit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    All,
    Unseen,
}

impl super::LogStore {
    /// Hands on records in the order of the log, until `each` returns `false`.
    pub(super) fn visit(&self, visit: Visit, each: &mut dyn FnMut(Record) -> bool) -> Result<(), Failure> {
        let few = {
            let resident = self.resident();
            let unseen = match visit {
                Visit::All => resident.index.records(),
                Visit::Unseen => resident.index.unseen().count() as u64,
            };
            if unseen == 0 {
                return Ok(());
            }
            // A list of places takes memory, a walk over the log takes time.
            (unseen < 65_536 || unseen < resident.index.records() / 8).then(|| {
                let index = &resident.index;
                let mut places: Vec<Location> = match visit {
                    Visit::All => index.all().collect(),
                    Visit::Unseen => index.unseen().collect(),
                };
                places.sort_unstable();
                places
            })
        };
        match few {
            Some(places) => self.visit_places(&places, each),
            None => self.visit_log(visit, each),
        }
    }

    fn visit_places(&self, places: &[Location], each: &mut dyn FnMut(Record) -> bool) -> Result<(), Failure> {
        let mut records = Vec::new();
        for some in places.chunks(1_024) {
            let some: Vec<(Location, bool)> = {
                let resident = self.resident();
                some.iter().map(|place| (*place, resident.open.contains(&place.row()))).collect()
            };
            self.reader().at(&some, |_, body, open| {
                records.extend(body.record(open)?);
                Ok(())
            })?;
            for record in records.drain(..) {
                if !each(record) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn visit_log(&self, visit: Visit, each: &mut dyn FnMut(Record) -> bool) -> Result<(), Failure> {
        let mut last = 0;
        let mut records = Vec::new();
        loop {
            let rows = self.reader().after(last)?;
            let Some(&(newest, _)) = rows.last() else { return Ok(()) };
            last = newest;
            for (number, data) in rows {
                {
                    let resident = self.resident();
                    let open = resident.open.contains(&number);
                    for (position, body) in Row::parse(&data)?.bodies().enumerate() {
                        let body = body?;
                        let hash = self.keys.hash(body.glance()?.key);
                        let place = resident.index.find_at(hash, Location::new(number, position));
                        let wanted = |place| visit == Visit::All || !resident.index.slot(place).is_seen();
                        if place.is_some_and(wanted) {
                            records.extend(body.record(open)?);
                        }
                    }
                }
                for record in records.drain(..) {
                    if !each(record) {
                        return Ok(());
                    }
                }
            }
        }
    }
}
