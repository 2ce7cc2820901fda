//! A whole world in one process: a SQLite customer table, manifests, a sandbox, a state folder.
//!
//! What a scenario changes is a table row or a line of a manifest, as a user would; what it looks at is what Braze
//! received.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use braze_sandbox::{Group, Options as SandboxOptions, Sandbox};
use grouparoo::braze::{Braze, KeySource};
use grouparoo::controller::execution::{State, Workspaces};
use grouparoo::controller::{self, Objects};
use grouparoo::data::AddressGuard;
use grouparoo::manifest::{self, Input};
use grouparoo::source::{self, PostgresLogin};
use grouparoo::state::{Folder, FolderOptions, MemoryStore, Reject, StateError, Store};
use grouparoo::sync::halt::Cancellation;
use grouparoo::sync::job::Job;
use grouparoo::sync::memory::Question;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::{self, Request, StillWanted, Tools, Watch};
use grouparoo_clock::Clock;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::dying::Dying;

/// The subscription group of the default manifests.
pub const NEWS: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";
/// A second one, of channel Sms.
pub const TEXTS: &str = "3f0a9d52-8c1b-4e7a-b6d4-5e2f1c9a7b30";

/// A world. Fields that hold text are parts of the manifests and may be changed between runs.
pub struct World {
    /// Braze.
    pub sandbox: Sandbox,
    /// `spec` of the Source, as YAML on one line.
    pub source: String,
    /// `spec` of the Model without `sourceRef`, as YAML with two spaces before each line.
    pub model: String,
    /// `spec` of the Destination without references, likewise.
    pub destination: String,
    /// `spec.limits` of the BrazeApp.
    pub limits: String,
    /// More of the BrazeApp's `spec`, as YAML with two spaces before each line.
    pub app: String,
    /// The API key.
    pub key: String,
    /// The time of the engine.
    pub clock: Clock,
    /// Stops the runs.
    pub interrupt: CancellationToken,
    /// Stops them as a person or an edit would.
    pub cancellation: Cancellation,
    /// Asked before each batch of removals.
    pub still_wanted: StillWanted,
    /// Where newer keys come from.
    pub key_source: Option<Arc<dyn KeySource>>,
    /// Clients that the runs share with others; each run has a client of its own else.
    pub workspaces: Option<Arc<Workspaces>>,
    /// The endpoint of another world's Braze; that of this world's else.
    pub endpoint: Option<String>,
    /// Which addresses the client of Braze may connect to; all else.
    pub guard: Option<AddressGuard>,
    /// Commits of a run after which its state cannot be written any more: what a kill at that moment leaves behind.
    pub last_commit: Option<u64>,
    folder: TempDir,
}

/// Columns of the default table `users`.
const TABLE: &str = "create table users (id integer primary key, email text, first_name text, plan text, \
                     points integer, news boolean, vip boolean)";

/// How much faster than the system's the engine's time goes: enough for back-offs, and no reason for time-outs.
const FACTOR: u32 = 5;

impl World {
    /// A world with an empty table `users`, mode Additive, and mappings of all its columns.
    pub fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    /// The same with another sandbox.
    pub fn with(options: SandboxOptions) -> Self {
        Self::in_folder(TempDir::new().expect("a temp folder"), options)
    }

    /// A world for scenarios of many runs: its files lie in memory where the system offers that, since nobody pulls
    /// the plug in them.
    pub fn in_memory() -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a temp folder");
        Self::in_folder(folder, SandboxOptions { https: None, ..SandboxOptions::default() })
    }

    fn in_folder(folder: TempDir, options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options);
        sandbox.add_group(Group::email(NEWS, "News"));
        sandbox.add_group(Group::sms(TEXTS, "Texts"));
        let world = Self {
            sandbox,
            source: "{ sqlite: { path: crm.db } }".to_owned(),
            model: USERS_MODEL.to_owned(),
            destination: USERS_DESTINATION.to_owned(),
            limits: "{ settle: 0s, retryFor: 5s }".to_owned(),
            app: String::new(),
            key: braze_sandbox::DEFAULT_KEY.to_owned(),
            clock: Clock::scaled(FACTOR),
            interrupt: CancellationToken::new(),
            cancellation: Cancellation::default(),
            still_wanted: run::always_wanted(),
            key_source: None,
            workspaces: None,
            endpoint: None,
            guard: None,
            last_commit: None,
            folder,
        };
        world.sql(TABLE);
        world
    }

    /// The folder of the manifests and the database.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Runs statements on the customer table.
    pub fn sql(&self, statements: &str) {
        let database = rusqlite::Connection::open(self.folder.path().join("crm.db")).expect("a database");
        database.execute_batch(statements).expect("statements that work");
    }

    /// The manifests as they stand.
    pub fn manifests(&self) -> String {
        let url = self.endpoint.clone().unwrap_or_else(|| self.sandbox.url());
        let Self { source, model, destination, limits, key, app, .. } = self;
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: braze }}\nstringData: {{ key: '{key}' }}\n---\n\
             apiVersion: grouparoo.io/v1alpha1\nkind: BrazeApp\nmetadata: {{ name: braze }}\nspec:\n  \
             restEndpoint: {url}\n  apiKeySecretRef: {{ name: braze, key: key }}\n  limits: {limits}\n{app}\n---\n\
             apiVersion: grouparoo.io/v1alpha1\nkind: Source\nmetadata: {{ name: crm }}\nspec: {source}\n---\n\
             apiVersion: grouparoo.io/v1alpha1\nkind: Model\nmetadata: {{ name: users }}\nspec:\n  \
             sourceRef: {{ name: crm }}\n{model}\n---\n\
             apiVersion: grouparoo.io/v1alpha1\nkind: Destination\nmetadata: {{ name: users-to-braze }}\nspec:\n  \
             appRef: {{ name: braze }}\n  modelRef: {{ name: users }}\n{destination}\n"
        )
    }

    /// Runs the Destination.
    pub fn sync(&self) -> Report {
        self.run(&Request::default())
    }

    /// Says what a run would send.
    pub fn plan(&self) -> Report {
        self.run(&Request { plan: true, samples: 10, ..Request::default() })
    }

    /// Runs the Destination with a token.
    pub fn approve(&self, token: &str) -> Report {
        self.run(&Request { approvals: vec![token.to_owned()], ..Request::default() })
    }

    /// The Destination as a run gets it.
    pub fn job(&self) -> Job {
        let path = self.folder.path().join("manifests.yaml");
        std::fs::write(&path, self.manifests()).expect("a file can be written");
        let options = manifest::Options::default();
        let set = manifest::load(&[Input::Path(path)], &options, &mut std::io::empty())
            .unwrap_or_else(|errors| panic!("{errors}\n{}", self.manifests()));
        let source = &set.sources()[0];
        let objects = Objects {
            destination: &set.destinations()[0].object,
            app: &set.braze_apps()[0].object,
            model: &set.models()[0].object,
            source: &source.object,
        };
        let resolved = controller::resolve(&objects, &set.lookup(source));
        let mut job = resolved.unwrap_or_else(|problems| panic!("{problems}")).job;
        job.app.braze.guard = self.guard.clone();
        job
    }

    /// The state folder as the operator and the command line hold it.
    pub fn memories(&self) -> State {
        State::open(&self.folder.path().join("state"), "a scenario", &self.clock).expect("a state folder")
    }

    fn client(&self, job: &Job) -> Braze {
        let client = match &self.workspaces {
            Some(workspaces) => workspaces.client(job).expect("a client"),
            None => Braze::new(job.app.braze.clone(), self.clock.clone()).expect("a client"),
        };
        if let Some(source) = &self.key_source {
            client.set_key_source(source.clone());
        }
        client
    }

    /// Runs the Destination as asked.
    pub fn run(&self, request: &Request) -> Report {
        let job = self.job();
        let source = source::open(&job.source, &self.clock).expect("a source that can be opened");
        let (store, app) = (self.open(&job, request.plan), job.app_name());
        let state = self.state();
        let ledger = if request.plan { state.read_app_ledger(&app) } else { state.app_ledger(&app) };
        let carrying = self.state();
        let (namespace, name, plan) = (job.namespace.clone(), job.state_name.clone(), request.plan);
        let tools = Tools {
            store: match self.last_commit {
                Some(most) => Arc::new(Dying::after(most, store.expect("a store"))),
                None => store.expect("a store"),
            },
            app: Arc::from(ledger.expect("a ledger")),
            braze: self.client(&job),
            source: Arc::from(source),
            clock: self.clock.clone(),
            interrupt: self.interrupt.clone(),
            cancellation: self.cancellation.clone(),
            still_wanted: self.still_wanted.clone(),
            carry_over: Arc::new(move |from, to| carrying.carry_over_app(from, to)),
            archive: Arc::new(move || {
                if plan {
                    return Ok(Arc::new(MemoryStore::new("fresh", state.store_key(&namespace, &name))));
                }
                state.archive_store(&namespace, &name)?;
                Ok(Arc::new(state.store(&namespace, &name)?))
            }),
        };
        let report = run::run(&job, tools, request, &Watch::default());
        assert!(report.counts.adds_up(), "semantics 3: read + gone = sum of outcomes: {report:#?}");
        report
    }

    fn state(&self) -> Folder {
        let options =
            FolderOptions { hash_key: None, program: "a scenario".to_owned(), clock: self.clock.clone() };
        Folder::open(&self.folder.path().join("state"), options).expect("a state folder")
    }

    /// As the command line does: a plan reads, and takes nothing.
    fn open(&self, job: &Job, plan: bool) -> Result<Arc<dyn Store>, StateError> {
        let (state, namespace, name) = (self.state(), &job.namespace, &job.state_name);
        Ok(match plan {
            false => Arc::new(state.store(namespace, name)?),
            true => match state.read_store(namespace, name)? {
                Some(store) => Arc::new(store),
                None => Arc::new(MemoryStore::new("none", state.store_key(namespace, name))),
            },
        })
    }

    /// What the list of rejects shows: key, field and code, sorted.
    pub fn rejects(&self) -> Vec<(String, String, String)> {
        let store = self.state().read_store("default", "users-to-braze").expect("readable").expect("there");
        let mut rejects = Vec::new();
        let list = store.rejects(&mut |reject: Reject| {
            rejects.push((reject.key, reject.field, reject.code));
            true
        });
        list.expect("a list");
        rejects.sort();
        rejects
    }

    /// Runs the Destination and expects it to succeed without a reject.
    pub fn sync_well(&self) -> Report {
        let report = self.sync();
        assert_eq!((report.exit_code, report.message.as_str()), (0, ""), "{report:#?}");
        report
    }

    /// A user as Braze holds it, as JSON; null when there is none.
    pub fn user(&self, external_id: &str) -> Value {
        self.sandbox
            .user(external_id)
            .map_or(Value::Null, |user| serde_json::to_value(user).expect("a user is plain data"))
    }

    /// The attributes objects that Braze received since the journal was cleared, in their order.
    pub fn received(&self) -> Vec<Value> {
        self.sandbox.journal().iter().flat_map(braze_sandbox::Entry::attributes).collect()
    }

    /// Paths of the requests that Braze received since the journal was cleared.
    pub fn requests(&self) -> Vec<String> {
        self.sandbox.journal().iter().map(|entry| entry.path.clone()).collect()
    }

    /// External ids that Braze was asked to delete since the journal was cleared, sorted.
    pub fn deleted(&self) -> Vec<String> {
        let journal = self.sandbox.journal();
        let deletes = journal.iter().filter(|entry| entry.path == "/users/delete");
        let mut ids: Vec<String> = deletes
            .flat_map(|entry| entry.json()["external_ids"].as_array().cloned().unwrap_or_default())
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        ids.sort();
        ids
    }

    /// Requests of one path since the journal was cleared.
    pub fn asked(&self, path: &str) -> usize {
        self.requests().iter().filter(|asked| *asked == path).count()
    }

    /// Lets time pass for the engine.
    pub fn rest(&mut self, span: Duration) {
        self.rest_at(span, FACTOR);
    }

    /// Lets time pass for the engine; from then on it goes so much faster than the system's.
    pub fn rest_at(&mut self, span: Duration, factor: u32) {
        let span = jiff::SignedDuration::try_from(span).expect("a span that fits");
        self.clock = Clock::running(self.clock.now() + span, factor);
    }

    /// Inserts customers with these ids: `u1@example.com`, plan `basic`, as many points as the id, in no group.
    pub fn insert(&self, ids: std::ops::RangeInclusive<u32>) {
        let rows: Vec<String> =
            ids.map(|id| format!("({id}, 'u{id}@example.com', 'N{id}', 'basic', {id}, 0, 0)")).collect();
        self.sql(&format!(
            "insert into users (id, email, first_name, plan, points, news, vip) values {}",
            rows.join(", ")
        ));
    }

    /// Reads from a PostgreSQL database instead, by this login. The app's manifest brings its Secret.
    pub fn reads_from(&mut self, login: &PostgresLogin) {
        self.source = format!(
            "{{ postgres: {{ host: {}, port: {}, database: {}, user: {}, passwordSecretRef: {{ name: pg, key: password }}, \
             tls: {{ mode: Disabled }} }} }}",
            login.host, login.port, login.database, login.user
        );
        let password = login.password.as_ref().map(secrecy::ExposeSecret::expose_secret).unwrap_or_default();
        self.app = format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{ name: pg }}\nstringData: {{ password: '{password}' }}"
        );
    }

    /// Changes `syncMode`.
    pub fn mode(&mut self, mode: &str) {
        let line = self.destination.lines().next().expect("a mode").to_owned();
        self.destination = self.destination.replace(&line, &format!("  syncMode: {mode}"));
    }

    /// Adds lines to the Destination.
    pub fn and(&mut self, lines: &str) {
        self.destination.push('\n');
        self.destination.push_str(lines);
    }

    /// Replaces a part of the Destination that must be there.
    pub fn change(&mut self, part: &str, by: &str) {
        assert!(self.destination.contains(part), "nothing to replace: {part}");
        self.destination = self.destination.replace(part, by);
    }

    /// Forgets the journal, runs, and expects success without a reject.
    pub fn next(&self) -> Report {
        self.sandbox.clear_journal();
        self.sync_well()
    }
}

/// Whether a run warned of this.
pub fn warned(report: &Report, code: &str) -> bool {
    report.warnings.iter().any(|warning| warning.code == code)
}

/// The token of a question with this answer (or the only one).
pub fn token(report: &Report, question: Question, answer: Option<&str>) -> String {
    let found = report
        .pending_approvals
        .iter()
        .find(|asked| asked.question == question && (answer.is_none() || asked.answer.as_deref() == answer));
    found.unwrap_or_else(|| panic!("{question:?} is not asked: {report:#?}")).token.clone()
}

/// Every column of `users`, a rule and a Boolean column as groups.
pub const USERS_MODEL: &str = "  table: users
  primaryKey: id
  properties:
    - { name: id, type: Integer }
    - { name: email, type: Email }
    - { name: first_name, type: String }
    - { name: plan, type: String }
    - { name: points, type: Integer }
  groups:
    - { name: news, column: news }
    - { name: vip, column: vip }
    - { name: rich, when: 'record.points >= 100' }";

/// All attributes, no groups.
pub const USERS_DESTINATION: &str = "  syncMode: Additive
  propertyMappings:
    - { from: id, to: external_id }
    - { from: email, to: email }
    - { from: first_name, to: first_name }
    - { from: plan, to: plan }
    - { from: points, to: points }";
