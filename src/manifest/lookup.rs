//! References of loaded objects, answered from the same manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use secrecy::SecretString;

use kube::ResourceExt;

use crate::api::{Destination, Found, Lookup, Source, folder};
use crate::controller::{Objects, Problem, Problems, Reason, Resolved, resolve};

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

impl LoadedSet {
    /// The job of a Destination of this set, or everything that stands in its way.
    pub fn resolve(&self, destination: &Destination) -> Result<Resolved, Problems> {
        let namespace = destination.namespace().unwrap_or_default();
        let spec = &destination.spec;
        let app = self.braze_app(&namespace, &spec.app_ref.name);
        let model = self.model(&namespace, &spec.model_ref.name);
        let source = model.map(|model| self.loaded_source(&namespace, &model.spec.source_ref.name));
        match (app, model, source) {
            (Some(app), Some(model), Some(Some(source))) => {
                let objects = Objects { destination, app, model, source: &source.object };
                resolve(&objects, &self.lookup(source))
            }
            (_, _, source) => {
                let mut problems = Vec::new();
                let mut missing = |kind, name: String, field: &str, message: String| {
                    let field = field.to_owned();
                    problems.push(Problem { kind, name, field, message, reason: Reason::DependencyNotReady });
                };
                if app.is_none() {
                    let message = format!("there is no BrazeApp {}", spec.app_ref.name);
                    missing("Destination", destination.name_any(), "spec.appRef.name", message);
                }
                match (model, source) {
                    (Some(model), Some(None)) => {
                        let message = format!("there is no Source {}", model.spec.source_ref.name);
                        missing("Model", model.name_any(), "spec.sourceRef.name", message);
                    }
                    (Some(_), _) => {}
                    (None, _) => {
                        let message = format!("there is no Model {}", spec.model_ref.name);
                        missing("Destination", destination.name_any(), "spec.modelRef.name", message);
                    }
                }
                Err(Problems(problems))
            }
        }
    }

    fn loaded_source(&self, namespace: &str, name: &str) -> Option<&Loaded<Source>> {
        self.sources().iter().find(|source| {
            source.object.metadata.namespace.as_deref() == Some(namespace) && source.object.name_any() == name
        })
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
