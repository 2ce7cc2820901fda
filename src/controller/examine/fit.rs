//! Whether a Destination's mappings, groups and expressions fit the columns that its Model has.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use kube::ResourceExt;
use secrecy::SecretString;

use crate::api::{Destination, Found, Lookup, Model};
use crate::controller::resolve::destination_parts;
use crate::controller::resolve_model::resolve_model;
use crate::data::Column;

use super::model::{build, stand_in};

/// A namespace and a name.
type Named = (String, String);

/// Columns of a Model, and the generation that has them.
type Described = (Option<i64>, Arc<Vec<Column>>);

/// What was looked at last: of which content and which columns, and what does not fit.
struct Looked {
    digest: String,
    columns: Arc<Vec<Column>>,
    misfits: Vec<String>,
}

/// Columns of the Models as they were last described, and what of each Destination does not fit them.
#[derive(Default)]
pub struct Fits {
    columns: Mutex<HashMap<Named, Described>>,
    looked: Mutex<HashMap<Named, Looked>>,
}

impl Fits {
    /// Notes what a Model's rows look like.
    pub fn described(&self, model: &Model, columns: Vec<Column>) {
        let generation = model.metadata.generation;
        let mut known = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(named(model), (generation, Arc::new(columns)));
    }

    /// Whether the rows of a Model, as it is written now, were described by this process.
    pub fn knows(&self, model: &Model) -> bool {
        let known = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&named(model)).is_some_and(|(generation, _)| *generation == model.metadata.generation)
    }

    /// Forgets a Model that is gone.
    pub fn forget_model(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.columns.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    /// Forgets a Destination that is gone.
    pub fn forget_destination(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    /// What of a Destination does not fit: one sentence each. Nothing, while its Model was not described.
    ///
    /// `digest`: that of what it sends; the same content is looked at once.
    pub fn misfits(
        &self,
        destination: &Destination,
        model: &Model,
        digest: &str,
        now: Timestamp,
    ) -> Vec<String> {
        let known = self.columns.lock().unwrap_or_else(PoisonError::into_inner).get(&named(model)).cloned();
        let Some((generation, columns)) = known else { return Vec::new() };
        if generation != model.metadata.generation {
            return Vec::new();
        }
        let key = named(destination);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = looked.get(&key)
            && last.digest == digest
            && Arc::ptr_eq(&last.columns, &columns)
        {
            return last.misfits.clone();
        }
        let misfits = misfits(destination, model, &columns, now);
        looked.insert(key, Looked { digest: digest.to_owned(), columns, misfits: misfits.clone() });
        misfits
    }
}

fn named<K: ResourceExt>(object: &K) -> Named {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn misfits(destination: &Destination, model: &Model, columns: &[Column], now: Timestamp) -> Vec<String> {
    // What is wrong by itself is told where that is checked.
    let Ok(resolved) = resolve_model(model, &AnyQuery) else { return Vec::new() };
    let Some(parts) = destination_parts(destination, model) else { return Vec::new() };
    let mut job = stand_in(&resolved, columns);
    (job.properties, job.groups, job.collection) = (parts.properties, parts.groups, parts.collection);
    build(&job, columns, now).err().unwrap_or_default()
}

/// The statement of a query does not matter: its columns are known.
struct AnyQuery;

impl Lookup for AnyQuery {
    fn secret(&self, _: &str, _: &str) -> Found<SecretString> {
        Found::NoObject
    }

    fn config_map(&self, _: &str, _: &str) -> Found<String> {
        Found::Value("select 1".to_owned())
    }

    fn files(&self, _: &str) -> Option<BTreeMap<String, Bytes>> {
        None
    }

    fn path(&self, relative: &str) -> Result<PathBuf, String> {
        Ok(PathBuf::from(relative))
    }
}
