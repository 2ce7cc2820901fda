//! One leader among several, and what becomes of its run when it dies.

use kube::ResourceExt as _;

use super::{AGAIN, Length, PEOPLE, SLOW, apply, elects, figure, logged, names, under_way};
use crate::operator::installed::{Installed, run_reason};

/// conventions 6, semantics 10.3 and 10.5: leaders die in the middle of runs; each run is there once, is resumed once
/// by the next leader, and nothing is sent twice but what was in flight at a kill
#[tokio::test(flavor = "multi_thread")]
async fn runs_outlive_their_leaders() {
    let rounds = Length::failovers();
    let mut installed = Installed::with_people(PEOPLE).await;
    installed.flags = elects(&installed);
    installed.start();
    logged(&installed.operators()[0], "leading");
    apply(&installed).await;
    installed.ready("SyncSucceeded").await;
    let (mut again, mut longest, clock) = (0, std::time::Duration::ZERO, grouparoo_clock::Clock::system());
    for round in 1..=rounds {
        let is_killed = round % 2 == 1;
        installed.start();
        // The other one takes part, too.
        logged(&installed.operators()[1], "waiting for the lease");
        let known = names(&installed).await;
        installed.slow(SLOW);
        installed.sql(&format!("update users set plan = 'r{round}'"));
        let accepted = installed.sandbox.totals().accepted;
        installed.annotate("grouparoo.io/requested-at", &format!("r{round}")).await;
        let name = under_way(&installed, &known).await;
        let died = clock.monotonic();
        if is_killed {
            installed.kill();
        } else {
            installed.stop();
        }
        installed.sandbox.clear_faults();
        logged(&installed.operators()[0], "leading");
        longest = longest.max(clock.monotonic() - died);
        let run = installed
            .space
            .wait::<grouparoo::api::SyncRun>(&name, |run| {
                run.status.as_ref().is_some_and(|status| status.completion_time.is_some())
            })
            .await;
        assert_eq!(run_reason(&run), "SyncSucceeded", "round {round}: {run:#?}");
        let status = run.status.as_ref().expect("a status");
        assert_eq!(status.starts, Some(2), "round {round}: {status:#?}");
        let new: Vec<String> = names(&installed).await.difference(&known).cloned().collect();
        assert_eq!(new, [run.name_any()], "round {round}: one run was asked for");
        let sent = installed.sandbox.totals().accepted - accepted;
        let most = u64::from(PEOPLE) + if is_killed { AGAIN } else { 0 };
        assert!((u64::from(PEOPLE)..=most).contains(&sent), "round {round}: {sent} objects");
        again += sent - u64::from(PEOPLE);
        let plan = format!("r{round}");
        let users = installed.sandbox.users();
        assert!(
            users.iter().all(|user| {
                serde_json::to_value(user).expect("plain data")["custom_attributes"]["plan"] == *plan
            }),
            "round {round}: each user has the newest plan"
        );
        assert_eq!(users.len(), usize::try_from(PEOPLE).expect("a small number"));
    }
    figure(&format!(
        "{rounds} failovers in the middle of runs: 0 duplicate runs, {again} of {} objects sent again, the next leader \
         led after {:.1} s at the latest (lease of 6 s)",
        rounds * u64::from(PEOPLE),
        longest.as_secs_f64()
    ));
    installed.check().await;
}
