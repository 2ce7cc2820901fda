//! Records that Braze must be asked about before they can be decided: does the user exist (Enrich), and what has
//! the person decided about a subscription group (docs/semantics.md, "Subscription groups" and "Enrich").

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;

use crate::braze::{BrazeError, By, ExportedUser, Reply, SubscriptionState};
use crate::state::{Change, GroupState, Person, Record, Status};

use super::course::{Course, Leave};
use super::decide::{self, Address, Answer, Decision, GroupKind, Membership, Role, Wanted};
use super::outcome::{Outcome, Skip};
use super::parcel::{Candidate, Composed, Found, Parcel, Subject, compose};
use super::value::Code;

/// Ids or addresses in one question to Braze.
const PER_QUESTION: usize = 50;
/// Age at which an answer is too old for a `subscribed` to leave on it.
const ANSWER_AGE: Duration = Duration::from_secs(60);
/// What is told about a null that cannot be sent.
const NESTED_NOT_CLEARED: &str = "a null inside an attribute would make Braze drop the whole update, so it is not \
     sent and the old value stays; send another value in its place, or map the attribute as a whole object";
/// Questions about a group that are refused as a whole before it is asked about no more in this run.
const REFUSED_QUESTIONS: u32 = 3;
/// How often a record is asked about again because it waited too long.
const ROUNDS: usize = 5;

impl Course {
    /// Asks, decides and delivers, again for those that waited too long meanwhile.
    pub async fn stage(&self, mut candidates: Vec<Candidate>) {
        if self.asks_nothing() {
            return self.stage_planned(candidates).await;
        }
        for _ in 0..ROUNDS {
            if candidates.is_empty() {
                return;
            }
            let found = self.look_up(candidates).await;
            let parcels = self.ask_and_decide(found).await;
            candidates = Vec::new();
            for parcel in parcels {
                candidates.extend(self.deliver(parcel).await.stale);
            }
        }
        for candidate in candidates {
            let more = Self::lock(&self.leaves).iter().any(|leave| leave.key_hash == candidate.key_hash);
            self.finish(candidate.key_hash, Outcome::Pending, more);
        }
    }

    /// Leaves out records whose user does not exist, and notes what is told about the others.
    async fn look_up(&self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let (asked, mut found): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|c| c.look_up);
        for chunk in chunks(asked) {
            if self.control.is_stopped() {
                self.pending(&chunk);
                continue;
            }
            let keys: Vec<&str> = chunk.iter().map(Candidate::key_text).collect();
            let Reply { result, traffic } = self.braze.export(&keys).await;
            self.account.traffic(traffic);
            match result {
                Ok(users) => found.extend(self.sort_by_existence(chunk, &users).await),
                Err(error) => {
                    // One question that Braze does not take leaves its records to the next run.
                    if !matches!(error, BrazeError::RequestRefused { .. }) {
                        self.stop_for(&error);
                    }
                    self.pending(&chunk);
                }
            }
        }
        found
    }

    fn pending(&self, candidates: &[Candidate]) {
        for candidate in candidates {
            self.finish(candidate.key_hash, Outcome::Pending, false);
        }
    }

    async fn sort_by_existence(&self, chunk: Vec<Candidate>, users: &[ExportedUser]) -> Vec<Candidate> {
        let ids: HashMap<&str, u64> = users
            .iter()
            .map(|user| (user.external_id.as_str(), self.program.hash_key.hash(user.braze_id.as_bytes())))
            .collect();
        let mut changes = Vec::new();
        let mut found = Vec::new();
        for mut candidate in chunk {
            candidate.look_up = false;
            let Some(&id) = ids.get(candidate.key_text()) else {
                changes.push(Change::Put(self.absent(&candidate), 0));
                self.account.skip(Skip::NotInBraze, 1);
                continue;
            };
            let mut before = candidate.before.take().map(|record| *record).unwrap_or_else(|| {
                // Found, and nothing of ours yet: not known, and looked at again if the object is not taken.
                Record::new(candidate.key.clone(), Status::Refused)
            });
            if before.braze_id.is_some_and(|known| known != id) {
                forget(&mut before);
            }
            if before.status == Status::Absent {
                before.status = Status::Refused;
            }
            before.braze_id = Some(id);
            before.existence_minute = Some(self.minute());
            Self::lock(&self.pairs).push((candidate.key_text().to_owned(), id));
            candidate.before = Some(Box::new(before));
            found.push(candidate);
        }
        self.note(changes).await;
        found
    }

    fn absent(&self, candidate: &Candidate) -> Record {
        let mut record = candidate
            .before
            .as_deref()
            .cloned()
            .unwrap_or_else(|| Record::new(candidate.key.clone(), Status::Absent));
        forget(&mut record);
        record.status = Status::Absent;
        record.refused = None;
        record.braze_id = None;
        record.existence_minute = Some(self.minute());
        record
    }

    /// Minutes since 1970, as existence is noted.
    pub fn minute(&self) -> u32 {
        u32::try_from(self.now().as_second() / 60).unwrap_or_default()
    }

    /// Reads the states of subscription groups that the records are about to join, then decides and composes.
    async fn ask_and_decide(&self, candidates: Vec<Candidate>) -> Vec<Parcel> {
        let rules = &self.program.rules;
        let asked_at = self.clock.monotonic();
        let mut answers: Vec<Vec<Option<Answer>>> =
            candidates.iter().map(|candidate| self.marks(candidate)).collect();
        let mut questions: HashMap<usize, Vec<usize>> = HashMap::new();
        for (position, candidate) in candidates.iter().enumerate() {
            let decision =
                decide::decide(rules, candidate.before.as_deref(), &candidate.row(), &answers[position]);
            for group in decision.reads {
                questions.entry(group).or_default().push(position);
            }
        }
        let rounds = questions.iter().map(|(&group, positions)| {
            let by = self.question_by(group);
            let names: Vec<String> =
                positions.iter().map(|&position| self.name_for(&candidates[position], by)).collect();
            async move { (group, positions, self.read_states(group, by, &names).await) }
        });
        for (group, positions, states) in join_all(rounds).await {
            for (&position, state) in positions.iter().zip(states) {
                answers[position][group] = Some(state);
            }
        }
        let asked = !questions.is_empty();
        let deadline = asked.then(|| asked_at + ANSWER_AGE);
        self.compose_all(candidates, &answers, deadline).await
    }

    /// What is known before Braze is asked: opt-outs remembered beyond a user's delete, and groups left out.
    pub(super) fn marks(&self, candidate: &Candidate) -> Vec<Option<Answer>> {
        let rules = &self.program.rules.groups;
        let mark = |(index, rule): (usize, &decide::GroupRule)| {
            let GroupKind::Subscription { always: false, .. } = rule.kind else { return None };
            if self.group_is_off(index) {
                return Some(Answer::Missing);
            }
            let joins = candidate.memberships[index] == Membership::Member;
            let state = candidate.before.as_ref().map(|b| b.group(rule.column.into()).state);
            let settled = matches!(state, Some(GroupState::In | GroupState::OptedOut));
            (joins && !settled && self.has_opt_out_mark(candidate, index)).then_some(Answer::OptOutMark)
        };
        rules.iter().enumerate().map(mark).collect()
    }

    fn has_opt_out_mark(&self, candidate: &Candidate, group: usize) -> bool {
        let super::object::GroupField::Subscription(id) = &self.program.shape.groups[group] else {
            return false;
        };
        let key = self.app.hash_key();
        let mut people = vec![Person::Key(key.hash(&candidate.key))];
        let address = match self.question_by(group) {
            By::ExternalId => Address::Unmapped,
            By::Email => candidate.email,
            By::Phone => candidate.phone,
        };
        if let Address::Known(hash) = address {
            people.push(Person::Address(hash));
        }
        // An unreadable ledger counts as a mark: an opt-out is never overridden for want of a disk.
        people.into_iter().any(|person| self.app.is_opted_out(id, person).unwrap_or(true))
    }

    /// How a group's state is asked for before a join: by address where one is mapped.
    pub fn question_by(&self, group: usize) -> By {
        let rules = &self.program.rules;
        let GroupKind::Subscription { address, .. } = rules.groups[group].kind else { return By::ExternalId };
        match (address, rules.attributes.iter().any(|rule| rule.role == address)) {
            (_, false) => By::ExternalId,
            (Role::Phone, true) => By::Phone,
            (_, true) => By::Email,
        }
    }

    /// The record's address (in lower case) or key, as questions name it.
    fn name_for(&self, candidate: &Candidate, by: By) -> String {
        let role = match by {
            By::ExternalId => return candidate.key_text().to_owned(),
            By::Email => Role::Email,
            By::Phone => Role::Phone,
        };
        let rules = &self.program.rules.attributes;
        let index = rules.iter().position(|rule| rule.role == role);
        let json = index.map(|index| candidate.value(index).json).unwrap_or_default();
        serde_json::from_slice::<String>(json).unwrap_or_default().to_lowercase()
    }

    /// The states of a group for these people, in their order.
    pub async fn read_states(&self, group: usize, by: By, names: &[String]) -> Vec<Answer> {
        let super::object::GroupField::Subscription(id) = &self.program.shape.groups[group] else {
            return vec![Answer::Missing; names.len()];
        };
        let mut states = Vec::with_capacity(names.len());
        for chunk in names.chunks(PER_QUESTION) {
            if self.control.is_stopped() || self.is_untold(group) {
                states.resize(states.len() + chunk.len(), Answer::Missing);
                continue;
            }
            let asked: Vec<&str> = chunk.iter().map(String::as_str).collect();
            let Reply { result, traffic } = self.braze.subscription_status(id, by, &asked).await;
            self.account.traffic(traffic);
            match result {
                Ok(found) => {
                    let refusals = traffic.answers.classes[3] - traffic.answers.limited;
                    if refusals > 0 && found.len() < chunk.len() {
                        // Some of these names alone are refused; the others were answered.
                        self.state_unreadable(group, &BrazeError::RequestRefused { status: 400 });
                    }
                    Self::lock(&self.untold_groups).entry(group).and_modify(|refused| *refused = 0);
                    states.extend(chunk.iter().map(|name| match found.get(name) {
                        Some(SubscriptionState::Subscribed) => Answer::Subscribed,
                        Some(SubscriptionState::Unsubscribed) => Answer::Unsubscribed,
                        Some(SubscriptionState::Unknown) => Answer::Unknown,
                        None => Answer::Missing,
                    }));
                }
                Err(error) => {
                    self.state_unreadable(group, &error);
                    states.resize(states.len() + chunk.len(), Answer::Missing);
                }
            }
        }
        states
    }

    /// Whether Braze refused so many questions about a group in a row that it is asked no more: the group is at fault,
    /// and a refused question is asked again name by name.
    fn is_untold(&self, group: usize) -> bool {
        Self::lock(&self.untold_groups).get(&group).is_some_and(|refused| *refused >= REFUSED_QUESTIONS)
    }

    fn state_unreadable(&self, group: usize, error: &crate::braze::BrazeError) {
        match error {
            BrazeError::RequestRefused { .. } => {
                let name = &self.program.group_names[group];
                *Self::lock(&self.untold_groups).entry(group).or_default() += 1;
                self.account.error(
                    "GroupStateUnreadable",
                    name,
                    "check that subscriptionGroupId is a group of this workspace",
                    "",
                );
            }
            BrazeError::PermissionMissing { .. } => self.account.warn(
                "PermissionMissing",
                "subscription.status.get",
                1,
                "the key may not read subscription states, so joins and leaves wait; grant \
                 subscription.status.get or set optInPolicy: Always",
            ),
            other => self.stop_for(other),
        }
    }

    pub(super) async fn compose_all(
        &self,
        candidates: Vec<Candidate>,
        answers: &[Vec<Option<Answer>>],
        deadline: Option<Duration>,
    ) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        let mut parcel = Parcel { deadline, ..Parcel::default() };
        let mut changes = Vec::new();
        let mut object = Vec::new();
        for (mut candidate, answers) in candidates.into_iter().zip(answers) {
            self.claim_kinds(&mut candidate).await;
            let decision = self.decide_final(&candidate, answers);
            self.kinds.found(&decision, &candidate.wanted);
            candidate.found = Found::by(&decision);
            let subject = Subject {
                key: &candidate.key,
                key_hash: candidate.key_hash,
                fingerprint: candidate.fingerprint,
                before: candidate.before.clone(),
            };
            let leaves = decision.leaves.clone();
            self.tally(&decision, &candidate.key, candidate.key_hash);
            let more = !leaves.is_empty();
            object.clear();
            let value = |index: usize| candidate.value(index);
            let retry = (self.asked.retry, self.update_only);
            let composed = compose(&self.program, subject, decision, value, retry, &mut object);
            self.kinds.end_claim(&candidate.kinds, &composed);
            match composed {
                Composed::Send(mut item) => {
                    if !parcel.batch.has_room(object.len(), self.objects_per_request) {
                        let next = Parcel { deadline, ..Parcel::default() };
                        parcels.push(std::mem::replace(&mut parcel, next));
                    }
                    item.candidate = deadline.map(|_| Box::new(candidate));
                    parcel.batch.push(&object);
                    parcel.items.push(*item);
                }
                Composed::Note(change, outcome) => {
                    changes.push(change);
                    self.finish(candidate.key_hash, outcome, more);
                }
                Composed::Nothing(outcome) => self.finish(candidate.key_hash, outcome, more),
                Composed::RefusedBefore(refusal) => {
                    let mut rejects = Vec::new();
                    self.report_refusal(&candidate.key, candidate.key_hash, refusal, &mut rejects);
                    let _ = self.committer.reject(rejects, Vec::new()).await;
                    self.finish(candidate.key_hash, Outcome::Failed, more);
                }
                Composed::TooLarge => self.too_large(&candidate.key, candidate.key_hash).await,
            }
        }
        self.note(changes).await;
        if !parcel.items.is_empty() {
            parcels.push(parcel);
        }
        parcels
    }

    /// Claims the kinds of a record that are not settled; values of another kind than the first are dropped.
    async fn claim_kinds(&self, candidate: &mut Candidate) {
        if candidate.kinds.is_empty() {
            return;
        }
        let refused = self.kinds.claim(&mut candidate.kinds);
        if refused.is_empty() {
            return;
        }
        let mut rejects = Vec::with_capacity(refused.len());
        for attribute in refused {
            candidate.wanted[attribute] = Wanted::Dropped;
            let (key, key_hash) = (&candidate.key, candidate.key_hash);
            rejects.push(self.drop_value(key, key_hash, attribute, Code::KindMismatch));
        }
        // The next run looks again.
        candidate.fingerprint = 0;
        let _ = self.committer.reject(rejects, Vec::new()).await;
    }

    fn decide_final(&self, candidate: &Candidate, answers: &[Option<Answer>]) -> Decision {
        let rules = &self.program.rules;
        let before = candidate.before.as_deref();
        let decision = decide::decide(rules, before, &candidate.row(), answers);
        if decision.reads.is_empty() {
            return decision;
        }
        // What is still unread after the questions were asked waits for the next run.
        let mut answers = answers.to_vec();
        for &group in &decision.reads {
            answers[group] = Some(Answer::Missing);
        }
        decide::decide(rules, before, &candidate.row(), &answers)
    }

    /// Counts what a decision found, and notes its leaves for phase 3.
    pub fn tally(&self, decision: &Decision, key: &[u8], key_hash: u64) {
        Found::by(decision).count(&self.account);
        for &attribute in &decision.kept_nulls {
            let field = &self.program.shape.fields[attribute].name;
            self.account.warn("NestedNotCleared", field, 1, NESTED_NOT_CLEARED);
        }
        if !decision.leaves.is_empty() {
            let leave = Leave { key: key.to_vec(), key_hash, groups: decision.leaves.clone() };
            Self::lock(&self.leaves).push(leave);
            if let Some(planner) = &self.planner {
                Self::lock(planner).leaving.insert(key_hash, decision.after.clone());
            }
        }
    }

    /// Counts a record whose whole object cannot be sent.
    pub async fn too_large(&self, key: &[u8], key_hash: u64) {
        self.account.counts.invalid.one();
        // Its row changes nothing: it does not leave its groups either.
        Self::lock(&self.leaves).retain(|leave| leave.key_hash != key_hash);
        let hint = "the values of one record together are above 1 MB; map fewer or shorter ones";
        self.account.error("ObjectTooLarge", "", hint, &Self::reference(key_hash));
        let _ = self.committer.reject(vec![self.reject(key, "", "ObjectTooLarge")], Vec::new()).await;
    }
}

/// What Braze no longer holds of ours, or never did; opt-outs stay.
fn forget(record: &mut Record) {
    record.attributes.clear();
    (record.email, record.phone) = (None, None);
    for entry in &mut record.groups {
        if entry.state != GroupState::OptedOut {
            *entry = Default::default();
        }
    }
}

fn chunks(mut candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut chunks = Vec::new();
    while candidates.len() > PER_QUESTION {
        let rest = candidates.split_off(PER_QUESTION);
        chunks.push(std::mem::replace(&mut candidates, rest));
    }
    if !candidates.is_empty() {
        chunks.push(candidates);
    }
    chunks
}

impl Candidate {
    /// The key as text.
    pub fn key_text(&self) -> &str {
        std::str::from_utf8(&self.key).expect("a canonical key is text")
    }
}
