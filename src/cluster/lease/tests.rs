//! An election with a clock that is moved by hand and leases that are kept in process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use grouparoo_clock::Clock;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::decide::{Decision, Observed, decide};
use super::{Elector, Lost, Timing};
use crate::cluster::testing::{Answer, Seen, Server, drive, noon, settle};

const STEP: Duration = Duration::from_millis(250);
const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/ops/leases";

fn timing() -> Timing {
    Timing { jitter: Duration::ZERO, ..Timing::default() }
}

/// One lease, as an API server keeps it: with resourceVersions that must agree.
#[derive(Default)]
struct Store {
    lease: Option<Value>,
    version: u64,
    /// The next so many writes lose a race.
    races: u32,
}

impl Store {
    fn answer(&mut self, request: &Seen) -> Answer {
        let name = format!("{PATH}/grouparoo");
        match (&request.method, request.path.as_str()) {
            (&Method::GET, path) if path == name => match &self.lease {
                Some(lease) => Answer::json(StatusCode::OK, lease),
                None => Answer::status(StatusCode::NOT_FOUND, "NotFound"),
            },
            (&Method::POST, PATH) => match self.lease {
                Some(_) => Answer::status(StatusCode::CONFLICT, "AlreadyExists"),
                None => self.write(request),
            },
            (&Method::PUT, path) if path == name => {
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                let sent = &body["metadata"]["resourceVersion"];
                assert!(sent.is_string(), "a write without a resourceVersion: {body}");
                if self.races > 0 {
                    self.races -= 1;
                    self.version += 1;
                    let version = json!(self.version.to_string());
                    self.lease.as_mut().expect("a lease")["metadata"]["resourceVersion"] = version;
                }
                let known = self.lease.as_ref().map(|lease| &lease["metadata"]["resourceVersion"]);
                if known == Some(sent) {
                    self.write(request)
                } else {
                    Answer::status(StatusCode::CONFLICT, "Conflict")
                }
            }
            other => panic!("an unexpected request: {other:?}"),
        }
    }

    fn write(&mut self, request: &Seen) -> Answer {
        let mut lease: Value = serde_json::from_slice(&request.body).expect("JSON");
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let answer = Answer::json(StatusCode::OK, &lease);
        self.lease = Some(lease);
        answer
    }
}

/// The leases and a way to them for each candidate, which can be cut.
struct Cluster {
    store: Arc<Mutex<Store>>,
    clock: Clock,
}

struct Candidate {
    elector: Arc<Elector>,
    cut: Arc<AtomicBool>,
    server: Server,
    cancel: CancellationToken,
}

impl Cluster {
    fn new() -> Self {
        Self { store: Arc::default(), clock: Clock::manual(noon()) }
    }

    fn candidate(&self, identity: &str) -> Candidate {
        self.candidate_with(identity, self.clock.clone())
    }

    /// A candidate with a clock of its own: it can be frozen.
    fn candidate_with(&self, identity: &str, clock: Clock) -> Candidate {
        let (cut, store) = (Arc::new(AtomicBool::new(false)), self.store.clone());
        let is_cut = cut.clone();
        let server = Server::new(move |request| {
            if is_cut.load(Ordering::SeqCst) {
                return Answer::Never;
            }
            store.lock().expect("not poisoned").answer(request)
        });
        let elector = Elector::new(server.client(), "ops", "grouparoo", identity, timing(), clock);
        Candidate { elector: Arc::new(elector), cut, server, cancel: CancellationToken::new() }
    }

    async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        drive(&self.clock, STEP, work).await
    }

    fn spec(&self) -> Value {
        self.store.lock().expect("not poisoned").lease.as_ref().expect("a lease")["spec"].clone()
    }
}

impl Candidate {
    async fn acquire(&self) -> bool {
        self.elector.acquire(&self.cancel).await
    }
}

#[tokio::test]
async fn of_two_candidates_one_leads_and_the_other_follows_when_it_is_cut_off() {
    let cluster = Cluster::new();
    let (first, second) = (cluster.candidate("a"), cluster.candidate("b"));
    assert!(cluster.drive(first.acquire()).await);
    assert!(first.elector.may_lead() && !second.elector.may_lead());
    let lost = tokio::spawn({
        let elector = first.elector.clone();
        async move { elector.hold().await }
    });
    let follower = tokio::spawn({
        let (elector, cancel) = (second.elector.clone(), second.cancel.clone());
        async move { elector.acquire(&cancel).await }
    });
    cluster.drive(cluster.clock.sleep(Duration::from_secs(60))).await;
    assert!(!lost.is_finished() && !follower.is_finished());
    assert_eq!(cluster.spec()["leaseTransitions"], 0);

    first.cut.store(true, Ordering::SeqCst);
    let cut_at = cluster.clock.monotonic();
    let why = cluster.drive(lost).await.expect("no panic");
    let stopped_at = cluster.clock.monotonic();
    assert!(matches!(why, Lost::TooLate { .. }), "{why}");
    assert!(!first.elector.may_lead());
    assert!(!second.elector.may_lead(), "two leaders");
    assert!(stopped_at - cut_at <= timing().renew_deadline);
    assert!(cluster.drive(follower).await.expect("no panic"));
    assert!(second.elector.may_lead());
    assert!(cluster.clock.monotonic() - cut_at >= Duration::from_secs(13));
    assert_eq!(cluster.spec()["holderIdentity"], "b");
    assert_eq!(cluster.spec()["leaseTransitions"], 1);
}

#[tokio::test]
async fn a_frozen_leader_sees_after_the_thaw_that_it_is_too_late_and_asks_nothing_more() {
    let cluster = Cluster::new();
    let own = Clock::manual(noon());
    let first = cluster.candidate_with("a", own.clone());
    let second = cluster.candidate("b");
    assert!(first.acquire().await);
    let hold = first.elector.hold();
    tokio::pin!(hold);
    assert!(futures::poll!(&mut hold).is_pending());
    // Its process stands still while all others go on.
    assert!(cluster.drive(second.acquire()).await);
    let asked = first.server.seen().len();
    own.advance(Duration::from_secs(60));
    assert!(!first.elector.may_lead());
    let lost = hold.await;
    assert_eq!(lost, Lost::TooLate { age: Duration::from_secs(60) });
    assert_eq!(first.server.seen().len(), asked);
    assert_eq!(cluster.spec()["holderIdentity"], "b");
}

/// Looks that saw that we lead no more have stopped for good, so the lead may not come back.
#[tokio::test]
async fn a_renewal_that_is_answered_after_the_deadline_does_not_bring_the_lead_back() {
    let own = Clock::manual(noon());
    let (store, late, clock) = (Mutex::new(Store::default()), Arc::new(AtomicBool::new(false)), own.clone());
    let is_late = late.clone();
    let server = Server::new(move |request| {
        // Each of the two calls of one renewal is in time, but not both together.
        if is_late.load(Ordering::SeqCst) {
            clock.advance(Duration::from_millis(4_500));
            is_late.store(request.method == Method::GET, Ordering::SeqCst);
        }
        store.lock().expect("not poisoned").answer(request)
    });
    let elector = Elector::new(server.client(), "ops", "grouparoo", "a", timing(), own.clone());
    assert!(elector.acquire(&CancellationToken::new()).await);
    late.store(true, Ordering::SeqCst);
    let lost = drive(&own, STEP, elector.hold());
    let lost = tokio::time::timeout(Duration::from_secs(5), lost).await.expect("it is lost");
    assert!(matches!(lost, Lost::TooLate { .. }), "{lost:?}");
    assert!(!elector.may_lead());
}

#[tokio::test]
async fn a_leader_that_ends_gives_the_lease_back_and_the_next_need_not_wait() {
    let cluster = Cluster::new();
    let (first, second) = (cluster.candidate("a"), cluster.candidate("b"));
    assert!(first.acquire().await);
    first.elector.release().await.expect("released");
    assert!(!first.elector.may_lead());
    assert_eq!(cluster.spec()["holderIdentity"], "");
    assert_eq!(cluster.spec()["leaseDurationSeconds"], 1);
    let before = cluster.clock.monotonic();
    assert!(second.acquire().await);
    assert_eq!(cluster.clock.monotonic(), before);
    // Who does not lead has nothing to give back.
    first.elector.release().await.expect("nothing to do");
    assert_eq!(cluster.spec()["holderIdentity"], "b");
}

#[tokio::test]
async fn a_lost_race_is_read_again_and_costs_no_lead() {
    let cluster = Cluster::new();
    let first = cluster.candidate("a");
    assert!(first.acquire().await);
    cluster.store.lock().expect("not poisoned").races = 2;
    let lost = tokio::spawn({
        let elector = first.elector.clone();
        async move { elector.hold().await }
    });
    cluster.drive(cluster.clock.sleep(Duration::from_secs(30))).await;
    assert!(!lost.is_finished() && first.elector.may_lead());
    assert_eq!(cluster.store.lock().expect("not poisoned").races, 0);
    cluster.store.lock().expect("not poisoned").races = 2;
    // Release meets the same race.
    lost.abort();
    first.elector.release().await.expect("released");
    assert_eq!(cluster.spec()["holderIdentity"], "");
}

#[tokio::test]
async fn of_two_that_create_the_lease_at_once_the_slower_one_follows() {
    let cluster = Cluster::new();
    let (first, second) = (cluster.candidate("a"), cluster.candidate("b"));
    let (one, two) = tokio::join!(first.acquire(), async {
        let work = second.acquire();
        tokio::pin!(work);
        for _ in 0..500 {
            if futures::poll!(&mut work).is_ready() {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    });
    assert!(one != two, "{one} {two}");
    assert!(first.elector.may_lead() != second.elector.may_lead());
}

#[tokio::test]
async fn a_lease_that_somebody_took_by_hand_is_lost_at_the_next_look() {
    let cluster = Cluster::new();
    let first = cluster.candidate("a");
    assert!(first.acquire().await);
    {
        let mut store = cluster.store.lock().expect("not poisoned");
        let lease = store.lease.as_mut().expect("a lease");
        lease["spec"]["holderIdentity"] = json!("b");
        lease["metadata"]["resourceVersion"] = json!("77");
    }
    let lost = cluster.drive(first.elector.hold()).await;
    assert_eq!(lost, Lost::Taken { by: "b".to_owned() });
    assert!(!first.elector.may_lead());
}

#[tokio::test]
async fn a_candidate_that_is_told_to_stop_stops_waiting() {
    let cluster = Cluster::new();
    let (first, second) = (cluster.candidate("a"), cluster.candidate("b"));
    assert!(first.acquire().await);
    let waiting = tokio::spawn({
        let (elector, cancel) = (second.elector.clone(), second.cancel.clone());
        async move { elector.acquire(&cancel).await }
    });
    settle().await;
    second.cancel.cancel();
    assert!(!waiting.await.expect("no panic"));
    // Also in the middle of a call that is never answered.
    let third = cluster.candidate("c");
    third.cut.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let (elector, cancel) = (third.elector.clone(), third.cancel.clone());
        async move { elector.acquire(&cancel).await }
    });
    settle().await;
    third.cancel.cancel();
    assert!(!waiting.await.expect("no panic"));
}

/// No assumption about other machines' clocks: only the standing still counts, on our own clock.
#[test]
fn a_foreign_lease_is_dead_only_after_it_stood_still_before_our_eyes() {
    let own = Duration::from_secs(15);
    let second = Duration::from_secs;
    let spec = |renewed: &str| LeaseSpec {
        holder_identity: Some("a".to_owned()),
        lease_duration_seconds: Some(15),
        renew_time: Some(serde_json::from_value(json!(renewed)).expect("a time")),
        ..Default::default()
    };
    // Renewed an hour ago by its own words: its clock may be wrong.
    let seen = Observed::new(&spec("2026-03-01T11:00:00.000000Z"), None, own, second(100));
    assert_eq!(decide(Some(&seen), "b", second(100)), Decision::Wait);
    let again = Observed::new(&spec("2026-03-01T11:00:00.000000Z"), Some(&seen), own, second(115));
    assert_eq!(decide(Some(&again), "b", second(115)), Decision::Wait);
    assert_eq!(decide(Some(&again), "b", second(116)), Decision::Acquire);
    let moved = Observed::new(&spec("2026-03-01T11:00:00.000001Z"), Some(&again), own, second(116));
    assert_eq!(decide(Some(&moved), "b", second(116)), Decision::Wait);
    assert_eq!(decide(Some(&moved), "a", second(900)), Decision::Renew);
    assert_eq!(decide(None, "b", second(0)), Decision::Acquire);
    // A duration that is none counts as ours.
    let odd = LeaseSpec { lease_duration_seconds: Some(-3), ..spec("2026-03-01T11:00:00.000000Z") };
    let odd = Observed::new(&odd, None, own, second(0));
    assert_eq!(decide(Some(&odd), "b", second(15)), Decision::Wait);
    assert_eq!(decide(Some(&odd), "b", second(16)), Decision::Acquire);
}
