//! What lies beside a memory: a brief of each of its namespace, read again only where something was written.
//!
//! Every run looks at all of them. With a thousand Destinations the runs of one round would open a million databases.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use grouparoo_clock::Clock;

use crate::state::{Folder, Header, Size, Stamp, StateError};
use crate::sync::job::SyncMode;
use crate::sync::memory::Memory;

/// Times of files are this coarse at most.
const GRAIN: Duration = Duration::from_secs(2);

/// A memory in the state folder, as far as it matters to others.
#[derive(Debug)]
pub struct Kept {
    /// Namespace of the Destination.
    pub namespace: String,
    /// Its `stateName`.
    pub name: String,
    /// What it holds.
    pub content: Result<Brief, StateError>,
}

/// What others ask of a memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// App that it belongs to; none before the first run.
    pub app: Option<String>,
    /// Model of its newest run.
    pub model: String,
    /// Mode of its newest run.
    pub mode: Option<SyncMode>,
    /// Records that it knows.
    pub known: u64,
    /// Whether a run succeeded, or somebody decided how it begins.
    pub has_begun: bool,
}

impl Brief {
    fn of(header: &Header, size: Size) -> Self {
        let memory: Memory = serde_json::from_value(header.body.clone()).unwrap_or_default();
        let (binding, ledger) = (memory.binding, memory.ledger);
        let is_decided = ledger.succeeded_once || ledger.sends_all || ledger.adopting;
        Self {
            app: binding.as_ref().map(|binding| binding.app.clone()),
            model: binding.as_ref().map(|binding| binding.model.clone()).unwrap_or_default(),
            mode: binding.and_then(|binding| binding.mode),
            known: size.known,
            has_begun: size.known > 0 || is_decided,
        }
    }
}

/// The briefs that were read so far, each with the stamp of its files.
pub(super) struct Briefs {
    known: Mutex<HashMap<(String, String), (Stamp, Brief)>>,
    /// That of the files, which no test makes faster.
    clock: Clock,
}

impl Default for Briefs {
    fn default() -> Self {
        Self { known: Mutex::default(), clock: Clock::system() }
    }
}

impl Briefs {
    /// All memories of a namespace, in the order of their names.
    pub(super) fn of(&self, folder: &Folder, namespace: &str) -> Result<Vec<Kept>, StateError> {
        let mut all = Vec::new();
        let names = folder.names(namespace)?;
        self.known().retain(|(of, name), _| of != namespace || names.binary_search(name).is_ok());
        for name in names {
            let content = match self.one(folder, namespace, &name) {
                Ok(None) => continue,
                Ok(Some(brief)) => Ok(brief),
                Err(error) => Err(error),
            };
            all.push(Kept { namespace: namespace.to_owned(), name, content });
        }
        Ok(all)
    }

    fn one(&self, folder: &Folder, namespace: &str, name: &str) -> Result<Option<Brief>, StateError> {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(stamp) = folder.stamp(namespace, name)? else { return Ok(None) };
        if let Some((then, brief)) = self.known().get(&key)
            && *then == stamp
        {
            return Ok(Some(brief.clone()));
        }
        let Some((header, size)) = folder.glance(namespace, name)? else { return Ok(None) };
        let brief = Brief::of(&header, size);
        if stamp.is_older_than(GRAIN, self.clock.now()) {
            self.known().insert(key, (stamp, brief.clone()));
        } else {
            self.known().remove(&key);
        }
        Ok(Some(brief))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), (Stamp, Brief)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::*;
    use crate::state::{Commit, FolderOptions, Store};

    fn folder(path: &Path) -> Folder {
        let options =
            FolderOptions { hash_key: None, program: "grouparoo run".to_owned(), clock: Clock::system() };
        Folder::open(path, options).expect("a folder")
    }

    /// Writes a memory of this app.
    fn remember(folder: &Folder, name: &str, app: &str) {
        let store = folder.store("crm", name).expect("a store");
        let epoch = store.begin().expect("taken").epoch;
        let body = json!({ "binding": { "app": app, "model": "users", "mode": "Sync" } });
        let header = Header { epoch, body, ..store.header() };
        store.commit(epoch, Commit { header: Some(header), ..Commit::default() }).expect("written");
        store.end(epoch).expect("ended");
    }

    /// Makes the files of a memory an hour older, as if nothing had been written since.
    fn age(path: &Path, name: &str) -> PathBuf {
        let store = path.join("stores/crm").join(name);
        let hour = Duration::from_secs(3600);
        for entry in std::fs::read_dir(&store).expect("a folder") {
            let file = File::options().write(true).open(entry.expect("an entry").path()).expect("a file");
            let time = file.metadata().and_then(|found| found.modified()).expect("a time");
            file.set_modified(time - hour).expect("it can be set");
        }
        store.join("state.db")
    }

    fn apps(briefs: &Briefs, folder: &Folder) -> Vec<String> {
        let all = briefs.of(folder, "crm").expect("a list");
        let app = |one: Kept| one.content.map_or("unreadable".to_owned(), |it| it.app.unwrap_or_default());
        all.into_iter().map(app).collect()
    }

    #[test]
    fn a_memory_is_read_again_only_when_it_was_written() {
        let dir = tempfile::tempdir().expect("a folder");
        let (folder, briefs) = (folder(dir.path()), Briefs::default());
        remember(&folder, "users", "crm/eu");
        remember(&folder, "groups", "crm/us");
        let files = ["users", "groups"].map(|name| age(dir.path(), name));
        assert_eq!(apps(&briefs, &folder), ["crm/us", "crm/eu"]);
        // Whoever opened it again would see that it is spoilt; the time says that nobody wrote.
        for file in &files {
            let time = std::fs::metadata(file).and_then(|found| found.modified()).expect("a time");
            let length = std::fs::metadata(file).expect("a file").len();
            std::fs::write(file, vec![b'x'; usize::try_from(length).expect("a small file")])
                .expect("written");
            File::options().write(true).open(file).and_then(|it| it.set_modified(time)).expect("set");
        }
        assert_eq!(apps(&briefs, &folder), ["crm/us", "crm/eu"]);
        let now = File::options().write(true).open(&files[0]).expect("a file");
        now.set_modified(std::fs::metadata(dir.path()).and_then(|it| it.modified()).expect("a time"))
            .expect("set");
        assert_eq!(apps(&briefs, &folder), ["crm/us", "unreadable"], "one was written");
    }

    #[test]
    fn what_was_written_a_moment_ago_is_read_each_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let (folder, briefs) = (folder(dir.path()), Briefs::default());
        for app in ["crm/eu", "crm/us"] {
            remember(&folder, "users", app);
            assert_eq!(apps(&briefs, &folder), [app]);
        }
        assert!(briefs.known().is_empty());
    }
}
