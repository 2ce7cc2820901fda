//! Rows as a source hands them over: a batch with one arena for all text, so that no row allocates.

use std::fmt;

/// A piece of a batch's arena: offset and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

/// One value of one column of one row. Text-like variants point into the arena of their [`RowBatch`].
///
/// A cell says what the source holds, not what the Model wants: conversion is the engine's work. Text is
/// always valid UTF-8 without NUL; a source that meets anything else pushes [`Cell::BadText`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// A native Boolean.
    Bool(bool),
    /// A signed integer of up to 64 bit.
    Int(i64),
    /// An unsigned integer above `i64::MAX`. Smaller ones are [`Cell::Int`].
    UInt(u64),
    /// A float of 32 bit; kept apart because its shortest text differs from that of its 64-bit widening.
    Float32(f32),
    /// A float of 64 bit.
    Float64(f64),
    /// A decimal number as its plain text: `-?[0-9]+(\.[0-9]+)?`, or `NaN`, `Infinity`, `-Infinity`.
    Decimal(Span),
    /// Text of any kind: char (padding cut), varchar, uuid in lower case, enum label, time of day, …
    Text(Span),
    /// Text that is not valid UTF-8 or holds a NUL character.
    BadText,
    /// Days since 1970-01-01 in the proleptic Gregorian calendar.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00 on a wall clock whose zone the source does not state.
    NaiveTime(i64),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// A date or time that no calendar type holds: PostgreSQL's `infinity` and `-infinity`, and the last
    /// decades of its timestamps, which are beyond 64 bit of microseconds since 1970.
    InfiniteTime,
    /// JSON text, as the source printed it.
    Json(Span),
    /// An array; the span counts items, see [`RowBatch::items`]. Items may be arrays again.
    Array(Span),
    /// A value of a type that cannot be sent, such as bytes or a geometry.
    Unsupported,
}

/// What the values of a column are, as far as the source tells before reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// [`Cell::Bool`].
    Bool,
    /// [`Cell::Int`] or [`Cell::UInt`].
    Integer,
    /// [`Cell::Float32`] or [`Cell::Float64`].
    Float,
    /// [`Cell::Decimal`].
    Decimal,
    /// [`Cell::Text`].
    Text,
    /// [`Cell::Date`].
    Date,
    /// [`Cell::NaiveTime`]: a timestamp without zone.
    NaiveTime,
    /// [`Cell::Instant`]: a timestamp with zone.
    Instant,
    /// [`Cell::Json`].
    Json,
    /// [`Cell::Array`] of items of that kind.
    Array(Box<ColumnKind>),
    /// The source does not fix the kind of a column: each cell tells its own (SQLite), or all is text (CSV).
    Dynamic,
    /// Values that cannot be sent: bytes, geometries, ranges.
    Unsupported,
}

/// A column that a table or query returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name as the source spells it.
    pub name: String,
    /// Type as the source names it, such as `numeric(12,2)`; shown to people.
    pub source_type: String,
    /// What its cells are.
    pub kind: ColumnKind,
}

/// Up to some hundreds of rows, row by row, each with the same number of cells.
///
/// A batch is filled by a source, read by the engine, and handed back to be filled again: its buffers are
/// kept. Writing order: any number of [`RowBatch::push`] calls and their text-like siblings, one per column,
/// then [`RowBatch::end_row`].
#[derive(Default)]
pub struct RowBatch {
    width: usize,
    cells: Vec<Cell>,
    items: Vec<Cell>,
    text: String,
    rows: usize,
    /// Items of the arrays under construction, outermost first; those beyond `depth` are spare buffers.
    open: Vec<Vec<Cell>>,
    depth: usize,
}

impl fmt::Debug for RowBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the values: a batch may be printed by accident.
        f.debug_struct("RowBatch").field("rows", &self.rows).field("width", &self.width).finish()
    }
}

impl RowBatch {
    /// An empty batch for rows of `width` cells.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Forgets the rows and keeps the buffers.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.items.clear();
        self.text.clear();
        self.depth = 0;
        self.rows = 0;
    }

    /// Number of complete rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there is no complete row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Cells of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Bytes that the batch holds; a source stops filling when it has grown large.
    pub fn bytes(&self) -> usize {
        self.text.len() + (self.cells.len() + self.items.len()) * size_of::<Cell>()
    }

    /// Adds a cell without text.
    pub fn push(&mut self, cell: Cell) {
        match self.depth {
            0 => self.cells.push(cell),
            depth => self.open[depth - 1].push(cell),
        }
    }

    /// Adds text; a NUL character makes it [`Cell::BadText`].
    pub fn push_text(&mut self, text: &str) {
        let cell = if text.as_bytes().contains(&0) { Cell::BadText } else { Cell::Text(self.store(text)) };
        self.push(cell);
    }

    /// Adds text whose encoding the source does not guarantee.
    pub fn push_bytes_as_text(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push_text(text),
            Err(_) => self.push(Cell::BadText),
        }
    }

    /// Adds a decimal by its plain text, see [`Cell::Decimal`].
    pub fn push_decimal(&mut self, text: &str) {
        let span = self.store(text);
        self.push(Cell::Decimal(span));
    }

    /// Adds JSON text whose encoding the source does not guarantee.
    pub fn push_bytes_as_json(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) if !bytes.contains(&0) => self.push_json(text),
            _ => self.push(Cell::BadText),
        }
    }

    /// Adds JSON text.
    pub fn push_json(&mut self, text: &str) {
        let span = self.store(text);
        self.push(Cell::Json(span));
    }

    /// Opens an array; what is pushed until [`RowBatch::end_array`] are its items.
    pub fn begin_array(&mut self) {
        if self.open.len() == self.depth {
            self.open.push(Vec::new());
        }
        self.open[self.depth].clear();
        self.depth += 1;
    }

    /// Closes the array opened last and adds it as one cell.
    ///
    /// # Panics
    /// When no array is open: a bug of the source.
    pub fn end_array(&mut self) {
        assert!(self.depth > 0, "begin_array comes before end_array");
        self.depth -= 1;
        let items = &self.open[self.depth];
        let span = Span { start: narrow(self.items.len()), len: narrow(items.len()) };
        self.items.extend_from_slice(items);
        self.push(Cell::Array(span));
    }

    /// Ends a row.
    ///
    /// # Panics
    /// When the row has not as many cells as the batch is wide: a bug of the source.
    pub fn end_row(&mut self) {
        self.rows += 1;
        assert_eq!(self.cells.len(), self.rows * self.width, "a row has one cell a column");
    }

    /// The cells of row `index`.
    pub fn row(&self, index: usize) -> &[Cell] {
        &self.cells[index * self.width..(index + 1) * self.width]
    }

    /// Keeps the rows of which `keep` says so, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Self, &[Cell]) -> bool) {
        let kept: Vec<usize> = (0..self.rows).filter(|&row| keep(self, self.row(row))).collect();
        for (to, &from) in kept.iter().enumerate() {
            let cells = from * self.width..(from + 1) * self.width;
            self.cells.copy_within(cells, to * self.width);
        }
        self.rows = kept.len();
        self.cells.truncate(self.rows * self.width);
    }

    /// The text behind a span of this batch.
    pub fn text(&self, span: Span) -> &str {
        &self.text[span.start as usize..(span.start + span.len) as usize]
    }

    /// The items of an array of this batch.
    pub fn items(&self, span: Span) -> &[Cell] {
        &self.items[span.start as usize..(span.start + span.len) as usize]
    }

    fn store(&mut self, text: &str) -> Span {
        let start = narrow(self.text.len());
        self.text.push_str(text);
        Span { start, len: narrow(text.len()) }
    }
}

/// A batch is handed on long before 4 GiB: a source stops at some hundreds of rows or a few MiB.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).expect("a batch stays below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_kept_are_gone_and_the_others_are_as_they_were() {
        let mut batch = RowBatch::new(2);
        for n in 0..6 {
            batch.push(Cell::Int(n));
            batch.push_text(&format!("row {n}"));
            batch.end_row();
        }
        batch.retain(|batch, cells| match cells[1] {
            Cell::Text(span) => !matches!(batch.text(span), "row 0" | "row 3" | "row 5"),
            _ => false,
        });
        let rows: Vec<(Cell, &str)> = (0..batch.rows())
            .map(|row| match batch.row(row)[1] {
                Cell::Text(span) => (batch.row(row)[0], batch.text(span)),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(rows, [(Cell::Int(1), "row 1"), (Cell::Int(2), "row 2"), (Cell::Int(4), "row 4")]);
        batch.push(Cell::Null);
        batch.push_text("more");
        batch.end_row();
        assert_eq!(batch.row(3)[0], Cell::Null, "it can be filled on");
    }

    #[test]
    fn cells_come_back_as_they_were_pushed() {
        let mut batch = RowBatch::new(3);
        batch.push(Cell::Int(7));
        batch.push_text("Ana");
        batch.begin_array();
        batch.push_text("a");
        batch.push(Cell::Null);
        batch.end_array();
        batch.end_row();
        let [Cell::Int(7), Cell::Text(name), Cell::Array(tags)] = batch.row(0) else { panic!("{batch:?}") };
        assert_eq!(batch.text(*name), "Ana");
        let [Cell::Text(tag), Cell::Null] = batch.items(*tags) else { panic!("two items") };
        assert_eq!(batch.text(*tag), "a");
    }

    #[test]
    fn arrays_nest_and_their_buffers_are_used_again() {
        let mut batch = RowBatch::new(1);
        for _ in 0..2 {
            batch.begin_array();
            for n in [1, 2] {
                batch.begin_array();
                batch.push(Cell::Int(n));
                batch.end_array();
            }
            batch.end_array();
            batch.end_row();
        }
        for row in 0..2 {
            let [Cell::Array(outer)] = batch.row(row) else { panic!("an array") };
            let inner: Vec<_> = batch
                .items(*outer)
                .iter()
                .map(|item| match item {
                    Cell::Array(span) => batch.items(*span).to_vec(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(inner, [vec![Cell::Int(1)], vec![Cell::Int(2)]]);
        }
    }

    #[test]
    fn text_with_nul_and_bytes_that_are_no_text_are_bad_text() {
        let mut batch = RowBatch::new(2);
        batch.push_text("a\0b");
        batch.push_bytes_as_text(&[0xff, 0xfe]);
        batch.end_row();
        assert_eq!(batch.row(0), [Cell::BadText, Cell::BadText]);
    }

    #[test]
    fn a_cleared_batch_is_empty_and_keeps_its_width() {
        let mut batch = RowBatch::new(1);
        batch.push_text("x");
        batch.end_row();
        batch.clear();
        assert!(batch.is_empty());
        batch.push(Cell::Null);
        batch.end_row();
        assert_eq!(batch.row(0), [Cell::Null]);
    }

    #[test]
    fn a_batch_does_not_print_its_values() {
        let mut batch = RowBatch::new(1);
        batch.push_text("ana@example.com");
        batch.end_row();
        assert!(!format!("{batch:?}").contains("ana"));
    }
}
