//! What a Model leads to: its columns, and a sample of its rows carried through the checks of a run.
//!
//! No Destination is needed: every property is taken as if it were sent under its own name, and every group as if it
//! set a flag, so that types and rules are held against the real columns by the code of a run.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::braze::{BrazeConfig, Limits};
use crate::data::{Column, HashKey, RowBatch};
use crate::source::{Selection, Source, SourceConfig, SourceError, SqliteConfig, System};
use crate::sync::evaluate::{Evaluator, Records};
use crate::sync::job::{self, GroupTarget, Job, Origin};
use crate::sync::program::{self, Program, Surroundings};
use crate::sync::schema::Schema;
use crate::sync::value::infer;

/// Before the name of a property where it stands as a target: no standard field is called so.
const VALUE: &str = "value of ";

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// Columns in their order.
    pub columns: Vec<Column>,
    /// Rows to expect.
    pub row_estimate: Option<u64>,
    /// Rows looked at.
    pub sampled: u32,
    /// Values that did not fit, by the column that they stand in.
    pub misfits: BTreeMap<String, u32>,
    /// Keys that came twice.
    pub duplicates: u32,
    /// Rows whose key names no user.
    pub bad_keys: u32,
}

/// Why a Model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The source says so.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Columns, types or rules do not fit; one sentence each.
    #[error("{}", .0.join("; "))]
    Rules(Vec<String>),
}

/// Describes a Model's rows and evaluates the first of them.
pub async fn describe(source: &dyn Source, model: &job::Model, now: Timestamp) -> Result<Described, Unfit> {
    let relation = source.describe(&model.relation).await?;
    let job = stand_in(model, &relation.columns);
    let program = build(&job, &relation.columns, now).map_err(Unfit::Rules)?;
    let mut described =
        Described { row_estimate: relation.row_estimate, columns: relation.columns, ..Described::default() };
    if model.sample_rows > 0 {
        sample(source, model, &program, &mut described).await?;
    }
    Ok(described)
}

async fn sample(
    source: &dyn Source,
    model: &job::Model,
    program: &Program,
    described: &mut Described,
) -> Result<(), SourceError> {
    let selection = Selection::Sample(model.sample_rows);
    let mut stream = source.read(&model.relation, &program.columns, &selection).await?;
    let evaluator = Evaluator::new(program);
    let (mut batch, mut records) = (RowBatch::new(program.columns.len()), Records::default());
    let mut keys = HashSet::new();
    loop {
        let more = stream.next(&mut batch).await?;
        evaluator.evaluate(&batch, &mut records);
        described.sampled += u32::try_from(records.rows.len()).unwrap_or(u32::MAX);
        for row in &records.rows {
            match row.key {
                Err(_) => described.bad_keys += 1,
                Ok(_) if !keys.insert(row.key_hash) => described.duplicates += 1,
                Ok(_) => {}
            }
        }
        for &(_, attribute, _) in &records.drops {
            let target = &program.shape.fields[attribute].name;
            let Some(property) = target.strip_prefix(VALUE) else { continue };
            let listed = model.properties.iter().find(|one| one.name == property);
            let column = listed.map_or(property, |one| one.column.as_str());
            *described.misfits.entry(column.to_owned()).or_default() += 1;
        }
        if !more {
            return Ok(());
        }
    }
}

pub(super) fn build(job: &Job, columns: &[Column], now: Timestamp) -> Result<Program, Vec<String>> {
    let hash_key = HashKey::new([0; 16]);
    let around = Surroundings {
        columns: Some(columns),
        schema: Schema::default(),
        address_key: hash_key.clone(),
        hash_key,
        now,
        full: false,
        adopt: false,
        elsewhere: &|_| false,
    };
    program::build(job, around)
}

/// A job that would send everything that the Model has.
pub(super) fn stand_in(model: &job::Model, columns: &[Column]) -> Job {
    let sendable = |column: &&Column| infer(&column.kind).is_some();
    let names: Vec<String> = match model.properties.as_slice() {
        [] => columns.iter().filter(sendable).map(|column| column.name.clone()).collect(),
        listed => listed.iter().map(|property| property.name.clone()).collect(),
    };
    let mut properties = vec![mapping(&model.primary_key, "external_id")];
    let values = names.iter().filter(|name| **name != model.primary_key);
    properties.extend(values.map(|name| mapping(name, &format!("{VALUE}{name}"))));
    let groups = model.groups.iter().map(|group| job::GroupMapping {
        group: group.name.clone(),
        target: GroupTarget::Flag { attribute: format!("group {}", group.name) },
        remove_non_members: false,
    });
    Job {
        namespace: String::new(),
        destination: model.name.clone(),
        state_name: model.name.clone(),
        app: job::App {
            name: String::new(),
            workspace: None,
            braze: BrazeConfig {
                endpoint: "https://rest.invalid".to_owned(),
                key: SecretString::from("none"),
                extra_ca: None,
                limits: Limits {
                    objects_per_request: 75,
                    requests_per_second: None,
                    max_in_flight: 1,
                    retry_for: Duration::ZERO,
                },
                guard: None,
            },
            settle: Duration::ZERO,
        },
        source: SourceConfig {
            system: System::Sqlite(SqliteConfig { path: PathBuf::new(), shown: String::new() }),
            query_timeout: Duration::ZERO,
        },
        model: model.clone(),
        mode: job::SyncMode::Additive,
        collection: job::Collection::All,
        properties,
        groups: groups.collect(),
        initial_sync: job::InitialSync::SendAll,
        initial_sync_stated: false,
        on_unmap: job::OnUnmap::Leave,
        deletion_guard: job::DeletionGuard { max_percent: 0, max_count: 0, min_count: 0, absent_reads: 1 },
        reject_tolerance: job::RejectTolerance { max_percent: 100, min_count: 0 },
        enrich: job::Enrich { recheck_missing: Duration::ZERO, recheck_existing: Duration::ZERO },
        run_timeout: Duration::ZERO,
    }
}

/// Values are held against their types alone: what Braze thinks of them depends on where they go.
fn mapping(from: &str, to: &str) -> job::PropertyMapping {
    let is_key = to == "external_id";
    job::PropertyMapping {
        origin: Origin::From(from.to_owned()),
        to: to.to_owned(),
        target_kind: (!is_key).then_some(job::TargetKind::Custom),
        clear_on_null: true,
        as_kind: None,
        truncate: false,
        check: false,
        always_opt_in: false,
    }
}
