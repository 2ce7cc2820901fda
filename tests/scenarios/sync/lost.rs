//! A state that is lost, older than the status remembers, or new beside one that nobody owns.

use std::path::Path;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, GroupState};
use grouparoo::controller::execution::siblings;
use grouparoo::sync::memory::Question;
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::{Remembered, Request};
use serde_json::json;

use crate::support::world::{NEWS, World, token, warned};

const READ: &str = "/subscription/status/get";

/// Twenty delivered customers.
fn delivered() -> World {
    let world = World::new();
    world.insert(1..=20);
    world.sync_well();
    world.sandbox.clear_journal();
    world
}

fn lose(world: &World) {
    std::fs::remove_dir_all(world.folder().join("state/stores")).expect("stores");
    world.sandbox.clear_journal();
}

/// A run of a Destination whose status remembers a success and this serial.
fn remembering(serial: u64) -> Request {
    Request { remembered: Some(Remembered { succeeded: true, serial }), ..Request::default() }
}

fn approving(tokens: &[&str], request: Request) -> Request {
    Request { approvals: tokens.iter().map(|token| (*token).to_owned()).collect(), ..request }
}

fn asks(world: &World, request: &Request) -> Report {
    let report = world.run(request);
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ApprovalRequired), 22), "{report:#?}");
    assert_eq!((report.counts, world.requests().len()), (Counts::default(), 0));
    report
}

fn answers(report: &Report) -> (String, String) {
    let answer = |answer| token(report, Question::StateLost, Some(answer));
    (answer("send"), answer("adopt"))
}

/// semantics 13.4: two tokens, no request; later runs and plans keep the tokens.
#[test]
fn a_lost_state_asks_how_to_begin_and_sends_nothing() {
    let world = delivered();
    lose(&world);
    let first = asks(&world, &remembering(8));
    let (send, adopt) = answers(&first);
    assert!(send.starts_with("send-") && adopt.starts_with("adopt-"), "{send} {adopt}");
    assert_eq!((first.pending_approvals.len(), first.serial), (2, Some(1)));
    assert!(first.message.contains("not deleted"), "{}", first.message);
    let again = asks(&world, &remembering(1));
    assert_eq!(answers(&again), (send.clone(), adopt.clone()), "another run asks the same");
    let planned = asks(&world, &Request { plan: true, ..remembering(2) });
    assert_eq!(answers(&planned), (send, adopt));
}

/// semantics 13.4: nothing was ever delivered, as far as anybody knows: a first run.
#[test]
fn without_an_earlier_success_a_fresh_state_is_a_first_run() {
    let world = delivered();
    lose(&world);
    let remembered = Some(Remembered { succeeded: false, serial: 8 });
    let report = world.run(&Request { remembered, ..Request::default() });
    assert_eq!((report.counts.added, report.exit_code, report.warnings.len()), (20, 0, 0), "{report:#?}");
}

/// semantics 13.4: a success that had nobody to deliver leaves a state that is not lost.
#[test]
fn a_state_that_knows_of_its_success_is_not_lost() {
    let world = World::new();
    assert!(warned(&world.sync_well(), "EmptySource"));
    world.insert(1..=3);
    assert_eq!(world.run(&remembering(1)).counts.added, 3);
}

/// semantics 13.4 and 13.1: `send-…` sends everything, whatever `initialSync` says; the token acts once.
#[test]
fn the_answer_send_sends_everything_again() {
    let mut world = delivered();
    world.and("  initialSync: Adopt");
    lose(&world);
    let (send, _) = answers(&asks(&world, &remembering(8)));
    let report = world.run(&approving(&[&send], remembering(8)));
    assert_eq!((report.counts.added, report.exit_code, report.traffic.objects), (20, 0, 20), "{report:#?}");
    assert!(warned(&report, "StateLost") && report.pending_approvals.is_empty(), "{report:#?}");
    let next = world.run(&approving(&[&send], remembering(2)));
    assert_eq!((next.counts.unchanged, next.warnings.len()), (20, 0));
    lose(&world);
    let second = asks(&world, &approving(&[&send], remembering(12)));
    assert_ne!(answers(&second).0, send, "the answer to an earlier loss is none to this one");
}

/// semantics 13.4 and 13.2: `adopt-…` sends nothing and takes what the source says as delivered.
#[test]
fn the_answer_adopt_sends_nothing_and_knows_everything() {
    let world = delivered();
    lose(&world);
    world.sql("update users set plan = 'gold' where id = 2");
    let (_, adopt) = answers(&asks(&world, &remembering(8)));
    let report = world.run(&approving(&[&adopt], remembering(8)));
    assert_eq!((report.counts.added, report.exit_code, report.traffic.requests), (20, 0, 0), "{report:#?}");
    world.sql("update users set plan = 'silver' where id = 1");
    let next = world.run(&approving(&[&adopt], remembering(2)));
    assert_eq!((next.counts.updated, next.counts.unchanged), (1, 19));
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "silver" })]);
}

/// semantics 13.4: `initialSync: SendAll` that is written out answers in advance; `Adopt` does not.
#[test]
fn only_send_all_that_is_written_out_answers_in_advance() {
    let mut world = delivered();
    world.and("  initialSync: Adopt");
    lose(&world);
    asks(&world, &remembering(8));
    world.change("Adopt", "SendAll");
    let report = world.run(&remembering(8));
    assert_eq!((report.counts.added, report.exit_code), (20, 0), "{report:#?}");
    assert!(warned(&report, "StateLost"), "what it means is told all the same: {:?}", report.warnings);
}

/// semantics 13.4: a person answers once, also when the run that was answered delivers nothing.
#[test]
fn an_answer_outlives_a_run_that_fails() {
    let mut world = delivered();
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.model.push_str("\n  expectedRows: { min: 5 }");
    for (answer, requests) in [("send", true), ("adopt", false)] {
        lose(&world);
        let report = asks(&world, &remembering(8));
        let given = token(&report, Question::StateLost, Some(answer));
        if requests {
            world.sandbox.set_faults([FaultRule::always(Effect::Status(401))]);
            let down = world.run(&approving(&[&given], remembering(8)));
            assert_eq!((down.reason, down.known_records), (Some(Reason::AuthenticationFailed), 0));
            world.sandbox.clear_faults();
        } else {
            world.sql("alter table users rename to away; create table users as select * from away limit 0");
            let failed = world.run(&approving(&[&given], remembering(8)));
            assert_eq!((failed.reason, failed.counts.read), (Some(Reason::TooFewRows), 0), "{failed:#?}");
            world.sql("drop table users; alter table away rename to users");
        }
        let report = world.run(&remembering(2));
        assert_eq!((report.counts.added, report.exit_code), (20, 0), "{answer}: {report:#?}");
        assert_eq!(report.traffic.track > 0, requests, "{answer}");
    }
}

/// semantics 8.3.4: 7 days; afterwards it is asked anew, with other tokens.
#[test]
fn the_tokens_of_a_lost_state_expire() {
    let mut world = delivered();
    lose(&world);
    let (send, _) = answers(&asks(&world, &remembering(8)));
    world.rest(Duration::from_secs(3600 * (7 * 24 + 1)));
    let (renewed, _) = answers(&asks(&world, &approving(&[&send], remembering(1))));
    assert_ne!(renewed, send);
    assert_eq!(world.run(&approving(&[&renewed], remembering(2))).counts.added, 20);
}

/// semantics 8.3.2: both answers at once are none.
#[test]
fn two_answers_to_a_lost_state_are_none() {
    let world = delivered();
    lose(&world);
    let (send, adopt) = answers(&asks(&world, &remembering(8)));
    asks(&world, &approving(&[&send, &adopt], remembering(1)));
}

/// A copy of the state folder, to be put back later.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn back_up(world: &World) {
    copy(&world.folder().join("state"), &world.folder().join("backup"));
}

fn restore(world: &World) {
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state");
    copy(&world.folder().join("backup"), &world.folder().join("state"));
    world.sandbox.clear_journal();
}

/// One customer whom we joined and left before the backup was taken, who was joined again and opted out after it.
fn opted_out_since() -> World {
    let mut world = World::new();
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=3);
    world.sql("update users set news = 1");
    world.sync_well();
    world.sql("update users set news = 0");
    world.sync_well();
    back_up(&world);
    world.sql("update users set news = 1");
    assert_eq!(world.sync_well().serial, Some(3));
    assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
    restore(&world);
    world
}

fn news(world: &World) -> Option<GroupState> {
    world.sandbox.subscription(NEWS, "u1@example.com")
}

/// semantics 13.5: entries `out` become `none`, so that reads protect opt-outs; told once, and then believed.
#[test]
fn a_restored_state_asks_braze_before_it_joins_again() {
    let world = opted_out_since();
    let report = world.run(&remembering(3));
    assert!(warned(&report, "StateRolledBack"), "{report:#?}");
    assert_eq!((report.exit_code, report.memberships.opted_out, report.memberships.joins), (0, 1, 0));
    assert_eq!(news(&world), Some(GroupState::Unsubscribed));
    assert_eq!(world.requests()[0], READ);
    let next = world.run(&remembering(3));
    assert_eq!((next.counts.unchanged, next.warnings.len()), (3, 0), "{next:#?}");
}

/// semantics 14.2 and 13.5: the plan of a restored state is what the run does, and writes nothing down.
#[test]
fn the_plan_of_a_restored_state_is_what_the_run_does() {
    let world = opted_out_since();
    for look_up in [false, true] {
        let plan = world.run(&Request { plan: true, look_up, ..remembering(3) });
        assert!(warned(&plan, "StateRolledBack"), "{plan:#?}");
        let memberships = plan.memberships;
        // Who opted out is known only when Braze is asked.
        let expected = if look_up { (0, 1, 2) } else { (3, 0, 0) };
        assert_eq!(
            (memberships.joins, memberships.opted_out, memberships.already_there),
            expected,
            "{look_up}"
        );
    }
    let plan = world.run(&Request { plan: true, look_up: true, ..remembering(3) });
    world.sandbox.clear_journal();
    let report = world.run(&remembering(3));
    assert_eq!((plan.counts, plan.memberships), (report.counts, report.memberships));
    assert_eq!((plan.traffic.status, plan.traffic.track), (report.traffic.status, report.traffic.track));
}

/// A customer who opted out and was deleted, in mode Sync.
fn deleted_after_an_opt_out() -> World {
    let mut world = World::new();
    world.mode("Sync");
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=20);
    world.sql("update users set news = 1");
    world.sync_well();
    assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.deleted, 1);
    world
}

/// semantics 2.4 and 7.2: what outlives deleted users lies in a folder of its own; its loss is told until it is back.
#[test]
fn a_lost_ledger_of_the_app_is_told_by_every_run_and_plan() {
    let world = deleted_after_an_opt_out();
    assert!(!warned(&world.next(), "AppLedgerLost"));
    let (apps, away) = (world.folder().join("state/apps"), world.folder().join("away"));
    std::fs::rename(&apps, &away).expect("a folder");
    assert!(warned(&world.plan(), "AppLedgerLost"));
    for _ in 0..2 {
        let report = world.next();
        assert!(warned(&report, "AppLedgerLost"), "{report:#?}");
    }
    std::fs::remove_dir_all(&apps).expect("the new one");
    std::fs::rename(&away, &apps).expect("a folder");
    assert!(!warned(&world.plan(), "AppLedgerLost"));
    assert_eq!(world.next().warnings, [], "put back, nothing is told");
}

/// The same, when the run that noted the opt-out did not come to its end.
#[test]
fn a_lost_ledger_is_told_also_after_a_kill() {
    let mut noted = 0;
    for commits in 1.. {
        let mut world = World::new();
        world.mode("Sync");
        world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
        world.insert(1..=20);
        world.sql("update users set news = 1");
        world.sync_well();
        assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
        world.sql("delete from users where id = 1");
        world.last_commit = Some(commits);
        let ended_well = world.sync().exit_code == 0;
        world.last_commit = None;
        if world.sandbox.user("1").is_none() {
            noted += 1;
            std::fs::remove_dir_all(world.folder().join("state/apps")).expect("the ledger");
            assert!(warned(&world.plan(), "AppLedgerLost"), "after {commits} commits");
        }
        if ended_well {
            break;
        }
    }
    assert!(noted > 1, "a run died after the delete");
}

/// semantics 4.3: the ledger follows the app to its new name, which is no loss.
#[test]
fn a_renamed_app_has_lost_nothing() {
    let mut world = deleted_after_an_opt_out();
    world.app = "  workspace: eu".to_owned();
    assert!(!warned(&world.plan(), "AppLedgerLost"));
    assert!(!warned(&world.next(), "AppLedgerLost"));
    world.sql("insert into users values (1, 'u1@example.com', 'N1', 'basic', 1, 1, 0)");
    assert_eq!(world.next().memberships.joins, 0);
}

/// The same without a status: nobody can tell that the state is old. It shows what the rule is for.
#[test]
fn without_a_status_a_restored_state_joins_as_it_remembers() {
    let world = opted_out_since();
    let report = world.run(&Request::default());
    assert_eq!((report.memberships.joins, report.warnings.len()), (3, 0));
    assert_eq!(news(&world), Some(GroupState::Subscribed));
}

/// semantics 13.5: a run that noticed and was cut off leaves it to the next one, whose serial the status knows.
#[test]
fn a_restored_state_stays_distrusted_until_a_run_gets_that_far() {
    let world = opted_out_since();
    world.sql("alter table users rename to away");
    let failed = world.run(&remembering(3));
    assert_eq!((failed.exit_code, failed.serial), (30, Some(3)), "{failed:#?}");
    world.sql("alter table away rename to users");
    let report = world.run(&remembering(3));
    assert!(warned(&report, "StateRolledBack"), "{report:#?}");
    assert_eq!(news(&world), Some(GroupState::Unsubscribed));
}

/// semantics 13.5: differences and deletes since the backup are repeated; an equal serial is no backup.
#[test]
fn a_restored_state_repeats_differences_and_deletes() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=30);
    world.sync_well();
    back_up(&world);
    assert_eq!(world.run(&remembering(1)).warnings.len(), 0);
    world.sql("update users set plan = 'gold' where id = 2; delete from users where id = 3");
    let report = world.run(&remembering(2));
    assert_eq!((report.counts.updated, report.counts.deleted, report.serial), (1, 1, Some(3)));
    restore(&world);
    let planned = world.run(&Request { plan: true, ..remembering(3) });
    assert!(warned(&planned, "StateRolledBack"));
    let again = world.run(&remembering(3));
    assert_eq!((again.counts.updated, again.counts.deleted, again.exit_code), (1, 1, 0), "{again:#?}");
    assert!(warned(&again, "StateRolledBack"));
    assert_eq!((world.deleted(), world.asked("/users/track")), (vec!["3".to_owned()], 1));
}

/// A Destination whose memory has another name since the last run.
fn renamed() -> World {
    let mut world = delivered();
    world.and("  stateName: renamed");
    world
}

/// The name that the operator finds and gives to the run.
fn orphan(world: &World) -> Option<String> {
    let job = world.job();
    let kept = world.memories().kept(&job.namespace).expect("a list");
    siblings::neighbours(&job, &[siblings::Sibling::of_job(&job)], &kept).orphan()
}

fn beside(orphan: Option<String>) -> Request {
    Request { orphan, ..Request::default() }
}

/// semantics 4.3, "renamed without `stateName`": asked until the old name is written.
#[test]
fn an_orphan_of_the_same_model_is_asked_about_until_its_name_is_written() {
    let mut world = renamed();
    assert_eq!(orphan(&world).as_deref(), Some("users-to-braze"));
    let report = asks(&world, &beside(orphan(&world)));
    let fresh = token(&report, Question::OrphanState, Some("fresh"));
    assert!(fresh.starts_with("fresh-"), "{fresh}");
    assert!(report.message.contains("stateName: users-to-braze"), "{}", report.message);
    assert_eq!(orphan(&world).as_deref(), Some("users-to-braze"), "a run that only asked changes nothing");
    assert_eq!(token(&asks(&world, &beside(orphan(&world))), Question::OrphanState, None), fresh);
    world.change("stateName: renamed", "stateName: users-to-braze");
    assert_eq!(orphan(&world), None);
    assert_eq!(world.next().counts.unchanged, 20);
}

/// semantics 4.3: `fresh-…` begins anew; the question is over for good.
#[test]
fn the_answer_fresh_begins_beside_an_orphan() {
    let world = renamed();
    let request = beside(orphan(&world));
    let fresh = token(&asks(&world, &request), Question::OrphanState, Some("fresh"));
    world.sandbox.set_faults([FaultRule::always(Effect::Status(401))]);
    let down = world.run(&approving(&[&fresh], request));
    assert_eq!((down.reason, down.known_records), (Some(Reason::AuthenticationFailed), 0), "{down:#?}");
    world.sandbox.clear_faults();
    assert_eq!(orphan(&world), None, "decided, though nothing was delivered yet");
    assert_eq!(world.next().counts.added, 20);
    assert_eq!(orphan(&world), None);
}

/// semantics 8.4: the answer about one orphan is none about another.
#[test]
fn an_answer_about_one_orphan_is_none_about_another() {
    let world = renamed();
    let fresh = token(&asks(&world, &beside(orphan(&world))), Question::OrphanState, Some("fresh"));
    asks(&world, &approving(&[&fresh], beside(Some("another".to_owned()))));
}

/// semantics 4.3: `initialSync` that is set answers in advance; another Model is no former self.
#[test]
fn an_orphan_is_none_under_initial_sync_or_of_another_model() {
    let mut world = renamed();
    let mut other = world.job();
    other.model.name = "others".to_owned();
    let kept = world.memories().kept(&other.namespace).expect("a list");
    assert_eq!(siblings::neighbours(&other, &[], &kept).orphan(), None);
    world.and("  initialSync: SendAll");
    assert_eq!(orphan(&world), None);
    let report = world.run(&beside(Some("users-to-braze".to_owned())));
    assert_eq!((report.counts.added, report.exit_code), (20, 0), "{report:#?}");
}

/// semantics 4.3 and 13.4 together: the `stateName` of a running Destination was edited. One answer is enough.
#[test]
fn a_lost_state_beside_an_orphan_takes_any_of_the_three_answers() {
    for answer in ["send", "adopt", "fresh"] {
        let world = renamed();
        let request = Request { orphan: orphan(&world), ..remembering(1) };
        let report = asks(&world, &request);
        assert_eq!(report.pending_approvals.len(), 3);
        let asked = report.pending_approvals.iter().find(|asked| asked.answer.as_deref() == Some(answer));
        let given = asked.expect("an answer").token.clone();
        let report = world.run(&approving(&[&given], request));
        assert_eq!((report.counts.added, report.exit_code), (20, 0), "{answer}: {report:#?}");
        assert_eq!(report.traffic.requests == 0, answer == "adopt", "{answer}");
    }
}
