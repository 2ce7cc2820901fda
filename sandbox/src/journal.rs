//! The journal: every request to the API, what it carried and what became of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use crate::auth;
use crate::endpoint::Endpoint;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Number of the request, from 1 in the order of answers.
    pub number: u64,
    /// When it had been read.
    pub at: Timestamp,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// The endpoint; `None`: no such path.
    pub endpoint: Option<Endpoint>,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Query as sent.
    pub query: Option<String>,
    /// Headers; the API key is masked.
    pub headers: HeaderMap,
    /// Body as sent.
    pub body: Bytes,
    /// Status of the answer; `None`: the connection was reset.
    pub status: Option<u16>,
    /// Body of the answer; empty where it would show an API key.
    pub answer: Bytes,
    /// The fault that hit it, in its text form.
    pub fault: Option<String>,
    /// Objects or ids that were accepted.
    pub accepted: usize,
    /// Objects that were refused.
    pub refused: usize,
    /// Data points that it cost.
    pub data_points: u64,
}

impl Entry {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The attributes objects of a request to `/users/track`.
    pub fn attributes(&self) -> Vec<Value> {
        match self.json() {
            Value::Object(mut body) => match body.remove("attributes") {
                Some(Value::Array(objects)) => objects,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What became of the request, in a few words.
    pub fn outcome(&self) -> Outcome<'_> {
        Outcome(self)
    }
}

/// What became of a request, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a>(&'a Entry);

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        match entry.status {
            None => f.write_str("connection reset")?,
            Some(401) => f.write_str("unknown key")?,
            Some(403) => f.write_str("permission missing")?,
            Some(404) => f.write_str("no such path")?,
            Some(429) => f.write_str("rate limited")?,
            Some(status) if status >= 500 => f.write_str("server error")?,
            Some(400..500) => f.write_str("refused")?,
            Some(_) if entry.accepted == 0 && entry.refused == 0 => f.write_str("read")?,
            Some(_) => write!(f, "{} accepted", entry.accepted)?,
        }
        if entry.refused > 0 {
            write!(f, ", {} refused", entry.refused)?;
        }
        match &entry.fault {
            Some(fault) if entry.accepted > 0 && entry.status.is_none_or(|status| status >= 400) => {
                write!(f, ", {} accepted (fault {fault})", entry.accepted)
            }
            Some(fault) => write!(f, " (fault {fault})"),
            None => Ok(()),
        }
    }
}

/// Sums over all requests, also those that the journal no longer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Objects and ids that were accepted.
    pub accepted: u64,
    /// Objects that were refused.
    pub refused: u64,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// Data points.
    pub data_points: u64,
    /// Most requests that were worked on at the same time.
    pub most_at_once: u64,
}

/// The entries, oldest first, and the bytes of their bodies.
#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Journal {
    kept: Mutex<Kept>,
    limit: usize,
    most_bytes: usize,
    totals: watch::Sender<Totals>,
}

impl Journal {
    pub(crate) fn new(limit: usize, most_bytes: usize) -> Self {
        Self { kept: Mutex::default(), limit, most_bytes, totals: watch::Sender::default() }
    }

    /// Notes that a request has been read.
    pub(crate) fn arrive(&self) {
        self.totals.send_modify(|totals| {
            totals.arrived += 1;
            totals.most_at_once = totals.most_at_once.max(totals.arrived - totals.answered);
        });
    }

    /// Notes an answered request; its number is given here.
    pub(crate) fn record(&self, mut entry: Entry) {
        let mut kept = self.kept();
        let (accepted, refused) = (entry.accepted as u64, entry.refused as u64);
        let (bytes, points) = (entry.body.len() as u64, entry.data_points);
        if self.limit > 0 {
            kept.bytes += entry.body.len();
            while kept.entries.len() >= self.limit || kept.bytes > self.most_bytes {
                let Some(oldest) = kept.entries.pop_front() else { break };
                kept.bytes -= oldest.body.len();
            }
            entry.number = self.totals.borrow().answered + 1;
            mask(&mut entry);
            kept.entries.push_back(entry);
        }
        // Told after it can be seen, so that whoever waited finds it.
        self.totals.send_modify(|totals| {
            totals.answered += 1;
            totals.accepted += accepted;
            totals.refused += refused;
            totals.bytes += bytes;
            totals.data_points += points;
        });
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.kept().entries.iter().cloned().collect()
    }

    /// Forgets all entries; the totals go on.
    pub(crate) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    pub(crate) fn totals(&self) -> Totals {
        *self.totals.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Totals> {
        self.totals.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no panic while the journal is held")
    }
}

fn mask(entry: &mut Entry) {
    let key = auth::key(&entry.headers);
    if let Some(value) = entry.headers.get_mut(AUTHORIZATION) {
        let shown = format!("Bearer {}", auth::masked(&key));
        *value = HeaderValue::from_str(&shown).unwrap_or_else(|_| HeaderValue::from_static("masked"));
    }
    if entry.status == Some(401) {
        entry.answer = Bytes::new();
    }
}
