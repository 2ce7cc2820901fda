//! Removing dead records from the log.
//!
//! It goes from the oldest row to the newest. A row with a dead record in it goes away: its live records are
//! appended anew and the row is deleted, in one transaction. So at every moment all rows behind the front hold
//! live records only: a record that says its key is forgotten can go when the front reaches it, because no
//! older record of the key is left, and a kill between two transactions loses and resurrects nothing.

use rusqlite::TransactionBehavior;

use super::codec::{PACK_BYTES, ROW_RECORDS, RowKind, start_row};
use super::read::blob;
use super::row::Row;
use super::schema::Numbers;
use super::write::insert_row;
use super::{LogStore, Writer};
use crate::state::Location;
use crate::state::sqlite::Failure;

/// Dead records that are not worth a compaction.
const TOLERATED: u64 = if cfg!(test) { 64 } else { 4_096 };
/// Rows looked at in one transaction.
const ROWS: u64 = if cfg!(test) { 8 } else { 512 };

struct Moved {
    hash: u64,
    from: Location,
    to: Location,
}

impl LogStore {
    /// Compacts the log when more of it is dead than alive, and no request is open.
    pub(super) fn compact(&self, writer: &mut Writer) -> Result<(), Failure> {
        let live = {
            let resident = self.resident();
            if !resident.open.is_empty() {
                return Ok(());
            }
            resident.index.records()
        };
        if writer.numbers.logged.saturating_sub(live) <= live + TOLERATED {
            return Ok(());
        }
        let end = writer.numbers.next_row;
        let mut front = 0;
        while let Some(next) = self.compact_some(writer, front, end)? {
            front = next;
            #[cfg(test)]
            if self.faults.stop_compaction() {
                return Err(Failure::Refused("stopped by a test".to_owned()));
            }
        }
        Ok(())
    }

    /// Handles the next rows after `front` and before `end`. Returns the new front, `None` at the end.
    fn compact_some(&self, writer: &mut Writer, front: u64, end: u64) -> Result<Option<u64>, Failure> {
        let Writer { db, numbers: current, .. } = writer;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut numbers = Numbers::read(&transaction)?;
        if numbers.epoch != current.epoch {
            return Err(Failure::Fenced);
        }
        let mut pack = Pack::default();
        let mut moved = Vec::new();
        let mut dead_rows = Vec::new();
        let mut last = None;
        {
            let sql = "SELECT row, data FROM log WHERE row > ?1 AND row < ?2 ORDER BY row LIMIT ?3";
            let mut select = transaction.prepare_cached(sql)?;
            let mut rows = select.query([front as i64, end as i64, ROWS as i64])?;
            while let Some(row) = rows.next()? {
                let number = row.get::<_, i64>(0)? as u64;
                let data = Row::parse(blob(row, 1)?)?;
                last = Some(number);
                let live = self.live_positions(data, number)?;
                if live.iter().all(|hash| hash.is_some()) {
                    continue;
                }
                dead_rows.push(number);
                numbers.logged -= live.len() as u64;
                for ((position, body), hash) in data.bodies().enumerate().zip(live) {
                    let (body, Some(hash)) = (body?, hash) else { continue };
                    if pack.is_full() {
                        pack.write(&transaction, &mut numbers)?;
                    }
                    let to = Location::new(numbers.next_row, pack.records);
                    pack.records += 1;
                    body.copy_to(&mut pack.data)?;
                    moved.push(Moved { hash, from: Location::new(number, position), to });
                }
            }
        }
        pack.write(&transaction, &mut numbers)?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM log WHERE row = ?1")?;
            for row in dead_rows {
                delete.execute([row as i64])?;
            }
        }
        numbers.mark.transactions += 1;
        numbers.write(&transaction)?;
        transaction.commit()?;
        *current = numbers;
        let mut resident = self.resident();
        for Moved { hash, from, to } in moved {
            if let Some(place) = resident.index.find_at(hash, from) {
                resident.index.relocate(place, to);
            }
        }
        Ok(last)
    }

    /// For each record of a row: the hash of its key when it is what the index points at.
    fn live_positions(&self, row: Row<'_>, number: u64) -> Result<Vec<Option<u64>>, Failure> {
        let resident = self.resident();
        let live = row.bodies().enumerate().map(|(position, body)| {
            let hash = self.keys.hash(body?.glance()?.key);
            Ok(resident.index.find_at(hash, Location::new(number, position)).map(|_| hash))
        });
        live.collect()
    }
}

struct Pack {
    data: Vec<u8>,
    records: usize,
}

impl Default for Pack {
    fn default() -> Self {
        Self { data: start_row(RowKind::Pack), records: 0 }
    }
}

impl Pack {
    fn is_full(&self) -> bool {
        self.records == ROW_RECORDS || self.data.len() >= PACK_BYTES - 128
    }

    fn write(&mut self, db: &rusqlite::Connection, numbers: &mut Numbers) -> Result<(), Failure> {
        if self.records > 0 {
            insert_row(db, numbers, &self.data)?;
            numbers.logged += self.records as u64;
            *self = Self::default();
        }
        Ok(())
    }
}
