//! The statements of a read, made from a table's name or a person's query.
//!
//! A query is first parsed alone, by the server: what is not exactly one statement, has parentheses that close
//! something of ours, or returns no columns ends there. Then it stands as a sub-query, where only a SELECT that
//! writes nothing is allowed, inside a read-only transaction. No text of a person is run in any other way.

use tokio_postgres::Column;
use tokio_postgres::types::Type;

use super::error::Phase;
use super::session::Session;
use super::types::{self, Decoder};
use crate::source::relation::{Dialect, quote_table, without_terminator};
use crate::source::{Relation, SourceError};

/// A relation whose columns are known.
pub(super) struct Shape {
    /// What stands behind FROM.
    from: String,
    /// Its columns.
    pub(super) columns: Vec<ShapeColumn>,
}

/// One column of a relation.
pub(super) struct ShapeColumn {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) modifier: i32,
    pub(super) decoder: Decoder,
}

impl Shape {
    /// Lets the server parse a relation.
    pub(super) async fn of(relation: &Relation, session: &mut Session) -> Result<Self, SourceError> {
        let (from, columns) = match relation {
            Relation::Table(table) => {
                let from = quote_table(table, Dialect::Postgres)?;
                let statement = session.prepare(&format!("select * from {from}")).await?;
                (from, describe(statement.columns()))
            }
            Relation::Query(query) => {
                let query = without_terminator(query, Dialect::Postgres);
                if query.contains('\0') {
                    return Err(SourceError::Invalid("the query holds a NUL character".to_owned()));
                }
                let statement = session.prepare(query).await.map_err(several_commands)?;
                let refuse = |detail: &str| Err(SourceError::NotReadOnly { detail: format!(": {detail}") });
                if statement.columns().is_empty() {
                    return refuse("it returns no columns");
                }
                if !statement.params().is_empty() {
                    return refuse("it has parameters such as $1, and nobody to fill them in");
                }
                let from = format!("(\n{query}\n) as _grouparoo");
                session.prepare(&format!("select * from {from}")).await.map_err(not_a_select)?;
                (from, describe(statement.columns()))
            }
        };
        Ok(Self { from, columns })
    }

    /// Finds a column by its name.
    pub(super) fn column(&self, name: &str, object: &str) -> Result<&ShapeColumn, SourceError> {
        let mut found = self.columns.iter().filter(|column| column.name == name);
        match (found.next(), found.next()) {
            (Some(column), None) => Ok(column),
            (Some(_), Some(_)) => {
                Err(SourceError::Invalid(format!("{object} returns two columns of the name {name:?}")))
            }
            (None, _) => {
                Err(SourceError::ColumnMissing { column: name.to_owned(), relation: object.to_owned() })
            }
        }
    }

    /// The SELECT of some columns; `tail` is a condition or a limit.
    pub(super) fn select(&self, columns: &[&ShapeColumn], tail: &str) -> String {
        let list: Vec<_> = columns.iter().map(|c| types::expression(&c.name, &c.ty)).collect();
        format!("select {} from {}{tail}", list.join(", "), self.from)
    }
}

fn describe(columns: &[Column]) -> Vec<ShapeColumn> {
    columns
        .iter()
        .map(|column| ShapeColumn {
            name: column.name().to_owned(),
            ty: column.type_().clone(),
            modifier: column.type_modifier(),
            decoder: types::decoder(column.type_(), column.type_modifier()),
        })
        .collect()
}

/// The server has no code of its own for a second statement, only words: on a server that speaks another
/// language it stays an ordinary syntax error. Either way nothing ran.
fn several_commands(error: SourceError) -> SourceError {
    match error {
        SourceError::QueryFailed { sqlstate: Some(code), message }
            if code == "42601" && message.contains("multiple commands") =>
        {
            SourceError::NotReadOnly { detail: ": it is more than one statement".to_owned() }
        }
        other => other,
    }
}

/// What parses alone and not as a sub-query is a statement of another kind: INSERT … RETURNING, SHOW, SELECT
/// INTO, WITH that writes.
fn not_a_select(error: SourceError) -> SourceError {
    match error {
        SourceError::QueryFailed { sqlstate: Some(code), .. } if code == "42601" || code == "0A000" => {
            SourceError::NotReadOnly { detail: String::new() }
        }
        other => other,
    }
}

/// Names of types as the server prints them, with their modifiers: `numeric(12,2)`.
pub(super) async fn type_names(
    session: &mut Session,
    columns: &[ShapeColumn],
) -> Result<Vec<String>, SourceError> {
    let oids: Vec<u32> = columns.iter().map(|c| c.ty.oid()).collect();
    let modifiers: Vec<i32> = columns.iter().map(|c| c.modifier).collect();
    let sql = "select pg_catalog.format_type(oid, modifier) \
               from unnest($1::pg_catalog.oid[], $2::pg_catalog.int4[]) \
               with ordinality as t (oid, modifier, place) order by place";
    let rows = session.run(Phase::Prepare, async |c| c.query(sql, &[&oids, &modifiers]).await).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Rows to expect: what the last ANALYZE of a table counted, else what the planner expects. No estimate is no
/// failure, unless the connection is gone.
pub(super) async fn row_estimate(session: &mut Session, shape: &Shape, is_table: bool) -> Option<u64> {
    if is_table {
        let sql = "select reltuples::pg_catalog.float8 from pg_catalog.pg_class \
                   where oid = pg_catalog.to_regclass($1) and relkind in ('r', 'm')";
        let row = session.run(Phase::Prepare, async |c| c.query_opt(sql, &[&shape.from]).await).await.ok()?;
        if let Some(rows) = row.map(|row| row.get::<_, f64>(0)).filter(|rows| *rows >= 0.0) {
            return rounded(rows);
        }
    }
    let sql = format!("explain (format json) select * from {}", shape.from);
    let row = session.run(Phase::Read, async |c| c.query_one(&sql, &[]).await).await.ok()?;
    let plan: super::stream::Raw<'_> = row.try_get(0).ok()?;
    let plan: serde_json::Value = serde_json::from_slice(plan.0).ok()?;
    rounded(plan.get(0)?.get("Plan")?.get("Plan Rows")?.as_f64()?)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, checked to be positive"
)]
fn rounded(rows: f64) -> Option<u64> {
    (rows >= 0.0).then_some(rows as u64)
}
