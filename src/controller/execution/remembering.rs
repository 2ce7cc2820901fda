//! The state folder, as runs and readers need it.

use std::path::Path;
use std::sync::Arc;

use grouparoo_clock::Clock;

use crate::data::HashKey;
use crate::state::{
    AppLedger, Folder, FolderOptions, Listed, Lock, MemoryAppLedger, MemoryStore, StateError, Store,
};
use crate::sync::job::Job;
use crate::sync::run::CarryOver;

use super::kept::{Briefs, Kept};

/// What archives a memory and begins anew.
pub type Archive = Arc<dyn Fn() -> Result<Arc<dyn Store>, StateError> + Send + Sync>;

/// What a run remembers by.
pub struct Remembering {
    /// The Destination's memory.
    pub store: Arc<dyn Store>,
    /// That of the workspace.
    pub app: Arc<dyn AppLedger>,
    /// Archives the former.
    pub archive: Archive,
    /// Carries the latter over to another name.
    pub carry_over: CarryOver,
}

/// A state folder; one that is only read may be missing.
pub struct State {
    folder: Option<Folder>,
    briefs: Briefs,
}

impl State {
    /// For runs: made if it is not there.
    ///
    /// `program` is told to others who want a store that a run of this process holds.
    pub fn open(path: &Path, program: &str, clock: &Clock) -> Result<Self, StateError> {
        let is_new = !path.exists();
        let folder = Folder::open(path, options(program, clock))?;
        if is_new {
            // Keys of customers stand in it: it must not get into a repository by accident.
            let _ = std::fs::write(path.join(".gitignore"), "*\n");
        }
        Ok(Self { folder: Some(folder), briefs: Briefs::default() })
    }

    /// For reading: nothing is made, changed or locked.
    pub fn read(path: &Path, clock: &Clock) -> Result<Self, StateError> {
        Ok(Self { folder: Folder::read(path, options("a reader", clock))?, briefs: Briefs::default() })
    }

    /// Takes the folder for this operator; see [`Folder::operate`].
    pub fn operate(&self, elects: bool) -> Result<Option<Lock>, StateError> {
        self.folder.as_ref().map(|folder| folder.operate(elects)).transpose()
    }

    /// Whether there is a folder.
    pub fn exists(&self) -> bool {
        self.folder.is_some()
    }

    /// All memories in the folder.
    pub fn list(&self) -> Result<Vec<Listed>, StateError> {
        self.folder.as_ref().map_or(Ok(Vec::new()), Folder::list)
    }

    /// The memories of a namespace, as far as they matter to each other. Those that nobody wrote since are not opened.
    pub fn kept(&self, namespace: &str) -> Result<Vec<Kept>, StateError> {
        self.folder.as_ref().map_or(Ok(Vec::new()), |folder| self.briefs.of(folder, namespace))
    }

    /// What a run of a job remembers by: its lock is taken.
    pub fn for_run(&self, job: &Job) -> Result<Remembering, StateError> {
        let Some(folder) = &self.folder else { return self.for_plan(job) };
        let (namespace, name) = (job.namespace.clone(), job.state_name.clone());
        let store = Arc::new(folder.store(&namespace, &name)?);
        let app = Arc::from(folder.app_ledger(&job.app_name())?);
        let carrying = folder.clone();
        let carry_over: CarryOver = Arc::new(move |from, to| carrying.carry_over_app(from, to));
        let folder = folder.clone();
        let archive: Archive = Arc::new(move || {
            folder.archive_store(&namespace, &name)?;
            Ok(Arc::new(folder.store(&namespace, &name)?))
        });
        Ok(Remembering { store, app, archive, carry_over })
    }

    /// What a plan compares with: nothing is locked or written.
    pub fn for_plan(&self, job: &Job) -> Result<Remembering, StateError> {
        let full_name = format!("{}/{}", job.namespace, job.state_name);
        let empty = |key: HashKey| -> Arc<dyn Store> { Arc::new(MemoryStore::new(full_name.clone(), key)) };
        let Some(folder) = &self.folder else {
            // Nothing was ever delivered, so no hash has to be the same as before.
            let key = HashKey::new(uuid::Uuid::new_v4().into_bytes());
            let app = Arc::new(MemoryAppLedger::new(key.derive("app")));
            let fresh = empty(key.clone());
            let archive: Archive = Arc::new(move || Ok(fresh.clone()));
            return Ok(Remembering { store: empty(key), app, archive, carry_over: nothing() });
        };
        let key = folder.store_key(&job.namespace, &job.state_name);
        let store: Arc<dyn Store> = match folder.read_store(&job.namespace, &job.state_name)? {
            Some(store) => Arc::new(store),
            None => empty(key.clone()),
        };
        let app = Arc::from(folder.read_app_ledger(&job.app_name())?);
        let fresh = empty(key);
        let archive: Archive = Arc::new(move || Ok(fresh.clone()));
        Ok(Remembering { store, app, archive, carry_over: nothing() })
    }

    /// Forgets what was delivered for a job, for good. Nothing happens when nothing is remembered;
    /// [`StateError::Held`] while a run has it.
    pub fn remove(&self, job: &Job) -> Result<(), StateError> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.remove_store(&job.namespace, &job.state_name))
    }

    /// A memory for reading.
    pub fn store(&self, namespace: &str, name: &str) -> Result<Option<Arc<dyn Store>>, StateError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        Ok(folder.read_store(namespace, name)?.map(|store| Arc::new(store) as Arc<dyn Store>))
    }
}

/// A plan carries nothing over.
fn nothing() -> CarryOver {
    Arc::new(|_, _| Ok(()))
}

fn options(program: &str, clock: &Clock) -> FolderOptions {
    FolderOptions { hash_key: None, program: program.to_owned(), clock: clock.clone() }
}
