//! What the story stands on, and how it is cleared away, also when the reader stops it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use workbench::Failure;
use workbench::control_plane::ControlPlane;
use workbench::postgres::{Login, Server};
use workbench::sandbox::Sandbox;
use workbench::watched::Watched;

/// Everything that has to be gone afterwards, in the order in which it goes.
#[derive(Default)]
struct Props {
    operator: Option<Watched>,
    control_plane: Option<ControlPlane>,
    sandbox: Option<Sandbox>,
    database: Option<Database>,
    server: Option<Server>,
    _folder: Option<TempDir>,
}

/// The stage. What it holds is cleared away when it is dropped, and at Ctrl-C.
pub(crate) struct Stage {
    props: Arc<Mutex<Props>>,
    folder: PathBuf,
    keep: bool,
}

impl Stage {
    /// A temporary folder. With `keep` Ctrl-C is the end that the reader was told of; with `keep_folder` the folder
    /// stays.
    pub(crate) fn new(keep: bool, keep_folder: bool) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("grouparoo-demo-").tempdir();
        let mut folder = folder.map_err(|error| Failure::file(&std::env::temp_dir(), error))?;
        folder.disable_cleanup(keep_folder);
        let path = folder.path().to_owned();
        let props = Arc::new(Mutex::new(Props { _folder: Some(folder), ..Props::default() }));
        let stage = Self { props, folder: path, keep };
        stage.listen()?;
        Ok(stage)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a sandbox.
    pub(crate) fn hold_sandbox(&self, sandbox: Sandbox) {
        self.with(|props| props.sandbox = Some(sandbox));
    }

    /// Keeps a Kubernetes API.
    pub(crate) fn hold_control_plane(&self, plane: ControlPlane) {
        self.with(|props| props.control_plane = Some(plane));
    }

    /// Keeps an operator.
    pub(crate) fn hold_operator(&self, operator: Watched) {
        self.with(|props| props.operator = Some(operator));
    }

    /// What the operator wrote last, when it has ended by itself.
    pub(crate) fn operator_failed(&self) -> Option<String> {
        self.with(|props| {
            let operator = props.operator.as_mut()?;
            operator.has_ended().then(|| operator.last_words(5))
        })
    }

    /// A database for the demo, with two logins: who may write, and who only reads.
    pub(crate) fn database(&self) -> Result<(Login, Login), Failure> {
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let database = Database::create(Login::from_url(&url)?)?;
            let login = database.login();
            self.with(|props| props.database = Some(database));
            return Ok((login.clone(), login));
        }
        let server = Server::start(&[])?;
        let root = server.login().clone();
        self.with(|props| props.server = Some(server));
        root.connect()?.execute("create database crm")?;
        let (owner, password) = (root.database("crm"), uuid::Uuid::new_v4().to_string());
        let session = owner.connect()?;
        session.execute(&format!("create role reader login password '{password}'"))?;
        session.execute("alter default privileges grant select on tables to reader")?;
        Ok((owner.clone(), owner.role("reader", &password)))
    }

    /// Waits for Ctrl-C, which ends the program.
    pub(crate) fn wait(&self) -> ! {
        loop {
            std::thread::park();
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Props) -> T) -> T {
        act(&mut self.props.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Clears away at Ctrl-C, and ends the program.
    fn listen(&self) -> Result<(), Failure> {
        let failed = |error| Failure::Program("a runtime".to_owned(), error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let mut terminated = {
            let _inside = runtime.enter();
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?
        };
        let (props, code) = (Arc::clone(&self.props), if self.keep { 0 } else { 130 });
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminated.recv() => {}
                }
            });
            drop(std::mem::take(&mut *props.lock().unwrap_or_else(PoisonError::into_inner)));
            std::process::exit(code);
        });
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.with(std::mem::take));
    }
}

/// A database of one's own on somebody's server, dropped at the end.
struct Database {
    server: Login,
    name: String,
}

impl Database {
    fn create(server: Login) -> Result<Self, Failure> {
        let name = format!("grouparoo_demo_{}", uuid::Uuid::new_v4().simple());
        server.connect()?.execute(&format!("create database {name}"))?;
        Ok(Self { server, name })
    }

    fn login(&self) -> Login {
        self.server.database(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = self.server.connect().and_then(|session| {
            session.execute(&format!("drop database {} with (force)", self.name)).map(|_| ())
        });
        if let Err(failure) = dropped {
            eprintln!("grouparoo-demo: the database {} is left behind: {failure}", self.name);
        }
    }
}
