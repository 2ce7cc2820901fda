//! Ends and deaths of the operator.

use super::installed::{Installed, run_reason};

/// semantics 10.6: asked to end, a run stops at its checkpoint and is resumed by whoever comes next
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_is_resumed_once() {
    for kill in [false, true] {
        let mut installed = Installed::with_people(4_000).await;
        installed.slow(std::time::Duration::from_millis(1_000));
        installed.start();
        installed.apply().await;
        let runs = installed.space.api::<grouparoo::api::SyncRun>();
        let name = first_running(&installed).await;
        if kill {
            installed.kill();
        } else {
            installed.stop();
        }
        let cut = runs.get(&name).await.expect("a run");
        assert_eq!(run_reason(&cut), "Running", "an operator that ends leaves its run to be resumed");
        installed.sandbox.clear_faults();
        installed.start();
        installed.ready("SyncSucceeded").await;
        let all = installed.runs().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        let status = all[0].status.as_ref().expect("a status");
        assert_eq!(status.starts, Some(2));
        assert_eq!(status.earlier_starts.as_ref().map(Vec::len), Some(1));
        assert_eq!(installed.sandbox.users().len(), 4_000);
        installed.check().await;
    }
}

async fn first_running(installed: &Installed) -> String {
    let destination = installed
        .destination_when(|destination| {
            destination.status.as_ref().is_some_and(|status| status.active_run.is_some())
        })
        .await;
    let name = destination.status.and_then(|status| status.active_run).expect("an active run").name;
    installed
        .space
        .wait::<grouparoo::api::SyncRun>(&name, |run| {
            let counts = run.status.as_ref().and_then(|status| status.counts.as_ref());
            counts.and_then(|counts| counts.added).unwrap_or(0) > 0
        })
        .await;
    name
}
