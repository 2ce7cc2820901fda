//! Sources through their trait, against real systems.

mod csv;
mod postgres_failures;
mod postgres_reads;
mod postgres_tls;
mod postgres_types;
mod postgres_writes;
mod sqlite;
mod suite;

use grouparoo::data::{Cell, RowBatch};
use grouparoo::source::{Relation, RowStream, Selection, Source, SourceError};

/// Text of a cell, with what it is, so that tests can compare rows.
fn show(cell: Cell, batch: &RowBatch) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(n) => format!("int {n}"),
        Cell::UInt(n) => format!("uint {n}"),
        Cell::Float32(n) => format!("f32 {n:?}"),
        Cell::Float64(n) => format!("f64 {n:?}"),
        Cell::Decimal(span) => format!("decimal {}", batch.text(span)),
        Cell::Text(span) => format!("text {}", batch.text(span)),
        Cell::BadText => "bad text".to_owned(),
        Cell::Date(days) => format!("date {days}"),
        Cell::NaiveTime(micros) => format!("naive {micros}"),
        Cell::Instant(micros) => format!("instant {micros}"),
        Cell::InfiniteTime => "infinite".to_owned(),
        Cell::Json(span) => format!("json {}", batch.text(span)),
        Cell::Array(span) => {
            let items: Vec<_> = batch.items(span).iter().map(|item| show(*item, batch)).collect();
            format!("[{}]", items.join(", "))
        }
        Cell::Unsupported => "unsupported".to_owned(),
    }
}

/// All rows that a stream still has.
async fn drain(stream: &mut dyn RowStream, width: usize) -> Result<Vec<Vec<String>>, SourceError> {
    let mut batch = RowBatch::new(width);
    let mut rows = Vec::new();
    loop {
        let more = stream.next(&mut batch).await?;
        for row in 0..batch.rows() {
            rows.push(batch.row(row).iter().map(|cell| show(*cell, &batch)).collect());
        }
        if !more {
            return Ok(rows);
        }
    }
}

/// Reads a relation to its end.
async fn read(
    source: &dyn Source,
    relation: &Relation,
    columns: &[&str],
    selection: &Selection,
) -> Result<Vec<Vec<String>>, SourceError> {
    let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
    let mut stream = source.read(relation, &columns, selection).await?;
    drain(&mut *stream, columns.len()).await
}

fn table(name: &str) -> Relation {
    Relation::Table(name.to_owned())
}

fn query(sql: &str) -> Relation {
    Relation::Query(sql.to_owned())
}
