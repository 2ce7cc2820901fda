//! Phases 2 to 5 of a run: read and send, leave, remove, close (docs/semantics.md, "Phases of a run").

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::source::Selection;
use crate::state::StateError;

use super::approval;
use super::close::{self, Ending};
use super::course::Course;
use super::job::Collection;
use super::memory::Question;
use super::read::{self, ReadEnd, Reading, Work};
use super::reason::Stop;
use super::removals;
use super::run::{Run, Stage, state_stop};

/// Longest time that requests in flight may take after a run was stopped.
const LAST_REQUESTS: Duration = Duration::from_secs(25);

impl Run<'_> {
    /// Phases 2 to 5.
    pub(super) async fn phases(&mut self, course: &Arc<Course>) -> Result<Ending, Stop> {
        let read = if self.job.collection == Collection::None {
            Ok(ReadEnd { complete: true, ..ReadEnd::default() })
        } else {
            self.watch.enter(Stage::Reading);
            self.read_and_deliver(course).await
        };
        let ending = match read {
            Ok(read) => self.after_read(course, read).await,
            Err(error) => {
                self.control.stop(state_stop(&error));
                Ok(Ending::default())
            }
        };
        ending.map_err(|error| state_stop(&error))
    }

    async fn read_and_deliver(&self, course: &Arc<Course>) -> Result<ReadEnd, StateError> {
        let keys = course.asked.keys.clone();
        let selection = match keys {
            Some(named) => {
                let (column, kind) = (course.program.key_column.clone(), course.program.key_kind);
                Selection::Keys { column, keys: named.spellings, kind }
            }
            None => Selection::All,
        };
        let full = selection == Selection::All;
        let reading = Reading {
            relation: self.job.model.relation.clone(),
            selection,
            max_rows: self.job.model.max_rows,
            tolerance: self.job.reject_tolerance,
            enrich: self.job.enrich,
            trial: full && self.known >= 1_000 && !self.key_change_approved,
        };
        let in_flight = self.job.app.braze.limits.max_in_flight;
        let (sender, mut receiver) = mpsc::channel(in_flight.clamp(4, 64));
        let reader = {
            let (course, source) = (course.clone(), self.tools.source.clone());
            std::thread::Builder::new()
                .name("read".to_owned())
                .spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .expect("the system can make a runtime");
                    runtime.block_on(read::read(course, source.as_ref(), reading, sender))
                })
                .expect("the system can start a thread")
        };
        // As many again as may be on the wire: those wait for their intents to become durable.
        let most = in_flight + in_flight.min(64);
        let mut running = FuturesUnordered::new();
        let mut open = true;
        let deliver = async {
            while open || !running.is_empty() {
                tokio::select! {
                    work = receiver.recv(), if open && running.len() < most => match work {
                        Some(work) => running.push(carry_out(course, work)),
                        None => open = false,
                    },
                    Some(()) = running.next(), if !running.is_empty() => {}
                }
            }
        };
        let last_requests = async {
            course.control.token().cancelled().await;
            course.clock.sleep(LAST_REQUESTS).await;
        };
        let finished = tokio::select! {
            biased;
            () = deliver => true,
            () = last_requests => false,
        };
        drop(receiver);
        if !finished {
            course.abandoned.store(true, Ordering::Relaxed);
            tracing::warn!("requests in flight did not end in time; what became of them is unknown");
        }
        let ended = tokio::task::spawn_blocking(move || reader.join()).await;
        ended.expect("the thread was not cancelled").expect("the reader does not panic")
    }

    async fn after_read(&mut self, course: &Arc<Course>, read: ReadEnd) -> Result<Ending, StateError> {
        course.committer.flush().await.ok();
        if course.abandoned.load(Ordering::Relaxed) {
            let mut unfinished: HashSet<u64> = Course::lock(&course.unfinished).keys().copied().collect();
            unfinished.extend(Course::lock(&course.leaves).iter().map(|leave| leave.key_hash));
            self.balance(read.left.len() as u64 + unfinished.len() as u64);
        }
        for (column, kind) in course.kinds.learnt(course.abandoned.load(Ordering::Relaxed)) {
            self.memory.schema.attributes[usize::from(column)].kind = kind;
        }
        let mut ending = Ending { read: close::source_report(self, course, &read), ..Ending::default() };
        if read.keys_unknown {
            ending.questions.push(close::ask_keys(self));
        } else if read.complete && self.key_change_approved {
            self.use_up(Question::KeyChanged);
        }
        let adopting = course.program.rules.adopt;
        let permitted = close::judge_read(self, course, &read);
        let control = course.control.clone();
        let last_requests = async {
            control.token().cancelled().await;
            course.clock.sleep(LAST_REQUESTS).await;
        };
        let phases = async {
            self.watch.enter(Stage::Leaving);
            course.leave_groups(permitted.leaves && !adopting).await?;
            self.watch.enter(Stage::Removing);
            removals::remove(self, course, &read, permitted, &mut ending).await
        };
        let finished = tokio::select! {
            biased;
            result = phases => Some(result),
            () = last_requests => None,
        };
        match finished {
            Some(result) => result?,
            None => {
                tracing::warn!("requests in flight did not end in time; what became of them is unknown");
                course.abandoned.store(true, Ordering::Relaxed);
                self.balance(0);
            }
        }
        self.watch.enter(Stage::Closing);
        let groups = course.program.group_names.iter().enumerate();
        let off = groups.filter(|(group, _)| course.group_is_off(*group));
        ending.groups_off = off.map(|(_, name)| name.clone()).collect();
        close::close(self, course, &read, &mut ending).await?;
        Ok(ending)
    }

    /// Records that a stop left without an outcome are pending; so many of them are still to be counted.
    pub(super) fn balance(&self, to_come: u64) {
        let counts = self.account.counts.snapshot();
        let lost = (counts.read + counts.gone).saturating_sub(counts.decided() + to_come);
        self.account.counts.pending.add(lost);
    }

    /// Removals that were noted and have no answer do not count as sent.
    pub fn take_back_removals(&mut self, count: u64) {
        if let Some(noted) = self.memory.ledger.removals.last_mut().filter(|noted| noted.time == self.now) {
            noted.count = noted.count.saturating_sub(count);
        }
    }

    /// The approval of a question did its work.
    pub fn use_up(&mut self, question: Question) {
        let ledger = &mut self.memory.ledger;
        let given = approval::given(ledger, question, &self.request.approvals, self.now);
        if let Some(token) = given.map(|token| token.token.clone()) {
            approval::use_up(ledger, &token);
        }
    }

    /// Notes removals that no approval covers, before they are sent: a crash must not hide them from the guard.
    pub async fn note_removals(&mut self, course: &Course, count: u64) {
        if count > 0 {
            super::guard::note(&mut self.memory.ledger, count, self.now);
            let _ = course.committer.remember(&self.memory).await;
        }
    }
}

async fn carry_out(course: &Arc<Course>, work: Work) {
    match work {
        Work::Parcel(parcel) => {
            let stale = course.deliver(parcel).await.stale;
            course.stage(stale).await;
        }
        Work::Stage(candidates) => course.stage(candidates).await,
    }
}
