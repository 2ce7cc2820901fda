//! SQLite: a database file, opened for reading only.

use std::path::PathBuf;

/// A SQLite database file.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The file, as the process opens it: resolved, and allowed to be read.
    pub path: PathBuf,
    /// The file as the manifest names it; shown to people.
    pub shown: String,
}
