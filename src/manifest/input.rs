//! Files, folders and streams as text.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::ManifestError;
use super::object::Loader;

/// Largest file. The largest Destination that the limits allow has some 660 KB.
const MOST_BYTES: u64 = 5 << 20;

/// Folders inside folders that are followed.
const MOST_FOLDERS: usize = 16;

/// Reads a file, or the manifests of a folder.
pub(super) fn read_path(path: &Path, recursive: bool, loader: &mut Loader<'_>) {
    let shown = path.display().to_string();
    if !path.is_dir() {
        match read_file(path) {
            Ok(text) => {
                if loader.file(&shown, &text) == 0 {
                    loader.error(ManifestError::file(shown, "holds no manifest"));
                }
            }
            Err(message) => loader.error(ManifestError::file(shown, message)),
        }
        return;
    }
    let mut files = Vec::new();
    if let Err(error) = list(path, recursive, 0, &mut files) {
        loader.error(ManifestError::file(shown.clone(), reason(&error)));
    }
    let mut documents = 0;
    let mut failed = false;
    for file in &files {
        if is_kustomization(file) {
            loader.notice(format!("{}: a kustomization is no manifest and was left out", file.display()));
            continue;
        }
        match read_file(file) {
            Ok(text) => documents += loader.file(&file.display().to_string(), &text),
            Err(message) => {
                failed = true;
                loader.error(ManifestError::file(file.display().to_string(), message));
            }
        }
    }
    if documents == 0 && !failed {
        let what = if recursive { "in this folder and the folders below it" } else { "in this folder" };
        loader.error(ManifestError::file(
            shown,
            format!("holds no manifest: looked for objects in *.yaml, *.yml and *.json {what}"),
        ));
    }
}

/// Manifests of a folder, sorted by name. Names that begin with a dot are left out: editors and mounted volumes
/// keep their own things there.
fn list(folder: &Path, recursive: bool, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    entries.sort();
    for entry in entries {
        if entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if entry.is_dir() {
            if recursive && depth < MOST_FOLDERS {
                list(&entry, recursive, depth + 1, files)?;
            }
        } else if matches!(entry.extension().and_then(OsStr::to_str), Some("yaml" | "yml" | "json"))
            // A pipe would be waited for. A link that leads nowhere is told when it is read.
            && !fs::metadata(&entry).is_ok_and(|found| !found.is_file())
        {
            files.push(entry);
        }
    }
    Ok(())
}

/// Whether a file tells kustomize what to build. Such files may lack a kind.
fn is_kustomization(file: &Path) -> bool {
    let name = file.file_name().and_then(OsStr::to_str);
    matches!(name, Some("kustomization.yaml" | "kustomization.yml"))
}

fn read_file(path: &Path) -> Result<String, String> {
    let mut file = File::open(path).map_err(|error| reason(&error))?;
    read_stream(&mut file)
}

/// The text of a stream; on failure a sentence.
pub(super) fn read_stream(stream: &mut dyn Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    stream.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("is larger than {} MiB, which no manifest is", MOST_BYTES >> 20));
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err("is UTF-16; save it as UTF-8".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        format!("is not UTF-8 text (line {line})")
    })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
