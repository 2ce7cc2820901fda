//! Finding a file inside its folder, and noticing that it changed.

use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use super::config::CsvFiles;
use crate::source::SourceError;

/// An open file, or the content of a key of a ConfigMap.
pub(super) enum Input {
    File { file: File, path: PathBuf, opened: Stamp },
    Memory(Cursor<Bytes>),
}

/// What tells that a file is still the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: (i64, i64),
    inode: (u64, u64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            inode: (found.dev(), found.ino()),
        }
    }
}

/// Looks whether the folder can be opened.
pub(super) fn check(files: &CsvFiles) -> Result<(), SourceError> {
    let CsvFiles::Directory { path, shown } = files else { return Ok(()) };
    match std::fs::read_dir(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(denied(shown, &reason("the folder", &e))),
    }
}

fn denied(location: &str, object: &str) -> SourceError {
    SourceError::AccessDenied { location: location.to_owned(), object: object.to_owned() }
}

fn reason(object: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("{object}, which does not exist"),
        io::ErrorKind::NotADirectory => "the path, which leads to no folder".to_owned(),
        _ => object.to_owned(),
    }
}

impl Input {
    /// Opens the file that a Model's `table` names.
    pub(super) fn open(files: &CsvFiles, table: &str) -> Result<Self, SourceError> {
        match files {
            CsvFiles::ConfigMap { name, files } => match files.get(table) {
                Some(content) => Ok(Self::Memory(Cursor::new(content.clone()))),
                None => {
                    Err(denied(&format!("ConfigMap {name}"), &format!("key {table}, which does not exist")))
                }
            },
            CsvFiles::Directory { path, shown } => {
                let path = inside(path, shown, table)?;
                // Looked at before it is opened: opening a pipe would wait for its other end.
                let found = std::fs::metadata(&path).map_err(|e| denied(shown, &reason(table, &e)))?;
                if !found.is_file() {
                    return Err(denied(shown, &format!("{table}, which is no regular file")));
                }
                let opened = File::open(&path).and_then(|file| Ok((Stamp::of(&file.metadata()?), file)));
                let (opened, file) = opened.map_err(|e| denied(shown, &reason(table, &e)))?;
                Ok(Self::File { file, path, opened })
            }
        }
    }

    /// Bytes of the whole file.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::File { opened, .. } => opened.size,
            Self::Memory(content) => content.get_ref().len() as u64,
        }
    }

    /// Whether the file is what it was when it was opened, and `read` bytes were all of it.
    pub(super) fn is_unchanged(&self, read: u64) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::File { file, path, opened } => {
                let now = [file.metadata(), std::fs::metadata(path)];
                read == opened.size
                    && now.iter().all(|found| found.as_ref().is_ok_and(|m| Stamp::of(m) == *opened))
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File { file, .. } => file.read(buffer),
            Self::Memory(content) => content.read(buffer),
        }
    }
}

/// The path of a table below its folder. Links are followed, and must not lead out.
fn inside(folder: &Path, shown: &str, table: &str) -> Result<PathBuf, SourceError> {
    let relative = Path::new(table);
    let plain = !table.is_empty()
        && !table.contains('\0')
        && relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err(SourceError::Invalid(format!(
            "{table:?} is not the name of a file inside the source's folder: it must be relative and without '..'"
        )));
    }
    let root = folder.canonicalize().map_err(|e| denied(shown, &reason("the folder", &e)))?;
    let path = root.join(relative);
    let target = path.canonicalize().map_err(|e| denied(shown, &reason(table, &e)))?;
    if !target.starts_with(&root) {
        return Err(denied(shown, &format!("{table}, which leads out of the folder")));
    }
    // The path as it was named, not where its links lead today: a link that is turned is a change.
    Ok(path)
}
