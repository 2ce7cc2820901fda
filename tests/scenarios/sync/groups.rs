//! Memberships: subscription groups, elements of an array attribute, flags.

use std::collections::BTreeMap;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, GroupState, Permissions};
use grouparoo::sync::outcome::{Counts, Memberships};
use grouparoo::sync::reason::Reason;
use grouparoo::sync::run::Request;
use serde_json::{Value, json};

use crate::support::world::{NEWS, TEXTS, World, warned};

const READ: &str = "/subscription/status/get";

/// `most` customers, all of them members, and one mapping with these fields more.
fn members(most: u32, more: &str) -> World {
    let mut world = World::new();
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS}{more} }}"));
    world.insert(1..=most);
    world.sql("update users set news = 1");
    world
}

fn news(world: &World, id: u32) -> Option<GroupState> {
    world.sandbox.subscription(NEWS, &format!("u{id}@example.com"))
}

fn state_sent(object: &Value) -> &str {
    object["subscription_groups"][0]["subscription_state"].as_str().unwrap_or("nothing")
}

/// semantics 7.2, row `none`, "First sync": opted out stays so, subscribed is noted, unknown is subscribed.
#[test]
fn a_first_join_reads_first_and_writes_only_for_those_without_history() {
    let world = members(3, "");
    assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
    assert!(world.sandbox.opt_in(NEWS, "u2@example.com"));
    let report = world.sync_well();
    let expected = Memberships { joins: 1, already_there: 1, opted_out: 1, ..Memberships::default() };
    assert_eq!((report.memberships, report.counts.added), (expected, 3));
    let states: Vec<Value> = world.received();
    assert_eq!(states.iter().map(state_sent).collect::<Vec<_>>(), ["nothing", "nothing", "subscribed"]);
    assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed));
    assert_eq!(world.requests()[..2], [READ, "/users/track"]);
    assert_eq!(world.next().traffic.requests, 0, "each entry is settled");
}

/// semantics 7.2, row `in`: an opt-out between runs is not overridden, by a change, a full resync or another mapping.
#[test]
fn an_opt_out_between_runs_is_never_overridden() {
    let mut world = members(2, "");
    world.sync_well();
    world.sandbox.opt_out(NEWS, "u1@example.com");
    world.sql("update users set plan = 'gold'");
    world.next();
    world.run(&Request { full: true, ..Request::default() });
    world.change("\n    - { from: points, to: points }", "");
    world.next();
    assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed));
    // He leaves the group: read, and known as opted out from then on.
    world.sql("update users set news = 0");
    let report = world.next();
    assert_eq!((report.memberships.opted_out, report.memberships.leaves), (1, 1));
    world.sql("update users set news = 1");
    let report = world.next();
    assert_eq!((report.memberships.joins, news(&world, 2)), (1, Some(GroupState::Subscribed)));
    assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed));
    assert!(!world.requests().contains(&READ.to_owned()), "`out` is our own, `optedOut` is for good");
}

/// semantics 7.4.1: an opt-out on another profile with the same address is seen, whatever its case.
#[test]
fn an_opt_out_of_another_profile_with_the_address_counts() {
    let world = members(2, "");
    world.sandbox.opt_out(NEWS, "u1@example.com");
    world.sql("update users set email = 'U1@Example.com' where id = 2");
    let report = world.sync_well();
    assert_eq!((report.memberships.opted_out, report.memberships.joins), (2, 0));
    assert_eq!(world.user("2")["email"], json!("U1@Example.com"));
}

/// semantics 7.4.3: a changed address is asked about once an earlier run has delivered it; the old one gets nothing.
#[test]
fn another_address_joins_in_the_run_after() {
    let world = members(2, "");
    world.sync_well();
    world.sandbox.opt_out(NEWS, "taken@example.com");
    world.sql("update users set email = 'new@example.com' where id = 1");
    world.sql("update users set email = 'taken@example.com' where id = 2");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.joins), (2, 0));
    assert_eq!(world.asked(READ), 0);
    let report = world.next();
    assert_eq!((report.memberships.joins, report.memberships.opted_out), (1, 1), "{report:#?}");
    assert_eq!(world.sandbox.subscription(NEWS, "new@example.com"), Some(GroupState::Subscribed));
    assert_eq!(world.sandbox.subscription(NEWS, "taken@example.com"), Some(GroupState::Unsubscribed));
    assert_eq!(news(&world, 1), Some(GroupState::Subscribed), "the old address: nothing");
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 7.4.3: the same address in another spelling is the same address.
#[test]
fn another_spelling_of_the_address_changes_no_membership() {
    let world = members(1, "");
    world.sync_well();
    world.sql("update users set email = 'U1@EXAMPLE.com'");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships), (1, Memberships::default()));
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 7.4.3: a leave in the run of a new address sends nothing, and joining later starts anew.
#[test]
fn a_leave_together_with_another_address_sends_nothing() {
    let world = members(1, "");
    world.sync_well();
    world.sql("update users set email = 'new@example.com', news = 0");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves), (1, 0));
    assert_eq!(world.received(), [json!({ "external_id": "1", "email": "new@example.com" })]);
    assert_eq!(news(&world, 1), Some(GroupState::Subscribed));
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 7.4.2: without an address there is no join; it follows when an address comes.
#[test]
fn a_member_without_an_address_joins_when_one_comes() {
    let world = members(3, "");
    world.sql("update users set email = null where id = 1; update users set email = 'bad' where id = 2");
    let report = world.sync();
    assert_eq!((report.memberships.no_address, report.memberships.joins), (2, 1));
    world.sql("update users set email = 'u1@example.com' where id = 1");
    world.sql("update users set email = 'u2@example.com' where id = 2");
    let joins = world.sync_well().memberships.joins + world.sync_well().memberships.joins;
    assert_eq!(
        (joins, news(&world, 1), news(&world, 2)),
        (2, Some(GroupState::Subscribed), Some(GroupState::Subscribed))
    );
}

/// semantics 7.4.2: null for the address while `in`: nothing else is sent, and it joins anew with another address.
#[test]
fn an_address_that_goes_takes_the_entry_with_it() {
    let world = members(1, "");
    world.sync_well();
    world.sql("update users set email = null");
    assert_eq!(world.next().counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "1", "email": null })]);
    world.sandbox.opt_out(NEWS, "u1@example.com");
    world.sql("update users set email = 'u1@example.com'");
    let first = world.next();
    let second = world.next();
    assert_eq!(first.memberships.joins + second.memberships.joins, 0, "the opt-out meanwhile is respected");
    assert_eq!(first.memberships.opted_out + second.memberships.opted_out, 1);
}

/// semantics 7.4.4: a shared address is not unsubscribed while another member has it.
#[test]
fn a_shared_address_stays_subscribed_while_one_member_stays() {
    let world = members(3, "");
    world.sql("update users set email = 'family@example.com' where id < 3");
    world.sync_well();
    world.sql("update users set news = 0 where id = 1");
    let report = world.next();
    assert_eq!((report.memberships.shared_address, report.memberships.leaves), (1, 0));
    assert_eq!(world.received(), [] as [Value; 0]);
    assert_eq!(world.sandbox.subscription(NEWS, "family@example.com"), Some(GroupState::Subscribed));
    world.sql("update users set news = 0 where id = 2");
    assert_eq!(world.next().memberships.leaves, 1);
    assert_eq!(world.sandbox.subscription(NEWS, "family@example.com"), Some(GroupState::Unsubscribed));
}

/// semantics 7.4.4: both leave in one run: the address is unsubscribed.
#[test]
fn a_shared_address_is_unsubscribed_when_all_its_members_leave() {
    let world = members(2, "");
    world.sql("update users set email = 'family@example.com'");
    world.sync_well();
    world.sql("update users set news = 0");
    assert_eq!(world.next().memberships.shared_address, 0);
    assert_eq!(world.sandbox.subscription(NEWS, "family@example.com"), Some(GroupState::Unsubscribed));
}

/// semantics 7.4.4 and 2.3, row 5: one who is released does not unsubscribe the address of one who stays.
#[test]
fn a_release_leaves_the_address_of_one_who_stays_subscribed() {
    let world = members(3, "");
    world.sql("update users set email = 'family@example.com' where id < 3");
    world.sync_well();
    world.sql("delete from users where id = 1");
    let report = world.next();
    assert_eq!((report.counts.released, report.memberships.shared_address), (1, 1), "{report:#?}");
    assert_eq!(world.sandbox.subscription(NEWS, "family@example.com"), Some(GroupState::Subscribed));
}

/// semantics 7.2, "First sync": without the permission to read, joins wait and all else is delivered.
#[test]
fn without_the_permission_to_read_states_joins_wait() {
    let world = members(2, "");
    let some = Permissions::only(["users.track", "users.export.ids"]);
    world.sandbox.set_keys(BTreeMap::from([(world.key.clone(), some)]));
    let report = world.sync();
    assert_eq!((report.counts.added, report.memberships.deferred, report.memberships.joins), (2, 2, 0));
    assert!(warned(&report, "PermissionMissing"), "{:?}", report.warnings);
    assert_eq!(report.exit_code, 0, "{report:#?}");
    world.sandbox.set_keys(BTreeMap::from([(world.key.clone(), Permissions::All)]));
    assert_eq!(world.next().memberships.joins, 2);
}

/// semantics 7.2: a leave without an answer waits too, and is asked again.
#[test]
fn a_leave_whose_state_cannot_be_read_waits() {
    let world = members(2, "");
    world.sync_well();
    world.sql("update users set news = 0");
    world.sandbox.set_faults([FaultRule::always(Effect::Status(400)).at(READ)]);
    let report = world.sync();
    assert_eq!((report.memberships.leaves, report.memberships.deferred), (0, 2), "{report:#?}");
    assert_eq!(news(&world, 1), Some(GroupState::Subscribed));
    world.sandbox.clear_faults();
    assert_eq!(world.next().memberships.leaves, 2);
}

/// semantics 9.3: a group that Braze does not know costs a few questions, not some for each member.
#[test]
fn a_group_whose_states_are_refused_is_soon_asked_about_no_more() {
    let mut world = members(400, "");
    world.limits = "{ settle: 0s, maxInFlight: 1 }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::Status(400)).at(READ)]);
    let report = world.sync();
    assert_eq!((report.counts.added, report.memberships.deferred), (400, 400), "{report:#?}");
    // A question of 50 names is halved down to each of them: 99 requests. Some are on their way at the third.
    assert!((297..99 * 6).contains(&world.asked(READ)), "{}", world.asked(READ));
    world.sandbox.clear_faults();
    assert_eq!(world.next().memberships.joins, 400, "the next run asks again");
}

const UNKNOWN: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// semantics 7.4.5: the attributes are delivered without the group, which is counted as refused.
#[test]
fn an_unknown_group_costs_only_the_membership() {
    let mut world = members(3, ", optInPolicy: Always");
    world.change(NEWS, UNKNOWN);
    let report = world.sync();
    assert_eq!((report.counts.added, report.counts.failed, report.memberships.refused), (3, 0, 3));
    assert_eq!(report.exit_code, 10, "{report:#?}");
    assert!(report.errors.iter().any(|error| error.code == "GroupRefused" && error.field == "news"));
    assert_eq!(world.user("1")["custom_attributes"]["plan"], json!("basic"));
    world.sandbox.add_group(braze_sandbox::Group::email(UNKNOWN, "Later"));
    assert_eq!(world.next().memberships.joins, 3, "the next run asks again");
}

/// semantics 7.4.5: twenty in a row: left out for the rest of the run, which fails as `GroupRefused`.
#[test]
fn a_group_that_is_refused_twenty_times_in_a_row_fails_the_run() {
    let mut world = members(200, ", optInPolicy: Always");
    world.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 10, maxInFlight: 1 }".to_owned();
    world.change(NEWS, UNKNOWN);
    let report = world.sync();
    assert_eq!((report.counts.added, report.counts.failed, report.memberships.refused), (200, 0, 200));
    assert_eq!((report.reason, report.exit_code), (Some(Reason::GroupRefused), 23), "{report:#?}");
    assert_eq!(world.sandbox.user_count(), 200);
    let tried = world.received().iter().filter(|object| object["subscription_groups"].is_array()).count();
    assert!(tried < 60, "left out after twenty: {tried}");
}

/// semantics 7.2, "`optInPolicy: Always`": no reads, and an opt-out is overridden on becoming a member.
#[test]
fn always_writes_without_reading() {
    let world = members(2, ", optInPolicy: Always");
    world.sandbox.opt_out(NEWS, "u1@example.com");
    assert_eq!(world.sync_well().memberships.joins, 2);
    assert_eq!((world.asked(READ), news(&world, 1)), (0, Some(GroupState::Subscribed)));
    world.sandbox.opt_out(NEWS, "u1@example.com");
    assert_eq!(world.next().traffic.requests, 0, "written on transitions only");
    world.sql("update users set news = 0");
    assert_eq!(world.next().memberships.leaves, 2);
    assert_eq!(world.asked(READ), 0);
    world.sql("update users set news = 1");
    assert_eq!((world.next().memberships.joins, news(&world, 1)), (2, Some(GroupState::Subscribed)));
}

/// semantics 7.2, column "not a member", `nonMembers: Remove`.
#[test]
fn non_members_are_unsubscribed_when_told_so() {
    let world = members(3, ", nonMembers: Remove");
    world.sql("update users set news = 0 where id > 1");
    world.sandbox.opt_in(NEWS, "u2@example.com");
    world.sandbox.opt_out(NEWS, "u3@example.com");
    let report = world.sync_well();
    assert_eq!(
        (report.memberships.joins, report.memberships.leaves, report.memberships.opted_out),
        (1, 1, 1)
    );
    assert_eq!((report.counts.added, news(&world, 2)), (3, Some(GroupState::Unsubscribed)));
    assert_eq!(world.next().traffic.requests, 0);
    assert_eq!(world.next().counts.unchanged, 3);
}

/// semantics 7.2: by default those who were never members are left alone, unread.
#[test]
fn non_members_are_left_alone_by_default() {
    let world = members(2, "");
    world.sql("update users set news = 0");
    world.sandbox.opt_in(NEWS, "u1@example.com");
    let report = world.sync_well();
    assert_eq!((report.memberships, world.asked(READ)), (Memberships::default(), 0));
    assert_eq!(news(&world, 1), Some(GroupState::Subscribed));
}

/// semantics 7.2, `onJoin: Nothing` and `onLeave: Nothing`.
#[test]
fn on_join_and_on_leave_may_write_nothing() {
    let mut world = members(1, ", onJoin: Nothing");
    let report = world.sync_well();
    assert_eq!((report.memberships.joins, world.asked(READ), news(&world, 1)), (0, 0, None));
    world.sql("update users set news = 0");
    assert_eq!(world.next().memberships.leaves, 1);
    assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed));

    world = members(1, ", onLeave: Nothing");
    world.sync_well();
    world.sql("update users set news = 0");
    assert_eq!((world.next().counts.unchanged, world.requests().len()), (1, 0));
    assert_eq!(news(&world, 1), Some(GroupState::Subscribed));
    assert_eq!(world.next().counts.unchanged, 1);
}

/// semantics 7.2, "`unknownJoin`": an unanswered join is read and joined again.
#[test]
fn an_unanswered_join_is_read_again() {
    let mut world = members(1, "");
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::ResetAfter).at("/users/track")]);
    assert_eq!(world.sync().counts.pending, 1);
    world.sandbox.clear_faults();
    world.sandbox.opt_out(NEWS, "u1@example.com");
    let report = world.next();
    assert_eq!((report.memberships.opted_out, report.memberships.joins), (1, 0));
    assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed));
}

/// semantics 7.2, "`unknownLeave`": within an hour our own, so a join needs no read; later it is read.
#[test]
fn an_unanswered_leave_counts_as_our_own_for_an_hour() {
    for (hours, joins) in [(0, 1), (2, 0)] {
        let mut world = members(1, "");
        world.sync_well();
        world.sql("update users set news = 0");
        world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
        world.sandbox.set_faults([FaultRule::always(Effect::ResetAfter).at("/users/track")]);
        assert_eq!(world.sync().counts.pending, 1);
        assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed), "it was applied");
        world.sandbox.clear_faults();
        world.rest(Duration::from_secs(hours * 3600));
        world.sql("update users set news = 1");
        let report = world.next();
        assert_eq!((report.memberships.joins, report.memberships.opted_out), (joins, 1 - joins));
    }
}

/// semantics 7.4.1: groups of texts hang on the phone number.
#[test]
fn a_text_group_hangs_on_the_phone_number() {
    let mut world = World::new();
    world.model = world.model.replace("name: plan, type: String", "name: plan, type: PhoneNumber");
    world.change("{ from: plan, to: plan }", "{ from: plan, to: phone }");
    world.and(&format!(
        "  groupMappings:\n    - {{ group: vip, subscriptionGroupId: {TEXTS}, channel: Sms }}"
    ));
    world.insert(1..=3);
    world.sql("update users set vip = 1, plan = '+4915112345678'; update users set plan = null where id = 3");
    world.sql("update users set plan = '+4915112345679' where id = 2");
    world.sandbox.opt_out(TEXTS, "+4915112345679");
    let report = world.sync_well();
    let expected = Memberships { joins: 1, opted_out: 1, no_address: 1, ..Memberships::default() };
    assert_eq!(report.memberships, expected);
    assert_eq!(world.sandbox.subscription(TEXTS, "+4915112345678"), Some(GroupState::Subscribed));
}

/// semantics 7.3: foreign values stay; all mappings of one attribute are one `add` and one `remove`.
#[test]
fn elements_are_added_and_removed_beside_foreign_values() {
    let mut world = World::new();
    world.and(
        "  groupMappings:\n    - { group: vip, customAttribute: groups }\n    \
         - { group: news, customAttribute: groups, value: Letters }\n    \
         - { group: rich, customAttribute: groups, nonMembers: Remove }",
    );
    world.insert(1..=1);
    world.sql("update users set vip = 1, news = 0");
    world.sync_well();
    assert_eq!(world.received()[0]["groups"], json!({ "add": ["vip"], "remove": ["rich"] }));
    let mut dump = world.sandbox.dump();
    dump.users[0].custom_attributes.insert("groups".to_owned(), json!(["theirs", "vip"]));
    world.sandbox.load(dump).expect("a dump");
    world.sql("update users set vip = 0, news = 1");
    assert_eq!(world.next().counts.updated, 1);
    assert_eq!(
        world.received(),
        [json!({
            "external_id": "1", "groups": { "add": ["Letters"], "remove": ["vip"] }
        })]
    );
    assert_eq!(world.user("1")["custom_attributes"]["groups"], json!(["theirs", "Letters"]));
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 7.3, `style: Flag`: true for members, false for the others, null on release.
#[test]
fn a_flag_is_true_or_false_and_cleared_by_a_release() {
    let mut world = World::new();
    world.and("  groupMappings:\n    - { group: vip, customAttribute: is_vip, style: Flag }");
    world.insert(1..=2);
    world.sql("update users set vip = 1 where id = 1");
    world.sync_well();
    assert_eq!(world.received().iter().map(|o| o["is_vip"].clone()).collect::<Vec<_>>(), [true, false]);
    world.sql("update users set vip = 0 where id = 1");
    world.next();
    assert_eq!(world.received(), [json!({ "external_id": "1", "is_vip": false })]);
    world.sql("delete from users where id = 2");
    assert_eq!(world.next().counts.released, 1);
    assert_eq!(
        world.received(),
        [json!({
            "external_id": "2", "is_vip": null, "_update_existing_only": true
        })]
    );
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 7.1.2: a rule over a value that could not be converted neither joins nor leaves.
#[test]
fn a_rule_that_cannot_be_evaluated_neither_joins_nor_leaves() {
    let mut world = World::new();
    world.and("  groupMappings:\n    - { group: rich, customAttribute: groups }");
    world.insert(1..=2);
    world.sql("update users set points = 500");
    world.sync_well();
    world.sandbox.clear_journal();
    world.sql("update users set points = 'many' where id = 1; update users set points = null where id = 2");
    let report = world.sync();
    assert_eq!(report.counts, Counts { read: 2, unchanged: 1, updated: 1, ..Counts::default() });
    assert!(warned(&report, "RuleError"));
    assert_eq!(
        world.received(),
        [json!({
            "external_id": "2", "points": null, "groups": { "remove": ["rich"] }
        })],
        "null is not a member, unknown is not touched"
    );
}

/// semantics 2.3 and 7.2: a leave and a join of one person are two objects, the join first.
#[test]
fn leaves_are_sent_after_all_joins() {
    let mut world = members(4, "");
    world.and(&format!("    - {{ group: rich, subscriptionGroupId: {TEXTS} }}"));
    world.sandbox.add_group(braze_sandbox::Group::email(TEXTS, "Also by e-mail"));
    world.sync_well();
    world.sql("update users set news = 0, points = 500");
    let report = world.next();
    assert_eq!((report.memberships.joins, report.memberships.leaves, report.counts.updated), (4, 4, 4));
    let states: Vec<String> = world.received().iter().map(|object| state_sent(object).to_owned()).collect();
    assert_eq!(states[..4], ["subscribed"; 4]);
    assert_eq!(states[4..], ["unsubscribed"; 4]);
}

/// semantics 7.4.3 and 7.2: a record that comes back with another address is asked about under it.
#[test]
fn who_comes_back_with_another_address_is_asked_about_anew() {
    let world = members(2, "");
    world.sync_well();
    world.sql("delete from users where id = 1");
    world.next();
    world.sandbox.opt_out(NEWS, "taken@example.com");
    world.sql("insert into users values (1, 'taken@example.com', 'N1', 'basic', 1, 1, 0)");
    let joins = world.next().memberships.joins + world.next().memberships.joins;
    assert_eq!(joins, 0);
    assert_eq!(world.sandbox.subscription(NEWS, "taken@example.com"), Some(GroupState::Unsubscribed));
}

/// semantics 7.2, "Entries change on transitions only": a change of mode or of the collection rewrites nothing.
#[test]
fn a_change_of_mode_or_collection_rewrites_no_membership() {
    let mut world = members(3, "");
    world.sync_well();
    world.sandbox.opt_out(NEWS, "u1@example.com");
    for mode in ["Sync", "Enrich", "Additive"] {
        world.mode(mode);
        assert_eq!(world.next().counts.unchanged, 3, "{mode}");
        assert_eq!(world.requests(), [] as [&str; 0], "{mode}");
    }
    world.and("  collection: { type: Group, group: news }");
    assert_eq!(world.next().traffic.requests, 0);
    assert_eq!(news(&world, 1), Some(GroupState::Unsubscribed));
}

/// semantics 7.2: read are only entries about to change: another address of a non-member asks nobody.
#[test]
fn a_change_of_the_address_without_a_membership_asks_nobody() {
    let world = members(1, "");
    world.sql("update users set news = 0");
    world.sync_well();
    world.sql("update users set email = 'new@example.com'");
    let report = world.next();
    assert_eq!((report.counts.updated, world.asked(READ)), (1, 0));
    assert_eq!(world.next().traffic.requests, 0);
}
