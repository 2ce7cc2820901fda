//! A sample of the rows, carried through all that a run does with them before it compares.

use std::collections::{BTreeMap, HashSet};

use grouparoo_clock::Clock;

use crate::data::{Column, HashKey, RowBatch};
use crate::source::Selection;
use crate::sync::evaluate::{Evaluator, Records};
use crate::sync::job::{Collection, GroupRule, Job, Model};
use crate::sync::memory::Memory;
use crate::sync::program::{self, Program, Surroundings};
use crate::sync::read;
use crate::sync::reason::{Reason, Stop};

use crate::controller::execution::{State, Workspaces, stop_for};
use crate::controller::text::{count, counted};

/// What the sample shows.
#[derive(Default)]
pub struct Look {
    /// Collection None: a run reads nothing, and neither does this.
    unread: bool,
    columns: usize,
    rows: u64,
    /// Sentences about what is odd.
    pub oddities: Vec<String>,
}

impl Look {
    /// What was looked at.
    pub fn sentence(&self) -> String {
        if self.unread {
            return "with collection None the source is not read".to_owned();
        }
        let columns = counted(self.columns as u64, "column", "columns");
        format!("{columns} fit, {} looked at", counted(self.rows, "row", "rows"))
    }
}

/// Describes the relation, builds the program of a run and evaluates the first rows that the source returns.
pub async fn look(
    job: &Job,
    workspaces: &Workspaces,
    state: Option<&State>,
    clock: &Clock,
) -> Result<Look, Stop> {
    if job.collection == Collection::None {
        build(job, None, state, clock)?;
        return Ok(Look { unread: true, ..Look::default() });
    }
    let source = workspaces.source(job)?;
    let described = source.describe(&job.model.relation).await.map_err(|error| read::stop_for(&error))?;
    let program = build(job, Some(&described.columns), state, clock)?;
    let mut look = Look { columns: described.columns.len(), ..Look::default() };
    look.oddities.extend(unknown_columns(&job.model, &described.columns));
    for (target, then, now) in &program.alignment.kind_changes {
        look.oddities.push(format!(
            "{target} was first sent as {then:?} and would now be {now:?}; the next sync asks before it sends \
             (TargetTypeChanged)"
        ));
    }
    let selection = Selection::Sample(job.model.sample_rows);
    let opened = source.read(&job.model.relation, &program.columns, &selection).await;
    let mut stream = opened.map_err(|error| read::stop_for(&error))?;
    let mut evaluator = Evaluator::new(&program);
    let mut tally = Tally::default();
    let (mut batch, mut records) = (RowBatch::new(program.columns.len()), Records::default());
    loop {
        let more = stream.next(&mut batch).await.map_err(|error| read::stop_for(&error))?;
        evaluator.evaluate(&batch, &mut records);
        evaluator.assume_kinds(&mut records);
        look.rows += records.rows.len() as u64;
        tally.add(&program, &records);
        if !more {
            break;
        }
    }
    if look.rows == 0 {
        look.oddities.push("the table or query has no rows (EmptySource)".to_owned());
    }
    look.oddities.extend(tally.sentences(look.rows));
    Ok(look)
}

/// Columns that the Model names and the source does not have. Where they are sent, the program was refused already.
fn unknown_columns(model: &Model, columns: &[Column]) -> Vec<String> {
    let is_known = |name: &str| columns.iter().any(|column| column.name == name);
    let properties = model.properties.iter().map(|property| ("property", &property.name, &property.column));
    let groups = model.groups.iter().filter_map(|group| match &group.rule {
        GroupRule::Column(column) => Some(("group", &group.name, column)),
        GroupRule::When(_) => None,
    });
    let named = properties.chain(groups).filter(|(_, _, column)| !is_known(column));
    named
        .map(|(what, name, column)| {
            format!("{what} {name}: there is no column {column}; nothing of it is sent, so a sync would run")
        })
        .collect()
}

fn build(
    job: &Job,
    columns: Option<&[Column]>,
    state: Option<&State>,
    clock: &Clock,
) -> Result<Program, Stop> {
    let mut memory = Memory::default();
    let mut hash_key = HashKey::new([0; 16]);
    if let Some(state) = state {
        let remembering = state.for_plan(job).map_err(|error| stop_for(&error))?;
        memory = serde_json::from_value(remembering.store.header().body).unwrap_or_default();
        hash_key = remembering.store.hash_key().clone();
    }
    let around = Surroundings {
        columns,
        schema: memory.schema,
        address_key: hash_key.clone(),
        hash_key,
        now: clock.now(),
        full: false,
        adopt: false,
        elsewhere: &|_| false,
    };
    program::build(job, around).map_err(|problems| Stop::new(Reason::InvalidSpec, problems.join("\n")))
}

/// Codes with where they were met and how often.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<(String, &'static str), (u64, &'static str)>,
    keys: HashSet<u64>,
}

impl Tally {
    fn add(&mut self, program: &Program, records: &Records) {
        for row in &records.rows {
            match row.key {
                Err(problem) => {
                    self.note("the key", problem.code(), "such rows name no user and are not sent")
                }
                Ok(_) if !self.keys.insert(row.key_hash) => {
                    self.note(
                        "the key",
                        "DuplicateKey",
                        "of several rows with one key only the first is sent",
                    );
                }
                Ok(_) => {}
            }
        }
        for &(_, attribute, code) in &records.drops {
            self.note(&program.shape.fields[attribute].name, code.code(), code.hint());
        }
        for &(attribute, warning) in &records.warnings {
            self.note(&program.shape.fields[attribute].name, warning.code(), warning.hint());
        }
        for &(_, group) in &records.rule_errors {
            let name = &program.memberships[group].name;
            self.note(name, "RuleError", "the rule cannot be evaluated: such records neither join nor leave");
        }
    }

    fn note(&mut self, place: &str, code: &'static str, hint: &'static str) {
        let entry = self.counts.entry((place.to_owned(), code)).or_insert((0, hint));
        entry.0 += 1;
    }

    fn sentences(self, rows: u64) -> impl Iterator<Item = String> {
        self.counts.into_iter().map(move |((place, code), (number, hint))| {
            format!("{place}: {code} in {} of {}: {hint}", count(number), counted(rows, "row", "rows"))
        })
    }
}
