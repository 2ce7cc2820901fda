//! What a run does to a store: it takes it, commits, and ends.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::read::{Resident, open_rows, scan};
use super::schema::{Numbers, read_header};
use super::write::{Appender, InFlight, Outcome};
use super::{LogStore, SNAPSHOT, Writer, first_request, rejects, snapshot};
use crate::state::sqlite::{Failure, PATIENCE};
use crate::state::{Commit, Header};

impl LogStore {
    pub(super) fn take(&self) -> Result<Header, Failure> {
        let mut writer = self.writer()?;
        let Writer { db, numbers, in_flight } = &mut *writer;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stored = Numbers::read(&transaction)?;
        let mut resident = self.resident();
        if stored.mark != numbers.mark {
            // Somebody wrote since, or the last transaction was not understood: what is in memory is void.
            *resident = scan(&transaction, &self.keys)?;
        }
        let lineage = random();
        let mut appender = Appender::new(&transaction, &self.keys, stored);
        appender.close_dead(open_rows(&transaction)?, &resident.index)?;
        let outcome = appender.finish(|numbers| {
            numbers.epoch += 1;
            numbers.serial += 1;
            numbers.mark.lineage = lineage;
            numbers.records = resident.index.records();
            numbers.known = resident.index.known();
        })?;
        let header = Header {
            epoch: outcome.numbers.epoch,
            serial: outcome.numbers.serial,
            ..read_header(&transaction)?
        };
        transaction.commit()?;
        in_flight.clear();
        self.apply(outcome, numbers, in_flight, &mut resident, db)?;
        resident.index.clean(true);
        self.requests.fetch_max(first_request(header.epoch), Ordering::Relaxed);
        self.noted().header = header.clone();
        Ok(header)
    }

    pub(super) fn write(&self, epoch: u64, commit: Commit) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        let Writer { db, numbers, in_flight } = &mut *writer;
        let transaction = fenced(db, epoch, numbers)?;
        let mut appender = Appender::new(&transaction, &self.keys, *numbers);
        let mut settled = Vec::with_capacity(commit.settlements.len());
        for settlement in commit.settlements {
            let request = settlement.request;
            let flight = in_flight.get(&request).filter(|_| !settled.contains(&request));
            let flight = flight.ok_or_else(|| Failure::Refused(format!("request {request} is not open")))?;
            appender.settle(settlement, flight, &self.resident().index)?;
            settled.push(request);
        }
        for change in commit.changes {
            appender.change(change)?;
        }
        for intent in &commit.intents {
            appender.intent(intent)?;
        }
        let mut rejects = None;
        if !commit.rejects.is_empty() || (!commit.cleared_rejects.is_empty() && self.noted().rejects > 0) {
            rejects::update(&transaction, &commit.cleared_rejects, &commit.rejects)?;
            rejects = Some(rejects::count(&transaction)?);
        }
        let header = commit.header.map(|header| Header { epoch, ..header });
        if let Some(header) = &header {
            let mut update = transaction.prepare_cached("UPDATE store SET header = ?1")?;
            update.execute([header.body.to_string()])?;
        }
        let (records, known) = {
            let resident = self.resident();
            (resident.index.records(), resident.index.known())
        };
        let outcome = appender.finish(|numbers| {
            numbers.records = records;
            numbers.known = known;
            numbers.serial = header.as_ref().map_or(numbers.serial, |header| header.serial);
        })?;
        transaction.commit()?;
        let mut resident = self.resident();
        for request in settled {
            in_flight.remove(&request);
        }
        self.apply(outcome, numbers, in_flight, &mut resident, db)?;
        drop(resident);
        let mut noted = self.noted();
        noted.header = header.unwrap_or_else(|| noted.header.clone());
        noted.rejects = rejects.unwrap_or(noted.rejects);
        Ok(())
    }

    fn apply(
        &self,
        outcome: Outcome,
        numbers: &mut Numbers,
        in_flight: &mut HashMap<u64, InFlight>,
        resident: &mut Resident,
        db: &Connection,
    ) -> Result<(), Failure> {
        *numbers = outcome.numbers;
        outcome.apply(resident, in_flight, db).inspect_err(|_| {
            // What is in memory is half-way: no mark of the log fits it until the next run reads it anew.
            numbers.mark.transactions = u64::MAX;
        })
    }

    pub(super) fn finish(&self, epoch: u64) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        {
            let Writer { db, numbers, .. } = &mut *writer;
            fenced(db, epoch, numbers)?;
        }
        self.resident().index.clean(false);
        match self.tidy(&mut writer) {
            Err(Failure::Fenced) => Err(Failure::Fenced),
            Err(failure) => {
                tracing::warn!(state = %self.name, cause = %failure.of(&self.name), "the state was not compacted");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Makes the store small and quick to open. When that fails nothing is lost: it is tried again by the end
    /// of the next run, and a log without a snapshot is read as a whole.
    fn tidy(&self, writer: &mut Writer) -> Result<(), Failure> {
        self.compact(writer)?;
        let Writer { db, numbers, .. } = writer;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let resident = self.resident();
        let outcome = Appender::new(&transaction, &self.keys, *numbers).finish(|numbers| {
            numbers.records = resident.index.records();
            numbers.known = resident.index.known();
        })?;
        transaction.commit()?;
        *numbers = outcome.numbers;
        snapshot::save(&self.folder.join(SNAPSHOT), &resident.index, numbers.mark, &self.keys.hash_key)?;
        drop(resident);
        // Somebody who reads may keep it from being folded in: that can wait, this run need not.
        db.busy_timeout(Duration::ZERO)?;
        let folded = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        db.busy_timeout(PATIENCE)?;
        Ok(folded?)
    }

    pub(super) fn drop_rejects(&self, epoch: u64, serial: u64) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        let Writer { db, numbers, .. } = &mut *writer;
        let transaction = fenced(db, epoch, numbers)?;
        rejects::drop_before(&transaction, serial)?;
        let count = rejects::count(&transaction)?;
        transaction.commit()?;
        self.noted().rejects = count;
        Ok(())
    }
}

/// Begins a transaction that the run of this epoch may make.
fn fenced<'a>(db: &'a mut Connection, epoch: u64, numbers: &Numbers) -> Result<Transaction<'a>, Failure> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored = Numbers::read(&transaction)?;
    if stored.epoch != epoch {
        return Err(Failure::Fenced);
    }
    if stored.mark != numbers.mark {
        return Err(Failure::Refused("an earlier commit was left half-way; begin a new run".to_owned()));
    }
    Ok(transaction)
}

fn random() -> u64 {
    let [a, b, c, d, e, f, ..] = *uuid::Uuid::new_v4().as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}
