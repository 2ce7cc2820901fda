//! A leader that stands still, and comes back.

use std::collections::BTreeSet;

use super::{AGAIN, PEOPLE, SLOW, apply, elects, logged, under_way};
use crate::operator::installed::{Installed, run_reason};

/// semantics 10.4: nobody takes over what a frozen leader holds; thawed, it sees that it leads no more and ends by
/// itself, and its run is resumed once
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_keeps_its_run_until_it_is_gone() {
    let mut installed = Installed::with_people(PEOPLE).await;
    installed.flags = elects(&installed);
    installed.slow(SLOW);
    installed.start();
    logged(&installed.operators()[0], "leading");
    installed.start();
    apply(&installed).await;
    let name = under_way(&installed, &BTreeSet::new()).await;
    installed.operators()[0].signal("STOP");
    logged(&installed.operators()[1], "leading");
    let destination = installed.ready("StateUnavailable").await;
    // What was on its way when the leader stood still has come through by now.
    let arrived = installed.sandbox.totals().arrived;
    let conditions = destination.status.and_then(|status| status.conditions).expect("conditions");
    let ready = conditions.iter().find(|one| one.type_ == "Ready").expect("Ready");
    let holder = format!("process {}", installed.operators()[0].pid());
    assert!(ready.message.contains(&holder), "the holder is named: {}", ready.message);
    // The second one tries again and again, and sends nothing.
    let run = installed
        .space
        .wait::<grouparoo::api::SyncRun>(&name, |run| run_reason(run) == "StateUnavailable")
        .await;
    assert_eq!(run.status.and_then(|status| status.starts), Some(1));
    assert_eq!(
        installed.sandbox.totals().arrived,
        arrived,
        "nothing is sent while the first holds the state"
    );
    installed.operators()[0].signal("CONT");
    let log = installed.ended_by_itself();
    assert!(log.iter().any(|line| line.contains("lease lost")), "{log:#?}");
    installed.sandbox.clear_faults();
    installed.ready("SyncSucceeded").await;
    let runs = installed.runs().await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0].status.as_ref().and_then(|status| status.starts), Some(2));
    assert_eq!(installed.sandbox.users().len(), usize::try_from(PEOPLE).expect("a small number"));
    // Thawed, it may have sent what was in its queue before it looked at its clock: as much as is in flight at once.
    let accepted = installed.sandbox.totals().accepted;
    assert!(accepted <= u64::from(PEOPLE) + AGAIN, "{accepted} objects");
    installed.check().await;
}
