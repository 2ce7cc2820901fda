//! The rows of a running query: COPY in binary, or the rows of a statement with parameters.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use grouparoo_clock::Clock;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{CopyOutStream, Row, RowStream as DriverRows};

use super::copy::CopyReader;
use super::decode::{Malformed, decode};
use super::error::Phase;
use super::session::Session;
use super::types::Decoder;
use crate::data::{Cell, RowBatch};
use crate::source::{RowStream, SourceError};

/// Rows of a batch, and bytes after which a batch of long rows is handed on.
const BATCH_ROWS: usize = 512;
const BATCH_BYTES: usize = 1 << 20;

/// A value of any type as it stood on the wire.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What the server sends.
pub(super) enum Wire {
    /// The bytes of COPY … (FORMAT binary).
    Copy(Pin<Box<CopyOutStream>>, CopyReader),
    /// Rows one by one.
    Rows(Pin<Box<DriverRows>>),
}

enum Message {
    Data(Bytes),
    Row(Row),
}

impl Wire {
    fn poll_message(
        &mut self,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Message, tokio_postgres::Error>>> {
        match self {
            Self::Copy(stream, _) => stream.as_mut().poll_next(task).map_ok(Message::Data),
            Self::Rows(stream) => stream.as_mut().poll_next(task).map_ok(Message::Row),
        }
    }
}

/// An open read.
pub(super) struct PostgresRows {
    wire: Wire,
    session: Session,
    names: Vec<String>,
    decoders: Vec<Decoder>,
    scratch: String,
    bytes: u64,
    ended: bool,
}

impl PostgresRows {
    pub(super) fn new(wire: Wire, mut session: Session, columns: Vec<(String, Decoder)>) -> Self {
        session.set_busy(true);
        let (names, decoders) = columns.into_iter().unzip();
        Self { wire, session, names, decoders, scratch: String::new(), bytes: 0, ended: false }
    }

    async fn fill(&mut self, batch: &mut RowBatch) -> Result<bool, SourceError> {
        while batch.rows() < BATCH_ROWS && batch.bytes() < BATCH_BYTES {
            let message = std::future::poll_fn(|task| self.wire.poll_message(task)).await;
            match message {
                None => return self.end(),
                Some(Err(e)) => {
                    let elapsed = self.session.elapsed();
                    return Err(self.session.context.explain(&e, Phase::Read, elapsed));
                }
                Some(Ok(message)) => self.take(&message, batch).map_err(|at| self.malformed(at))?,
            }
        }
        Ok(true)
    }

    /// Decodes a message; on a failure tells the place of the column.
    fn take(&mut self, message: &Message, batch: &mut RowBatch) -> Result<(), Option<usize>> {
        match (message, &mut self.wire) {
            (Message::Data(data), Wire::Copy(_, reader)) => {
                self.bytes += data.len() as u64;
                reader.take(data, &self.decoders, &mut self.scratch, batch)
            }
            (Message::Row(row), _) => {
                for (at, decoder) in self.decoders.iter().enumerate() {
                    let value: Option<Raw<'_>> = row.try_get(at).map_err(|_| Some(at))?;
                    match value {
                        None => batch.push(Cell::Null),
                        Some(Raw(raw)) => {
                            self.bytes += raw.len() as u64;
                            decode(decoder, raw, &mut self.scratch, batch).map_err(|Malformed| Some(at))?;
                        }
                    }
                }
                batch.end_row();
                Ok(())
            }
            (Message::Data(_), Wire::Rows(_)) => Err(None),
        }
    }

    fn end(&mut self) -> Result<bool, SourceError> {
        if let Wire::Copy(_, reader) = &self.wire
            && !reader.is_complete()
        {
            return Err(SourceError::Cut("the server ended the result without its end mark".to_owned()));
        }
        self.session.set_busy(false);
        self.ended = true;
        Ok(false)
    }

    fn malformed(&self, column: Option<usize>) -> SourceError {
        let name = column.and_then(|at| self.names.get(at));
        let message = match name {
            Some(name) => format!("the server sent bytes for column {name:?} that are no value of its type"),
            None => "the server sent rows in a form that is not PostgreSQL's".to_owned(),
        };
        SourceError::QueryFailed { sqlstate: None, message }
    }
}

#[async_trait]
impl RowStream for PostgresRows {
    async fn next(&mut self, batch: &mut RowBatch) -> Result<bool, SourceError> {
        batch.clear();
        if self.ended {
            return Ok(false);
        }
        let (clock, left): (Clock, Duration) = (self.session.clock(), self.session.time_left());
        match clock.timeout(left, self.fill(batch)).await {
            Some(result) => result,
            None => Err(self.session.context.timed_out()),
        }
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
