//! The API server goes away in the middle of runs, and its watches expire.

use std::collections::BTreeSet;

use grouparoo_clock::Clock;

use super::proxy::Proxy;
use super::{AGAIN, Length, PEOPLE, SLOW, apply, elects, figure, logged, under_way};
use crate::operator::installed::{Installed, run_reason};
use crate::support::control_plane::{ControlPlane, PATIENCE};

/// conventions 6: without an election runs go on and their results are written later; with one the leader ends and its
/// run is resumed. At most two requests a second meanwhile. A watch that expired begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn runs_outlive_an_absent_api_server() {
    let plane = tokio::task::spawn_blocking(ControlPlane::start_own).await.expect("an API server");
    let clock = Clock::system();
    let url = plane.url().to_owned();
    let proxies = [Proxy::to(&url).await, Proxy::to(&url).await];
    let mut alone = Installed::on(&plane, PEOPLE).await;
    let mut elected = Installed::on(&plane, PEOPLE).await;
    elected.flags = elects(&elected);
    for (installed, proxy) in [&mut alone, &mut elected].into_iter().zip(&proxies) {
        installed.slow(SLOW);
        let kubeconfig = proxy.kubeconfig(&installed.space.kubeconfig(), &url);
        installed.start_as(&kubeconfig);
        apply(installed).await;
    }
    let names = [under_way(&alone, &BTreeSet::new()).await, under_way(&elected, &BTreeSet::new()).await];
    plane.compact().await;
    plane.stop().await;
    let (stopped, before) = (clock.monotonic(), proxies.each_ref().map(Proxy::refused));
    let everybody = |totals: &braze_sandbox::Totals| totals.accepted >= u64::from(PEOPLE);
    assert!(alone.sandbox.wait_until(PATIENCE, everybody).await, "the run goes on");
    let log = elected.ended_by_itself();
    assert!(log.iter().any(|line| line.contains("lease lost")), "{log:#?}");
    // The length of the absence is what is tested.
    let left = Length::away().saturating_sub(clock.monotonic() - stopped);
    clock.sleep(left).await;
    let (span, after) = (clock.monotonic() - stopped, proxies.each_ref().map(Proxy::refused));
    plane.start().await;
    elected.sandbox.clear_faults();
    let kubeconfig = proxies[1].kubeconfig(&elected.space.kubeconfig(), &url);
    elected.start_as(&kubeconfig);
    for (installed, (name, starts)) in [&alone, &elected].into_iter().zip(names.iter().zip([1, 2])) {
        let run = installed
            .space
            .wait::<grouparoo::api::SyncRun>(name, |run| {
                run.status.as_ref().is_some_and(|status| status.completion_time.is_some())
            })
            .await;
        assert_eq!(run_reason(&run), "SyncSucceeded", "no run fails: {run:#?}");
        assert_eq!(run.status.and_then(|status| status.starts), Some(starts));
        installed.ready("SyncSucceeded").await;
        assert_eq!(installed.runs().await.len(), 1);
        assert_eq!(installed.sandbox.users().len(), usize::try_from(PEOPLE).expect("a small number"));
    }
    assert_eq!(alone.sandbox.totals().accepted, u64::from(PEOPLE));
    assert!(elected.sandbox.totals().accepted <= u64::from(PEOPLE) + AGAIN);
    let seconds = span.as_secs_f64();
    for (kind, (before, after)) in ["alone", "elected"].iter().zip(before.into_iter().zip(after)) {
        let attempts = after - before;
        figure(&format!("API server away for {seconds:.0} s ({kind}): {attempts} attempts to reach it"));
        // A few may have been on their way when the first one failed.
        assert!(
            f64::from(u32::try_from(attempts).expect("few")) <= 2.0 * seconds + 8.0,
            "{attempts} attempts"
        );
    }
    // What happened before the compaction cannot be told any more: the watches list anew, and what comes is seen.
    alone.sandbox.clear_faults();
    for installed in [&alone, &elected] {
        installed.sql("update users set plan = 'gold'");
        installed.annotate("grouparoo.io/requested-at", "after").await;
        installed.runs_ended(2).await;
        assert_eq!(installed.user("7")["custom_attributes"]["plan"], "gold");
    }
    logged(&elected.operators()[0], "leading");
    alone.check().await;
    elected.check().await;
}
