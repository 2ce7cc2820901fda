//! Two operators without an election on one state folder: a mistake that must be harmless.

use std::collections::BTreeSet;

use super::{AGAIN, PEOPLE, SLOW, apply, logged, names, under_way};
use crate::operator::installed::{Installed, run_reason};

/// Rights to all, as a rule.
pub(super) const EVERYTHING: &str = "[{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]";

/// semantics 10.4: the second one changes nothing while the first lives, and says whom it waits for; then it goes on
#[tokio::test(flavor = "multi_thread")]
async fn the_second_operator_waits_until_the_first_has_ended() {
    let mut installed = Installed::with_people(PEOPLE).await;
    installed.slow(SLOW);
    installed.start();
    apply(&installed).await;
    under_way(&installed, &BTreeSet::new()).await;
    let other = installed.space.plane.fresh_user();
    installed.space.grant(&other, EVERYTHING).await;
    let kubeconfig = installed.space.plane.kubeconfig(&other, &installed.space.name);
    installed.start_as(&kubeconfig);
    let told = logged(&installed.operators()[1], "waiting for the state folder");
    let holder = format!("process {}", installed.operators()[0].pid());
    assert!(told.contains(&holder), "{told}");
    installed.ready("SyncSucceeded").await;
    let runs = installed.runs().await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].status.as_ref().and_then(|status| status.starts), Some(1));
    assert_eq!(installed.sandbox.totals().accepted, u64::from(PEOPLE));
    // A frozen one lives, too.
    let known = names(&installed).await;
    installed.sql("update users set plan = 'gold'");
    installed.annotate("grouparoo.io/requested-at", "again").await;
    let name = under_way(&installed, &known).await;
    installed.operators()[0].signal("STOP");
    let writes = |event: &serde_json::Value| {
        event["user"]["username"] == *other.name
            && !["get", "list", "watch"].iter().any(|verb| event["verb"] == **verb)
    };
    assert_eq!(installed.space.plane.audit(writes).await.len(), 0, "the second one writes nothing");
    installed.operators()[0].signal("CONT");
    installed.kill();
    installed.sandbox.clear_faults();
    let run = installed
        .space
        .wait::<grouparoo::api::SyncRun>(&name, |run| {
            run.status.as_ref().is_some_and(|status| status.completion_time.is_some())
        })
        .await;
    assert_eq!(run_reason(&run), "SyncSucceeded");
    assert_eq!(run.status.and_then(|status| status.starts), Some(2));
    let accepted = installed.sandbox.totals().accepted;
    assert!(accepted <= 2 * u64::from(PEOPLE) + AGAIN, "{accepted} objects");
    installed.check().await;
}
