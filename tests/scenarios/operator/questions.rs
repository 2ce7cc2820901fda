//! Questions that wait for a person.

use super::installed::{DESTINATION, Installed};

/// api.md §8: a guarded run delivers all but the removals; a token approves exactly that set
#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_removal_waits_for_its_token() {
    let mut installed = Installed::with_people(30).await;
    installed.destination = DESTINATION.replace("Additive", "Sync");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.sql("delete from users where id > 10; update users set plan = 'gold' where id = 1");
    installed.annotate("grouparoo.io/requested-at", "after").await;
    let destination = installed.ready("DeletionGuard").await;
    assert_eq!(installed.sandbox.users().len(), 30, "no removal was sent");
    assert_eq!(installed.user("1")["custom_attributes"]["plan"], "gold", "all else was");
    let pending = destination.status.and_then(|status| status.pending_approvals).expect("a question");
    assert_eq!((pending.len(), pending[0].removals, pending[0].known_records), (1, Some(20), Some(30)));
    installed.annotate("grouparoo.io/approve", &pending[0].token).await;
    let destination = installed.ready("SyncSucceeded").await;
    let status = destination.status.expect("a status");
    assert_eq!(status.pending_approvals, None);
    assert_eq!(status.last_handled_approval.as_ref(), Some(&pending[0].token));
    assert_eq!(installed.sandbox.users().len(), 10);
    installed.check().await;
}
