//! A run from its first check to its last commit (docs/semantics.md, "Phases of a run").

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use grouparoo_clock::Clock;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::braze::Braze;
use crate::source::{Selection, Source};
use crate::state::{AppLedger, Header, MemoryStore, StateError, Store};

use super::account::Account;
use super::approval;
use super::check::{Blocked, Checking, Workspace};
use super::close::{self, Ending};
use super::committer::Committer;
use super::course::{Asked, Control, Course};
use super::job::{Collection, InitialSync, Job, SyncMode};
use super::memory::{Memory, Question};
use super::planning::Planner;
use super::program::{self, Program, Surroundings};
use super::read::{self, ReadEnd, Reading, Work};
use super::reason::{Reason, Stop};
use super::removals;
use super::report::Report;

/// Longest time that requests in flight may take after a run was stopped.
const LAST_REQUESTS: Duration = Duration::from_secs(25);
/// Records for which room is made on a source's word: an estimate may be far too high, as by a single large id.
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
    /// Objects that a plan shows.
    pub samples: usize,
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

    fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }
}

/// Runs a job to its end. Blocks; makes the threads and runtimes that it needs.
pub fn run(job: &Job, tools: Tools, request: &Request, watch: &Watch) -> Report {
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
    begun_anew: bool,
    /// A person let the primary key change.
    key_change_approved: bool,
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
            planner: request.plan.then(|| Arc::new(Mutex::new(Planner::new(request.samples)))),
            begun_anew: false,
            key_change_approved: false,
        }
    }

    async fn go(&mut self) -> Next {
        match self.attempt().await {
            Ok(next) => next,
            Err(stop) => Next::Ended(Box::new(Ending::stopped(stop))),
        }
    }

    async fn attempt(&mut self) -> Result<Next, Stop> {
        self.watch.enter(Stage::Checking);
        self.take_state()?;
        let described = self.describe().await?;
        let mut program = self.program(&described)?;
        self.memory.schema = program.schema.clone();
        let before = self.memory.binding.clone();
        if let Some(next) = self.check(&mut program, before.as_ref()).await? {
            return Ok(next);
        }
        let program = Arc::new(program);
        let (committer, thread) = self.committer();
        let _ = committer.remember(&self.memory).await;
        let course = Arc::new(self.course(program, committer.clone()));
        let ending = self.phases(&course, described.row_estimate).await;
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

    async fn describe(&self) -> Result<crate::source::Description, Stop> {
        let describe = self.tools.source.describe(&self.job.model.relation);
        let described = describe.await.map_err(|error| read::stop_for(&error))?;
        let earlier = self.memory.ledger.rows_last_full_read;
        let expected = earlier.or(described.row_estimate).unwrap_or(0);
        self.watch.expected.store(expected, Ordering::Relaxed);
        let room = earlier.unwrap_or(expected.min(MOST_ESTIMATED));
        self.tools.store.expect(room.min(self.job.model.max_rows));
        Ok(described)
    }

    fn program(&mut self, described: &crate::source::Description) -> Result<Program, Stop> {
        let fresh = self.known == 0 && !self.memory.ledger.succeeded_once;
        if self.job.initial_sync == InitialSync::Adopt && fresh && !self.begun_anew {
            self.memory.ledger.adopting = true;
        }
        let elsewhere = &self.request.mapped_elsewhere;
        let around = Surroundings {
            columns: &described.columns,
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
            plan: self.request.plan,
        };
        self.key_change_approved =
            approval::given(&self.memory.ledger, Question::KeyChanged, &self.request.approvals, self.now)
                .is_some();
        let source = self.tools.source.identity();
        checking.tell_changes(before, &source, &self.account);
        let workspace = checking.workspace(&mut self.memory, &self.tools.braze, &self.account).await;
        let blocked = match workspace {
            Ok(Workspace::Fresh) => return Ok(Some(Next::Fresh)),
            Ok(Workspace::Same) => checking.questions(&mut self.memory, before).err(),
            Err(blocked) => Some(blocked),
        };
        if let Some(binding) = &mut self.memory.binding {
            binding.source = source;
        }
        match blocked {
            None => {
                self.carry_over(before)?;
                self.accept_kinds(program);
                Ok(None)
            }
            Some(blocked) => self.blocked(blocked, before).await.map(Some),
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
            let mut memory = match &self.header.body {
                serde_json::Value::Null => Memory::default(),
                body => serde_json::from_value(body.clone()).unwrap_or_default(),
            };
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

    fn course(&self, program: Arc<Program>, committer: Committer) -> Course {
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
        Course {
            program,
            store: self.tools.store.clone(),
            app: self.tools.app.clone(),
            braze: self.tools.braze.clone(),
            objects_per_request: self.job.app.braze.limits.objects_per_request,
            committer,
            account: self.account.clone(),
            control: self.control.clone(),
            clock: self.tools.clock.clone(),
            serial: self.header.serial,
            asked: Asked {
                full: self.request.full,
                retry: self.request.retry_rejects || self.request.full,
                keys,
            },
            update_only: self.job.mode == SyncMode::Enrich,
            leaves: Mutex::default(),
            unfinished: Mutex::default(),
            group_faults: Mutex::new(vec![0; groups]),
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
            if !reject.key.is_empty() {
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

    /// Phases 2 to 5.
    async fn phases(&mut self, course: &Arc<Course>, estimate: Option<u64>) -> Result<Ending, Stop> {
        let _ = estimate;
        let watchdog = self.watchdog(course);
        let work = async {
            let read = if self.job.collection == Collection::None {
                Ok(ReadEnd { complete: true, ..ReadEnd::default() })
            } else {
                self.watch.enter(Stage::Reading);
                self.read_and_deliver(course).await
            };
            match read {
                Ok(read) => self.after_read(course, read).await,
                Err(error) => {
                    self.control.stop(state_stop(&error));
                    Ok(Ending::default())
                }
            }
        };
        let ending = tokio::select! {
            biased;
            ending = work => ending,
            never = watchdog => match never {},
        };
        ending.map_err(|error| state_stop(&error))
    }

    /// Stops the run on a signal and when its time is up.
    fn watchdog(&self, course: &Arc<Course>) -> impl Future<Output = std::convert::Infallible> + use<> {
        let (control, clock) = (course.control.clone(), course.clock.clone());
        let (interrupt, timeout) = (self.tools.interrupt.clone(), self.job.run_timeout);
        async move {
            tokio::select! {
                () = interrupt.cancelled() => control.stop(Stop::new(
                    Reason::Interrupted,
                    "stopped by a signal; what was sent is remembered, and the same command goes on from there",
                )),
                () = clock.sleep(timeout) => control.stop(Stop::new(
                    Reason::TimedOut,
                    "the run took longer than runTimeout; the next one goes on from what was delivered",
                )),
            }
            std::future::pending().await
        }
    }

    async fn read_and_deliver(&self, course: &Arc<Course>) -> Result<ReadEnd, StateError> {
        let keys = course.asked.keys.clone();
        let selection = match keys {
            Some(keys) => Selection::Keys { column: course.program.key_column.clone(), keys },
            None => Selection::All,
        };
        let full = selection == Selection::All;
        let reading = Reading {
            relation: self.job.model.relation.clone(),
            selection,
            max_rows: self.job.model.max_rows,
            tolerance: self.job.reject_tolerance,
            enrich: self.job.enrich,
            trial: full && self.known >= 1_000 && !self.key_change_approved,
        };
        let in_flight = self.job.app.braze.limits.max_in_flight;
        let (sender, mut receiver) = mpsc::channel(in_flight.clamp(4, 64));
        let reader = {
            let (course, source) = (course.clone(), self.tools.source.clone());
            std::thread::Builder::new()
                .name("read".to_owned())
                .spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .expect("the system can make a runtime");
                    runtime.block_on(read::read(course, source.as_ref(), reading, sender))
                })
                .expect("the system can start a thread")
        };
        // As many again as may be on the wire: those wait for their intents to become durable.
        let most = in_flight + in_flight.min(64);
        let mut running = FuturesUnordered::new();
        let mut open = true;
        let deliver = async {
            while open || !running.is_empty() {
                tokio::select! {
                    work = receiver.recv(), if open && running.len() < most => match work {
                        Some(work) => running.push(carry_out(course, work)),
                        None => open = false,
                    },
                    Some(()) = running.next(), if !running.is_empty() => {}
                }
            }
        };
        let last_requests = async {
            course.control.token().cancelled().await;
            course.clock.sleep(LAST_REQUESTS).await;
        };
        let finished = tokio::select! {
            biased;
            () = deliver => true,
            () = last_requests => false,
        };
        drop(receiver);
        if !finished {
            course.abandoned.store(true, Ordering::Relaxed);
            tracing::warn!("requests in flight did not end in time; what became of them is unknown");
        }
        let ended = tokio::task::spawn_blocking(move || reader.join()).await;
        ended.expect("the thread was not cancelled").expect("the reader does not panic")
    }

    async fn after_read(&mut self, course: &Arc<Course>, read: ReadEnd) -> Result<Ending, StateError> {
        course.committer.flush().await.ok();
        if course.abandoned.load(Ordering::Relaxed) {
            let counts = course.account.counts.snapshot();
            let waiting = read.left.len() as u64 + Course::lock(&course.unfinished).len() as u64;
            let lost = (counts.read + counts.gone).saturating_sub(counts.decided() + waiting);
            course.account.counts.pending.add(lost);
        }
        for (column, kind) in course.program.alignment.attributes.iter().zip(&read.kinds) {
            let column = &mut self.memory.schema.attributes[usize::from(*column)];
            column.kind = column.kind.or(*kind);
        }
        let mut ending = Ending { read: close::source_report(self, course, &read), ..Ending::default() };
        if read.keys_unknown {
            ending.questions.push(close::ask_keys(self));
        } else if read.complete && self.key_change_approved {
            self.use_up(Question::KeyChanged);
        }
        let adopting = course.program.rules.adopt;
        let permitted = close::judge_read(self, course, &read);
        let control = course.control.clone();
        let last_requests = async {
            control.token().cancelled().await;
            course.clock.sleep(LAST_REQUESTS).await;
        };
        let phases = async {
            self.watch.enter(Stage::Leaving);
            course.leave_groups(permitted.leaves && !adopting).await?;
            self.watch.enter(Stage::Removing);
            removals::remove(self, course, &read, permitted, &mut ending).await
        };
        let finished = tokio::select! {
            biased;
            result = phases => Some(result),
            () = last_requests => None,
        };
        match finished {
            Some(result) => result?,
            None => give_up(course),
        }
        self.watch.enter(Stage::Closing);
        let groups = course.program.group_names.iter().enumerate();
        let off = groups.filter(|(group, _)| course.group_is_off(*group));
        ending.groups_off = off.map(|(_, name)| name.clone()).collect();
        close::close(self, course, &read, &mut ending).await?;
        Ok(ending)
    }

    /// Removals that were noted and have no answer do not count as sent.
    pub fn take_back_removals(&mut self, count: u64) {
        if let Some(noted) = self.memory.ledger.removals.last_mut().filter(|noted| noted.time == self.now) {
            noted.count = noted.count.saturating_sub(count);
        }
    }

    /// The approval of a question did its work.
    pub fn use_up(&mut self, question: Question) {
        let ledger = &mut self.memory.ledger;
        let given = approval::given(ledger, question, &self.request.approvals, self.now);
        if let Some(token) = given.map(|token| token.token.clone()) {
            approval::use_up(ledger, &token);
        }
    }

    /// Notes removals that no approval covers, before they are sent: a crash must not hide them from the guard.
    pub async fn note_removals(&mut self, course: &Course, count: u64) {
        if count > 0 {
            super::guard::note(&mut self.memory.ledger, count, self.now);
            let _ = course.committer.remember(&self.memory).await;
        }
    }
}

/// Requests in flight did not end in time: what has no outcome is pending.
fn give_up(course: &Course) {
    tracing::warn!("requests in flight did not end in time; what became of them is unknown");
    let counts = course.account.counts.snapshot();
    let lost = (counts.read + counts.gone).saturating_sub(counts.decided());
    course.account.counts.pending.add(lost);
}

async fn carry_out(course: &Arc<Course>, work: Work) {
    match work {
        Work::Parcel(parcel) => {
            let stale = course.deliver(parcel).await.stale;
            course.stage(stale).await;
        }
        Work::Stage(candidates) => course.stage(candidates).await,
    }
}

/// What a state that cannot be used means for the run.
pub fn state_stop(error: &StateError) -> Stop {
    let reason = match error {
        StateError::Fenced { .. } => Reason::Fenced,
        _ => Reason::StateUnavailable,
    };
    Stop::new(reason, error.to_string())
}
