//! What is wrong with manifests, and where.

use std::fmt;

/// One problem of one manifest. It never holds a value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// File, or `<stdin>`.
    pub file: String,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Number of the document in the file, from 1.
    pub document: Option<usize>,
    /// Kind and name of the object, as far as known.
    pub object: Option<String>,
    /// Path of the field.
    pub field: Option<String>,
    /// Sentence that says what is wrong and, where it is not plain, what to do.
    pub message: String,
}

impl ManifestError {
    /// A problem of a whole file.
    pub(super) fn file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            document: None,
            object: None,
            field: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(document) = self.document {
            write!(f, " (document {document})")?;
        }
        f.write_str(": ")?;
        for part in [&self.object, &self.field].into_iter().flatten() {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ManifestError {}

/// All problems of a set of manifests, in the order of the files. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct ManifestErrors(pub Vec<ManifestError>);

impl ManifestErrors {
    /// One problem a line.
    fn lines(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}
