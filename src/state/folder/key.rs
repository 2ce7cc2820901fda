//! The file of the hash key: sixteen random bytes, made once.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::data::HashKey;
use crate::state::sqlite::create_private;

/// The key of a file. `None`: there is no such file. An error of kind `InvalidData`: it is not a key.
pub(super) fn read(path: &Path) -> std::io::Result<Option<HashKey>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = <[u8; 16]>::try_from(bytes.as_slice());
    bytes.map(|bytes| Some(HashKey::new(bytes))).map_err(|_| ErrorKind::InvalidData.into())
}

/// The key of a file, which is made if it is not there. Of two that make it at a time one wins, and both get
/// its key.
pub(super) fn read_or_make(path: &Path) -> std::io::Result<HashKey> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let unfinished = path.with_extension(format!("{}.unfinished", uuid::Uuid::new_v4().simple()));
    let made = write(&unfinished).and_then(|()| match std::fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = std::fs::remove_file(&unfinished);
    made.and(removed)?;
    read(path)?.ok_or_else(|| ErrorKind::NotFound.into())
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(&random_bytes()[..])?;
    file.sync_all()
}

/// All sixteen bytes are random: of a random UUID six bits are not, so two are put together.
fn random_bytes() -> Zeroizing<[u8; 16]> {
    let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let mut bytes = Zeroizing::new([0; 16]);
    bytes[..6].copy_from_slice(&a.as_bytes()[..6]);
    bytes[6..12].copy_from_slice(&b.as_bytes()[..6]);
    bytes[12..].copy_from_slice(&b.as_bytes()[12..]);
    bytes
}
