//! CSV files: a folder or a ConfigMap, whose entries are the tables.
//!
//! All columns are text. A read is complete when the file ended where it ended at the beginning: the same size,
//! time of change and inode.

mod config;
mod file;
mod parser;
mod records;
mod text;

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use grouparoo_clock::Clock;

pub use config::{CsvConfig, CsvEncoding, CsvFiles, CsvHeader};

use self::records::Records;
use super::pump::{self, Sink, Stopper};
use super::{Description, Relation, RowStream, Selection, ServerInfo, Source, SourceError};
use crate::data::{Cell, Column, ColumnKind, KeyKind, RowBatch, canonical_key};

/// Rows that are skipped between two looks at the clock.
const SKIPPED_ROWS: usize = 4096;
/// Bytes that an estimate of the number of rows looks at.
const ESTIMATE_BYTES: u64 = 64 << 10;

/// CSV files as a source.
pub(super) struct Csv {
    config: CsvConfig,
    timeout: Duration,
    clock: Clock,
}

impl Csv {
    pub(super) fn new(config: &CsvConfig, timeout: Duration, clock: &Clock) -> Result<Self, SourceError> {
        config.validate()?;
        Ok(Self { config: config.clone(), timeout, clock: clock.clone() })
    }

    fn stopper(&self) -> Stopper {
        Stopper::new(&self.clock, self.timeout)
    }
}

/// The name of the file.
fn table(relation: &Relation) -> Result<&str, SourceError> {
    match relation {
        Relation::Table(table) => Ok(table),
        Relation::Query(_) => Err(SourceError::Invalid(
            "a CSV source has no query language: name the file in table instead of a query".to_owned(),
        )),
    }
}

#[async_trait]
impl Source for Csv {
    fn kind(&self) -> &'static str {
        "Csv"
    }

    fn location(&self) -> String {
        match &self.config.files {
            CsvFiles::Directory { shown, .. } => shown.clone(),
            CsvFiles::ConfigMap { name, .. } => format!("ConfigMap {name}"),
        }
    }

    async fn check(&self) -> Result<ServerInfo, SourceError> {
        let files = self.config.files.clone();
        pump::blocking(self.stopper(), move |_| {
            file::check(&files)?;
            Ok(ServerInfo { version: None, warnings: Vec::new() })
        })
        .await
    }

    async fn describe(&self, relation: &Relation) -> Result<Description, SourceError> {
        let (config, table) = (self.config.clone(), table(relation)?.to_owned());
        pump::blocking(self.stopper(), move |stopper| {
            let mut records = Records::open(&config, &table)?;
            let columns = records.columns().iter().map(|name| Column {
                name: name.clone(),
                source_type: "text".to_owned(),
                kind: ColumnKind::Dynamic,
            });
            let columns = columns.collect();
            Ok(Description { columns, row_estimate: estimate(&mut records, stopper)? })
        })
        .await
    }

    async fn read(
        &self,
        relation: &Relation,
        columns: &[String],
        selection: &Selection,
    ) -> Result<Box<dyn RowStream>, SourceError> {
        if columns.is_empty() {
            return Err(SourceError::Invalid("a read names at least one column".to_owned()));
        }
        let (config, table) = (self.config.clone(), table(relation)?.to_owned());
        let (columns, selection) = (columns.to_vec(), selection.clone());
        pump::start(self.stopper(), columns.len(), move |sink, _| {
            let mut records = Records::open(&config, &table)?;
            pour(&mut records, &columns, &selection, &config, sink)
        })
        .await
    }
}

/// Rows of the first part of a file, by their share of its bytes.
fn estimate(records: &mut Records, stopper: &Stopper) -> Result<Option<u64>, SourceError> {
    let mut rows = 0_u64;
    while records.bytes_parsed() <= ESTIMATE_BYTES {
        if stopper.must_stop() {
            return Err(stopper.verdict());
        }
        if !records.next()? {
            return Ok(Some(rows));
        }
        rows += 1;
    }
    Ok(Some(rounded(rows, records.times_parsed())))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate of a number that is positive and small"
)]
fn rounded(rows: u64, times: f64) -> u64 {
    (rows as f64 * times) as u64
}

fn pour(
    records: &mut Records,
    columns: &[String],
    selection: &Selection,
    config: &CsvConfig,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let places: Vec<_> = columns.iter().map(|name| records.place(name)).collect::<Result<_, _>>()?;
    let mut filter = match selection {
        Selection::Keys { column, keys, kind } => Some(KeyFilter::new(records.place(column)?, keys, *kind)),
        _ => None,
    };
    let nulls: BTreeSet<&[u8]> = config.null_texts.iter().map(String::as_bytes).collect();
    let mut left = match selection {
        Selection::Sample(rows) => u64::from(*rows),
        _ => u64::MAX,
    };
    sink.opened()?;
    let (mut counted, mut skipped) = (0, 0);
    while left > 0 && records.next()? {
        sink.count_bytes(records.bytes_read() - counted);
        counted = records.bytes_read();
        if filter.as_mut().is_some_and(|filter| !filter.matches(records)) {
            skipped += 1;
            if skipped % SKIPPED_ROWS == 0 {
                sink.check()?;
            }
            continue;
        }
        for place in &places {
            let (text, quoted) = records.field(*place);
            match !quoted && nulls.contains(text) {
                true => sink.batch().push(Cell::Null),
                false => sink.batch().push_bytes_as_text(text),
            }
        }
        sink.end_row()?;
        left -= 1;
    }
    Ok(())
}

/// Picks rows by a column. A file has no types: whether `007` is a spelling of the key `7` is told by what the column
/// is read as.
struct KeyFilter {
    place: usize,
    kind: KeyKind,
    keys: HashSet<Vec<u8>>,
    cell: RowBatch,
    canonical: Vec<u8>,
}

impl KeyFilter {
    fn new(place: usize, keys: &[String], kind: KeyKind) -> Self {
        let keys = keys.iter().map(|key| key.clone().into_bytes()).collect();
        Self { place, kind, keys, cell: RowBatch::new(1), canonical: Vec::new() }
    }

    fn matches(&mut self, records: &Records) -> bool {
        let (text, _) = records.field(self.place);
        if self.keys.contains(text) {
            return true;
        }
        self.cell.clear();
        self.cell.push_bytes_as_text(text);
        self.cell.end_row();
        self.canonical.clear();
        let cell = self.cell.row(0)[0];
        canonical_key(cell, &self.cell, self.kind, &mut self.canonical).is_ok()
            && self.keys.contains(&self.canonical)
    }
}
