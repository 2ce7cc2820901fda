//! What can be told of the stores of a folder without opening them for good.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Folder, STORES, full_name};
use crate::state::log::{DATABASE, SNAPSHOT};
use crate::state::{Header, LogStore, Size, StateError};

/// A store of a folder, as [`Folder::list`] finds it.
#[derive(Debug)]
pub struct Listed {
    /// Namespace of the Destination.
    pub namespace: String,
    /// Its `stateName`.
    pub name: String,
    /// The header and the sizes; those of a run that goes on or was killed without its last commit.
    pub content: Result<(Header, Size), StateError>,
}

/// Sizes and times of a store's files. Two equal ones that are not fresh mean that nothing was written in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp([Option<(u64, SystemTime)>; 3]);

impl Stamp {
    fn of(folder: &Path) -> Self {
        let files = [DATABASE.to_owned(), format!("{DATABASE}-wal"), SNAPSHOT.to_owned()];
        Self(files.map(|file| {
            let found = std::fs::metadata(folder.join(file)).ok()?;
            Some((found.len(), found.modified().ok()?))
        }))
    }

    /// Whether the last write was at least so long before `now`: file systems keep coarse times, so that what was
    /// written a moment ago may be written again under the same one.
    pub fn is_older_than(&self, age: Duration, now: jiff::Timestamp) -> bool {
        let now = SystemTime::from(now);
        let newest = self.0.iter().flatten().map(|(_, time)| *time).max();
        newest.is_none_or(|newest| now.duration_since(newest).is_ok_and(|passed| passed >= age))
    }
}

impl Folder {
    /// All stores of the folder, in the order of their names.
    pub fn list(&self) -> Result<Vec<Listed>, StateError> {
        let mut listed = Vec::new();
        let Some(stores) = self.find(&[STORES], STORES)? else { return Ok(listed) };
        for namespace in self.names_in(&stores)? {
            for name in self.names(&namespace)? {
                let content = match self.glance(&namespace, &name) {
                    Ok(None) => continue,
                    Ok(Some(content)) => Ok(content),
                    Err(error) => Err(error),
                };
                listed.push(Listed { namespace: namespace.clone(), name, content });
            }
        }
        Ok(listed)
    }

    /// Names of the stores of one namespace, in their order. There may be nothing in the folder of one.
    pub fn names(&self, namespace: &str) -> Result<Vec<String>, StateError> {
        match self.find(&[STORES, namespace], namespace)? {
            Some(folder) => self.names_in(&folder),
            None => Ok(Vec::new()),
        }
    }

    /// Header and sizes of a store, without its lock. `None`: there is none.
    pub fn glance(&self, namespace: &str, name: &str) -> Result<Option<(Header, Size)>, StateError> {
        let full = full_name(namespace, name);
        let Some(folder) = self.find(&[STORES, namespace, name], &full)? else { return Ok(None) };
        let summary = LogStore::summary(&folder, &full, self.store_key(namespace, name))?;
        Ok(summary.map(|summary| (summary.header, summary.size)))
    }

    /// When a store was last written, as far as its files tell. `None`: there is none.
    pub fn stamp(&self, namespace: &str, name: &str) -> Result<Option<Stamp>, StateError> {
        let full = full_name(namespace, name);
        Ok(self.find(&[STORES, namespace, name], &full)?.map(|folder| Stamp::of(&folder)))
    }
}
