//! A state folder: the stores of Destinations, the ledgers of apps, and the key of all their hashes.
//!
//! ```text
//! format                      number of the layout
//! hash.key                    16 random bytes, mode 0600; not there when the key was given
//! stores/<namespace>/<name>/  state.db, index, lock
//! apps/<app>/                 ledger.db
//! operator                    lock of the operators that use the folder
//! archive/<namespace>/<name>/<time>/
//! ```
//!
//! Names are turned into parts of a path that cannot leave the folder, and nothing inside the folder is
//! followed when it is a symbolic link. Everything is made readable by its owner only.

mod glance;
mod key;
mod ledger;
mod lock;
mod mounts;
mod names;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use grouparoo_clock::Clock;

use super::log::SNAPSHOT;
use super::sqlite::Failure;
use super::{AppLedger, LogStore, MemoryAppLedger, StateError};
use crate::data::HashKey;
pub use glance::{Listed, Stamp};
use ledger::FileLedger;
pub use lock::Lock;
use lock::Way;

/// Newest layout of a folder that this program knows.
const LAYOUT: u32 = 1;
const FORMAT: &str = "format";
const HASH_KEY: &str = "hash.key";
const STORES: &str = "stores";
const APPS: &str = "apps";
const ARCHIVE: &str = "archive";
const OPERATOR: &str = "operator";
const LEDGER: &str = "ledger.db";

/// How a [`Folder`] is opened.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// The key of all hashes when it is kept elsewhere; otherwise the folder has a file for it.
    pub hash_key: Option<HashKey>,
    /// What holds the stores, for others who want them, such as `grouparoo run`.
    pub program: String,
    /// Tells since when.
    pub clock: Clock,
}

/// A state folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    hash_key: HashKey,
    program: String,
    clock: Clock,
}

impl Folder {
    /// Opens a folder for runs; it is made if it is not there.
    ///
    /// Refused are folders of a newer layout ([`StateError::Newer`]), folders on a network file system
    /// ([`StateError::Unwritable`]), and folders whose hash key is gone ([`StateError::Unreadable`]).
    pub fn open(path: &Path, options: FolderOptions) -> Result<Self, StateError> {
        let name = path.display().to_string();
        let unwritable = |error: std::io::Error| Failure::Io(error).of_writing(&name, path);
        make_private(path, true).map_err(unwritable)?;
        let path = path.canonicalize().map_err(unwritable)?;
        if let Some(kind) = mounts::network_file_system(&path) {
            let cause =
                format!("it is on a network file system ({kind}), where locks do not hold; use a local disk");
            return Err(StateError::Unwritable { name, cause });
        }
        let is_new = read_format(&path)?.is_none();
        let hash_key = match options.hash_key {
            Some(given) => given,
            None if is_new => {
                key::read_or_make(&path.join(HASH_KEY)).map_err(|error| key_error(&path, error))?
            }
            None => existing_key(&path)?,
        };
        if is_new {
            write_format(&path).map_err(unwritable)?;
        }
        Ok(Self { path, hash_key, program: options.program, clock: options.clock })
    }

    /// Opens a folder for reading: nothing in it is made, changed or locked. `None`: there is no state folder.
    pub fn read(path: &Path, options: FolderOptions) -> Result<Option<Self>, StateError> {
        let path = match path.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let name = path.display().to_string();
                return Err(StateError::Unreadable { name, cause: error.to_string() });
            }
            Ok(path) => path,
        };
        if read_format(&path)?.is_none() {
            return Ok(None);
        }
        let hash_key = match options.hash_key {
            Some(given) => given,
            None => existing_key(&path)?,
        };
        Ok(Some(Self { path, hash_key, program: options.program, clock: options.clock }))
    }

    /// Opens or makes the store of a Destination and takes its lock: [`StateError::Held`] while another run
    /// has it.
    pub fn store(&self, namespace: &str, name: &str) -> Result<LogStore, StateError> {
        let full = full_name(namespace, name);
        let folder = self.make(&[STORES, namespace, name], &full)?;
        let lock = self.lock(&folder, &full)?;
        LogStore::open(&folder, &full, self.store_key(namespace, name), lock)
    }

    /// Opens the store of a Destination for reading: without a lock, and without changing a file. `None`: there
    /// is none.
    pub fn read_store(&self, namespace: &str, name: &str) -> Result<Option<LogStore>, StateError> {
        let full = full_name(namespace, name);
        match self.find(&[STORES, namespace, name], &full)? {
            Some(folder) => LogStore::read(&folder, &full, self.store_key(namespace, name)),
            None => Ok(None),
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key of all hashes of a store, for one that is kept elsewhere.
    pub fn store_key(&self, namespace: &str, name: &str) -> HashKey {
        self.hash_key.derive(&format!("store {}", full_name(namespace, name)))
    }

    /// Removes the store of a Destination for good. Nothing happens when there is none.
    pub fn remove_store(&self, namespace: &str, name: &str) -> Result<(), StateError> {
        let full = full_name(namespace, name);
        let Some(folder) = self.find(&[STORES, namespace, name], &full)? else { return Ok(()) };
        let _lock = self.lock(&folder, &full)?;
        // First, so that a removal that is cut off leaves nothing that looks like a damaged state.
        let removed = match std::fs::remove_file(folder.join(SNAPSHOT)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => std::fs::remove_dir_all(&folder),
        };
        removed.map_err(|error| Failure::Io(error).of_writing(&full, &self.path))
    }

    /// Puts the store of a Destination away, so that the next run starts with a fresh one. Returns where it
    /// lies now; `None`: there was none.
    pub fn archive_store(&self, namespace: &str, name: &str) -> Result<Option<PathBuf>, StateError> {
        let full = full_name(namespace, name);
        let Some(folder) = self.find(&[STORES, namespace, name], &full)? else { return Ok(None) };
        let _lock = self.lock(&folder, &full)?;
        let time = self.clock.now().strftime("%Y%m%dt%H%M%S.%fz").to_string();
        let target = self.make(&[ARCHIVE, namespace, name], &full)?.join(time);
        std::fs::rename(&folder, &target)
            .map_err(|error| Failure::Io(error).of_writing(&full, &self.path))?;
        Ok(Some(target))
    }

    /// Opens or makes the ledger of an app.
    pub fn app_ledger(&self, app: &str) -> Result<Box<dyn AppLedger>, StateError> {
        Ok(Box::new(self.open_ledger(app)?))
    }

    /// Opens the ledger of an app for reading, without changing a file; an empty one if there is none.
    pub fn read_app_ledger(&self, app: &str) -> Result<Box<dyn AppLedger>, StateError> {
        Ok(match self.find_ledger(app)? {
            Some(ledger) => Box::new(ledger),
            None => Box::new(MemoryAppLedger::new(self.apps_key())),
        })
    }

    /// Adds what the ledger of one app holds to that of another: the app was renamed. Nothing happens when
    /// there is no ledger to carry over.
    pub fn carry_over_app(&self, from: &str, to: &str) -> Result<(), StateError> {
        match self.find_ledger(from)? {
            Some(ledger) if from != to => ledger.copy_to(&self.open_ledger(to)?),
            _ => Ok(()),
        }
    }

    /// Takes the folder for an operator, before it looks at anything: [`StateError::Held`] names who has it.
    ///
    /// Operators that elect a leader among themselves share it (`elects`); any other one has it alone. Runs of the
    /// command line do not ask for it: each Destination has a lock of its own.
    pub fn operate(&self, elects: bool) -> Result<Lock, StateError> {
        let (path, name) = (self.path.join(OPERATOR), self.path.display().to_string());
        refuse_link(&path, &name)?;
        let way = if elects { Way::Together } else { Way::Alone };
        Lock::take(&path, &name, &lock::describe(&self.program, self.clock.now()), way)
    }

    fn open_ledger(&self, app: &str) -> Result<FileLedger, StateError> {
        let name = app_name(app);
        let path = self.make(&[APPS, app], &name)?.join(LEDGER);
        refuse_link(&path, &name)?;
        FileLedger::open(&path, &name, self.apps_key())
    }

    fn find_ledger(&self, app: &str) -> Result<Option<FileLedger>, StateError> {
        let name = app_name(app);
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let Some(folder) = self.find(&[APPS, app], &name)? else { return Ok(None) };
        let (path, write_ahead) = (folder.join(LEDGER), bytes(&folder.join(format!("{LEDGER}-wal"))));
        if bytes(&path) == 0 && write_ahead == 0 {
            return Ok(None);
        }
        FileLedger::read(&path, &name, self.apps_key(), write_ahead == 0).map(Some)
    }

    /// One key for all apps, so that what is noted outlives a new name.
    fn apps_key(&self) -> HashKey {
        self.hash_key.derive("apps")
    }

    fn lock(&self, folder: &Path, name: &str) -> Result<Lock, StateError> {
        let path = folder.join("lock");
        for file in [path.clone(), folder.join("state.db")] {
            refuse_link(&file, name)?;
        }
        Lock::take(&path, name, &lock::describe(&self.program, self.clock.now()), Way::Alone)
    }

    /// The folder of these names, if it is there.
    fn find(&self, names: &[&str], what: &str) -> Result<Option<PathBuf>, StateError> {
        self.walk(names, what, |_| Ok(false))
    }

    /// The folder of these names, made if it is not there.
    fn make(&self, names: &[&str], what: &str) -> Result<PathBuf, StateError> {
        let made = self.walk(names, what, |path| make_private(path, false).map(|()| true))?;
        made.ok_or_else(|| StateError::Unwritable {
            name: what.to_owned(),
            cause: "its folder vanished".to_owned(),
        })
    }

    fn walk(
        &self,
        names: &[&str],
        what: &str,
        missing: impl Fn(&Path) -> std::io::Result<bool>,
    ) -> Result<Option<PathBuf>, StateError> {
        let mut path = self.path.clone();
        for name in names {
            let part = names::part_of(name);
            path.push(part.ok_or_else(|| StateError::Unwritable {
                name: what.to_owned(),
                cause: "its name is too long".to_owned(),
            })?);
            match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => {
                    let cause = format!("{} is not a folder, or a symbolic link to one", path.display());
                    return Err(StateError::Unreadable { name: what.to_owned(), cause });
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if !missing(&path).map_err(|error| Failure::Io(error).of_writing(what, &self.path))? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(unreadable(what, &error)),
            }
        }
        Ok(Some(path))
    }

    /// Names in a folder of ours, sorted; what others put there is passed over.
    fn names_in(&self, folder: &Path) -> Result<Vec<String>, StateError> {
        let read = || -> std::io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    names.extend(entry.file_name().to_str().and_then(names::name_of));
                }
            }
            names.sort();
            Ok(names)
        };
        read().map_err(|error| unreadable(&folder.display().to_string(), &error))
    }
}

fn full_name(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn app_name(app: &str) -> String {
    format!("app {app}")
}

fn unreadable(name: &str, error: &std::io::Error) -> StateError {
    StateError::Unreadable { name: name.to_owned(), cause: error.to_string() }
}

fn refuse_link(path: &Path, name: &str) -> Result<(), StateError> {
    if std::fs::symlink_metadata(path).is_ok_and(|file| file.is_symlink()) {
        let cause = format!("{} is a symbolic link", path.display());
        return Err(StateError::Unreadable { name: name.to_owned(), cause });
    }
    Ok(())
}

/// Makes a folder that only its owner can enter, unless it is there.
fn make_private(path: &Path, parents: bool) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

/// The number of the folder's layout. `None`: it is not a state folder, or not yet.
fn read_format(path: &Path) -> Result<Option<u32>, StateError> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path.join(FORMAT)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&name, &error)),
    };
    match text.trim().parse::<u32>() {
        Ok(found) if found > LAYOUT => Err(StateError::Newer { name, found, known: LAYOUT }),
        Ok(found) if found > 0 => Ok(Some(found)),
        _ => Err(StateError::Unreadable { name, cause: "its file `format` is damaged".to_owned() }),
    }
}

fn write_format(path: &Path) -> std::io::Result<()> {
    let unfinished = path.join(format!("{FORMAT}.{}", std::process::id()));
    std::fs::write(&unfinished, format!("{LAYOUT}\n"))?;
    std::fs::File::open(&unfinished)?.sync_all()?;
    std::fs::rename(&unfinished, path.join(FORMAT))?;
    std::fs::File::open(path)?.sync_all()
}

fn existing_key(path: &Path) -> Result<HashKey, StateError> {
    let key = key::read(&path.join(HASH_KEY)).map_err(|error| key_error(path, error))?;
    key.ok_or_else(|| StateError::Unreadable {
        name: path.display().to_string(),
        cause: format!("its file {HASH_KEY} is missing; put it back, or give the hash key it was made with"),
    })
}

fn key_error(path: &Path, error: std::io::Error) -> StateError {
    let name = path.display().to_string();
    match error.kind() {
        ErrorKind::InvalidData => {
            StateError::Unreadable { name, cause: format!("its file {HASH_KEY} does not hold 16 bytes") }
        }
        _ => match Failure::Io(error).of_writing(&name, path) {
            StateError::Unwritable { name, cause } => {
                StateError::Unwritable { name, cause: format!("its file {HASH_KEY}: {cause}") }
            }
            other => other,
        },
    }
}
