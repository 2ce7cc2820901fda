//! Random lives of a store beside the in-memory reference: after every step both say the same.

use super::*;

/// A repeatable row of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 += 1;
        HashKey::new([7; 16]).hash(&self.0.to_le_bytes()) % sides
    }
}

/// A request that is open in both stores, with what it carries.
struct Open {
    requests: [u64; 2],
    records: Vec<IntendedRecord>,
}

struct Life {
    dice: Dice,
    keys: Vec<String>,
    reference: MemoryStore,
    home: Embedded,
    epochs: [u64; 2],
    open: Vec<Open>,
    /// Looked up in this run: only such keys, and those that have a record, are written.
    seen: Vec<String>,
    serial: u64,
}

const KEYS: usize = 150;

/// Keys of which no two share a tag: where all hashes collide, that is what the index tells a key by that is
/// written without having been looked up.
fn keys() -> Vec<String> {
    let mut tags = std::collections::HashSet::new();
    let named = (0..).map(|n| format!("key-{n}"));
    named.filter(|key| tags.insert(LogStore::tag_of(hash_key(), key.as_bytes()))).take(KEYS).collect()
}

impl Life {
    fn new(seed: u64, spread: u64) -> Self {
        let mut life = Self {
            dice: Dice(seed << 32),
            keys: keys(),
            reference: MemoryStore::new("shop/crm", hash_key()),
            home: Embedded::new(spread),
            epochs: [0, 0],
            open: Vec::new(),
            seen: Vec::new(),
            serial: 0,
        };
        life.begin();
        life
    }

    fn begin(&mut self) {
        let headers = self.stores().map(|store| store.begin().expect("taken"));
        assert_eq!(headers[0], headers[1]);
        self.epochs = [headers[0].epoch, headers[1].epoch];
        self.serial = headers[0].serial;
        self.open.clear();
        self.seen.clear();
    }

    fn stores(&self) -> [&dyn Store; 2] {
        [&self.reference, self.home.log()]
    }

    fn key(&mut self) -> String {
        self.keys[self.dice.roll(KEYS as u64) as usize].clone()
    }

    fn record(&mut self, key: &str) -> Record {
        let mut record = live(key, &[]);
        record.status = match self.dice.roll(12) {
            0 => Status::Released,
            1 => Status::Refused,
            2 => Status::Absent,
            _ => Status::Live,
        };
        for column in 0..self.dice.roll(14) as usize {
            let hash = self.dice.roll(u64::MAX);
            let entry = match self.dice.roll(10) {
                0 => AttributeEntry::Never,
                1 => AttributeEntry::Null,
                2 => AttributeEntry::Held(hash),
                3 => AttributeEntry::Unknown,
                _ => AttributeEntry::Hash(hash),
            };
            record.set_attribute(column, entry);
        }
        for column in 0..self.dice.roll(4) as usize {
            let state = match self.dice.roll(6) {
                0 => GroupState::None,
                1 => GroupState::Out,
                2 => GroupState::OptedOut,
                3 => GroupState::UnknownJoin(time(self.dice.roll(1_000) as i64)),
                4 => GroupState::UnknownLeave(time(-(self.dice.roll(1_000) as i64))),
                _ => GroupState::In,
            };
            let address = (self.dice.roll(2) == 0).then(|| self.dice.roll(u64::MAX));
            record.set_group(column, GroupEntry { state, address });
        }
        let fields = self.dice.roll(1 << 12);
        let mut extra = |bit: u64| (fields & (1 << bit) != 0).then(|| self.dice.roll(1 << 40));
        if fields & 0xe00 == 0 {
            record.email = extra(0);
            record.phone = extra(1);
            record.absences = extra(2).unwrap_or(0) as u8;
            record.held_since = extra(3);
            record.refused = extra(4);
            record.existence_minute = extra(5).map(|day| day as u32);
            record.braze_id = extra(6);
            record.delete_sent = extra(7).map(|_| time(3));
            record.released = extra(8).map(|_| time(4));
        }
        record
    }

    fn mark(&mut self, key: &str) -> u64 {
        mark(key.as_bytes(), self.dice.roll(4))
    }

    /// Keys that may be written now.
    fn writable(&mut self, most: u64) -> Vec<String> {
        let mut keys = Vec::new();
        for _ in 0..=self.dice.roll(most) {
            let key = self.key();
            let known = self.seen.contains(&key) || get_from(&self.reference, &key).is_some();
            if known && !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    fn probe(&mut self) {
        let wanted: Vec<(String, u64)> =
            (0..=self.dice.roll(30)).map(|_| (self.key(), 1 + self.dice.roll(3))).collect();
        self.seen.extend(wanted.iter().map(|(key, _)| key.clone()));
        let answers = self.stores().map(|store| {
            let hash = |key: &str| store.hash_key().hash(key.as_bytes()) & self.home.spread;
            let probes: Vec<Probe<'_>> = wanted
                .iter()
                .map(|(key, fingerprint)| Probe {
                    key: key.as_bytes(),
                    key_hash: hash(key),
                    fingerprint: mark(key.as_bytes(), *fingerprint),
                })
                .collect();
            let mut out = Vec::new();
            store.probe(&probes, &mut out).expect("answers");
            out
        });
        assert_eq!(answers[0], answers[1]);
    }

    /// One commit of all kinds of things.
    fn commit(&mut self) {
        let mut commits = [Commit::default(), Commit::default()];
        while !self.open.is_empty() && self.dice.roll(3) > 0 {
            let which = self.dice.roll(self.open.len() as u64) as usize;
            let open = self.open.swap_remove(which);
            let mut exceptions = Vec::new();
            for (position, record) in open.records.iter().enumerate() {
                let key = String::from_utf8(record.after.key.clone()).expect("text");
                exceptions.extend(match self.dice.roll(8) {
                    0 => Some((position, Settled::Unknown)),
                    1 => Some((position, Settled::Before)),
                    2 => Some((position, Settled::Instead(self.record(&key), self.mark(&key)))),
                    _ => None,
                });
            }
            for (commit, request) in commits.iter_mut().zip(open.requests) {
                commit.settlements.push(Settlement { request, exceptions: exceptions.clone() });
            }
        }
        // A user has at most one request in flight.
        let busy: Vec<Vec<u8>> =
            self.open.iter().flat_map(|open| &open.records).map(|record| record.after.key.clone()).collect();
        let settled: usize = commits[0].settlements.len();
        for key in self.writable(12) {
            let change = match self.dice.roll(4) {
                0 => Change::Erase(key.into()),
                _ => Change::Put(self.record(&key), self.mark(&key)),
            };
            commits.iter_mut().for_each(|commit| commit.changes.push(change.clone()));
        }
        if settled == 0 && self.dice.roll(2) == 0 {
            let delete = self.dice.roll(4) == 0;
            let keys = self.writable(40);
            let free = keys.into_iter().filter(|key| !busy.contains(&key.as_bytes().to_vec()));
            let changed: Vec<Vec<u8>> = commits[0].changes.iter().map(key_of).collect();
            let free: Vec<String> = free.filter(|key| !changed.contains(&key.as_bytes().to_vec())).collect();
            let mut records = Vec::new();
            for key in free {
                let before = get_from(&self.reference, &key);
                let mut record = intended(self.record(&key), before, self.dice.roll(4));
                record.touched.attributes.retain(|column| (key.len() + usize::from(*column)) % 3 > 0);
                record.touched.groups = vec![(self.dice.roll(3) as u16, GroupState::UnknownJoin(time(5)))];
                if delete {
                    record.touched = Touched { deletes: Some(time(6)), ..Touched::default() };
                }
                records.push(record);
            }
            let requests = self.stores().map(|store| store.next_request());
            let kind = if delete { IntentKind::Delete } else { IntentKind::Track };
            for (commit, request) in commits.iter_mut().zip(requests) {
                commit.intents.push(Intent {
                    request,
                    kind,
                    time: time(0),
                    records: records.iter().cloned().map(std::sync::Arc::new).collect(),
                });
            }
            self.open.push(Open { requests, records });
        }
        for _ in 0..self.dice.roll(3) {
            let (key, code, run) = (self.key(), format!("C{}", self.dice.roll(2)), self.serial);
            let first_seen = time(run as i64);
            let reject = Reject { key, field: String::new(), code, run, first_seen };
            let cleared = self.key();
            for commit in &mut commits {
                commit.rejects.push(reject.clone());
                commit.cleared_rejects.push(cleared.clone());
            }
        }
        let stores = self.stores();
        for ((store, commit), epoch) in stores.iter().zip(commits).zip(self.epochs) {
            store.commit(epoch, commit).expect("written");
        }
    }

    fn step(&mut self) {
        match self.dice.roll(40) {
            0 => {
                self.home.restart();
                self.begin();
            }
            1 => {
                let [epoch, ours] = self.epochs;
                self.reference.end(epoch).expect("ended");
                self.home.log().stop_compaction_after(self.dice.roll(5) as usize);
                self.home.log().end(ours).expect("ended");
                if self.dice.roll(2) == 0 {
                    self.home.restart();
                }
                self.begin();
            }
            2 => {
                let copy = self.home.copy();
                assert_same(&self.reference, copy.log());
                assert!(copy.log().index_fits_the_log());
            }
            3 => {
                for (store, epoch) in self.stores().iter().zip(self.epochs) {
                    store.drop_rejects_before(epoch, self.serial).expect("dropped");
                }
            }
            4..14 => self.probe(),
            _ => self.commit(),
        }
    }
}

fn key_of(change: &Change) -> Vec<u8> {
    match change {
        Change::Put(record, _) => record.key.clone(),
        Change::Erase(key) => key.clone(),
    }
}

fn get_from(store: &dyn Store, key: &str) -> Option<Record> {
    store.get(key.as_bytes()).expect("an answer")
}

fn assert_same(reference: &dyn Store, other: &dyn Store) {
    let (wanted, found) = (all(reference), all(other));
    if wanted != found {
        let here = wanted.iter().filter(|record| !found.contains(record));
        let there = found.iter().filter(|record| !wanted.contains(record));
        panic!("missing {:#?}, found {:#?}", here.collect::<Vec<_>>(), there.collect::<Vec<_>>());
    }
    assert_eq!(rejects(reference), rejects(other));
    let size = |store: &dyn Store| Size { bytes: 0, ..store.size() };
    assert_eq!(size(reference), size(other));
    for record in wanted.iter().step_by(7) {
        assert_eq!(other.get(&record.key).expect("an answer").as_ref(), Some(record));
    }
    assert_eq!(other.get(b"never seen").expect("an answer"), None);
}

fn live_through(seed: u64, spread: u64, steps: usize) -> Life {
    let mut life = Life::new(seed, spread);
    for step in 0..steps {
        life.step();
        if step % 8 == 0 {
            assert_same(&life.reference, life.home.log());
            assert_eq!(unseen(&life.reference), unseen(life.home.log()));
        }
    }
    life
}

#[test]
fn a_random_life_leaves_what_the_reference_holds() {
    for seed in 1..=4 {
        let life = live_through(seed, u64::MAX, 300);
        assert!(!all(&life.reference).is_empty());
    }
}

#[test]
fn a_random_life_with_hashes_that_collide_leaves_what_the_reference_holds() {
    for (seed, spread) in [(11, 0), (12, 3), (13, 0xff00_0000_0000_0000)] {
        live_through(seed, spread, 300);
    }
}
