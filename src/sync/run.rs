//! A run from its first check to its last commit (docs/semantics.md, "Phases of a run").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grouparoo_clock::Clock;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::braze::Braze;
use crate::data::KeyProblem;
use crate::source::{Description, Source};
use crate::state::{AppLedger, Header, MemoryStore, StateError, Store};

use super::account::Account;
use super::approval;
use super::begin;
pub use super::begin::Remembered;
use super::check::{Blocked, Checking, Workspace};
use super::close::{self, Ending};
use super::committer::Committer;
use super::course::{Asked, Control, Course};
use super::halt::Cancellation;
pub use super::halt::{StillWanted, always_wanted};
use super::job::{Collection, InitialSync, Job, SyncMode};
use super::keys::Named;
use super::kinds::Kinds;
use super::memory::{Memory, Question};
use super::planning::Planner;
use super::program::{self, Program, Surroundings};
use super::read;
use super::reason::{Reason, Stop};
use super::report::Report;
use super::schema::Schema;
/// Texts in one array attribute above which it is told that Braze keeps 500.
const MANY_ELEMENTS: usize = 400;
/// Records for which room is made on a source's word: an estimate may be far too high.
const MOST_ESTIMATED: u64 = 1_000_000;

/// What a run works with besides its job.
pub struct Tools {
    /// The Destination's memory.
    pub store: Arc<dyn Store>,
    /// What the Destinations of the app share.
    pub app: Arc<dyn AppLedger>,
    /// The workspace.
    pub braze: Braze,
    /// Where rows come from.
    pub source: Arc<dyn Source>,
    /// The time.
    pub clock: Clock,
    /// Cancelled when the run shall stop at its next checkpoint: by a signal.
    pub interrupt: CancellationToken,
    /// Stops the run likewise, when a person or an edit does not want it any more.
    pub cancellation: Cancellation,
    /// Asked before each batch of removals whether the objects that the run executes are still the same.
    pub still_wanted: StillWanted,
    /// Archives the Destination's memory and opens an empty one. Called when nobody holds [`Tools::store`] any more.
    pub archive: Arc<dyn Fn() -> Result<Arc<dyn Store>, StateError> + Send + Sync>,
    /// Adds what one app remembers to another: the same workspace under a new name.
    pub carry_over: CarryOver,
}

/// From the old name of an app to its new one.
pub type CarryOver = Arc<dyn Fn(&str, &str) -> Result<(), StateError> + Send + Sync>;

/// What a run is asked to do.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Nothing is sent and nothing remembered: what would be sent is counted.
    pub plan: bool,
    /// A plan reads Braze, as a run would: who exists, and who opted out.
    pub look_up: bool,
    /// All values count as unknown.
    pub full: bool,
    /// What was rejected is read and sent again.
    pub retry_rejects: bool,
    /// Only these keys.
    pub keys: Vec<String>,
    /// Tokens that a person gave.
    pub approvals: Vec<String>,
    /// Targets that other Destinations of the app map.
    pub mapped_elsewhere: Vec<String>,
    /// Array attributes with the texts that other Destinations of the app keep in them.
    pub elements_elsewhere: Vec<(String, String)>,
    /// Objects that a plan shows.
    pub samples: usize,
    /// What the Destination's status remembers of earlier runs. `None`: there is no status.
    pub remembered: Option<Remembered>,
    /// The `stateName` of a state of the same workspace and Model that belongs to no Destination. `Some`: a state that
    /// begins beside it asks first.
    pub orphan: Option<String>,
    /// The Destination is being deleted: everything is taken back as with collection None, as far as the deletion
    /// guard lets it. Goes before `keys`, `full` and `retry_rejects`.
    pub cleanup: bool,
}

/// What others may watch while a run goes on.
#[derive(Debug, Default)]
pub struct Watch {
    account: Mutex<Option<Arc<Account>>>,
    stage: AtomicU8,
    expected: AtomicU64,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Has not begun.
    Waiting,
    /// Phase 1.
    Checking,
    /// Phase 2.
    Reading,
    /// Phase 3.
    Leaving,
    /// Phase 4.
    Removing,
    /// Phase 5.
    Closing,
}

impl Watch {
    /// The books, once the run has begun.
    pub fn account(&self) -> Option<Arc<Account>> {
        Course::lock(&self.account).clone()
    }

    /// How far the run has come.
    pub fn stage(&self) -> Stage {
        const STAGES: [Stage; 6] = [
            Stage::Waiting,
            Stage::Checking,
            Stage::Reading,
            Stage::Leaving,
            Stage::Removing,
            Stage::Closing,
        ];
        STAGES.get(usize::from(self.stage.load(Ordering::Relaxed))).copied().unwrap_or(Stage::Closing)
    }

    /// Rows to expect, where the source or an earlier run tells.
    pub fn expected(&self) -> Option<u64> {
        Some(self.expected.load(Ordering::Relaxed)).filter(|rows| *rows > 0)
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }
}

/// Runs a job to its end. Blocks; makes the threads and runtimes that it needs.
pub fn run(job: &Job, tools: Tools, request: &Request, watch: &Watch) -> Report {
    let cleanup = begin::cleanup(job, request);
    let (job, request) = cleanup.as_ref().map_or((job, request), |(job, request)| (job, request));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system can make a runtime");
    runtime.block_on(async {
        let mut tools = tools;
        let mut begun_anew = false;
        loop {
            let account = Arc::new(Account::default());
            let mut run = Run::new(job, &tools, request, watch, account);
            run.begun_anew = begun_anew;
            match run.go().await {
                Next::Ended(ending) => return close::report(&run, *ending),
                Next::Fresh => {
                    begun_anew = true;
                    // What is to be put away must be closed first.
                    let name = format!("{}/{}", job.namespace, job.state_name);
                    tools.store = Arc::new(MemoryStore::new(name, tools.store.hash_key().clone()));
                    match (tools.archive)() {
                        Ok(store) => tools.store = store,
                        Err(error) => {
                            let run = Run::new(job, &tools, request, watch, Arc::default());
                            return close::report(&run, Ending::stopped(state_stop(&error)));
                        }
                    }
                }
            }
        }
    })
}

/// What comes after an attempt.
enum Next {
    /// The run is over.
    Ended(Box<Ending>),
    /// A person decided to begin with an empty state.
    Fresh,
}

/// A run of a job.
pub struct Run<'a> {
    /// The job.
    pub job: &'a Job,
    /// What it works with.
    pub tools: &'a Tools,
    /// What it is asked.
    pub request: &'a Request,
    /// What others see.
    pub watch: &'a Watch,
    /// The books.
    pub account: Arc<Account>,
    /// What stops it.
    pub control: Control,
    /// Start, in whole seconds.
    pub now: Timestamp,
    /// The engine's part of the header.
    pub memory: Memory,
    /// Epoch and serial.
    pub header: Header,
    /// Known records at the start.
    pub known: u64,
    /// Mode Plan: what would be sent.
    pub planner: Option<Arc<Mutex<Planner>>>,
    /// A person chose an empty state for another workspace: everything is sent, whatever `initialSync` says.
    pub(super) begun_anew: bool,
    /// A person let the primary key change.
    pub(super) key_change_approved: bool,
}

impl<'a> Run<'a> {
    fn new(
        job: &'a Job,
        tools: &'a Tools,
        request: &'a Request,
        watch: &'a Watch,
        account: Arc<Account>,
    ) -> Self {
        let now = tools.clock.now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        *Course::lock(&watch.account) = Some(account.clone());
        Self {
            job,
            tools,
            request,
            watch,
            account,
            control: Control::default(),
            now,
            memory: Memory::default(),
            header: Header::default(),
            known: 0,
            planner: request
                .plan
                .then(|| Arc::new(Mutex::new(Planner::new(request.samples, request.look_up)))),
            begun_anew: false,
            key_change_approved: false,
        }
    }

    async fn go(&mut self) -> Next {
        let watchdog = self.watchdog();
        let attempt = tokio::select! {
            biased;
            attempt = self.attempt() => attempt,
            never = watchdog => match never {},
        };
        match attempt {
            Ok(next) => next,
            Err(stop) => Next::Ended(Box::new(Ending::stopped(stop))),
        }
    }

    /// The result of a step that may take long before anything was sent; a stop ends it at once.
    async fn unless_stopped<T>(&self, step: impl Future<Output = T>) -> Result<T, Stop> {
        let done = self.control.token().run_until_cancelled(step).await;
        done.ok_or_else(|| self.control.stopped().unwrap_or_else(interrupted))
    }

    async fn attempt(&mut self) -> Result<Next, Stop> {
        self.watch.enter(Stage::Checking);
        self.take_state()?;
        let before = self.memory.binding.clone();
        if let Err(blocked) = self.meet_state() {
            return self.blocked(blocked, before.as_ref()).await;
        }
        let described = match self.job.collection {
            Collection::None => None,
            Collection::All | Collection::Group(_) => Some(self.unless_stopped(self.describe()).await??),
        };
        let mut program = self.program(described.as_ref())?;
        self.memory.schema = program.schema.clone();
        if let Some(next) = self.check(&mut program, before.as_ref()).await? {
            return Ok(next);
        }
        let program = Arc::new(program);
        let (committer, thread) = self.committer();
        let _ = committer.remember(&self.memory).await;
        let store = self.amended_store().map_err(|error| state_stop(&error))?;
        let course = Arc::new(self.course(program, store, committer.clone()));
        let ending = match self.distrust_leaves(&course).await {
            Ok(()) => self.phases(&course).await,
            Err(error) => Err(state_stop(&error)),
        };
        if ending.is_err() || self.control.is_stopped() {
            self.balance(0);
        }
        drop(course);
        drop(committer);
        // The thread ends with the last committer, after its last commit.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        Ok(Next::Ended(Box::new(ending?)))
    }

    fn take_state(&mut self) -> Result<(), Stop> {
        let store = &self.tools.store;
        self.header = if self.request.plan {
            let mut header = store.header();
            header.serial += 1;
            header
        } else {
            store.begin().map_err(|error| state_stop(&error))?
        };
        self.memory = match &self.header.body {
            serde_json::Value::Null => Memory::default(),
            body => serde_json::from_value(body.clone()).map_err(|_| {
                Stop::new(Reason::StateUnavailable, "the header of the state cannot be read by this version")
            })?,
        };
        let ledger = &mut self.memory.ledger;
        ledger.serial = self.header.serial;
        if std::mem::replace(&mut ledger.running, true) {
            // The last run was cut off: when it wrote last is not known.
            ledger.last_write = Some(self.tools.clock.now());
        }
        self.known = store.size().known;
        Ok(())
    }

    async fn describe(&self) -> Result<Description, Stop> {
        let describe = self.tools.source.describe(&self.job.model.relation);
        let described = describe.await.map_err(|error| read::stop_for(&error))?;
        let earlier = self.memory.ledger.rows_last_full_read;
        let expected = earlier.or(described.row_estimate).unwrap_or(0);
        self.watch.expected.store(expected, Ordering::Relaxed);
        let room = earlier.unwrap_or(expected.min(MOST_ESTIMATED));
        self.tools.store.expect(room.min(self.job.model.max_rows));
        Ok(described)
    }

    fn program(&mut self, described: Option<&Description>) -> Result<Program, Stop> {
        let adopts = self.job.initial_sync == InitialSync::Adopt && !self.request.cleanup;
        if adopts && self.is_fresh() && !self.memory.ledger.sends_all {
            self.memory.ledger.adopting = true;
        }
        let elsewhere = &self.request.mapped_elsewhere;
        let around = Surroundings {
            columns: described.map(|described| described.columns.as_slice()),
            schema: self.memory.schema.clone(),
            hash_key: self.tools.store.hash_key().clone(),
            address_key: self.tools.app.hash_key().clone(),
            now: self.now,
            full: self.request.full,
            adopt: self.memory.ledger.adopting,
            elsewhere: &|target| elsewhere.iter().any(|other| other == target),
        };
        program::build(self.job, around)
            .map_err(|problems| Stop::new(Reason::InvalidSpec, problems.join("\n")))
    }

    /// Phase 1. `Some`: the run ends here, or begins anew.
    async fn check(
        &mut self,
        program: &mut Program,
        before: Option<&super::memory::Binding>,
    ) -> Result<Option<Next>, Stop> {
        let checking = Checking {
            job: self.job,
            program,
            key: self.tools.store.hash_key(),
            approvals: &self.request.approvals,
            serial: self.header.serial,
            known: self.known,
            now: self.now,
            plan: self.request.plan && !self.request.look_up,
            cleanup: self.request.cleanup,
        };
        self.key_change_approved =
            approval::given(&self.memory.ledger, Question::KeyChanged, &self.request.approvals, self.now)
                .is_some();
        let source = self.tools.source.identity();
        checking.tell_changes(before, &source, &self.account);
        self.tell_many_elements(&program.schema);
        let token = self.control.token().clone();
        let asking = checking.workspace(&mut self.memory, &self.tools.braze, &self.account);
        let Some(workspace) = token.run_until_cancelled(asking).await else {
            return Err(self.control.stopped().unwrap_or_else(interrupted));
        };
        let blocked = match workspace {
            Ok(Workspace::Fresh) => return Ok(Some(Next::Fresh)),
            Ok(Workspace::Same) => checking.questions(&mut self.memory, before).err(),
            Err(blocked) => Some(blocked),
        };
        if let Some(binding) = &mut self.memory.binding {
            binding.source = source;
            // A cleanup's job has it too.
            if let (Collection::None, Some(before)) = (&self.job.collection, before) {
                binding.keep_rows_of(before);
            }
        }
        match blocked {
            None => {
                self.carry_over(before)?;
                self.meet_app_ledger(before).map_err(|error| state_stop(&error))?;
                self.accept_kinds(program);
                Ok(None)
            }
            Some(blocked) => self.blocked(blocked, before).await.map(Some),
        }
    }

    /// Braze keeps 500 texts in an array and drops the oldest without a word.
    fn tell_many_elements(&self, schema: &Schema) {
        let elsewhere = self.request.elements_elsewhere.iter();
        let all =
            schema.elements().chain(elsewhere.map(|(attribute, text)| (attribute.as_str(), text.as_str())));
        let mut texts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (attribute, text) in all {
            texts.entry(attribute).or_default().insert(text);
        }
        let ours: BTreeSet<&str> = schema.elements().map(|(attribute, _)| attribute).collect();
        for (attribute, texts) in texts.iter().filter(|(attribute, _)| ours.contains(*attribute)) {
            if texts.len() > MANY_ELEMENTS {
                self.account.warn(
                    "ManyElements",
                    attribute,
                    texts.len() as u64,
                    "groups write so many values into this attribute; Braze keeps 500 and drops the oldest without a \
                     word, so spread them over several attributes",
                );
            }
        }
    }

    /// Opt-outs and deletes are remembered under the app's name: they follow it.
    fn carry_over(&self, before: Option<&super::memory::Binding>) -> Result<(), Stop> {
        match (before, &self.memory.binding) {
            (Some(then), Some(now)) if then.app != now.app && !self.request.plan => {
                (self.tools.carry_over)(&then.app, &now.app).map_err(|error| state_stop(&error))
            }
            _ => Ok(()),
        }
    }

    /// Kinds that a person let change are from now on those of the mappings.
    fn accept_kinds(&mut self, program: &mut Program) {
        for (target, _, now) in &program.alignment.kind_changes {
            let columns = self.memory.schema.attributes.iter_mut();
            for column in columns.filter(|column| column.target == *target) {
                column.kind = Some(*now);
            }
            let fields = program.shape.fields.iter().zip(&mut program.sources);
            for (_, source) in fields.filter(|(field, _)| field.name == *target) {
                source.kind = Some(*now);
            }
        }
    }

    /// Remembers the questions, and only them: the configuration is not accepted yet.
    async fn blocked(
        &mut self,
        blocked: Blocked,
        before: Option<&super::memory::Binding>,
    ) -> Result<Next, Stop> {
        if !self.request.plan {
            let mut memory = self.remembered_before();
            memory.ledger = self.memory.ledger.clone();
            memory.ledger.running = false;
            memory.binding = before.cloned();
            let (committer, thread) = self.committer();
            let _ = committer.remember(&memory).await;
            let _ = committer.flush().await;
            let failure = committer.failure();
            drop(committer);
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            if let Some(error) = failure {
                return Err(state_stop(&error));
            }
        }
        Ok(Next::Ended(Box::new(Ending { questions: blocked.questions, ..Ending::stopped(blocked.stop) })))
    }

    fn committer(&self) -> (Committer, std::thread::JoinHandle<()>) {
        if self.request.plan {
            return Committer::idle();
        }
        let (store, clock) = (self.tools.store.clone(), self.tools.clock.clone());
        Committer::start(store, self.header.clone(), clock, self.control.token().clone())
    }

    fn course(&self, program: Arc<Program>, store: Arc<dyn Store>, committer: Committer) -> Course {
        let groups = program.rules.groups.len();
        self.account.name_groups(program.group_names.iter().cloned());
        let keys = if self.request.retry_rejects {
            Some(self.rejected_keys())
        } else {
            (!self.request.keys.is_empty()).then(|| self.request.keys.clone())
        };
        let settle = self.job.app.settle;
        let since = self.memory.ledger.last_write.map(|at| self.tools.clock.now().duration_since(at));
        let rest = since.map_or(Duration::ZERO, |since| {
            settle.saturating_sub(Duration::try_from(since).unwrap_or(Duration::ZERO))
        });
        let keys = keys.map(|keys| Named::new(&keys, program.key_kind));
        let kinds = Kinds::of(&program);
        Course {
            program,
            store,
            app: self.tools.app.clone(),
            braze: self.tools.braze.clone(),
            objects_per_request: self.job.app.braze.limits.objects_per_request,
            committer,
            account: self.account.clone(),
            control: self.control.clone(),
            still_wanted: self.tools.still_wanted.clone(),
            clock: self.tools.clock.clone(),
            serial: self.header.serial,
            asked: Asked {
                full: self.request.full,
                retry: self.request.retry_rejects || self.request.full,
                keys,
            },
            update_only: self.job.mode == SyncMode::Enrich,
            kinds,
            leaves: Mutex::default(),
            unfinished: Mutex::default(),
            group_faults: Mutex::new(vec![0; groups]),
            untold_groups: Mutex::default(),
            pairs: Mutex::default(),
            delivered: Mutex::default(),
            abandoned: Default::default(),
            first_write: self.tools.clock.monotonic() + rest,
            planner: self.planner.clone(),
        }
    }

    fn rejected_keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let read = self.tools.store.rejects(&mut |reject| {
            // A row without a usable key has only a place, which a read by key does not find.
            if KeyProblem::from_code(&reject.code).is_none() {
                keys.push(reject.key);
            }
            true
        });
        if let Err(error) = read {
            self.control.stop(state_stop(&error));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn interrupted() -> Stop {
    Stop::new(Reason::Interrupted, "stopped before anything was sent")
}

/// What a state that cannot be used means for the run.
pub fn state_stop(error: &StateError) -> Stop {
    let reason = match error {
        StateError::Fenced { .. } => Reason::Fenced,
        _ => Reason::StateUnavailable,
    };
    Stop::new(reason, error.to_string())
}
