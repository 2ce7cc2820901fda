//! The lock of a store: one run has it, and the next one is told who.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use jiff::Timestamp;

use crate::state::StateError;

/// Longest description of a holder that is read, in bytes.
const LONGEST: u64 = 500;

/// A lock that is held until it is dropped, also by the end of the process.
///
/// It is a lock of the operating system on a file; what the file says only serves to name the holder.
#[derive(Debug)]
pub struct Lock {
    file: File,
    way: Way,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum Way {
    /// By one alone.
    Alone,
    /// By several who agree among themselves, and by nobody who wants to be alone.
    Together,
}

impl Lock {
    /// Takes the lock on a file, which is made if it is not there. `holder` is how others are told of us;
    /// `name` is the state's, for errors.
    pub(in crate::state) fn take(
        path: &Path,
        name: &str,
        holder: &str,
        way: Way,
    ) -> Result<Self, StateError> {
        let failed = |error: std::io::Error| StateError::Unwritable {
            name: name.to_owned(),
            cause: format!("its lock file: {error}"),
        };
        loop {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path).map_err(failed)?;
            let locked = match way {
                Way::Alone => file.try_lock(),
                Way::Together => file.try_lock_shared(),
            };
            match locked {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StateError::Held { name: name.to_owned(), holder: read_holder(&mut file) });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            if is_at(&file, path) {
                let noted = file
                    .set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(holder.as_bytes()));
                noted.map_err(failed)?;
                return Ok(Self { file, way });
            }
            // The store was put away between opening and locking: this is the lock of what is no more there.
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A name left in it would only be read while somebody else holds the lock. Of several the last one to come
        // is named, whoever goes first.
        if self.way == Way::Alone {
            let _ = self.file.set_len(0);
        }
        // Not left to the closing of the file: a process that is being started may hold a copy of it for a moment.
        let _ = self.file.unlock();
    }
}

/// How a process calls itself in a lock.
pub(super) fn describe(program: &str, since: Timestamp) -> String {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok());
    let host = host.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let host = if host.trim().is_empty() { "an unknown host" } else { host.trim() };
    let since = since.round(jiff::Unit::Second).unwrap_or(since);
    format!("{program} on {host}, process {}, since {since}", std::process::id())
}

fn read_holder(file: &mut File) -> String {
    let mut text = Vec::new();
    // What cannot be read names nobody; that somebody holds the lock is certain.
    let _ = file.take(LONGEST).read_to_end(&mut text);
    let text: String = String::from_utf8_lossy(&text).chars().filter(|c| !c.is_control()).collect();
    if text.is_empty() { "another process".to_owned() } else { text }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
