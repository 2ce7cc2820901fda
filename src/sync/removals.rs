//! Which removals a run may send: the set, the guard, the approvals (docs/semantics.md, "Deletion guard").

use crate::state::{Change, Record, StateError, Status};

use super::approval::{self, Asking};
use super::close::Ending;
use super::close::Permitted;
use super::course::Course;
use super::decide;
use super::guard;
use super::job::{Collection, SyncMode};
use super::keys::KeyList;
use super::memory::Question;
use super::outcome::Skip;
use super::read::ReadEnd;
use super::run::Run;

/// How long a delete without an answer is sent again.
const DELETE_RETRY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Removals of a run, sorted by what becomes of them.
#[derive(Default)]
struct Removals {
    /// Nothing destructive would be sent: never held.
    harmless: KeyList,
    /// An approval covers them.
    approved: KeyList,
    /// The guard's formula decides.
    guarded: KeyList,
    /// Held until a person approves, whatever the formula says.
    barred: KeyList,
    /// Digest of the destructive set without the approved ones, independent of its order.
    digest: u64,
    /// The same with the approved ones: what a token of a plan stands for.
    whole: u64,
}

/// Sends the removals that may be sent, holds the others and asks.
pub async fn remove(
    run: &mut Run<'_>,
    course: &Course,
    read: &ReadEnd,
    permitted: Permitted,
    ending: &mut Ending,
) -> Result<(), StateError> {
    if course.asked.keys.is_some() {
        // A read of some keys removes nothing: the next full read decides.
        course.account.skip(Skip::NotInCollection, read.left.len() as u64);
        return Ok(());
    }
    if !permitted.removals {
        // What left in the rows read stays as it is: the next complete read decides.
        course.account.counts.pending.add(read.left.len() as u64);
        return Ok(());
    }
    let mut gone = KeyList::default();
    if permitted.gone && !course.program.rules.adopt {
        gone = find_gone(run, course).await?;
    }
    let removals = sort(run, course, read, &gone)?;
    let uncovered = (removals.guarded.len() + removals.barred.len()) as u64;
    let verdict = guard::judge(
        &run.job.deletion_guard,
        &run.memory.ledger,
        removals.guarded.len() as u64,
        run.known,
        run.now,
    );
    let whole_set = whole_set_approved(run, &removals);
    // With nothing to keep back there is no question, whatever the last 24 hours say.
    let trips = verdict.trips && !whole_set && !removals.guarded.is_empty();
    let bars = !removals.barred.is_empty() && !whole_set;
    ending.guard_trips = trips || bars;
    let deletes = run.job.mode == SyncMode::Sync;
    let waiting = course.account.counts.pending.get();
    send(run, course, &removals.harmless, false).await?;
    let covered = if whole_set { 0 } else { removals.guarded.len() as u64 };
    if !trips {
        run.note_removals(course, if run.request.plan { 0 } else { covered }).await;
    }
    for (list, held) in [(&removals.approved, false), (&removals.guarded, trips), (&removals.barred, bars)] {
        if held {
            course.hold(list, !run.request.plan).await?;
        } else {
            let before = course.account.counts.pending.get();
            send(run, course, list, deletes).await?;
            if std::ptr::eq(list, &removals.guarded) && covered > 0 {
                // What has no answer is a removal of the next run again, and would count twice.
                run.take_back_removals(course.account.counts.pending.get() - before);
            }
        }
    }
    let complete = !course.control.is_stopped() && course.account.counts.pending.get() == waiting;
    if ending.guard_trips {
        if complete && !removals.approved.is_empty() && !run.request.plan {
            run.use_up(Question::DeletionGuard);
        }
        let asking = Asking {
            question: Question::DeletionGuard,
            answer: None,
            action: action(deletes),
            digest: removals.digest,
            removals: uncovered,
            known_records: verdict.known,
        };
        let serial = course.serial;
        let key = run.tools.store.hash_key().clone();
        let issued = approval::ask(&key, &mut run.memory.ledger, &asking, serial, run.now);
        ending.questions.push(issued);
        ending.guard = Some(verdict);
        ending.held = verdict.removals + removals.barred.len() as u64;
    } else {
        settle_question(run, &removals, whole_set, complete);
    }
    Ok(())
}

/// What is done to a record that left, as its question names it.
fn action(deletes: bool) -> &'static str {
    if deletes { "delete" } else { "release" }
}

/// Known records that a complete full read did not find; one that was missing too seldom is only counted.
async fn find_gone(run: &Run<'_>, course: &Course) -> Result<KeyList, StateError> {
    let mut gone = KeyList::default();
    let mut changes = Vec::new();
    let mut waiting = 0;
    let takes_all_back = run.job.collection == Collection::None;
    course.store.unseen(&mut |mut record: Record| {
        match record.status {
            Status::Live | Status::Attempted => {
                record.absences = record.absences.saturating_add(1);
                if takes_all_back || record.absences >= run.job.deletion_guard.absent_reads {
                    gone.push(&record.key);
                } else {
                    waiting += 1;
                    changes.push(Change::Put(record, 0));
                }
            }
            // A person's opt-out outlives what else is remembered.
            Status::Absent | Status::Refused if !record.has_opt_out() => {
                changes.push(Change::Erase(record.key));
            }
            Status::Absent | Status::Refused | Status::Released => {}
        }
        true
    })?;
    course.account.counts.gone.add(gone.len() as u64 + waiting);
    course.account.skip(Skip::AwaitingAbsence, waiting);
    course.note(changes).await;
    Ok(gone)
}

fn sort(run: &Run<'_>, course: &Course, read: &ReadEnd, gone: &KeyList) -> Result<Removals, StateError> {
    let deletes = run.job.mode == SyncMode::Sync;
    let approval =
        approval::given(&run.memory.ledger, Question::DeletionGuard, &run.request.approvals, run.now)
            .filter(|token| token.action == action(deletes))
            .map(|token| token.serial);
    let none_approved = takes_all_by_question(run);
    let unverified = run.memory.binding.as_ref().is_some_and(|binding| binding.unverified);
    let mut removals = Removals::default();
    for key in read.left.iter().chain(gone.iter()) {
        let Some(record) = course.store.get(key)? else { continue };
        let destructive = deletes || decide::release_is_destructive(&course.program.rules, &record);
        if !destructive {
            removals.harmless.push(key);
            continue;
        }
        let hash = course.program.hash_key.hash(key);
        removals.whole = removals.whole.wrapping_add(hash);
        // Approved: held since a serial that the token covers, or by the question of collection None.
        let covered = approval.is_some_and(|serial| record.held_since.is_some_and(|since| since <= serial));
        if covered || none_approved {
            removals.approved.push(key);
            continue;
        }
        removals.digest = removals.digest.wrapping_add(hash);
        let too_old = record.delete_sent.is_some_and(|at| run.now.duration_since(at) > DELETE_RETRY);
        if unverified || too_old {
            removals.barred.push(key);
        } else {
            removals.guarded.push(key);
        }
    }
    Ok(removals)
}

/// Whether everything is taken back because a person answered the question about it. Nobody did for a Destination that
/// is deleted: there the guard decides.
fn takes_all_by_question(run: &Run<'_>) -> bool {
    run.job.collection == Collection::None && !run.request.cleanup
}

/// A token of a plan covers an identical set, though no run issued it.
fn whole_set_approved(run: &Run<'_>, removals: &Removals) -> bool {
    let deletes = run.job.mode == SyncMode::Sync;
    let asking = Asking {
        question: Question::DeletionGuard,
        answer: None,
        action: action(deletes),
        digest: removals.whole,
        removals: 0,
        known_records: 0,
    };
    let token = approval::token(run.tools.store.hash_key(), &run.memory.ledger, &asking);
    let ledger = &run.memory.ledger;
    let expired = ledger.tokens.iter().any(|issued| issued.token == token && issued.expires <= run.now);
    run.request.approvals.contains(&token) && !ledger.used_tokens.contains(&token) && !expired
}

/// The question is over: its set was sent (`complete`: all of it), or is not there any more.
fn settle_question(run: &mut Run<'_>, removals: &Removals, whole_set: bool, complete: bool) {
    let sent = !removals.approved.is_empty() || whole_set;
    if sent && !complete {
        // What remains of the set goes with the next run, by the same token.
        return;
    }
    if takes_all_by_question(run) {
        run.use_up(Question::CollectionNone);
        return;
    }
    let approvals = &run.request.approvals;
    let given = approval::given(&run.memory.ledger, Question::DeletionGuard, approvals, run.now);
    let given = given.map(|token| token.token.clone());
    match given {
        Some(token) if sent => approval::use_up(&mut run.memory.ledger, &token),
        _ if whole_set => run.memory.ledger.approvals_used += 1,
        _ => return approval::withdraw(&mut run.memory.ledger, Question::DeletionGuard),
    }
    if let Some(binding) = &mut run.memory.binding {
        binding.unverified = false;
    }
}

async fn send(run: &mut Run<'_>, course: &Course, keys: &KeyList, deletes: bool) -> Result<(), StateError> {
    if keys.is_empty() {
        return Ok(());
    }
    if run.request.plan && deletes {
        return course.plan_deletes(keys).await;
    }
    if !run.request.plan {
        course.settle().await;
    }
    if deletes {
        // Before the first mark of an opt-out: after a kill nobody would miss a ledger that is lost.
        run.memory.ledger.app_noted = true;
        let _ = course.committer.remember(&run.memory).await;
        course.delete_all(keys).await?;
    } else {
        course.release_all(keys).await?;
    }
    Ok(())
}
