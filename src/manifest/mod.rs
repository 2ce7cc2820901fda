//! Manifests from files: what `kubectl apply -f` would send, read and checked without a cluster.
//!
//! Promises: files, folders and standard input, several documents a file and `List` objects are read as kubectl
//! reads them; every object of ours is checked by the schema and the rules of its kind, every reference by what
//! was loaded; all problems are reported at once with file, line, object and field. Values of Secrets appear in
//! no message and no `Debug`. Refuses to know: Braze, sources, what a sync does.

use std::io::Read;
use std::path::PathBuf;

pub use crate::api::Found;
pub use data::{ConfigMap, Secret};
pub use error::{ManifestError, ManifestErrors};
pub use lookup::ManifestLookup;
pub use set::{Loaded, LoadedSet, Origin};

mod data;
mod error;
mod input;
mod lookup;
mod object;
mod references;
mod set;
mod yaml;

/// Where manifests are to be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, written as `-`.
    Stdin,
    /// A file, or a folder whose `*.yaml`, `*.yml` and `*.json` are read in the order of their names.
    Path(PathBuf),
}

impl Input {
    /// What the argument of `-f` means.
    pub fn parse(argument: &str) -> Self {
        if argument == "-" { Self::Stdin } else { Self::Path(PathBuf::from(argument)) }
    }
}

/// How to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Namespace of objects that name none.
    pub namespace: String,
    /// Whether folders inside folders are read too.
    pub recursive: bool,
    /// Whether every reference must lead to a loaded object.
    pub check_references: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { namespace: "default".to_owned(), recursive: false, check_references: true }
    }
}

/// Reads and checks manifests. On failure: all problems, first those of the files in their order, then the
/// references that lead nowhere.
pub fn load(inputs: &[Input], options: &Options, stdin: &mut dyn Read) -> Result<LoadedSet, ManifestErrors> {
    let mut loader = object::Loader::new(options);
    for input in inputs {
        match input {
            Input::Stdin => match input::read_stream(stdin) {
                Ok(text) => {
                    if loader.file("<stdin>", &text) == 0 {
                        loader.error(ManifestError::file("<stdin>", "holds no manifest"));
                    }
                }
                Err(message) => loader.error(ManifestError::file("<stdin>", message)),
            },
            Input::Path(path) => input::read_path(path, options.recursive, &mut loader),
        }
    }
    if inputs.is_empty() {
        loader.error(ManifestError::file("-f", "names no file, folder or - (standard input)"));
    }
    loader.finish()
}

/// Reads and checks manifests from one text, as if it were a file of this name.
pub fn load_text(name: &str, text: &str, options: &Options) -> Result<LoadedSet, ManifestErrors> {
    let mut loader = object::Loader::new(options);
    if loader.file(name, text) == 0 {
        loader.error(ManifestError::file(name, "holds no manifest"));
    }
    loader.finish()
}

#[cfg(test)]
mod tests;
