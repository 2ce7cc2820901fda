//! Looking keys up: most are answered by the index alone, the others by one look at the log a batch.

use std::collections::HashMap;

use super::LogStore;
use super::index::Index;
use crate::state::sqlite::Failure;
use crate::state::{Found, Location, Probe, Record};

/// How often a batch looks again because records moved between the look at the index and that at the log.
const LOOKS: usize = 5;

/// A record that was read for a batch.
enum Looked {
    Record(Box<Record>),
    /// It was the answer to the probe of this number, and has its key.
    Given(usize),
}

impl LogStore {
    pub(super) fn look_up(&self, probes: &[Probe<'_>], out: &mut Vec<Found>) -> Result<(), Failure> {
        out.clear();
        out.reserve(probes.len());
        let mut waiting = Vec::new();
        {
            let mut resident = self.resident();
            std::hint::black_box(
                probes.iter().fold(0, |all, probe| all ^ resident.index.touch(probe.key_hash)),
            );
            for (number, probe) in probes.iter().enumerate() {
                let found = self.answer_at_once(&mut resident.index, probe);
                if found.is_none() {
                    waiting.push(number);
                }
                out.push(found.unwrap_or(Found::New));
            }
        }
        if waiting.is_empty() { Ok(()) } else { self.answer_later(probes, waiting, out) }
    }

    /// The answer, unless it needs the record. Then every record with this hash is marked as pending, so that
    /// the next probe with the hash waits too and answers keep the order of the probes.
    fn answer_at_once(&self, index: &mut Index, probe: &Probe<'_>) -> Option<Found> {
        let hash = probe.key_hash;
        let survey = index.survey(hash, probe.fingerprint);
        if let Some(place) = survey.same {
            let slot = index.slot_mut(place);
            if slot.is_pending() {
                return None;
            }
            let seen = slot.is_seen();
            slot.see();
            return Some(if seen { Found::Duplicate } else { Found::Unchanged });
        }
        let id = self.keys.identity_with(hash, probe.key);
        if survey.reserved > 0 && index.find(hash, |slot| slot.is_place_of(id)).is_some() {
            return Some(Found::Duplicate);
        }
        if survey.others == 0 {
            index.reserve(id);
            return Some(Found::New);
        }
        index.for_each(hash, |slot| slot.set_pending(true));
        None
    }

    fn answer_later(
        &self,
        probes: &[Probe<'_>],
        mut waiting: Vec<usize>,
        out: &mut [Found],
    ) -> Result<(), Failure> {
        let mut looked: HashMap<Location, Looked> = HashMap::with_capacity(waiting.len());
        for _ in 0..LOOKS {
            let mut places = Vec::with_capacity(waiting.len());
            {
                let mut resident = self.resident();
                let resident = &mut *resident;
                for &number in &waiting {
                    resident.index.for_each(probes[number].key_hash, |slot| {
                        let location = slot.location();
                        if !looked.contains_key(&location) {
                            places.push((location, resident.open.contains(&location.row())));
                        }
                    });
                }
            }
            places.sort_unstable();
            places.dedup();
            self.reader().at(&places, |location, body, open| {
                if let Some(record) = body.record(open)? {
                    looked.insert(location, Looked::Record(Box::new(record)));
                }
                Ok(())
            })?;
            let mut resident = self.resident();
            waiting.retain(|&number| match self.decide(&mut resident.index, probes, number, &mut looked) {
                Some(found) => {
                    out[number] = found;
                    false
                }
                None => true,
            });
            if waiting.is_empty() {
                return Ok(());
            }
        }
        Err(Failure::Damaged("a record is missing"))
    }

    /// `None`: a record moved meanwhile and has to be read again.
    fn decide(
        &self,
        index: &mut Index,
        probes: &[Probe<'_>],
        number: usize,
        looked: &mut HashMap<Location, Looked>,
    ) -> Option<Found> {
        let probe = &probes[number];
        let id = self.keys.identity_with(probe.key_hash, probe.key);
        if index.find(id.hash, |slot| slot.is_place_of(id)).is_some() {
            return Some(Found::Duplicate);
        }
        let mut complete = true;
        let place = index.find(id.hash, |slot| {
            let key = match looked.get(&slot.location()) {
                _ if slot.is_reserved() => return false,
                Some(Looked::Record(record)) => record.key.as_slice(),
                Some(Looked::Given(given)) => probes[*given].key,
                None => {
                    complete = false;
                    return false;
                }
            };
            key == probe.key
        });
        let Some(place) = place else {
            if !complete {
                return None;
            }
            index.for_each(id.hash, |slot| slot.set_pending(false));
            index.reserve(id);
            return Some(Found::New);
        };
        index.for_each(id.hash, |slot| slot.set_pending(false));
        let slot = index.slot_mut(place);
        if slot.is_seen() {
            return Some(Found::Duplicate);
        }
        slot.see();
        if slot.fingerprint == probe.fingerprint && probe.fingerprint != 0 {
            return Some(Found::Unchanged);
        }
        match looked.insert(slot.location(), Looked::Given(number)) {
            Some(Looked::Record(record)) => Some(Found::Known(record)),
            // Only the probe that marked the record as seen takes it.
            Some(Looked::Given(_)) | None => Some(Found::Duplicate),
        }
    }

    pub(super) fn record_of(&self, key: &[u8]) -> Result<Option<Record>, Failure> {
        let hash = self.keys.hash(key);
        for _ in 0..LOOKS {
            let mut places = Vec::new();
            {
                let mut resident = self.resident();
                let resident = &mut *resident;
                resident.index.for_each(hash, |slot| {
                    places.push((slot.location(), resident.open.contains(&slot.location().row())));
                });
            }
            places.sort_unstable();
            let mut found = None;
            let mut read = 0;
            self.reader().at(&places, |_, body, open| {
                read += 1;
                if let Some(record) = body.record(open)?.filter(|record| record.key == key) {
                    found = Some(record);
                }
                Ok(())
            })?;
            if found.is_some() || read == places.len() {
                return Ok(found);
            }
        }
        Err(Failure::Damaged("a record is missing"))
    }
}
