//! Memories that are lost or older than the status of their Destination.

use std::path::Path;

use grouparoo::api::Destination;

use crate::operator::installed::{DESTINATION, Installed, ready_reason};

fn asked(destination: &Destination) -> Vec<String> {
    let pending = destination.status.as_ref().and_then(|status| status.pending_approvals.clone());
    let of_lost =
        pending.unwrap_or_default().into_iter().filter(|one| one.question.as_deref() == Some("StateLost"));
    of_lost.map(|one| one.token).collect()
}

/// semantics 13.4: a memory that is gone although a run succeeded is a question with two answers
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_memory_is_a_question() {
    for (answer, sent) in [("send-", 20), ("adopt-", 0)] {
        let mut installed = Installed::with_people(20).await;
        installed.start();
        installed.apply().await;
        installed.ready("SyncSucceeded").await;
        installed.stop();
        std::fs::remove_dir_all(installed.state()).expect("a folder");
        installed.start();
        let before = installed.sandbox.totals().accepted;
        installed.annotate("grouparoo.io/requested-at", "lost").await;
        let destination = installed.destination_when(|destination| asked(destination).len() == 2).await;
        let tokens = asked(&destination);
        assert_eq!(ready_reason(&destination), "ApprovalRequired");
        assert_eq!(installed.sandbox.totals().accepted, before, "nothing is sent before the answer");
        let token = tokens.iter().find(|token| token.starts_with(answer));
        let token = token.unwrap_or_else(|| panic!("{tokens:?} has none with {answer}"));
        installed.annotate("grouparoo.io/approve", token).await;
        let destination = installed.ready("SyncSucceeded").await;
        let status = destination.status.expect("a status");
        assert_eq!(status.pending_approvals, None);
        assert_eq!(status.last_handled_approval.as_ref(), Some(token));
        assert_eq!(status.known_records, Some(20));
        assert_eq!(installed.sandbox.totals().accepted - before, sent, "{answer}");
        installed.check().await;
    }
}

/// semantics 13.4: the same when the folder vanishes under an operator that lives
#[tokio::test(flavor = "multi_thread")]
async fn a_memory_that_vanishes_under_a_living_operator_is_a_question_too() {
    let mut installed = Installed::with_people(20).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let before = installed.sandbox.totals().accepted;
    std::fs::remove_dir_all(installed.state().join("stores")).expect("a folder");
    installed.annotate("grouparoo.io/requested-at", "lost").await;
    let destination = installed.destination_when(|destination| asked(destination).len() == 2).await;
    assert_eq!(ready_reason(&destination), "ApprovalRequired");
    assert_eq!(installed.sandbox.totals().accepted, before);
    installed.check().await;
}

/// semantics 13.4: no question where `initialSync: SendAll` is written out
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_memory_is_no_question_where_the_answer_is_written_out() {
    let mut installed = Installed::with_people(20).await;
    installed.destination = format!("  initialSync: SendAll\n{DESTINATION}");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.stop();
    std::fs::remove_dir_all(installed.state()).expect("a folder");
    installed.start();
    installed.annotate("grouparoo.io/requested-at", "lost").await;
    let runs = installed.runs_ended(2).await;
    assert_eq!(runs[1].status.as_ref().and_then(|status| status.counts.as_ref()?.added), Some(20));
    installed.check().await;
}

/// semantics 13.5: an older memory is a warning; what changed since is repeated
#[tokio::test(flavor = "multi_thread")]
async fn an_older_memory_is_a_warning() {
    let mut installed = Installed::with_people(20).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.stop();
    let backup = tempfile::tempdir().expect("a folder");
    copy(&installed.state(), backup.path());
    installed.start();
    installed.sql("update users set plan = 'gold' where id <= 7");
    installed.annotate("grouparoo.io/requested-at", "newer").await;
    installed.runs_ended(2).await;
    installed
        .destination_when(|destination| {
            destination.status.as_ref().is_some_and(|status| status.state_serial > Some(1))
        })
        .await;
    installed.stop();
    std::fs::remove_dir_all(installed.state()).expect("a folder");
    copy(backup.path(), &installed.state());
    installed.start();
    let before = installed.sandbox.totals().accepted;
    installed.annotate("grouparoo.io/requested-at", "restored").await;
    let runs = installed.runs_ended(3).await;
    let told = |run: &grouparoo::api::SyncRun| {
        let warnings = run.status.as_ref().and_then(|status| status.warnings.clone()).unwrap_or_default();
        warnings.iter().any(|warning| warning.code == "StateRolledBack")
    };
    assert_eq!(runs.iter().filter(|run| told(run)).count(), 1, "{runs:#?}");
    installed
        .destination_when(|destination| {
            let status = destination.status.as_ref().filter(|_| ready_reason(destination) == "SyncSucceeded");
            let warnings = status.and_then(|status| status.warnings.as_deref()).unwrap_or_default();
            warnings.iter().any(|warning| warning.code == "StateRolledBack")
        })
        .await;
    assert_eq!(installed.sandbox.totals().accepted - before, 7, "what changed since is repeated");
    installed.check().await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
