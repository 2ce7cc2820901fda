//! A leader that stands still, and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::together::EVERYTHING;
use super::{AGAIN, PEOPLE, SLOW, apply, elects, logged, under_way};
use crate::operator::installed::{Installed, ready_reason, run_reason};
use crate::support::control_plane::{PATIENCE, User};

/// Attempts of the second operator to begin the run of the first one.
const ATTEMPTS: usize = 3;

/// Files of the memory that a run has, without those that a reader may touch.
fn memory(installed: &Installed) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = installed.state().join("stores").join(&installed.space.name).join("users");
    let files = std::fs::read_dir(folder).expect("a memory").map(|file| file.expect("a file").path());
    let files = files.filter(|path| !path.to_string_lossy().ends_with("-shm"));
    files.map(|path| (path.clone(), std::fs::read(path).expect("a readable file"))).collect()
}

/// What an operator wrote through the API so far, by the numbers of the audit.
async fn writes(installed: &Installed, user: &User) -> BTreeSet<String> {
    let (user, namespace) = (user.name.clone(), installed.space.name.clone());
    let is_write = move |event: &Value| {
        event["user"]["username"] == *user
            && event["objectRef"]["namespace"] == *namespace
            && !["get", "list", "watch"].iter().any(|verb| event["verb"] == **verb)
    };
    let events = installed.space.plane.audit(is_write).await;
    events.iter().filter_map(|event| event["auditID"].as_str().map(str::to_owned)).collect()
}

/// The sentence of Ready.
fn told(destination: &grouparoo::api::Destination) -> String {
    let conditions = destination.status.as_ref().and_then(|status| status.conditions.clone());
    let ready = conditions.into_iter().flatten().find(|one| one.type_ == "Ready");
    ready.map(|one| one.message).unwrap_or_default()
}

/// semantics 10.4: nobody takes over what a frozen leader holds, however often it is tried; thawed, it sees that it
/// leads no more, writes nothing and ends by itself, and its run is resumed once
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_keeps_its_run_until_it_is_gone() {
    let mut installed = Installed::with_people(PEOPLE).await;
    installed.flags = elects(&installed);
    installed.slow(SLOW);
    installed.start();
    logged(&installed.operators()[0], "leading");
    let second = installed.space.plane.fresh_user();
    installed.space.grant(&second, EVERYTHING).await;
    let kubeconfig = installed.space.plane.kubeconfig(&second, &installed.space.name);
    installed.start_as(&kubeconfig);
    apply(&installed).await;
    let name = under_way(&installed, &BTreeSet::new()).await;
    assert!(!installed.operators()[1].log.all().iter().any(|line| line.contains("\"leading\"")));
    installed.operators()[0].signal("STOP");
    logged(&installed.operators()[1], "leading");
    installed.ready("StateUnavailable").await;
    // What was on its way when the leader stood still has come through by now.
    let (arrived, remembered) = (installed.sandbox.totals().arrived, memory(&installed));
    let holder = format!("process {}", installed.operators()[0].pid());
    let log = installed.operators()[1].log.clone();
    let tried = |lines: &[String]| lines.iter().filter(|line| line.contains("run could not begin")).count();
    for attempt in 1..=ATTEMPTS {
        let before = tried(&log.all());
        assert!(
            log.wait(PATIENCE, |lines| (tried(lines) > before).then_some(())).is_some(),
            "it tries again"
        );
        let destination = installed.ready("StateUnavailable").await;
        assert_eq!(ready_reason(&destination), "StateUnavailable");
        assert!(told(&destination).contains(&holder), "the holder is named: {}", told(&destination));
        let run = installed
            .space
            .wait::<grouparoo::api::SyncRun>(&name, |run| run_reason(run) == "StateUnavailable")
            .await;
        assert_eq!(run.status.and_then(|status| status.starts), Some(1), "attempt {attempt}");
        assert_eq!(installed.sandbox.totals().arrived, arrived, "attempt {attempt}: nothing is sent");
        assert!(memory(&installed) == remembered, "attempt {attempt}: the memory is not written");
        assert_eq!(installed.runs().await.len(), 1, "attempt {attempt}: no other run is made");
    }
    let first = installed.operator.clone();
    let written = writes(&installed, &first).await;
    installed.operators()[0].signal("CONT");
    let log = installed.ended_by_itself();
    assert!(log.iter().any(|line| line.contains("lease lost")), "{log:#?}");
    installed.sandbox.clear_faults();
    installed.ready("SyncSucceeded").await;
    assert_eq!(writes(&installed, &first).await, written, "thawed, the first one wrote nothing");
    let runs = installed.runs().await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0].status.as_ref().and_then(|status| status.starts), Some(2));
    assert_eq!(installed.sandbox.users().len(), usize::try_from(PEOPLE).expect("a small number"));
    // Thawed, it may have sent what was in its queue before it looked at its clock: as much as is in flight at once.
    let accepted = installed.sandbox.totals().accepted;
    assert!(accepted <= u64::from(PEOPLE) + AGAIN, "{accepted} objects");
    installed.check().await;
}
