//! Files of Sources: below one folder, and nowhere else.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The path of a file or folder below `root`, with all links followed. What does not exist yet is allowed: the
/// source says so when it is tested.
///
/// On failure a sentence: the path is absolute, has `..`, or leads out of `root` through a link.
pub fn inside(root: &Path, relative: &str) -> Result<PathBuf, String> {
    let wanted = Path::new(relative);
    if !wanted.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err("must be relative and without '..'".to_owned());
    }
    let root = fs::canonicalize(root).map_err(|_| "the folder of the data is not there".to_owned())?;
    let mut path = root.clone();
    for part in wanted.components() {
        path.push(part);
        match fs::canonicalize(&path) {
            Ok(real) if real.starts_with(&root) => path = real,
            Ok(_) => return Err("leads through a link to a place outside its folder".to_owned()),
            // A link to nothing may become a link to anything.
            Err(_) if fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_symlink()) => {
                return Err("leads through a link to a place that is not there".to_owned());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Err("may not be opened".to_owned()),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// api.md §4: links out of the folder are refused
    #[test]
    fn only_what_lies_below_the_folder_is_opened() {
        let outer = TempDir::new().unwrap();
        let root = outer.path().join("crm");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/a.db"), "").unwrap();
        fs::write(outer.path().join("secret.db"), "").unwrap();
        symlink("sub/a.db", root.join("good")).unwrap();
        symlink("../secret.db", root.join("file")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("../later.db", root.join("dangling")).unwrap();
        let real = fs::canonicalize(&root).unwrap();
        assert_eq!(inside(&root, "sub/a.db"), Ok(real.join("sub/a.db")));
        assert_eq!(inside(&root, "good"), Ok(real.join("sub/a.db")));
        assert_eq!(inside(&root, "."), Ok(real.clone()));
        assert_eq!(inside(&root, "new/b.db"), Ok(real.join("new/b.db")));
        let outside = Err("leads through a link to a place outside its folder".to_owned());
        assert_eq!(inside(&root, "file"), outside);
        assert_eq!(inside(&root, "up/secret.db"), outside);
        assert!(inside(&root, "dangling").is_err());
        assert_eq!(inside(&root, "../secret.db"), Err("must be relative and without '..'".to_owned()));
        assert_eq!(inside(&root, "/etc/passwd"), Err("must be relative and without '..'".to_owned()));
    }
}
