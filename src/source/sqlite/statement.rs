//! The statements of a read. As with PostgreSQL, a query is parsed alone before it stands in parentheses.

use rusqlite::{Connection, Statement};

use super::cells;
use super::connection::{Phase, Place};
use crate::data::{ColumnKind, KeyKind};
use crate::source::pump::Stopper;
use crate::source::relation::{Dialect, bare_digits, quote, quote_table, without_terminator};
use crate::source::{Relation, Selection, SourceError};

/// A relation whose columns are known.
pub(super) struct Shape {
    pub(super) from: String,
    pub(super) columns: Vec<ShapeColumn>,
}

/// One column of a relation.
pub(super) struct ShapeColumn {
    pub(super) name: String,
    /// Type that the table declares, if the column is one of a table.
    pub(super) declared: Option<String>,
}

impl Shape {
    /// Lets SQLite parse a relation.
    pub(super) fn of(
        relation: &Relation,
        connection: &Connection,
        place: &Place,
        stopper: &Stopper,
    ) -> Result<Self, SourceError> {
        let explain = |e: rusqlite::Error| place.explain(&e, Phase::Prepare, stopper);
        let from = match relation {
            Relation::Table(table) => quote_table(table, Dialect::Sqlite)?,
            Relation::Query(query) => {
                let query = without_terminator(query, Dialect::Sqlite);
                if query.contains('\0') {
                    return Err(SourceError::Invalid("the query holds a NUL character".to_owned()));
                }
                let alone = connection.prepare(query).map_err(explain)?;
                let refuse = |detail: &str| Err(SourceError::NotReadOnly { detail: format!(": {detail}") });
                if alone.column_count() == 0 {
                    return refuse("it returns no columns");
                }
                if alone.parameter_count() > 0 {
                    return refuse("it has parameters, and nobody to fill them in");
                }
                if !alone.readonly() || alone.is_explain() != 0 {
                    return refuse("it is no SELECT");
                }
                format!("(\n{query}\n) as _grouparoo")
            }
        };
        let statement = match connection.prepare(&format!("select * from {from}")) {
            Ok(statement) => statement,
            Err(e) if matches!(relation, Relation::Table(_)) => return Err(explain(e)),
            // It parsed alone: a statement that cannot stand as a sub-query is no SELECT.
            Err(_) => return Err(SourceError::NotReadOnly { detail: String::new() }),
        };
        let columns = columns(&statement);
        Ok(Self { from, columns })
    }

    /// The SELECT of some columns and its parameter.
    pub(super) fn select(
        &self,
        columns: &[String],
        selection: &Selection,
        object: &str,
    ) -> Result<(String, Option<String>), SourceError> {
        // Checked here, because SQLite takes a quoted name that it does not know for a text.
        let known = |name: &String| {
            if self.columns.iter().any(|c| c.name == *name) {
                return Ok(quote(name));
            }
            Err(SourceError::ColumnMissing { column: name.clone(), relation: object.to_owned() })
        };
        let list: Vec<_> = columns.iter().map(known).collect::<Result<_, _>>()?;
        let sql = format!("select {} from {}", list.join(", "), self.from);
        Ok(match selection {
            Selection::All => (sql, None),
            Selection::Sample(rows) => (format!("{sql} limit {rows}"), None),
            Selection::Keys { column, keys, kind } => {
                let key = known(column)?;
                let text = format!("cast({key} as text)");
                let (keys, spelling) = match kind {
                    KeyKind::Text => (keys.clone(), text),
                    KeyKind::Integer | KeyKind::Decimal => {
                        let digits = keys.iter().map(|key| bare_digits(key).to_owned()).collect();
                        let whole = format!("substr({text}, 1, instr({text} || '.', '.') - 1)");
                        (digits, format!("ltrim({whole}, '+-0')"))
                    }
                };
                let keys = serde_json::Value::from(keys).to_string();
                // SQLite prints a large number of a decimal column in another way than it is read here.
                let condition = format!(
                    "({spelling} collate binary in (select value from json_each(?1)) or typeof({key}) = 'real')"
                );
                (format!("{sql} where {condition}"), Some(keys))
            }
        })
    }

    /// What the cells of columns are declared to be.
    pub(super) fn kinds(&self, columns: &[String]) -> Vec<ColumnKind> {
        let declared =
            |name: &String| self.columns.iter().find(|c| c.name == *name).and_then(|c| c.declared.as_deref());
        columns.iter().map(|name| cells::kind(declared(name))).collect()
    }
}

fn columns(statement: &Statement<'_>) -> Vec<ShapeColumn> {
    let column = |c: rusqlite::Column<'_>| ShapeColumn {
        name: c.name().to_owned(),
        declared: c.decl_type().map(str::to_owned),
    };
    statement.columns().map(column).collect()
}
