//! Writes that were accepted and have not taken effect.
//!
//! Nothing runs in the background: whoever looks at the store first lets happen what is due.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::options::Delays;
use crate::track::Change;

use super::{Identifier, Store};

/// One write.
#[derive(Debug)]
pub(crate) enum Job {
    /// The visible shell of a profile that may be new.
    Shell(Identifier),
    /// An object of `/users/track`.
    Change(Box<Change>),
    /// An id of `/users/delete`.
    Delete(Deletion),
}

/// Whom a delete removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    One(Identifier),
    /// All with an address, narrowed down; more than one left: nobody.
    Address {
        address: String,
        prefer: Vec<String>,
    },
}

/// Accepted writes by the time at which they take effect.
#[derive(Debug, Default)]
pub(super) struct Pending {
    jobs: BTreeMap<(Timestamp, u64), Job>,
    serial: u64,
}

impl Store {
    /// Takes the objects of one request.
    pub(crate) fn accept(&mut self, changes: Vec<Change>, delays: &Delays, now: Timestamp) {
        let start = if changes.len() == 1 { delays.single } else { delays.batch_start };
        let mut wait = start + self.dice.within(delays.shuffle);
        let many = changes.len() > 1;
        for change in changes {
            if delays.two_step > Duration::ZERO && !change.update_only {
                self.schedule(Job::Shell(change.target.clone()), wait, now);
            }
            self.schedule(Job::Change(Box::new(change)), wait + delays.two_step, now);
            if many {
                wait += delays.per_profile;
            }
        }
    }

    /// Takes a delete.
    pub(crate) fn accept_deletion(&mut self, deletion: Deletion, delays: &Delays, now: Timestamp) {
        let wait = delays.delete + self.dice.within(delays.shuffle);
        self.schedule(Job::Delete(deletion), wait, now);
    }

    fn schedule(&mut self, job: Job, wait: Duration, now: Timestamp) {
        if wait.is_zero() && self.pending.jobs.is_empty() {
            self.run(job, now);
            return;
        }
        self.pending.serial += 1;
        let due = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        self.pending.jobs.insert((due, self.pending.serial), job);
        self.settle(now);
    }

    /// Lets everything happen that is due.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        while let Some(first) = self.pending.jobs.first_entry() {
            let due = first.key().0;
            if due > now {
                return;
            }
            let job = first.remove();
            self.run(job, due);
        }
    }

    /// How many writes have not taken effect.
    pub(crate) fn pending(&self) -> usize {
        self.pending.jobs.len()
    }

    /// When the last of them takes effect.
    pub(crate) fn settled_at(&self) -> Option<Timestamp> {
        self.pending.jobs.last_key_value().map(|((due, _), _)| *due)
    }

    fn run(&mut self, job: Job, now: Timestamp) {
        match job {
            Job::Shell(target) => {
                let creatable = !matches!(target, Identifier::BrazeId(_) | Identifier::Nobody);
                if creatable && self.find_id(&target).is_none() {
                    self.create(&target, now);
                }
            }
            Job::Change(change) => self.apply(*change, now),
            Job::Delete(deletion) => {
                for id in self.doomed(&deletion) {
                    self.remove(id);
                }
            }
        }
    }

    fn doomed(&self, deletion: &Deletion) -> Vec<u64> {
        let (address, prefer) = match deletion {
            Deletion::One(identifier) => return self.find_id(identifier).into_iter().collect(),
            Deletion::Address { address, prefer } => (address, prefer),
        };
        let ids = if address.contains('@') { self.with_email(address) } else { self.with_phone(address) };
        let mut ids = ids.to_vec();
        for word in prefer {
            match word.as_str() {
                "identified" => ids.retain(|id| self.users[id].external_id.is_some()),
                "unidentified" => ids.retain(|id| self.users[id].external_id.is_none()),
                "most_recently_updated" => {
                    ids = ids.into_iter().max_by_key(|id| self.users[id].touched).into_iter().collect();
                }
                _ => {}
            }
        }
        if ids.len() == 1 { ids } else { Vec::new() }
    }
}
