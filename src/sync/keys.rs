//! Keys that a person names, and a list of keys in one buffer: removals may be as many as the records of a state.

use std::collections::{BTreeSet, HashSet};

use crate::data::{Cell, KeyKind, RowBatch, canonical_key};

/// Keys, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyList {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl KeyList {
    /// Adds a key.
    pub fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The keys in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.ends.iter().scan(0, |start, &end| {
            let key = &self.bytes[*start..end];
            *start = end;
            Some(key)
        })
    }

    /// The keys in pieces of at most `size`.
    pub fn chunks(&self, size: usize) -> impl Iterator<Item = Vec<Vec<u8>>> {
        let mut keys = self.iter();
        std::iter::from_fn(move || {
            let chunk: Vec<Vec<u8>> = keys.by_ref().take(size).map(<[u8]>::to_vec).collect();
            (!chunk.is_empty()).then_some(chunk)
        })
    }
}

/// Records that a run is asked for by their keys.
#[derive(Clone, Debug)]
pub struct Named {
    /// All spellings by which the source may know them.
    pub spellings: Vec<String>,
    /// How many records they name.
    pub records: u64,
    kind: KeyKind,
    /// The spellings, and how a UUID that a person wrote in capitals is read.
    wanted: HashSet<Vec<u8>>,
}

impl Named {
    /// The records with these keys, which a person may have written twice, or as `007` for the whole number 7.
    pub fn new(keys: &[String], kind: KeyKind) -> Self {
        let canonical: BTreeSet<String> = keys.iter().map(|key| canonical_text(key, kind)).collect();
        let records = canonical.len() as u64;
        let spellings = keys.iter().cloned().chain(canonical).collect::<BTreeSet<String>>();
        let wanted = spellings.iter().flat_map(|key| [key.clone(), key.to_ascii_lowercase()]);
        let wanted = wanted.map(String::into_bytes).collect();
        Self { spellings: spellings.into_iter().collect(), records, kind, wanted }
    }

    /// Leaves out the rows that a source returned beyond those asked for. The key is the first cell; one that is
    /// none is compared as it stands.
    pub fn keep_only_named(&self, batch: &mut RowBatch) {
        let mut key = Vec::new();
        batch.retain(|batch, cells| {
            key.clear();
            match canonical_key(cells[0], batch, self.kind, &mut key) {
                Ok(()) => self.wanted.contains(&key),
                Err(_) => match cells[0] {
                    Cell::Text(span) => self.wanted.contains(batch.text(span).as_bytes()),
                    _ => false,
                },
            }
        });
    }
}

/// The canonical text of a key; as it is when it is none of this kind.
fn canonical_text(key: &str, kind: KeyKind) -> String {
    let mut cell = RowBatch::new(1);
    cell.push_text(key);
    cell.end_row();
    let mut text = Vec::new();
    match canonical_key(cell.row(0)[0], &cell, kind, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_in_order_and_in_pieces() {
        let mut keys = KeyList::default();
        for key in ["a", "", "ccc"] {
            keys.push(key.as_bytes());
        }
        assert_eq!(keys.iter().collect::<Vec<_>>(), [b"a".as_slice(), b"", b"ccc"]);
        assert_eq!(keys.chunks(2).map(|chunk| chunk.len()).collect::<Vec<_>>(), [2, 1]);
    }
}
