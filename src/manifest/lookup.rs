//! References of loaded objects, answered from the same manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use secrecy::SecretString;

use crate::api::{Found, Lookup, Source};
use crate::controller::folder;

use super::set::{Loaded, LoadedSet};

/// Looks up what the objects of one namespace refer to; paths are relative to one folder.
#[derive(Clone, Debug)]
pub struct ManifestLookup<'a> {
    set: &'a LoadedSet,
    namespace: String,
    folder: PathBuf,
}

impl LoadedSet {
    /// Look-ups for a Source and what uses it: files are relative to the manifest that the Source stands in, to
    /// the working folder when it came from standard input.
    pub fn lookup(&self, source: &Loaded<Source>) -> ManifestLookup<'_> {
        let folder = match Path::new(&source.origin.file).parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        ManifestLookup {
            set: self,
            namespace: source.object.metadata.namespace.clone().unwrap_or_default(),
            folder,
        }
    }
}

impl Lookup for ManifestLookup<'_> {
    fn secret(&self, name: &str, key: &str) -> Found<SecretString> {
        self.set.secret_value(&self.namespace, name, key).map(SecretString::clone)
    }

    fn config_map(&self, name: &str, key: &str) -> Found<String> {
        self.set.config_map_value(&self.namespace, name, key).map(str::to_owned)
    }

    fn files(&self, name: &str) -> Option<BTreeMap<String, Bytes>> {
        let map = self.set.config_map(&self.namespace, name)?;
        Some(map.entries().iter().map(|(key, bytes)| (key.clone(), Bytes::from(bytes.clone()))).collect())
    }

    fn path(&self, relative: &str) -> Result<PathBuf, String> {
        folder::inside(&self.folder, relative)
    }
}
