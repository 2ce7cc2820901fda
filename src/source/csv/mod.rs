//! CSV files: a folder or a ConfigMap, whose entries are the tables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

/// CSV files of one form.
#[derive(Clone, Debug)]
pub struct CsvConfig {
    /// Where the files are.
    pub files: CsvFiles,
    /// Character between fields; ASCII.
    pub delimiter: char,
    /// Character around fields that hold the delimiter or a line end; ASCII.
    pub quote: char,
    /// Character encoding of files without a byte order mark.
    pub encoding: CsvEncoding,
    /// Whether the first line names the columns.
    pub header: CsvHeader,
    /// Unquoted texts that are read as null.
    pub null_texts: Vec<String>,
}

/// Where CSV files are.
#[derive(Clone)]
pub enum CsvFiles {
    /// A folder; the table is a path inside it.
    Directory {
        /// The folder, as the process opens it.
        path: PathBuf,
        /// The folder as the manifest names it; shown to people.
        shown: String,
    },
    /// The content of a ConfigMap; the table is one of its keys.
    ConfigMap {
        /// Name of the ConfigMap.
        name: String,
        /// Its keys and their content.
        files: Arc<BTreeMap<String, Bytes>>,
    },
}

impl fmt::Debug for CsvFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, .. } => f.debug_tuple("Directory").field(path).finish(),
            Self::ConfigMap { name, .. } => f.debug_tuple("ConfigMap").field(name).finish(),
        }
    }
}

/// Character encoding of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvEncoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, little-endian unless a byte order mark says otherwise.
    Utf16,
    /// Windows-1252, the superset of Latin-1.
    Windows1252,
}

/// Whether the first line of a file names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvHeader {
    /// It does.
    #[default]
    Present,
    /// It is a row like the others; the columns are called 1, 2, 3 and so on.
    Absent,
}
