//! What one record gets: the tables of docs/semantics.md, "The life of a record" and "Groups". Pure.
//!
//! [`decide`] compares what is remembered of a record with what its row wants; [`release`] says what a record
//! gets that left. Neither knows JSON, requests or answers of Braze other than subscription states.

use jiff::{SignedDuration, Timestamp};

use crate::state::{AttributeEntry, GroupEntry, GroupState, Record, Status, Touched};

use super::outcome::Memberships;

/// How long an unanswered leave counts as our own `unsubscribed`.
const OWN_LEAVE: SignedDuration = SignedDuration::from_hours(1);
/// How long attribute hashes of a released record are believed.
const RELEASED_MEMORY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The configuration as decisions see it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// One a mapped target, in the order of [`Row::attributes`].
    pub attributes: Vec<AttributeRule>,
    /// One a mapped group (but for style Flag, which is an attribute), in the order of [`Row::memberships`].
    pub groups: Vec<GroupRule>,
    /// Columns of targets that are no longer mapped and have to be removed.
    pub clearing_attributes: Vec<u16>,
    /// Columns of array elements that are no longer mapped and have to be removed.
    pub clearing_elements: Vec<u16>,
    /// A full resync: active attribute entries count as unknown.
    pub full: bool,
    /// Everything is taken as delivered and nothing is sent.
    pub adopt: bool,
    /// Start of the run.
    pub now: Timestamp,
}

/// One mapped target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeRule {
    /// Its column.
    pub column: u16,
    /// Whether null is sent where something of ours was sent before.
    pub clear_on_null: bool,
    /// Consent under `OnChange`: an opt-in is sent only on a change from another noted value.
    pub guarded_consent: bool,
    /// Whether an address hangs on it.
    pub role: Role,
    /// It is the Boolean of a group: a release clears it.
    pub flag: bool,
}

/// Whether the state of subscription groups hangs on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// No.
    Plain,
    /// The `email` target.
    Email,
    /// The `phone` target.
    Phone,
}

/// One mapped group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// Its column.
    pub column: u16,
    /// What is written.
    pub kind: GroupKind,
    /// Whether records that were never members are written like those that leave.
    pub remove_non_members: bool,
}

/// What a group writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// A subscription group.
    Subscription {
        /// Where its state hangs: [`Role::Email`] or [`Role::Phone`].
        address: Role,
        /// Whether joining writes `subscribed`.
        on_join: bool,
        /// Whether leaving writes `unsubscribed`.
        on_leave: bool,
        /// Whether a person's opt-out is overridden.
        always: bool,
    },
    /// An element of an array attribute.
    Element,
}

/// What this run's row wants for one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A value.
    Value {
        /// Keyed hash of its JSON in normal form.
        hash: u64,
        /// A consent value `subscribed` or `opted_in`.
        opt_in: bool,
    },
    /// Null.
    Null,
    /// It cannot be sent: nothing happens to it.
    Dropped,
}

/// Whether a record is a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    /// Yes.
    Member,
    /// No.
    NotMember,
    /// The rule could not be evaluated: neither join nor leave.
    Unknown,
}

/// An address as the row wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// No target of that kind is mapped.
    Unmapped,
    /// Null: there is none.
    Missing,
    /// The value cannot be sent.
    Dropped,
    /// Keyed hash of the address in lower case.
    Known(u64),
}

/// A wanted record.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Canonical key.
    pub key: &'a [u8],
    /// One a rule of [`Rules::attributes`].
    pub attributes: &'a [Wanted],
    /// One a rule of [`Rules::groups`].
    pub memberships: &'a [Membership],
    /// The e-mail address.
    pub email: Address,
    /// The phone number.
    pub phone: Address,
}

/// What Braze said of one subscription group of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Subscribed.
    Subscribed,
    /// Unsubscribed.
    Unsubscribed,
    /// No history.
    Unknown,
    /// No answer for good: the entry stays, the next run asks again.
    Missing,
    /// An opt-out that is remembered beyond the user (docs/semantics.md, "Subscription groups").
    OptOutMark,
}

/// One value of an attributes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeWrite {
    /// The value that the row wants, by the index of its rule.
    Value(usize),
    /// Null, by the index of its rule.
    Null(usize),
    /// Null for a column that is no longer mapped.
    Cleared(u16),
}

/// One membership of an attributes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupWrite {
    /// `subscribed`, by the index of the rule.
    Subscribe(usize),
    /// `unsubscribed`, by the index of the rule.
    Unsubscribe(usize),
    /// An array element is added, by the index of the rule.
    Add(usize),
    /// An array element is removed, by its column.
    Remove(u16),
}

/// What a record gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Values to send.
    pub attributes: Vec<AttributeWrite>,
    /// Memberships to send.
    pub groups: Vec<GroupWrite>,
    /// Groups, by the index of their rule, whose state at Braze must be read before this can be decided.
    pub reads: Vec<usize>,
    /// Groups, by the index of their rule, that the record leaves after all joins (phase 3).
    pub leaves: Vec<usize>,
    /// The record when all that is sent is acknowledged.
    pub after: Record,
    /// What is open until then.
    pub touched: Touched,
    /// Memberships found; those written count when they are acknowledged.
    pub memberships: Memberships,
    /// Opt-ins held back.
    pub held_consent: u64,
    /// Whether the next run has to look at the record even if its row does not change.
    pub unsettled: bool,
}

impl Decision {
    /// Whether an object has to be sent.
    pub fn sends(&self) -> bool {
        !self.attributes.is_empty() || !self.groups.is_empty()
    }
}

/// What a wanted record gets. `answers`: one a group rule, `None` where nothing was read yet.
pub fn decide(rules: &Rules, before: Option<&Record>, row: &Row<'_>, answers: &[Option<Answer>]) -> Decision {
    let remembered = remembered(before, row.key, rules.now);
    let mut after = remembered.clone();
    after.status = Status::Live;
    (after.absences, after.held_since, after.refused) = (0, None, None);
    (after.delete_sent, after.released) = (None, None);
    let mut decision = Decision { after, ..Decision::default() };
    for (index, rule) in rules.attributes.iter().enumerate() {
        decide_attribute(rules, rule, index, row, &remembered, &mut decision);
    }
    clear_unmapped(rules, &remembered, &mut decision);
    let settled = before
        .is_some_and(|b| matches!(b.status, Status::Live | Status::Released) && b.delete_sent.is_none());
    for (index, rule) in rules.groups.iter().enumerate() {
        let entry = remembered.group(rule.column.into());
        let answer = answers.get(index).copied().flatten();
        let member = row.memberships[index];
        match rule.kind {
            GroupKind::Element => decide_element(rules, rule, index, entry.state, member, &mut decision),
            GroupKind::Subscription { address, .. } => {
                let place = Place::of(address, row, &remembered, settled);
                decide_subscription(rules, rule, index, (entry, place, member, answer), &mut decision);
            }
        }
    }
    if rules.adopt {
        adopt(rules, row, &mut decision);
    }
    decision
}

/// The record as decisions see it: what an unanswered delete, a refusal or an absence leaves of it.
fn remembered(before: Option<&Record>, key: &[u8], now: Timestamp) -> Record {
    let Some(before) = before else { return Record::new(key, Status::Live) };
    let mut record = before.clone();
    match before.status {
        Status::Refused | Status::Absent => {
            record.attributes.clear();
            (record.email, record.phone) = (None, None);
            for entry in &mut record.groups {
                if entry.state != GroupState::OptedOut {
                    *entry = GroupEntry::default();
                }
            }
        }
        Status::Released if before.released.is_some_and(|at| now.duration_since(at) > RELEASED_MEMORY) => {
            record.attributes.clear();
        }
        _ => {}
    }
    if before.delete_sent.is_some() {
        // The user may be gone: whatever we thought Braze holds is unknown.
        for entry in &mut record.attributes {
            if !matches!(entry, AttributeEntry::Never | AttributeEntry::Held(_)) {
                *entry = AttributeEntry::Unknown;
            }
        }
        (record.email, record.phone) = (None, None);
        for entry in &mut record.groups {
            if entry.state != GroupState::OptedOut {
                *entry = GroupEntry::default();
            }
        }
    }
    record
}

fn decide_attribute(
    rules: &Rules,
    rule: &AttributeRule,
    index: usize,
    row: &Row<'_>,
    before: &Record,
    out: &mut Decision,
) {
    let noted = before.attribute(rule.column.into());
    let entry = match noted {
        AttributeEntry::Held(_) if !rule.guarded_consent => AttributeEntry::Never,
        _ if rules.full && !rule.guarded_consent => AttributeEntry::Unknown,
        other => other,
    };
    match row.attributes[index] {
        Wanted::Value { hash, opt_in: true } if rule.guarded_consent => {
            decide_opt_in(rule, index, hash, entry, out);
        }
        Wanted::Value { hash, .. } => {
            let resend = rules.full && rule.guarded_consent;
            if resend || entry != AttributeEntry::Hash(hash) {
                send_value(rule, index, hash, out);
            }
            note_address(rule, row, out);
        }
        Wanted::Null if rule.clear_on_null => {
            let ours = matches!(entry, AttributeEntry::Unknown | AttributeEntry::Hash(_));
            if ours {
                out.attributes.push(AttributeWrite::Null(index));
                out.after.set_attribute(rule.column.into(), AttributeEntry::Null);
                out.touched.attributes.push(rule.column);
                match rule.role {
                    Role::Email => out.after.email = None,
                    Role::Phone => out.after.phone = None,
                    Role::Plain => {}
                }
            }
        }
        Wanted::Null | Wanted::Dropped => {}
    }
}

fn send_value(rule: &AttributeRule, index: usize, hash: u64, out: &mut Decision) {
    out.attributes.push(AttributeWrite::Value(index));
    out.after.set_attribute(rule.column.into(), AttributeEntry::Hash(hash));
    out.touched.attributes.push(rule.column);
}

fn note_address(rule: &AttributeRule, row: &Row<'_>, out: &mut Decision) {
    match (rule.role, row.email, row.phone) {
        (Role::Email, Address::Known(hash), _) => out.after.email = Some(hash),
        (Role::Phone, _, Address::Known(hash)) => out.after.phone = Some(hash),
        _ => {}
    }
}

fn decide_opt_in(rule: &AttributeRule, index: usize, hash: u64, entry: AttributeEntry, out: &mut Decision) {
    match entry {
        AttributeEntry::Never | AttributeEntry::Unknown => {
            out.after.set_attribute(rule.column.into(), AttributeEntry::Held(hash));
            out.held_consent += 1;
        }
        AttributeEntry::Hash(noted) | AttributeEntry::Held(noted) if noted != hash => {
            send_value(rule, index, hash, out);
        }
        AttributeEntry::Null | AttributeEntry::Hash(_) | AttributeEntry::Held(_) => {}
    }
}

fn clear_unmapped(rules: &Rules, before: &Record, out: &mut Decision) {
    for &column in &rules.clearing_attributes {
        let entry = before.attribute(column.into());
        if matches!(entry, AttributeEntry::Unknown | AttributeEntry::Hash(_)) {
            out.attributes.push(AttributeWrite::Cleared(column));
            out.touched.attributes.push(column);
        }
        out.after.set_attribute(column.into(), AttributeEntry::Never);
    }
    for &column in &rules.clearing_elements {
        if holds_element(before.group(column.into()).state) {
            remove_element(column, GroupState::None, rules.now, out);
        }
        out.after.set_group(column.into(), GroupEntry::default());
    }
}

fn holds_element(state: GroupState) -> bool {
    matches!(state, GroupState::In | GroupState::UnknownJoin(_) | GroupState::UnknownLeave(_))
}

fn remove_element(column: u16, becomes: GroupState, now: Timestamp, out: &mut Decision) {
    out.groups.push(GroupWrite::Remove(column));
    out.touched.groups.push((column, GroupState::UnknownLeave(now)));
    out.after.set_group(column.into(), GroupEntry { state: becomes, address: None });
}

/// docs/semantics.md, "Custom-attribute groups".
fn decide_element(
    rules: &Rules,
    rule: &GroupRule,
    index: usize,
    state: GroupState,
    member: Membership,
    out: &mut Decision,
) {
    match member {
        Membership::Unknown => {}
        Membership::Member => {
            if rules.full || state != GroupState::In {
                out.groups.push(GroupWrite::Add(index));
                out.touched.groups.push((rule.column, GroupState::UnknownJoin(rules.now)));
                out.after.set_group(rule.column.into(), GroupEntry { state: GroupState::In, address: None });
            }
        }
        Membership::NotMember => {
            let ours = holds_element(state);
            let foreign = state == GroupState::None && rule.remove_non_members;
            let again = rules.full && (state == GroupState::Out || foreign);
            if ours || foreign || again {
                remove_element(rule.column, GroupState::Out, rules.now, out);
            }
        }
    }
}

/// Where the state of a subscription group hangs for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// By `external_id`: no address is mapped.
    ExternalId,
    /// There is no address to join with; null is being or was sent for it.
    None,
    /// The address cannot be sent: the old one stays.
    Unusable,
    /// The address changes in this very object.
    Changing,
    /// The address of this hash.
    Address(u64),
}

impl Place {
    fn of(role: Role, row: &Row<'_>, before: &Record, settled: bool) -> Self {
        let (wanted, acknowledged) = match role {
            Role::Phone => (row.phone, before.phone),
            _ => (row.email, before.email),
        };
        match wanted {
            Address::Unmapped => Self::ExternalId,
            Address::Missing => Self::None,
            Address::Dropped => Self::Unusable,
            // A user that we make in this object has no other address: a join may travel with it.
            Address::Known(hash) if settled && acknowledged != Some(hash) => Self::Changing,
            Address::Known(hash) => Self::Address(hash),
        }
    }

    fn hash(self) -> Option<u64> {
        match self {
            Self::Address(hash) => Some(hash),
            _ => None,
        }
    }
}

type Situation = (GroupEntry, Place, Membership, Option<Answer>);

/// docs/semantics.md, "Subscription groups" and "Channels and addresses".
fn decide_subscription(
    rules: &Rules,
    rule: &GroupRule,
    index: usize,
    (entry, place, member, answer): Situation,
    out: &mut Decision,
) {
    let GroupKind::Subscription { on_join, on_leave, always, .. } = rule.kind else { return };
    let column = usize::from(rule.column);
    let mut state = unanswered(entry.state, member, rules.now);
    // A mark survives the user's deletion; under Always it means nothing.
    if answer == Some(Answer::OptOutMark) && state == GroupState::None && !always {
        if member == Membership::Member {
            out.memberships.opted_out += 1;
            out.after.set_group(column, GroupEntry { state: GroupState::OptedOut, address: place.hash() });
        }
        return;
    }
    let elsewhere = matches!((place, entry.address), (Place::Address(now), Some(then)) if now != then);
    if elsewhere && matches!(state, GroupState::In | GroupState::Out) {
        // Written for another address, which an earlier run replaced: as if at first sight.
        state = GroupState::None;
        out.after.set_group(column, GroupEntry::default());
    }
    match member {
        Membership::Unknown => {}
        Membership::Member => {
            join(rules, rule, index, Joining { state, place, answer, on_join, always }, out);
        }
        Membership::NotMember => match state {
            GroupState::In | GroupState::Out if matches!(place, Place::Changing | Place::None) => {
                // The order inside an object is unknown and the state follows the address: not touched.
                if state == GroupState::In {
                    out.after.set_group(column, GroupEntry::default());
                }
            }
            GroupState::In | GroupState::UnknownLeave(_) if on_leave => {
                out.leaves.push(index);
                out.unsettled = true;
            }
            GroupState::In | GroupState::UnknownLeave(_) => {
                out.after.set_group(column, GroupEntry::default())
            }
            GroupState::None if rule.remove_non_members && on_leave => {
                out.leaves.push(index);
                out.unsettled = true;
            }
            _ => {}
        },
    }
    if place == Place::None && member != Membership::NotMember && entry.state == GroupState::In {
        // Null for the address while in.
        out.after.set_group(column, GroupEntry::default());
    }
}

/// What an unanswered join or leave counts as (docs/semantics.md, last row of the table).
fn unanswered(state: GroupState, member: Membership, now: Timestamp) -> GroupState {
    match (state, member) {
        (GroupState::UnknownJoin(_), Membership::Member) => GroupState::None,
        (GroupState::UnknownJoin(_), _) => GroupState::In,
        (GroupState::UnknownLeave(at), Membership::Member) => {
            if now.duration_since(at) <= OWN_LEAVE {
                GroupState::Out
            } else {
                GroupState::None
            }
        }
        (other, _) => other,
    }
}

struct Joining {
    state: GroupState,
    place: Place,
    answer: Option<Answer>,
    on_join: bool,
    always: bool,
}

fn join(rules: &Rules, rule: &GroupRule, index: usize, joining: Joining, out: &mut Decision) {
    let Joining { state, place, answer, on_join, always } = joining;
    let column = usize::from(rule.column);
    let address = place.hash();
    match state {
        GroupState::In => return,
        GroupState::OptedOut if !always => return,
        _ => {}
    }
    if !on_join {
        out.after.set_group(column, GroupEntry { state: GroupState::In, address });
        return;
    }
    match place {
        Place::None | Place::Unusable => {
            out.memberships.no_address += 1;
            return;
        }
        Place::Changing => {
            out.memberships.deferred += 1;
            out.unsettled = true;
            return;
        }
        Place::ExternalId | Place::Address(_) => {}
    }
    let write = always || state == GroupState::Out;
    let state = match (write, answer) {
        (true, _) | (false, Some(Answer::Unknown)) => {
            out.groups.push(GroupWrite::Subscribe(index));
            out.touched.groups.push((rule.column, GroupState::UnknownJoin(rules.now)));
            GroupState::In
        }
        (false, Some(Answer::Subscribed)) => {
            out.memberships.already_there += 1;
            GroupState::In
        }
        (false, Some(Answer::Unsubscribed | Answer::OptOutMark)) => {
            out.memberships.opted_out += 1;
            GroupState::OptedOut
        }
        (false, Some(Answer::Missing)) => {
            out.memberships.deferred += 1;
            out.unsettled = true;
            return;
        }
        (false, None) => {
            out.reads.push(index);
            return;
        }
    };
    out.after.set_group(column, GroupEntry { state, address });
}

fn adopt(rules: &Rules, row: &Row<'_>, out: &mut Decision) {
    out.attributes.clear();
    out.groups.clear();
    out.reads.clear();
    out.leaves.clear();
    out.touched = Touched::default();
    out.memberships = Memberships::default();
    (out.held_consent, out.unsettled) = (0, false);
    for (rule, wanted) in rules.attributes.iter().zip(row.attributes) {
        match *wanted {
            Wanted::Value { hash, .. } => {
                out.after.set_attribute(rule.column.into(), AttributeEntry::Hash(hash));
                note_address(rule, row, out);
            }
            Wanted::Null => out.after.set_attribute(rule.column.into(), AttributeEntry::Null),
            Wanted::Dropped => {}
        }
    }
    for (rule, member) in rules.groups.iter().zip(row.memberships) {
        let address = match rule.kind {
            GroupKind::Subscription { address: Role::Phone, .. } => known(row.phone),
            GroupKind::Subscription { .. } => known(row.email),
            GroupKind::Element => None,
        };
        let state = if *member == Membership::Member { GroupState::In } else { GroupState::None };
        if out.after.group(rule.column.into()).state != GroupState::OptedOut {
            out.after.set_group(rule.column.into(), GroupEntry { state, address });
        }
    }
}

fn known(address: Address) -> Option<u64> {
    match address {
        Address::Known(hash) => Some(hash),
        _ => None,
    }
}

/// Whether a leave of this group must be preceded by a read of the state at Braze.
pub fn leave_needs_read(rules: &Rules, index: usize, before: &Record) -> bool {
    let rule = &rules.groups[index];
    let GroupKind::Subscription { always, .. } = rule.kind else { return false };
    let state = before.group(rule.column.into()).state;
    !(always || own_leave(state, rules.now))
}

fn own_leave(state: GroupState, now: Timestamp) -> bool {
    matches!(state, GroupState::UnknownLeave(at) if now.duration_since(at) <= OWN_LEAVE)
}

/// One subscription leave (phase 3, or part of a release). `shared`: another record with the same address is a
/// member and stays.
pub fn leave(rules: &Rules, index: usize, answer: Option<Answer>, shared: bool, out: &mut Decision) {
    let rule = &rules.groups[index];
    let column = usize::from(rule.column);
    let entry = out.after.group(column);
    let needs_read = leave_needs_read(rules, index, &out.after);
    if shared {
        out.memberships.shared_address += 1;
        out.after.set_group(column, GroupEntry::default());
        return;
    }
    let state = match (needs_read, answer) {
        (true, None) => {
            out.reads.push(index);
            return;
        }
        (true, Some(Answer::Missing)) => {
            out.memberships.deferred += 1;
            out.unsettled = true;
            return;
        }
        (true, Some(Answer::Unsubscribed | Answer::OptOutMark)) => {
            out.memberships.opted_out += 1;
            GroupState::OptedOut
        }
        _ => {
            out.groups.push(GroupWrite::Unsubscribe(index));
            out.touched.groups.push((rule.column, GroupState::UnknownLeave(rules.now)));
            GroupState::Out
        }
    };
    out.after.set_group(column, GroupEntry { state, address: entry.address });
}

/// What a record gets that left the collection or the source and whose user stays: our groups are cleared.
///
/// Subscription leaves stand in [`Decision::leaves`]; [`leave`] decides each.
pub fn release(rules: &Rules, before: &Record) -> Decision {
    let mut after = before.clone();
    after.status = Status::Released;
    (after.absences, after.held_since, after.refused) = (0, None, None);
    (after.delete_sent, after.released) = (None, Some(rules.now));
    let mut out = Decision { after, ..Decision::default() };
    for (index, rule) in rules.attributes.iter().enumerate().filter(|(_, rule)| rule.flag) {
        let entry = before.attribute(rule.column.into());
        if matches!(entry, AttributeEntry::Hash(_) | AttributeEntry::Unknown) {
            out.attributes.push(AttributeWrite::Null(index));
            out.touched.attributes.push(rule.column);
            out.after.set_attribute(rule.column.into(), AttributeEntry::Null);
        }
    }
    for (index, rule) in rules.groups.iter().enumerate() {
        let state = before.group(rule.column.into()).state;
        match rule.kind {
            GroupKind::Element if holds_element(state) => {
                remove_element(rule.column, GroupState::Out, rules.now, &mut out);
            }
            GroupKind::Subscription { on_leave, .. } if holds_element(state) => {
                if on_leave {
                    out.leaves.push(index);
                } else {
                    out.after.set_group(rule.column.into(), GroupEntry::default());
                }
            }
            _ => {}
        }
    }
    for &column in &rules.clearing_elements {
        if holds_element(before.group(column.into()).state) {
            remove_element(column, GroupState::None, rules.now, &mut out);
        }
    }
    out
}

/// Whether a removal of this record would send something destructive: the measure of the deletion guard.
pub fn release_is_destructive(rules: &Rules, before: &Record) -> bool {
    let release = release(rules, before);
    release.sends() || !release.leaves.is_empty()
}
