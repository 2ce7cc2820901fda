//! The table of a history, its mappings, and what Braze must hold at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, GroupState};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::UNASKED;
use super::dice::Dice;
use crate::support::world::{NEWS, World};

/// Ids of the table.
const IDS: u32 = 24;
/// People who are never taken out, so that the table is not empty.
const STAYING: u32 = 4;

/// A row.
#[derive(Clone, Debug)]
pub struct Person {
    email: Option<String>,
    /// Nobody had this address before.
    fresh: bool,
    name: Option<String>,
    plan: Option<String>,
    points: Option<u64>,
    news: bool,
    vip: bool,
}

/// How the columns are mapped at the moment.
#[derive(Clone, Debug, Default)]
struct Mappings {
    /// 0: as it is, 1: by an expression, 2: not at all.
    plan: u64,
    /// 0: `first_name`, 1: `nick`.
    name: u64,
    /// 0: element `vip`, 1: element `VIPs`, 2: not at all.
    vip: u64,
}

/// What happened so far.
pub struct History {
    /// Decides.
    pub dice: Dice,
    /// Table, engine and Braze.
    pub world: World,
    /// The rows.
    pub people: BTreeMap<u32, Person>,
    /// Addresses whose owners left the group themselves.
    pub opted_out: BTreeSet<String>,
    /// Who did so.
    said_no: BTreeSet<u32>,
    /// Mode Sync; otherwise Additive.
    pub deletes: bool,
    /// The open question of the guard: its token, and who was not in the table then.
    pub asked: Option<(String, BTreeSet<u32>)>,
    /// Deletes that no approval covers.
    pub unasked: Vec<(Timestamp, u32)>,
    /// In words.
    pub told: Vec<String>,
    mappings: Mappings,
    addresses: u32,
    /// The last address of those who were taken out of the table, also if they are back.
    former: BTreeMap<u32, Option<String>>,
}

impl History {
    /// A table with some people, and nothing sent yet.
    pub fn new(seed: u64) -> Self {
        let mut history = Self {
            dice: Dice::new(seed),
            world: World::in_memory(),
            people: BTreeMap::new(),
            opted_out: BTreeSet::new(),
            said_no: BTreeSet::new(),
            deletes: seed.is_multiple_of(2),
            asked: None,
            unasked: Vec::new(),
            told: Vec::new(),
            mappings: Mappings::default(),
            addresses: 0,
            former: BTreeMap::new(),
        };
        let in_flight = history.dice.between(1, 3);
        history.world.limits =
            format!("{{ settle: 0s, retryFor: 2s, objectsPerRequest: 4, maxInFlight: {in_flight} }}");
        for id in 1..=12 {
            history.insert(id);
        }
        history
    }

    /// Who is not in the table.
    pub fn absent(&self) -> BTreeSet<u32> {
        (1..=IDS).filter(|id| !self.people.contains_key(id)).collect()
    }

    /// The token of the guard's open question.
    pub fn token(&self) -> Option<String> {
        self.asked.as_ref().map(|(token, _)| token.clone())
    }

    /// Changes rows, and sometimes mappings.
    pub fn change(&mut self) {
        self.told.push("then".to_owned());
        for _ in 0..self.dice.between(1, 8) {
            let id = u32::try_from(self.dice.between(1, IDS.into())).expect("small");
            if self.people.contains_key(&id) {
                self.change_person(id);
            } else {
                self.insert(id);
            }
        }
        if self.dice.one_in(8) {
            // Half of the table is gone.
            let going: Vec<u32> = self.people.keys().copied().filter(|id| id % 2 == 1).collect();
            going.into_iter().for_each(|id| self.remove(id));
        }
        if self.dice.one_in(3) {
            self.mappings = Mappings {
                plan: self.dice.between(0, 2),
                name: self.dice.between(0, 1),
                vip: self.dice.between(0, 2),
            };
        }
        self.write();
    }

    fn change_person(&mut self, id: u32) {
        let word = self.dice.between(0, 1_000);
        let address = self.address(id);
        let nothing = self.dice.one_in(4);
        let what = self.dice.between(0, 8);
        let person = self.people.get_mut(&id).expect("in the table");
        match what {
            0 => person.plan = (!nothing).then(|| format!("plan {}", word % 5)),
            1 => person.points = (!nothing).then_some(word),
            2 => person.name = (!nothing).then(|| format!("Name {word}")),
            3 => person.vip = !person.vip,
            4 | 5 => person.news = !person.news,
            6 => {
                person.email = (!nothing).then_some(address);
                person.fresh = true;
            }
            7 => self.remove(id),
            _ => self.opt_out(id),
        }
    }

    /// An address that nobody had before.
    fn address(&mut self, id: u32) -> String {
        self.addresses += 1;
        format!("u{id}.{}@example.com", self.addresses)
    }

    fn insert(&mut self, id: u32) {
        let address = self.address(id);
        let former = self.former.get(&id).cloned().flatten().filter(|_| self.dice.one_in(2));
        let (word, fresh) = (self.dice.between(0, 1_000), former.is_none());
        let person = Person {
            email: Some(former.unwrap_or(address)),
            fresh,
            name: Some(format!("Name {word}")),
            plan: (!word.is_multiple_of(5)).then(|| format!("plan {}", word % 3)),
            points: Some(word),
            news: word.is_multiple_of(2),
            vip: word.is_multiple_of(3),
        };
        self.people.insert(id, person);
    }

    fn remove(&mut self, id: u32) {
        if id > STAYING
            && let Some(person) = self.people.remove(&id)
        {
            self.former.insert(id, person.email);
        }
    }

    /// A person leaves the group by a link. One who is unsubscribed has none: our own `unsubscribed` cannot be told
    /// from theirs (semantics 7.2, "What remains").
    fn opt_out(&mut self, id: u32) {
        let Some(address) = self.people[&id].email.clone() else { return };
        if self.world.sandbox.subscription(NEWS, &address) != Some(GroupState::Unsubscribed) {
            self.world.sandbox.opt_out(NEWS, &address);
            self.told.push(format!("  {address} opts out"));
            self.opted_out.insert(address);
            self.said_no.insert(id);
        }
    }

    /// Writes table and manifests.
    fn write(&mut self) {
        let mut sql = "delete from users;".to_owned();
        let text =
            |value: &Option<String>| value.as_ref().map_or("null".to_owned(), |value| format!("'{value}'"));
        for (id, person) in &self.people {
            let Person { email, name, plan, points, news, vip, .. } = person;
            let points = points.map_or("null".to_owned(), |points| points.to_string());
            write!(
                sql,
                "insert into users values ({id}, {}, {}, {}, {points}, {news}, {vip});",
                text(email),
                text(name),
                text(plan)
            )
            .expect("text takes everything");
        }
        self.world.sql(&sql);
        let Mappings { plan, name, vip } = &self.mappings;
        let mode = if self.deletes { "Sync" } else { "Additive" };
        let plan = [
            "    - { from: plan, to: plan }\n",
            "    - { expression: '\"x \" + record.plan', to: plan }\n",
            "",
        ][*plan as usize];
        let name = ["first_name", "nick"][*name as usize];
        let vip = [
            "\n    - { group: vip, customAttribute: groups }",
            "\n    - { group: vip, customAttribute: groups, value: VIPs }",
            "",
        ][*vip as usize];
        self.world.destination = format!(
            "  syncMode: {mode}\n  deletionGuard: {{ minCount: {UNASKED} }}\n  propertyMappings:\n    \
             - {{ from: id, to: external_id }}\n    - {{ from: email, to: email }}\n{plan}    \
             - {{ from: first_name, to: {name} }}\n    - {{ from: points, to: points }}\n    \
             - {{ from: points, to: stats.points, targetKind: Nested }}\n  groupMappings:\n    \
             - {{ group: news, subscriptionGroupId: {NEWS} }}{vip}"
        );
        let rows: Vec<String> =
            self.people.iter().map(|(id, person)| format!("\n  {id}: {person:?}")).collect();
        self.told.push(format!("  {:?}{}", self.mappings, rows.concat()));
    }

    /// Faults of Braze, objects that it refuses, and a state that dies.
    pub fn bad_luck(&mut self) {
        self.good_luck();
        for _ in 0..self.dice.between(0, 3) {
            let path = *self.dice.pick(&[
                "/users/track",
                "/users/track",
                "/users/delete",
                "/subscription",
                "/users",
            ]);
            let effect = *self.dice.pick(&[
                Effect::Status(500),
                Effect::Status(503),
                Effect::StatusAfter(504),
                Effect::StatusAfter(500),
                Effect::Reset,
                Effect::ResetAfter,
                Effect::ResetAfter,
                Effect::Cut,
                Effect::Garbage,
                Effect::StrayErrors,
                Effect::Queued,
                // Longer than a request may take, on the engine's clock.
                Effect::LatencyAfter(Duration::from_millis(150)),
            ]);
            let nth = self.dice.between(1, 6);
            let rule = match self.dice.between(0, 3) {
                0 => FaultRule::nth(nth, effect),
                1 => FaultRule::from(nth, effect),
                _ => FaultRule::percent(30.0, effect),
            };
            self.told.push(format!("  fault {rule}:{path}"));
            self.world.sandbox.add_fault(rule.at(path));
        }
        if self.dice.one_in(6) {
            let id = self.dice.between(1, IDS.into()).to_string();
            self.world.sandbox.refuse(&id, "no");
            self.told.push(format!("  {id} is refused"));
        }
        self.world.last_commit = self.dice.one_in(3).then(|| self.dice.between(1, 12));
    }

    /// Ends all of that.
    pub fn good_luck(&mut self) {
        self.world.sandbox.clear_faults();
        self.world.sandbox.refuse_nobody();
        self.world.last_commit = None;
    }

    /// Whether Braze holds what the table says.
    pub fn compare(&self) {
        for (id, person) in &self.people {
            self.compare_person(*id, person);
        }
        for id in self.absent() {
            let user = self.world.user(&id.to_string());
            if self.deletes {
                assert_eq!(user, Value::Null, "{id} is gone");
            } else if user != Value::Null {
                assert_eq!(elements(&user), [] as [&str; 0], "{id} is gone and was released: {user:#}");
            }
        }
    }

    fn compare_person(&self, id: u32, person: &Person) {
        let user = self.world.user(&id.to_string());
        assert_ne!(user, Value::Null, "{id} is missing");
        let held = |name: &str| user["custom_attributes"][name].clone();
        assert_eq!(user["email"], json!(person.email), "{id}: {user:#}");
        assert_eq!(held("points"), json!(person.points), "{id}: {user:#}");
        if person.points.is_some() {
            assert_eq!(held("stats")["points"], json!(person.points), "{id}: {user:#}");
        }
        let (name, other) = match self.mappings.name {
            0 => (user["fields"]["first_name"].clone(), held("nick")),
            _ => (held("nick"), user["fields"]["first_name"].clone()),
        };
        assert_eq!(name, json!(person.name), "{id}: {user:#}");
        let plan = match (self.mappings.plan, &person.plan) {
            (0, plan) => plan.clone(),
            (1, plan) => plan.as_ref().map(|plan| format!("x {plan}")),
            _ => None,
        };
        // Who was released keeps what was unmapped meanwhile (semantics 4.1).
        let kept = !self.deletes && self.former.contains_key(&id);
        if !kept {
            assert_eq!(other, Value::Null, "{id}: {user:#}");
        }
        if !kept || self.mappings.plan < 2 {
            assert_eq!(held("plan"), json!(plan), "{id}: {user:#}");
        }
        let wanted: &[&str] = match (person.vip, self.mappings.vip) {
            (true, 0) => &["vip"],
            (true, 1) => &["VIPs"],
            _ => &[],
        };
        assert_eq!(elements(&user), wanted, "{id}: {user:#}");
        let Some(address) = &person.email else { return };
        let state = self.world.sandbox.subscription(NEWS, address);
        if self.said_no.contains(&id) {
            // An opt-out that was noticed survives another address and a delete; its own address is watched anyway.
        } else if person.news {
            assert_eq!(state, Some(GroupState::Subscribed), "{id} {address} is a member");
        } else if person.fresh {
            // Who came back with an old address and was no member since may have it subscribed from then.
            assert_ne!(state, Some(GroupState::Subscribed), "{id} {address} is no member");
        }
    }
}

fn elements(user: &Value) -> Vec<&str> {
    let all = user["custom_attributes"]["groups"].as_array();
    all.into_iter().flatten().filter_map(Value::as_str).collect()
}
