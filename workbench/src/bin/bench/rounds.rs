//! One round, and the checks before its figures are believed.

use std::time::Duration;

use workbench::Failure;
use workbench::process::{self, Usage};

use super::peers::{Kind, Stage, Target};

/// Most objects that one request to Braze takes.
const OBJECTS: u64 = 75;

/// Share of the machine that others may take before a round is marked.
const FOREIGN: f64 = 0.10;

/// What is measured in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// `COPY … TO STDOUT` by psql.
    Copy,
    /// First sync.
    First(Kind),
    /// Unchanged sync.
    Unchanged(Kind),
}

impl Subject {
    /// How the tables call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Copy => "COPY text by psql to /dev/null",
            Self::First(Kind::Sink) => "first sync, counting sink",
            Self::Unchanged(Kind::Sink) => "unchanged sync, counting sink",
            Self::First(Kind::Full) => "first sync, full sandbox",
            Self::Unchanged(Kind::Full) => "unchanged sync, full sandbox",
        }
    }
}

/// What one subject cost in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) usage: Usage,
    pub(crate) postgres: Duration,
    pub(crate) sandbox: Duration,
    pub(crate) requests: u64,
    pub(crate) state_bytes: u64,
    /// Processor time of others meanwhile, as a share of the machine's.
    pub(crate) foreign: f64,
}

/// A round.
#[derive(Debug, Default)]
pub(crate) struct Round(pub(crate) Vec<(Subject, Figure)>);

impl Round {
    /// The walls, in a line.
    pub(crate) fn line(&self) -> String {
        let part = |(subject, figure): &(Subject, Figure)| {
            let mark = if figure.foreign > FOREIGN {
                format!(" (others took {:.0} % of the machine)", figure.foreign * 100.0)
            } else {
                String::new()
            };
            format!("{} {:.2} s{mark}", subject.name(), figure.usage.wall.as_secs_f64())
        };
        self.0.iter().map(part).collect::<Vec<_>>().join("; ")
    }
}

/// Measures a round.
pub(crate) fn measure(stage: &Stage, sink_only: bool) -> Result<Round, Failure> {
    let mut round = Round::default();
    let mut add = |subject, figure| round.0.push((subject, figure));
    add(Subject::Copy, figure(stage, None, || stage.copy())?);
    for kind in [Kind::Sink, Kind::Full] {
        if kind == Kind::Full && sink_only {
            continue;
        }
        let target = stage.target(kind)?;
        let first = figure(stage, Some(&target), || target.sync())?;
        arrived(stage, &target, kind, &first)?;
        add(Subject::First(kind), first);
        let unchanged = figure(stage, Some(&target), || target.sync())?;
        expect(unchanged.requests == 0, || {
            format!("an unchanged sync made {} requests", unchanged.requests)
        })?;
        add(Subject::Unchanged(kind), unchanged);
    }
    Ok(round)
}

fn figure(
    stage: &Stage,
    target: Option<&Target>,
    run: impl FnOnce() -> Result<Usage, Failure>,
) -> Result<Figure, Failure> {
    let requests = || -> Result<u64, Failure> {
        target.map_or(Ok(0), |target| Ok(target.sandbox.admin().totals()?.requests))
    };
    let sandbox = || target.map_or(Duration::ZERO, |target| process::own_cpu(target.sandbox.pid()));
    let (asked, held) = (requests()?, sandbox());
    let (postgres, machine) = (process::tree_cpu(stage.server.pid()), process::machine_cpu());
    let own = process::own_cpu(std::process::id());
    let usage = run()?;
    let machine = process::machine_cpu().saturating_sub(machine);
    let own = process::own_cpu(std::process::id()).saturating_sub(own);
    let postgres = process::tree_cpu(stage.server.pid()).saturating_sub(postgres);
    let sandbox = sandbox().saturating_sub(held);
    let counted = usage.cpu + postgres + sandbox + own;
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    let foreign = machine.saturating_sub(counted).as_secs_f64() / (usage.wall.as_secs_f64() * cores);
    let state_bytes = target.map_or(Ok(0), Target::state_bytes)?;
    Ok(Figure { usage, postgres, sandbox, requests: requests()? - asked, state_bytes, foreign })
}

/// All users, once, in full requests.
fn arrived(stage: &Stage, target: &Target, kind: Kind, first: &Figure) -> Result<(), Failure> {
    let (admin, rows) = (target.sandbox.admin(), stage.rows);
    let totals = admin.totals()?;
    expect(totals.accepted == rows && totals.refused == 0, || {
        format!("{} users accepted and {} refused of {rows}", totals.accepted, totals.refused)
    })?;
    let fewest = rows.div_ceil(OBJECTS);
    // Full requests but for the last of each sender, and a few calls before the first.
    expect((fewest..=fewest + 64).contains(&first.requests), || {
        format!("{} requests for {rows} users; full ones would be {fewest}", first.requests)
    })?;
    if kind == Kind::Full {
        let users = admin.users()?;
        expect(users == rows, || format!("the sandbox holds {users} users of {rows}"))?;
    }
    Ok(())
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Unexpected(otherwise())) }
}
