//! A whole world in one process: a SQLite customer table, manifests, a sandbox, a state.
//!
//! What a scenario changes is a table row or a line of a manifest, as a user would; what it looks at is what Braze
//! received.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use braze_sandbox::{Group, Options as SandboxOptions, Sandbox};
use grouparoo::braze::Braze;
use grouparoo::controller::{self, Objects};
use grouparoo::data::HashKey;
use grouparoo::manifest::{self, Input};
use grouparoo::source;
use grouparoo::state::{AppLedger, MemoryAppLedger, MemoryStore, Store};
use grouparoo::sync::report::Report;
use grouparoo::sync::run::{self, Request, Tools, Watch};
use grouparoo_clock::Clock;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

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
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// What the app remembers.
    pub ledger: Arc<dyn AppLedger>,
    /// The time of the engine.
    pub clock: Clock,
    /// Stops the runs.
    pub interrupt: CancellationToken,
    folder: TempDir,
}

/// Columns of the default table `users`.
const TABLE: &str = "create table users (id integer primary key, email text, first_name text, plan text, \
                     points integer, news boolean, vip boolean)";

impl World {
    /// A world with an empty table `users`, mode Additive, and mappings of all its columns.
    pub fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    /// The same with another sandbox.
    pub fn with(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options);
        sandbox.add_group(Group::email(NEWS, "News"));
        sandbox.add_group(Group::sms(TEXTS, "Texts"));
        let key = HashKey::new(*b"a key for worlds");
        let world = Self {
            sandbox,
            source: "{ sqlite: { path: crm.db } }".to_owned(),
            model: USERS_MODEL.to_owned(),
            destination: USERS_DESTINATION.to_owned(),
            limits: "{ settle: 0s, retryFor: 5s }".to_owned(),
            app: String::new(),
            key: braze_sandbox::DEFAULT_KEY.to_owned(),
            store: Arc::new(MemoryStore::new("default/users-to-braze", key.derive("store"))),
            ledger: Arc::new(MemoryAppLedger::new(key.derive("app"))),
            clock: Clock::scaled(50),
            interrupt: CancellationToken::new(),
            folder: TempDir::new().expect("a temp folder"),
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
        let url = self.sandbox.url();
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

    /// Runs the Destination as asked.
    pub fn run(&self, request: &Request) -> Report {
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
        let job = controller::resolve(&objects, &set.lookup(source))
            .unwrap_or_else(|problems| panic!("{problems}"))
            .job;
        let source = source::open(&job.source, &self.clock).expect("a source that can be opened");
        let tools = Tools {
            store: self.store.clone(),
            app: self.ledger.clone(),
            braze: Braze::new(job.app.braze.clone(), self.clock.clone()).expect("a client"),
            source: Arc::from(source),
            clock: self.clock.clone(),
            interrupt: self.interrupt.clone(),
            archive: Arc::new(|| Ok(Arc::new(MemoryStore::new("fresh", HashKey::new([9; 16]))))),
        };
        let report = run::run(&job, tools, request, &Watch::default());
        assert!(report.counts.adds_up(), "semantics 3: read + gone = sum of outcomes: {:?}", report.counts);
        report
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

    /// Lets time pass for the engine's clock.
    pub fn rest(&self, span: Duration) {
        self.clock.advance(span);
    }
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
