//! The resident index: where the newest record of each key lies, its fingerprint, and whether the key was seen.
//!
//! Open addressing with linear probing over slots of 24 bytes, in shards that grow one by one, so that growth
//! never needs the whole table twice. It holds no keys: two keys with one hash have two slots, told apart by
//! the second hash's tag, by the fingerprint, or by the key itself once the record was read.

use crate::state::Location;

const SHARDS: usize = 256;
/// Slots in use per 100 slots, at most.
const LOAD: usize = 85;

/// The two hashes that stand for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// The hash that places the key.
    pub hash: u64,
    /// An independent second one, of which a slot keeps twelve bits.
    pub check: u64,
}

/// One slot. The word: row of the log 40 bits, position in it 8, tag 12, flags 4; 0 is an empty slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    hash: u64,
    /// Fingerprint of the record; of a reserved place the second hash of its key.
    pub fingerprint: u64,
    word: u64,
}

const KNOWN: u64 = 1;
const SEEN: u64 = 2;
const PENDING: u64 = 4;
const RESERVED: u64 = 8;
const FLAGS: u64 = 0xf;
/// Bits of the second hash in a slot.
pub(super) const TAG: u64 = 0xfff;

impl Slot {
    const EMPTY: Self = Self { hash: 0, fingerprint: 0, word: 0 };

    fn record(id: Identity, fingerprint: u64, location: Location, known: bool) -> Self {
        let word = (location.0 << 16) | ((id.check & TAG) << 4) | if known { KNOWN } else { 0 };
        Self { hash: id.hash, fingerprint, word }
    }

    fn place(id: Identity) -> Self {
        Self { hash: id.hash, fingerprint: id.check, word: ((id.check & TAG) << 4) | RESERVED | SEEN }
    }

    pub fn location(&self) -> Location {
        Location(self.word >> 16)
    }

    pub fn is_reserved(&self) -> bool {
        self.word & RESERVED != 0
    }

    pub fn is_seen(&self) -> bool {
        self.word & SEEN != 0
    }

    /// An answer for the key waits for a look at the disk.
    pub fn is_pending(&self) -> bool {
        self.word & PENDING != 0
    }

    pub fn see(&mut self) {
        self.word = (self.word | SEEN) & !PENDING;
    }

    pub fn set_pending(&mut self, pending: bool) {
        self.word = (self.word & !PENDING) | if pending { PENDING } else { 0 };
    }

    fn is_empty(&self) -> bool {
        self.word == 0
    }

    fn is_known(&self) -> bool {
        self.word & KNOWN != 0
    }

    fn tag(&self) -> u64 {
        (self.word >> 4) & TAG
    }

    /// Whether this is the reserved place of a key, by 128 bits of hash.
    pub fn is_place_of(&self, id: Identity) -> bool {
        self.is_reserved() && self.fingerprint == id.check
    }

    /// Whether this can be the record of a key, by 76 bits of hash.
    pub fn may_be(&self, id: Identity) -> bool {
        !self.is_reserved() && self.tag() == id.check & TAG
    }

    pub fn words(&self) -> [u64; 3] {
        [self.hash, self.fingerprint, self.word]
    }

    /// A slot of a snapshot, without the marks of the run that wrote it.
    pub fn from_words([hash, fingerprint, word]: [u64; 3]) -> Self {
        Self { hash, fingerprint, word: word & !(SEEN | PENDING) }
    }
}

/// Position of a slot. Valid until the next insertion or removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    shard: usize,
    slot: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shard {
    pub slots: Vec<Slot>,
    pub used: usize,
}

/// What one walk over the slots of a hash finds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    /// The record with the fingerprint; nothing more was looked for.
    pub same: Option<Place>,
    /// Records with another fingerprint.
    pub others: usize,
    /// Reserved places.
    pub reserved: usize,
}

/// The index of one store.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Index {
    shards: Vec<Shard>,
    records: u64,
    known: u64,
}

impl Index {
    /// An empty index with room for so many records.
    pub fn sized(records: u64) -> Self {
        let mut index = Self { shards: vec![Shard::default(); SHARDS], records: 0, known: 0 };
        index.expect(records);
        index
    }

    /// Makes room for so many records.
    pub fn expect(&mut self, records: u64) {
        let records = usize::try_from(records).unwrap_or(0);
        let share = records.div_ceil(SHARDS);
        // Hashes do not fall evenly on the shards: three standard deviations more.
        let slots = (share + 3 * share.isqrt()) * 100 / LOAD + 1;
        for shard in &mut self.shards {
            if records > 0 && slots > shard.slots.len() {
                shard.resize(slots);
            }
        }
    }

    /// Records, without reserved places.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records that count as known.
    pub fn known(&self) -> u64 {
        self.known
    }

    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// An index of these shards, counted anew. `None`: there are too few or too many.
    pub fn of_shards(shards: Vec<Shard>) -> Option<Self> {
        let (mut records, mut known) = (0, 0);
        for slot in shards.iter().flat_map(|shard| &shard.slots).filter(|slot| !slot.is_empty()) {
            records += u64::from(!slot.is_reserved());
            known += u64::from(slot.is_known());
        }
        (shards.len() == SHARDS).then_some(Self { shards, records, known })
    }

    /// The first slot of a hash for which `wanted` holds.
    pub fn find(&self, hash: u64, mut wanted: impl FnMut(&Slot) -> bool) -> Option<Place> {
        let number = shard_of(hash);
        let shard = &self.shards[number];
        if shard.slots.is_empty() {
            return None;
        }
        let mut at = shard.home(hash);
        loop {
            let slot = &shard.slots[at];
            if slot.is_empty() {
                return None;
            }
            if slot.hash == hash && wanted(slot) {
                return Some(Place { shard: number, slot: at });
            }
            at = shard.after(at);
        }
    }

    /// Looks for a record with this hash and fingerprint.
    pub fn survey(&self, hash: u64, fingerprint: u64) -> Survey {
        let mut survey = Survey::default();
        let number = shard_of(hash);
        let shard = &self.shards[number];
        if shard.slots.is_empty() {
            return survey;
        }
        let mut at = shard.home(hash);
        loop {
            let slot = &shard.slots[at];
            if slot.is_empty() {
                return survey;
            }
            if slot.hash == hash {
                if slot.is_reserved() {
                    survey.reserved += 1;
                } else if slot.fingerprint == fingerprint && fingerprint != 0 {
                    survey.same = Some(Place { shard: number, slot: at });
                    return survey;
                } else {
                    survey.others += 1;
                }
            }
            at = shard.after(at);
        }
    }

    /// Reads where a hash belongs. Done for a whole batch before its look-ups, the waits for memory overlap.
    pub fn touch(&self, hash: u64) -> u64 {
        let shard = &self.shards[shard_of(hash)];
        if shard.slots.is_empty() { 0 } else { shard.slots[shard.home(hash)].word }
    }

    /// Calls `each` with the place of every slot of a hash.
    pub fn each_place(&self, hash: u64, mut each: impl FnMut(Place)) {
        let number = shard_of(hash);
        let shard = &self.shards[number];
        if shard.slots.is_empty() {
            return;
        }
        let mut at = shard.home(hash);
        while !shard.slots[at].is_empty() {
            if shard.slots[at].hash == hash {
                each(Place { shard: number, slot: at });
            }
            at = shard.after(at);
        }
    }

    /// The slot that points at a record of the log.
    pub fn find_at(&self, hash: u64, location: Location) -> Option<Place> {
        self.find(hash, |slot| slot.location() == location && !slot.is_reserved())
    }

    /// Calls `each` with every record's slot of a hash.
    pub fn for_each(&mut self, hash: u64, mut each: impl FnMut(&mut Slot)) {
        let shard = &mut self.shards[shard_of(hash)];
        if shard.slots.is_empty() {
            return;
        }
        let mut at = shard.home(hash);
        while !shard.slots[at].is_empty() {
            if shard.slots[at].hash == hash && !shard.slots[at].is_reserved() {
                each(&mut shard.slots[at]);
            }
            at = shard.after(at);
        }
    }

    pub fn slot(&self, place: Place) -> &Slot {
        &self.shards[place.shard].slots[place.slot]
    }

    pub fn slot_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.shards[place.shard].slots[place.slot]
    }

    /// Reserves a place for a key that has no record, seen.
    pub fn reserve(&mut self, id: Identity) {
        self.shards[shard_of(id.hash)].insert(Slot::place(id));
    }

    /// Adds a record of a key that has no slot.
    pub fn insert(&mut self, id: Identity, fingerprint: u64, location: Location, known: bool) {
        self.shards[shard_of(id.hash)].insert(Slot::record(id, fingerprint, location, known));
        self.records += 1;
        self.known += u64::from(known);
    }

    /// Lets a slot point at another record of its key; its marks stay.
    pub fn replace(&mut self, place: Place, id: Identity, fingerprint: u64, location: Location, known: bool) {
        let slot = &mut self.shards[place.shard].slots[place.slot];
        self.records += u64::from(slot.is_reserved());
        self.known -= u64::from(slot.is_known());
        self.known += u64::from(known);
        let marks = slot.word & (SEEN | PENDING);
        *slot = Slot::record(id, fingerprint, location, known);
        slot.word |= marks;
    }

    /// The record at a place did not move, but counts otherwise now.
    pub fn settle(&mut self, place: Place, fingerprint: u64, known: bool) {
        let slot = &mut self.shards[place.shard].slots[place.slot];
        self.known -= u64::from(slot.is_known());
        self.known += u64::from(known);
        slot.fingerprint = fingerprint;
        slot.word = (slot.word & !KNOWN) | if known { KNOWN } else { 0 };
    }

    /// The record at a place lies elsewhere now.
    pub fn relocate(&mut self, place: Place, location: Location) {
        let slot = self.slot_mut(place);
        slot.word = (slot.word & 0xffff) | (location.0 << 16);
    }

    /// Forgets the record at a place. Of a key that was seen a reserved place stays, so that a second row of it
    /// in this run is told from a new key.
    pub fn erase(&mut self, place: Place, id: Identity) {
        let slot = *self.slot(place);
        if slot.is_reserved() {
            return;
        }
        self.records -= 1;
        self.known -= u64::from(slot.is_known());
        if slot.is_seen() {
            *self.slot_mut(place) = Slot::place(id);
        } else {
            self.shards[place.shard].remove(place.slot);
        }
    }

    /// Forgets all reserved places, and all marks if `marks`.
    pub fn clean(&mut self, marks: bool) {
        for shard in &mut self.shards {
            if shard.slots.iter().any(Slot::is_reserved) {
                let kept: Vec<Slot> = shard
                    .slots
                    .iter()
                    .filter(|slot| !slot.is_empty() && !slot.is_reserved())
                    .copied()
                    .collect();
                shard.slots.fill(Slot::EMPTY);
                shard.used = 0;
                for slot in kept {
                    shard.insert(slot);
                }
            }
            if marks {
                for slot in &mut shard.slots {
                    slot.word &= !(SEEN | PENDING);
                }
            }
        }
    }

    /// Locations of all records not seen, in no order.
    pub fn unseen(&self) -> impl Iterator<Item = Location> + '_ {
        self.slots().filter(|slot| !slot.is_seen()).map(Slot::location)
    }

    /// Locations of all records, in no order.
    pub fn all(&self) -> impl Iterator<Item = Location> + '_ {
        self.slots().map(Slot::location)
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        let slots = self.shards.iter().flat_map(|shard| &shard.slots);
        slots.filter(|slot| slot.word & !FLAGS != 0 && !slot.is_reserved())
    }
}

fn shard_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

impl Shard {
    /// An empty shard with room for so many slots in use, and some more.
    pub fn sized(used: usize) -> Self {
        let slots = if used == 0 { 0 } else { used * 104 / LOAD + 1 };
        Self { slots: vec![Slot::EMPTY; slots], used: 0 }
    }

    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash << 8) * self.slots.len() as u128) >> 64) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    pub fn insert(&mut self, slot: Slot) {
        if (self.used + 1) * 100 > self.slots.len() * LOAD {
            // A quarter more at a time: with many shards the copies are small, and little room stays unused.
            self.resize((self.slots.len() + self.slots.len() / 4).max(8));
        }
        let mut at = self.home(slot.hash);
        while !self.slots[at].is_empty() {
            at = self.after(at);
        }
        self.slots[at] = slot;
        self.used += 1;
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::EMPTY; slots]);
        self.used = 0;
        for slot in old.into_iter().filter(|slot| !slot.is_empty()) {
            self.insert(slot);
        }
    }

    /// Empties a slot and moves up what had to pass it.
    fn remove(&mut self, mut hole: usize) {
        let len = self.slots.len();
        let mut at = hole;
        loop {
            at = self.after(at);
            let slot = self.slots[at];
            if slot.is_empty() {
                break;
            }
            let way = |from: usize| (at + len - from) % len;
            if way(self.home(slot.hash)) >= way(hole) {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = Slot::EMPTY;
        self.used -= 1;
    }
}

#[cfg(test)]
impl Index {
    /// All slots in an order that does not depend on how they came.
    pub fn sorted(&self) -> Vec<[u64; 3]> {
        let mut slots: Vec<_> = self.slots().map(Slot::words).collect();
        slots.sort_unstable();
        slots
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::data::HashKey;

    fn id(n: u64, spread: u64) -> Identity {
        let key = HashKey::new([5; 16]);
        Identity { hash: key.hash(&n.to_le_bytes()) & spread, check: n }
    }

    fn at(index: &Index, id: Identity) -> Option<Place> {
        index.find(id.hash, |slot| slot.may_be(id))
    }

    /// Insertions and removals in a random order leave what a map would hold, also when all hashes collide.
    #[test]
    fn the_index_holds_what_a_map_holds() {
        for spread in [u64::MAX, 0xff00_0000_0000_0003, 3] {
            let mut index = Index::sized(0);
            let mut map = HashMap::new();
            let key = HashKey::new([9; 16]);
            for step in 0_u64..6_000 {
                let dice = key.hash(&step.to_le_bytes());
                let n = dice % 500;
                let id = id(n, spread);
                match at(&index, id) {
                    Some(place) if dice & 0x1000 == 0 => {
                        index.erase(place, id);
                        map.remove(&n);
                    }
                    Some(place) => {
                        index.replace(place, id, step, Location(step + 256), false);
                        map.insert(n, step);
                    }
                    None => {
                        index.insert(id, step, Location(step + 256), true);
                        map.insert(n, step);
                    }
                }
            }
            assert_eq!(index.records(), map.len() as u64);
            for n in 0..500 {
                let id = id(n, spread);
                assert_eq!(at(&index, id).map(|place| index.slot(place).fingerprint), map.get(&n).copied());
            }
        }
    }

    #[test]
    fn an_index_of_the_expected_size_hardly_grows_and_needs_30_bytes_a_record() {
        let mut index = Index::sized(1_000_000);
        let slots = |index: &Index| index.shards.iter().map(|shard| shard.slots.len()).sum::<usize>();
        let before = slots(&index);
        for n in 0..1_000_000 {
            index.insert(id(n, u64::MAX), n, Location(n + 256), true);
        }
        assert!(slots(&index) <= before + before / 100, "{} {before}", slots(&index));
        assert!(slots(&index) * size_of::<Slot>() <= 30_000_000, "{}", slots(&index));
    }

    #[test]
    fn marks_and_reserved_places_vanish_when_cleaned() {
        let mut index = Index::sized(0);
        index.reserve(id(1, u64::MAX));
        index.insert(id(2, u64::MAX), 7, Location(300), true);
        let place = at(&index, id(2, u64::MAX)).expect("a slot");
        index.slot_mut(place).see();
        assert_eq!(index.unseen().count(), 0);
        index.clean(true);
        assert_eq!(index.unseen().collect::<Vec<_>>(), [Location(300)]);
        assert_eq!(index.find(id(1, u64::MAX).hash, |_| true), None);
        assert_eq!((index.records(), index.known()), (1, 1));
    }
}
