//! Mode Plan: the run's own code up to the JSON, and then counting instead of sending (docs/semantics.md, "Plan").

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::braze::Traffic;
use crate::state::Record;

use super::course::{Books, Course};
use super::decide::{self, Answer};
use super::outcome::Outcome;
use super::parcel::{Candidate, Parcel};
use super::report::Sample;

/// Counts what would be sent.
#[derive(Debug)]
pub struct Planner {
    /// Some objects, as they would be sent.
    pub samples: Vec<Sample>,
    /// How many samples are wanted.
    wanted: usize,
    /// Braze is read, so that nothing has to be assumed.
    pub looks_up: bool,
    /// Records as they are after phase 2, of those with leaves to come.
    pub leaving: HashMap<u64, Record>,
    /// Enrich: records whose existence would be looked up first.
    pub unknown: u64,
}

impl Planner {
    /// A planner that keeps so many samples.
    pub fn new(samples: usize, looks_up: bool) -> Self {
        Self { samples: Vec::new(), wanted: samples, looks_up, leaving: HashMap::new(), unknown: 0 }
    }

    /// Counts a request as if Braze had acknowledged it.
    pub fn count(&mut self, course: &Course, parcel: Parcel) {
        if parcel.items.is_empty() {
            return;
        }
        let mut books = Books::default();
        for (position, item) in parcel.items.iter().enumerate() {
            books.acknowledged(course, item);
            course.account.data_points.add(item.data_points);
            let action = match item.outcome {
                Outcome::Added => "add",
                Outcome::Released => "release",
                _ => "update",
            };
            self.sample(&item.intended.after.key, action, Some(parcel.batch.object(position)));
            course.finish(item.key_hash, item.outcome, item.more);
        }
        books.post(course);
        course.account.traffic(Traffic {
            requests: 1,
            track: 1,
            objects: parcel.items.len() as u64,
            bytes: parcel.batch.body_bytes() as u64,
            ..Traffic::default()
        });
    }

    /// Keeps a sample while some are wanted.
    pub fn sample(&mut self, key: &[u8], action: &str, object: Option<&[u8]>) {
        if self.samples.len() >= self.wanted {
            return;
        }
        let object = object
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .and_then(|text| RawValue::from_string(text.to_owned()).ok());
        let key = String::from_utf8_lossy(key).into_owned();
        self.samples.push(Sample { key, action: action.to_owned(), object });
    }
}

impl Course {
    /// A plan without a look-up: Braze is asked nothing.
    pub fn asks_nothing(&self) -> bool {
        self.planner.as_ref().is_some_and(|planner| !Self::lock(planner).looks_up)
    }

    /// What would be asked is not asked: joins are counted as if nobody had opted out, users as if they existed.
    pub async fn stage_planned(&self, candidates: Vec<Candidate>) {
        let rules = &self.program.rules;
        let mut answers = Vec::with_capacity(candidates.len());
        for candidate in &candidates {
            if let Some(planner) = self.planner.as_ref().filter(|_| candidate.look_up) {
                Self::lock(planner).unknown += 1;
            }
            let mut known = self.marks(candidate);
            let decision = decide::decide(rules, candidate.before.as_deref(), &candidate.row(), &known);
            for group in decision.reads {
                known[group] = Some(Answer::Unknown);
            }
            answers.push(known);
        }
        for parcel in self.compose_all(candidates, &answers, None).await {
            self.deliver(parcel).await;
        }
    }
}
