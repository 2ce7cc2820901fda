//! On which kind of file system a folder lies.

use std::path::{Path, PathBuf};

/// File systems over a network, on which locks and shared memory do not hold between machines.
const NETWORK: [&str; 15] = [
    "afs",
    "cifs",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.goofys",
    "fuse.mount-s3",
    "fuse.mountpoint-s3",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
];

/// The kind of network file system that a folder lies on. `None`: on none that is known, or it cannot be told
/// (other systems than Linux).
pub(super) fn network_file_system(folder: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let kind = kind_of(&mounts, folder)?;
    NETWORK.contains(&kind).then(|| kind.to_owned())
}

/// The kind of the mount that a path lies on: of those with the longest mount point the last.
fn kind_of<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((mount, source)) = line.split_once(" - ") else { continue };
        let Some(point) = mount.split(' ').nth(4).map(unescape) else { continue };
        let depth = point.components().count();
        if path.starts_with(&point) && best.is_none_or(|(longest, _)| depth >= longest) {
            best = source.split(' ').next().map(|kind| (depth, kind));
        }
    }
    best.map(|(_, kind)| kind)
}

/// Blanks and some other bytes of a mount point are written as `\` and three octal digits.
fn unescape(point: &str) -> PathBuf {
    let mut path = String::with_capacity(point.len());
    let mut rest = point;
    while let Some((before, escaped)) = rest.split_once('\\') {
        path.push_str(before);
        match escaped.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                path.push(byte.into());
                rest = &escaped[3..];
            }
            None => {
                path.push('\\');
                rest = escaped;
            }
        }
    }
    path.push_str(rest);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/ana\\040b rw master:2 - xfs /dev/sdb rw
32 22 0:41 / /data rw - cifs //server/data rw
33 22 8:3 / /data rw - ext4 /dev/sdc rw
";

    #[test]
    fn the_deepest_and_newest_mount_tells_the_kind() {
        for (path, kind) in [
            ("/var/state", "ext4"),
            ("/home/ben/state", "nfs4"),
            ("/home/ana b/state", "xfs"),
            ("/homes", "ext4"),
            ("/data/state", "ext4"),
        ] {
            assert_eq!(kind_of(MOUNTS, Path::new(path)), Some(kind), "{path}");
        }
        assert!(NETWORK.contains(&"nfs4") && NETWORK.contains(&"cifs") && !NETWORK.contains(&"ext4"));
    }

    #[test]
    fn a_local_folder_is_not_on_a_network() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(network_file_system(folder.path()), None);
    }
}
