//! Random histories: rows and mappings change, people opt out, Braze answers badly or not at all, runs are stopped and
//! their state dies between two commits. In the end Braze is as the table says (semantics 2, 7, 8, 9.4, 10).
//!
//! A history follows from its seed: `HISTORY=17 cargo test --test scenarios sync::histories` tells and repeats one,
//! `HISTORIES=1000` lives through more of them.

mod dice;
mod model;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use braze_sandbox::GroupState;
use grouparoo::sync::memory::Question;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::Request;
use tokio_util::sync::CancellationToken;

use self::model::History;
use crate::support::world::NEWS;

/// Histories of a test run: some seconds.
const SEEDS: u64 = 32;
/// Histories at a time.
const THREADS: usize = 3;
/// Runs without faults until there must be nothing left to send: an address needs two, an approval one more.
const LAST_RUNS: usize = 8;
/// How much faster than the system's the engine's time goes: while Braze misbehaves, and after that.
const STORM: u32 = 200;
const CALM: u32 = 5;
/// Removals that the guard lets pass in 24 hours: `minCount`, since a tenth of so few people is less.
pub const UNASKED: usize = 3;
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// semantics 2.2 and 2.3: attributes and memberships as the table says; 3: outcomes add up (in each run); 7.2: nobody
/// who opted out is subscribed; 8.1 and 8.3: no delete of anybody who is wanted, and none beyond the guard without an
/// approval; 10.1 to 10.3: whatever was on the wire when a run died.
#[test]
fn whatever_happens_braze_ends_as_the_table_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    if let Some(seed) = number("HISTORY") {
        return live(seed, true);
    }
    let seeds = number("HISTORIES").unwrap_or(SEEDS);
    let next = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        seed if seed <= seeds => live(seed, false),
                        _ => break,
                    }
                }
            });
        }
    });
}

/// Lives through the history of a seed; a failure tells it.
fn live(seed: u64, tell: bool) {
    let mut history = History::new(seed);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..history.dice.between(3, 7) {
            storm(&mut history);
        }
        calm(&mut history);
    }));
    if tell || lived.is_err() {
        eprintln!("history {seed} (HISTORY={seed} repeats it):\n{}", history.told.join("\n"));
    }
    lived.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Something changes, and a run meets bad luck.
fn storm(history: &mut History) {
    history.change();
    let span = Duration::from_secs(60 * history.dice.between(61, 240));
    history.world.rest_at(span, STORM);
    history.bad_luck();
    let mut request = Request { full: history.dice.one_in(10), ..Request::default() };
    if history.dice.one_in(2) {
        request.approvals.extend(history.token());
    }
    let stop_after = history.dice.one_in(4).then(|| history.dice.between(1, 8));
    run(history, &request, stop_after);
}

/// Braze answers well until there is nothing left to send.
fn calm(history: &mut History) {
    history.good_luck();
    for n in 0..LAST_RUNS {
        history.world.rest_at(Duration::from_secs(2 * 3_600), CALM);
        let request = Request {
            retry_rejects: n == 0 && !history.world.rejects().is_empty(),
            approvals: history.token().into_iter().collect(),
            ..Request::default()
        };
        let report = run(history, &request, None);
        if !request.retry_rejects && report.exit_code == 0 && report.traffic.requests == 0 {
            return history.compare();
        }
    }
    panic!("the runs do not end with nothing to send");
}

/// One run, and what holds after every run.
fn run(history: &mut History, request: &Request, stop_after: Option<u64>) -> Report {
    let world = &mut history.world;
    // Requests of the run before that nobody waits for any more may be noted only now.
    let begun = world.sandbox.now();
    world.interrupt = CancellationToken::new();
    let before = world.sandbox.totals().answered;
    let (world, interrupt) = (&*world, &world.interrupt);
    let report = std::thread::scope(|scope| {
        let ended = CancellationToken::new();
        if let Some(requests) = stop_after {
            let ended = ended.clone();
            scope.spawn(move || {
                let look = Duration::from_millis(5);
                while !ended.is_cancelled() {
                    if world.sandbox.wait_until_blocking(look, |totals| totals.answered >= before + requests)
                    {
                        return interrupt.cancel();
                    }
                }
            });
        }
        let report = world.run(request);
        ended.cancel();
        report
    });
    history.told.push(format!(
        "  run: full {}, approvals {}, stop after {stop_after:?}, dies after {:?}: {:?} {:?}, {} requests, {:?}",
        request.full,
        request.approvals.len(),
        world.last_commit,
        report.result,
        report.reason,
        report.traffic.requests,
        report.counts,
    ));
    no_opt_out_is_overridden(history);
    let journal = history.world.sandbox.journal();
    let deletes = journal.iter().filter(|entry| entry.path == "/users/delete" && entry.at >= begun);
    let ids = deletes.flat_map(|entry| entry.json()["external_ids"].as_array().cloned().unwrap_or_default());
    let deleted = ids.map(|id| id.as_str().and_then(|id| id.parse().ok()).expect("a number")).collect();
    no_delete_is_too_many(history, request, &report, deleted);
    let asked = report.pending_approvals.iter().find(|asked| asked.question == Question::DeletionGuard);
    history.asked = asked.map(|asked| (asked.token.clone(), history.absent()));
    report
}

/// semantics 7.2: a person's word stands, whatever was sent again.
fn no_opt_out_is_overridden(history: &History) {
    for address in &history.opted_out {
        let state = history.world.sandbox.subscription(NEWS, address);
        assert_ne!(state, Some(GroupState::Subscribed), "{address} had opted out");
    }
}

/// semantics 8.1 to 8.3: only who is gone is deleted; without an approval only as many as the formula lets pass.
fn no_delete_is_too_many(history: &mut History, request: &Request, report: &Report, deleted: Vec<u32>) {
    assert!(history.deletes || deleted.is_empty(), "mode Additive deletes nobody: {deleted:?}");
    let approved = match &history.asked {
        Some((token, absent)) if request.approvals.contains(token) => absent.clone(),
        _ => Default::default(),
    };
    for id in deleted {
        assert!(!history.people.contains_key(&id), "{id} is wanted and was deleted");
        if !approved.contains(&id) {
            history.unasked.push((report.start_time, id));
        }
    }
    history.unasked.retain(|(time, _)| report.start_time.duration_since(*time) < DAY);
    let mut ids: Vec<u32> = history.unasked.iter().map(|(_, id)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() <= UNASKED, "{ids:?} were deleted in 24 hours, and nobody approved");
}
