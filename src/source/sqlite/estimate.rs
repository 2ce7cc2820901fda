//! Rows to expect of a table, without counting a large one.
//!
//! Counting reads the whole table. The largest row id costs nothing, but is far too high where ids have gaps: hashes,
//! a single imported id. So the first rows are counted, and beyond them both ends must tell of the same density.

use rusqlite::Connection;

use super::statement::Shape;

/// Tables of fewer rows are counted exactly: a moment's work.
const COUNTED: u32 = 10_000;
/// Rows at the other end whose row ids are looked at.
const TAIL: u32 = 1_000;

/// Row ids at one end of a table.
struct End {
    rows: u32,
    first: i64,
    last: i64,
}

impl End {
    fn of(connection: &Connection, from: &str, order: &str, rows: u32) -> Option<Self> {
        let sql = format!(
            "select count(*), coalesce(min(place), 0), coalesce(max(place), 0) \
             from (select rowid as place from {from} order by rowid {order} limit {rows})"
        );
        connection
            .query_row(&sql, [], |row| Ok(Self { rows: row.get(0)?, first: row.get(1)?, last: row.get(2)? }))
            .ok()
    }

    /// Rows among so many row ids, if all are as dense as here.
    fn rows_in(&self, span: u128) -> u128 {
        span.saturating_mul(self.rows.into()) / span_of(self.first, self.last)
    }
}

fn span_of(first: i64, last: i64) -> u128 {
    u128::from(last.abs_diff(first)) + 1
}

/// Rows to expect: exact for a small table, none where the ends do not agree. No estimate is no failure.
pub(super) fn rows(shape: &Shape, connection: &Connection) -> Option<u64> {
    // A column of that name hides the row ids, and may have no index.
    if shape.columns.iter().any(|column| column.name.eq_ignore_ascii_case("rowid"))
        || !is_table(shape, connection)
    {
        return None;
    }
    let head = End::of(connection, &shape.from, "asc", COUNTED)?;
    if head.rows < COUNTED {
        return Some(head.rows.into());
    }
    let tail = End::of(connection, &shape.from, "desc", TAIL)?;
    let span = span_of(head.first, tail.last);
    let (one, other) = (head.rows_in(span), tail.rows_in(span));
    if one.max(other) > 2 * one.min(other) {
        return None;
    }
    u64::try_from((one + other) / 2).ok()
}

/// Whether it is a table: rows of a view would all have to be made. One without row ids fails when it is asked.
fn is_table(shape: &Shape, connection: &Connection) -> bool {
    let sql = "select exists (select 1 from main.sqlite_schema where type = 'table' and sql not like 'create virtual%' \
               and ?1 collate nocase in ('\"' || replace(name, '\"', '\"\"') || '\"', \
               '\"main\".\"' || replace(name, '\"', '\"\"') || '\"'))";
    connection.query_row(sql, [&shape.from], |row| row.get(0)).unwrap_or(false)
}
