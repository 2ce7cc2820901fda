//! A file as records of equal width with named columns.

use std::collections::HashSet;

use super::config::{CsvConfig, CsvFiles, CsvHeader};
use super::file::Input;
use super::parser::{Malformed, Parser, Step};
use super::text::Utf8Reader;
use crate::source::SourceError;

/// Longest record that is taken: beyond it stands a quote that is never closed.
const MAX_RECORD: usize = 16 << 20;

/// The records of one file, one at a time.
pub(super) struct Records {
    reader: Utf8Reader<Input>,
    parser: Parser,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    begin: usize,
    /// Bytes of UTF-8 that were parsed.
    parsed: u64,
    /// Line on which the record found last begins, and the one on which the next does.
    line: u64,
    next_line: u64,
    columns: Vec<String>,
    table: String,
    location: String,
    /// The first record is a row, and was read to count the columns.
    first_is_waiting: bool,
}

impl Records {
    /// Opens a file and reads its header.
    pub(super) fn open(config: &CsvConfig, table: &str) -> Result<Self, SourceError> {
        let input = Input::open(&config.files, table)?;
        let location = match &config.files {
            CsvFiles::Directory { shown, .. } => shown.clone(),
            CsvFiles::ConfigMap { name, .. } => format!("ConfigMap {name}"),
        };
        let ascii = |c: char| u8::try_from(c).unwrap_or_default();
        let mut records = Self {
            reader: Utf8Reader::new(input, config.encoding),
            parser: Parser::new(ascii(config.delimiter), ascii(config.quote)),
            buffer: Vec::new(),
            begin: 0,
            parsed: 0,
            line: 0,
            next_line: 1,
            columns: Vec::new(),
            table: table.to_owned(),
            location,
            first_is_waiting: false,
        };
        let found = records.advance()?;
        match config.header {
            CsvHeader::Present if !found => {
                return Err(SourceError::Invalid(format!("{table} is empty: it has no header line")));
            }
            CsvHeader::Present => records.columns = records.header()?,
            CsvHeader::Absent => {
                records.first_is_waiting = found;
                let width = if found { records.parser.width() } else { 0 };
                records.columns = (1..=width).map(|n| n.to_string()).collect();
            }
        }
        Ok(records)
    }

    fn header(&self) -> Result<Vec<String>, SourceError> {
        let invalid = |what: String| SourceError::Invalid(format!("the header of {} {what}", self.table));
        let mut names = Vec::new();
        let mut seen = HashSet::new();
        for place in 0..self.parser.width() {
            let (name, _) = self.parser.field(place);
            let name = match std::str::from_utf8(name) {
                Ok(name) if !name.contains('\0') => name,
                _ => return Err(invalid(format!("has a name in column {} that is no text", place + 1))),
            };
            if name.is_empty() {
                return Err(invalid(format!("has no name for column {}", place + 1)));
            }
            if !seen.insert(name) {
                return Err(invalid(format!("names the column {name:?} twice")));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    /// Names of the columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Finds a column by its name.
    pub(super) fn place(&self, name: &str) -> Result<usize, SourceError> {
        self.columns.iter().position(|c| c == name).ok_or_else(|| SourceError::ColumnMissing {
            column: name.to_owned(),
            relation: self.table.clone(),
        })
    }

    /// Bytes taken from the file.
    pub(super) fn bytes_read(&self) -> u64 {
        self.reader.bytes_read()
    }

    /// Bytes of UTF-8 that were parsed.
    pub(super) fn bytes_parsed(&self) -> u64 {
        self.parsed
    }

    /// How many times as long as the parsed part the whole file is.
    #[expect(clippy::cast_precision_loss, reason = "a share of files far below 2^52 bytes")]
    pub(super) fn times_parsed(&self) -> f64 {
        // What was taken and not parsed yet is known in UTF-8 only; the encodings differ by a constant.
        let taken = self.parsed + (self.buffer.len() - self.begin) as u64;
        let expansion = taken as f64 / self.reader.bytes_read().max(1) as f64;
        self.reader.inner.size() as f64 * expansion / self.parsed.max(1) as f64
    }

    /// Text of a field of the current row, and whether it stood in quotes.
    pub(super) fn field(&self, place: usize) -> (&[u8], bool) {
        self.parser.field(place)
    }

    /// Goes to the next row; `false` at the end of a file that did not change.
    pub(super) fn next(&mut self) -> Result<bool, SourceError> {
        if std::mem::take(&mut self.first_is_waiting) {
            return Ok(true);
        }
        if !self.advance()? {
            return match self.reader.inner.is_unchanged(self.reader.bytes_read()) {
                true => Ok(false),
                false => Err(SourceError::Cut(format!("{} changed while it was read", self.table))),
            };
        }
        if self.parser.width() != self.columns.len() {
            return Err(self.malformed(&format!(
                "has {} fields where the first line has {}",
                self.parser.width(),
                self.columns.len()
            )));
        }
        Ok(true)
    }

    /// Goes to the next record that is not blank.
    fn advance(&mut self) -> Result<bool, SourceError> {
        loop {
            self.line = self.next_line;
            match self.parser.parse(&self.buffer[self.begin..], self.reader.ended()) {
                Ok(Step::End) => return Ok(false),
                Ok(Step::Incomplete) => self.fill()?,
                Ok(Step::Record { bytes, lines }) => {
                    self.begin += bytes;
                    self.parsed += bytes as u64;
                    self.next_line += lines;
                    if !self.parser.is_blank() {
                        return Ok(true);
                    }
                }
                Err(Malformed::QuoteNotClosed) => {
                    return Err(self.malformed("opens a quote that is never closed"));
                }
                Err(Malformed::TextBehindQuote) => {
                    return Err(self.malformed("has text behind a closing quote"));
                }
            }
        }
    }

    /// Reads on until there is twice as much of the record at hand, so that long records are not parsed too
    /// often.
    fn fill(&mut self) -> Result<(), SourceError> {
        self.buffer.drain(..self.begin);
        self.begin = 0;
        if self.buffer.len() > MAX_RECORD {
            return Err(self.malformed("is longer than 16 MiB; a quote may not be closed"));
        }
        let wanted = self.buffer.len() * 2;
        loop {
            let filled = self.reader.fill(&mut self.buffer);
            filled.map_err(|e| SourceError::Cut(format!("{} cannot be read: {}", self.table, e.kind())))?;
            if self.reader.ended() || self.buffer.len() > wanted {
                return Ok(());
            }
        }
    }

    fn malformed(&self, what: &str) -> SourceError {
        let message = format!("line {} of {} in {} {what}", self.line, self.table, self.location);
        SourceError::QueryFailed { sqlstate: None, message }
    }
}
