//! COPY … (FORMAT binary): a header, rows of length-prefixed fields, an end mark.
//!
//! PostgreSQL sends each row in a message of its own, with the header before the first; the protocol does not
//! promise it, so rows are found by their fields and may be cut anywhere.

use super::decode::{Malformed, decode};
use super::types::Decoder;
use crate::data::{Cell, RowBatch};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// What is known of the stream so far.
#[derive(Default)]
pub(super) struct CopyReader {
    header_seen: bool,
    end_seen: bool,
    /// The beginning of a row whose end has not come yet.
    pending: Vec<u8>,
}

/// What the front of the bytes at hand is.
enum Piece {
    /// More bytes are needed.
    Incomplete,
    /// A header of so many bytes.
    Header(usize),
    /// A row of so many bytes.
    Row(usize),
    End,
}

impl CopyReader {
    /// Whether the end mark came, and nothing is left over.
    pub(super) fn is_complete(&self) -> bool {
        self.end_seen && self.pending.is_empty()
    }

    /// Adds the rows that are complete with these bytes; on a failure tells the place of the column, if it was
    /// one.
    pub(super) fn take(
        &mut self,
        data: &[u8],
        decoders: &[Decoder],
        scratch: &mut String,
        batch: &mut RowBatch,
    ) -> Result<(), Option<usize>> {
        if self.pending.is_empty() {
            let used = self.take_rows(data, decoders, scratch, batch)?;
            self.pending.extend_from_slice(&data[used..]);
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.pending);
        joined.extend_from_slice(data);
        let used = self.take_rows(&joined, decoders, scratch, batch)?;
        joined.drain(..used);
        self.pending = joined;
        Ok(())
    }

    fn take_rows(
        &mut self,
        data: &[u8],
        decoders: &[Decoder],
        scratch: &mut String,
        batch: &mut RowBatch,
    ) -> Result<usize, Option<usize>> {
        let mut at = 0;
        while at < data.len() {
            match self.piece(&data[at..], decoders.len())? {
                Piece::Incomplete => break,
                Piece::Header(length) => {
                    self.header_seen = true;
                    at += length;
                }
                Piece::Row(length) => {
                    row(&data[at + 2..at + length], decoders, scratch, batch)?;
                    at += length;
                }
                Piece::End => {
                    self.end_seen = true;
                    at += 2;
                }
            }
        }
        Ok(at)
    }

    fn piece(&self, data: &[u8], width: usize) -> Result<Piece, Option<usize>> {
        if self.end_seen {
            return Err(None);
        }
        if !self.header_seen {
            let Some((head, _)) = data.split_first_chunk::<19>() else { return Ok(Piece::Incomplete) };
            if !head.starts_with(SIGNATURE) {
                return Err(None);
            }
            let extension = u32::from_be_bytes([head[15], head[16], head[17], head[18]]);
            let length = 19 + usize::try_from(extension).map_err(|_| None)?;
            return Ok(if data.len() < length { Piece::Incomplete } else { Piece::Header(length) });
        }
        let Some((count, mut rest)) = data.split_first_chunk::<2>() else { return Ok(Piece::Incomplete) };
        match i16::from_be_bytes(*count) {
            -1 => return Ok(Piece::End),
            count if usize::try_from(count) == Ok(width) => {}
            _ => return Err(None),
        }
        for _ in 0..width {
            let Some((length, tail)) = rest.split_first_chunk::<4>() else { return Ok(Piece::Incomplete) };
            // A negative length is NULL, which has no bytes.
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            let Some(tail) = tail.get(length..) else { return Ok(Piece::Incomplete) };
            rest = tail;
        }
        Ok(Piece::Row(data.len() - rest.len()))
    }
}

/// Decodes the fields of one complete row.
fn row(
    mut fields: &[u8],
    decoders: &[Decoder],
    scratch: &mut String,
    batch: &mut RowBatch,
) -> Result<(), Option<usize>> {
    for (at, decoder) in decoders.iter().enumerate() {
        let (length, rest) = fields.split_first_chunk::<4>().ok_or(None)?;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => {
                batch.push(Cell::Null);
                fields = rest;
            }
            Ok(length) => {
                let (value, rest) = rest.split_at_checked(length).ok_or(None)?;
                decode(decoder, value, scratch, batch).map_err(|Malformed| Some(at))?;
                fields = rest;
            }
        }
    }
    batch.end_row();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(rows: &[[Option<&str>; 2]]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for row in rows {
            bytes.extend(2_i16.to_be_bytes());
            for field in row {
                match field {
                    None => bytes.extend((-1_i32).to_be_bytes()),
                    Some(text) => {
                        bytes.extend(i32::try_from(text.len()).expect("short").to_be_bytes());
                        bytes.extend(text.as_bytes());
                    }
                }
            }
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    fn texts(batch: &RowBatch) -> Vec<Option<String>> {
        (0..batch.rows())
            .flat_map(|row| batch.row(row).to_vec())
            .map(|cell| match cell {
                Cell::Text(span) => Some(batch.text(span).to_owned()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn rows_may_be_cut_into_messages_anywhere() {
        let bytes = stream(&[[Some("Ana"), None], [Some(""), Some("a longer text")]]);
        let expected = [Some("Ana"), None, Some(""), Some("a longer text")].map(|t| t.map(str::to_owned));
        for size in 1..=bytes.len() {
            let mut reader = CopyReader::default();
            let mut batch = RowBatch::new(2);
            for message in bytes.chunks(size) {
                assert!(!reader.is_complete());
                let decoders = [Decoder::Text, Decoder::Text];
                reader.take(message, &decoders, &mut String::new(), &mut batch).expect("well-formed");
            }
            assert!(reader.is_complete(), "messages of {size}");
            assert_eq!(texts(&batch), expected);
        }
    }

    #[test]
    fn a_stream_without_its_end_mark_is_not_complete() {
        let bytes = stream(&[[Some("Ana"), None]]);
        let mut reader = CopyReader::default();
        let mut batch = RowBatch::new(2);
        let decoders = [Decoder::Text, Decoder::Text];
        reader
            .take(&bytes[..bytes.len() - 2], &decoders, &mut String::new(), &mut batch)
            .expect("well-formed");
        assert_eq!(batch.rows(), 1);
        assert!(!reader.is_complete());
    }

    #[test]
    fn rows_of_another_width_and_bytes_behind_the_end_are_refused() {
        let mut bytes = stream(&[[Some("Ana"), None]]);
        let mut batch = RowBatch::new(3);
        let three = [Decoder::Text, Decoder::Text, Decoder::Text];
        assert!(CopyReader::default().take(&bytes, &three, &mut String::new(), &mut batch).is_err());
        bytes.push(0);
        let mut batch = RowBatch::new(2);
        assert!(CopyReader::default().take(&bytes, &three[..2], &mut String::new(), &mut batch).is_err());
    }
}
