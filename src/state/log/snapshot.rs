//! The index in a file of its own, so that opening a store need not read its log.
//!
//! It is a copy and never the truth: it counts only with the mark and the lineage that the log shows and with
//! a keyed checksum; in all other cases the index is built from the log.

use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;

use super::index::{Index, Shard, Slot};
use crate::data::{HashKey, KeyedHasher};
use crate::state::sqlite::create_private;

/// Begins the file; the last character is the version of its format.
const MAGIC: u64 = u64::from_le_bytes(*b"GRPSIDX1");
/// Slots written or read at a time.
const CHUNK: usize = 2_048;
const SLOT_BYTES: usize = 24;

/// The state of a log that a snapshot belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Drawn anew by each run, so that a copy of a store from a backup has no successor with the same marks.
    pub lineage: u64,
    /// Counts the transactions.
    pub transactions: u64,
}

/// Writes a snapshot and puts it in its place only when it is complete and on the disk.
pub(super) fn save(path: &Path, index: &Index, mark: Mark, key: &HashKey) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let written = write(&unfinished, index, mark, key).and_then(|()| std::fs::rename(&unfinished, path));
    if written.is_err() {
        // What remains would only take room; when it cannot be removed either, the next one overwrites it.
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}

fn write(path: &Path, index: &Index, mark: Mark, key: &HashKey) -> std::io::Result<()> {
    // Made anew, so that whatever stands there under this name is never written through.
    let _ = std::fs::remove_file(path);
    let mut out = Output { file: create_private(path)?, hasher: key.hasher(), buffer: Vec::new() };
    out.numbers(&[MAGIC, mark.lineage, mark.transactions, index.shards().len() as u64]);
    for shard in index.shards() {
        out.numbers(&[shard.used as u64]);
        for slot in shard.slots.iter().filter(|slot| **slot != Slot::default()) {
            out.numbers(&slot.words());
            if out.buffer.len() >= CHUNK * SLOT_BYTES {
                out.flush()?;
            }
        }
    }
    out.flush()?;
    out.file.write_all(&out.hasher.finish().to_le_bytes())?;
    out.file.sync_all()
}

struct Output {
    file: File,
    hasher: KeyedHasher,
    buffer: Vec<u8>,
}

impl Output {
    fn numbers(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|n| self.buffer.extend_from_slice(&n.to_le_bytes()));
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.hasher.bytes(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// The index of a snapshot. `None`: there is none that belongs to this mark, or it is damaged.
pub(super) fn load(path: &Path, mark: Mark, key: &HashKey) -> Option<Index> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut input = Input { file: BufReader::with_capacity(CHUNK * SLOT_BYTES, file), hasher: key.hasher() };
    let [magic, lineage, transactions, shards] = input.numbers()?;
    if magic != MAGIC || (Mark { lineage, transactions }) != mark || shards > bytes {
        return None;
    }
    let shards = (0..shards).map(|_| input.shard(bytes)).collect::<Option<Vec<Shard>>>()?;
    let checksum = input.hasher.finish();
    let [stored] = input.numbers()?;
    let ended = input.file.read(&mut [0]).ok()? == 0;
    if stored == checksum && ended { Index::of_shards(shards) } else { None }
}

struct Input {
    file: BufReader<File>,
    hasher: KeyedHasher,
}

impl Input {
    fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut bytes = [0; 64];
        self.file.read_exact(&mut bytes[..N * 8]).ok()?;
        self.hasher.bytes(&bytes[..N * 8]);
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        Some(std::array::from_fn(|_| numbers.next().unwrap_or_default()))
    }

    fn shard(&mut self, file_bytes: u64) -> Option<Shard> {
        let [used] = self.numbers()?;
        if used > file_bytes / SLOT_BYTES as u64 {
            return None;
        }
        let mut left = usize::try_from(used).ok()?;
        let mut shard = Shard::sized(left);
        let mut buffer = vec![0; left.min(CHUNK) * SLOT_BYTES];
        while left > 0 {
            let n = left.min(CHUNK);
            let bytes = &mut buffer[..n * SLOT_BYTES];
            self.file.read_exact(bytes).ok()?;
            self.hasher.bytes(bytes);
            for words in bytes.as_chunks::<8>().0.as_chunks::<3>().0 {
                let slot = Slot::from_words(words.map(u64::from_le_bytes));
                if slot == Slot::default() {
                    return None;
                }
                shard.insert(slot);
            }
            left -= n;
        }
        Some(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Location;
    use crate::state::log::index::Identity;

    fn sample() -> Index {
        let mut index = Index::sized(0);
        let key = HashKey::new([3; 16]);
        for n in 0_u64..5_000 {
            let id = Identity { hash: key.hash(&n.to_le_bytes()), check: n };
            index.insert(id, n + 1, Location(n + 256), n % 3 == 0);
        }
        index
    }

    #[test]
    fn a_snapshot_counts_only_whole_with_its_mark_and_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("index");
        let (key, index) = (HashKey::new([1; 16]), sample());
        let mark = Mark { lineage: 5, transactions: 9 };
        save(&path, &index, mark, &key).expect("saved");
        let loaded = load(&path, mark, &key).expect("loaded");
        assert_eq!((loaded.records(), loaded.known()), (5_000, 1_667));
        assert!(index.shards().iter().flat_map(|shard| &shard.slots).all(|slot| {
            *slot == Slot::default() || loaded.find_at(slot.words()[0], slot.location()).is_some()
        }));

        assert_eq!(load(&path, Mark { transactions: 10, ..mark }, &key), None);
        assert_eq!(load(&path, Mark { lineage: 6, ..mark }, &key), None);
        assert_eq!(load(&path, mark, &HashKey::new([2; 16])), None);
        let bytes = std::fs::read(&path).expect("bytes");
        for damaged in [bytes[..bytes.len() - 9].to_vec(), [&bytes[..], &[0]].concat(), {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }] {
            std::fs::write(&path, damaged).expect("written");
            assert_eq!(load(&path, mark, &key), None);
        }
    }
}
