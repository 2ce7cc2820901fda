//! PostgreSQL: one read-only snapshot, streamed in binary.
//!
//! Every call makes a connection of its own, with one transaction that is read-only and sees one snapshot.
//! Nothing of a person's text runs but as a sub-query of a SELECT in that transaction.

mod config;
mod copy;
mod decode;
mod error;
mod guard;
mod keys;
mod numeric;
mod session;
mod statement;
mod stream;
mod time;
mod types;

use std::time::Duration;

use async_trait::async_trait;
use grouparoo_clock::Clock;

pub use config::{PostgresConfig, PostgresLogin};

use self::copy::CopyReader;
use self::error::{Context, Phase};
use self::session::{Connector, Session};
use self::statement::{Shape, ShapeColumn};
use self::stream::{PostgresRows, Wire};
use super::{Description, Relation, RowStream, Selection, ServerInfo, Source, SourceError, Tls};
use crate::data::Column;

/// A PostgreSQL server.
pub(super) struct Postgres {
    connector: Connector,
    location: String,
    database: String,
    timeout: Duration,
    encrypted: bool,
}

impl Postgres {
    /// Checks a configuration; nothing is connected.
    pub(super) fn new(
        config: &PostgresConfig,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, SourceError> {
        let login = &config.login;
        let location = match login.host.contains(':') {
            true => format!("[{}]:{}", login.host, login.port),
            false => format!("{}:{}", login.host, login.port),
        };
        Ok(Self {
            connector: Connector::new(config, timeout, clock)?,
            location,
            database: login.database.clone(),
            timeout,
            encrypted: !matches!(config.tls, Tls::Disabled),
        })
    }

    async fn session(&self, relation: Option<&Relation>) -> Result<Session, SourceError> {
        let (object, is_table) = match relation {
            Some(Relation::Table(table)) => (table.clone(), true),
            Some(Relation::Query(_)) => ("the query".to_owned(), false),
            None => (format!("database {}", self.database), false),
        };
        let context = Context {
            location: self.location.clone(),
            database: self.database.clone(),
            object,
            is_table,
            timeout: self.timeout,
        };
        self.connector.connect(context).await
    }
}

#[async_trait]
impl Source for Postgres {
    fn kind(&self) -> &'static str {
        "Postgres"
    }

    fn location(&self) -> String {
        self.location.clone()
    }

    fn identity(&self) -> String {
        format!("{} {}/{}", self.kind(), self.location, self.database)
    }

    async fn check(&self) -> Result<ServerInfo, SourceError> {
        let mut session = self.session(None).await?;
        let mut warnings = Vec::new();
        if !self.encrypted {
            warnings
                .push(("TlsDisabled", "the connection is not encrypted (tls.mode is Disabled)".to_owned()));
        }
        if let Some(why) = write_privilege(&mut session).await? {
            warnings.push(("RoleCanWrite", format!("{why}; a login that can only read is safer")));
        }
        let version = session.version.as_deref().and_then(|v| v.split(' ').next()).map(str::to_owned);
        Ok(ServerInfo { version, warnings })
    }

    async fn describe(&self, relation: &Relation) -> Result<Description, SourceError> {
        let mut session = self.session(Some(relation)).await?;
        let shape = Shape::of(relation, &mut session).await?;
        let names = statement::type_names(&mut session, &shape.columns).await?;
        let columns = shape
            .columns
            .iter()
            .zip(names)
            .map(|(column, source_type)| Column {
                name: column.name.clone(),
                source_type,
                kind: types::kind(&column.decoder),
            })
            .collect();
        let is_table = matches!(relation, Relation::Table(_));
        let row_estimate = statement::row_estimate(&mut session, &shape, is_table).await;
        Ok(Description { columns, row_estimate })
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
        let mut session = self.session(Some(relation)).await?;
        let shape = Shape::of(relation, &mut session).await?;
        let object = session.context.object.clone();
        let wanted: Vec<&ShapeColumn> =
            columns.iter().map(|name| shape.column(name, &object)).collect::<Result<_, _>>()?;
        let wire = match selection {
            Selection::All => copy(&mut session, &shape.select(&wanted, "")).await?,
            Selection::Sample(rows) => {
                copy(&mut session, &shape.select(&wanted, &format!(" limit {rows}"))).await?
            }
            Selection::Keys { column, keys, kind } => {
                let key = shape.column(column, &object)?;
                let compared = keys::Comparison::of(&key.decoder, *kind);
                let keys: Vec<&str> = keys.iter().filter_map(|key| compared.parameter(key)).collect();
                let tail = format!(" where {}", compared.condition(column));
                let sql = shape.select(&wanted, &tail);
                let rows = session.run(Phase::Read, async |c| c.query_raw(&sql, [&keys]).await).await?;
                Wire::Rows(Box::pin(rows))
            }
        };
        let columns = wanted.iter().map(|c| (c.name.clone(), c.decoder.clone())).collect();
        Ok(Box::new(PostgresRows::new(wire, session, columns)))
    }
}

async fn copy(session: &mut Session, select: &str) -> Result<Wire, SourceError> {
    let sql = format!("copy ({select}) to stdout (format binary)");
    let stream = session.run(Phase::Read, async |client| client.copy_out(&sql).await).await?;
    Ok(Wire::Copy(Box::pin(stream), CopyReader::default()))
}

/// Whether the role could write, and how.
async fn write_privilege(session: &mut Session) -> Result<Option<String>, SourceError> {
    let sql = "select
        (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
        exists (
            select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            and pg_catalog.has_table_privilege(c.oid, 'insert, update, delete, truncate')
        )";
    let row = session.run(Phase::Prepare, async |client| client.query_one(sql, &[]).await).await?;
    Ok(match (row.get::<_, Option<bool>>(0), row.get(1)) {
        (Some(true), _) => Some("the role is a superuser".to_owned()),
        (_, true) => Some("the role may write to a table of this database".to_owned()),
        _ => None,
    })
}
