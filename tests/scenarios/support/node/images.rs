//! The images of this project, built by its script, on the node.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::realm::Realm;
use super::settings::PAUSE;

/// Archives of the images.
pub struct Images {
    folder: PathBuf,
}

impl Images {
    /// Builds what is missing or old. The script's messages go to the tests' own standard error.
    pub fn build() -> Self {
        if let Some(folder) = std::env::var_os("GROUPAROO_IMAGES") {
            return Self { folder: folder.into() };
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/image");
        let output = Command::new(script).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.expect("scripts/image runs");
        assert!(output.status.success(), "scripts/image failed: its message is above");
        let folder = String::from_utf8(output.stdout).expect("a path is text");
        Self { folder: folder.trim().into() }
    }

    /// The archive of an image: `grouparoo` or `braze-sandbox`.
    pub fn archive(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.tar"))
    }

    /// Puts both on the node.
    pub fn import(&self, realm: &Realm, ctr: &Path, socket: &str) {
        for name in ["grouparoo", "braze-sandbox"] {
            import(realm, ctr, socket, &self.archive(name));
        }
    }

    /// Makes the image of the container that holds a Pod's namespaces, and puts it on the node.
    pub fn import_pause(&self, realm: &Realm, ctr: &Path, socket: &str, programs: &Path) {
        let archive = realm.folder.join("pause.tar");
        let script = format!(
            "set -e; container=$(buildah from --quiet scratch); buildah copy --quiet $container {pause} /pause >&2; \
             buildah config --entrypoint '[\"/pause\"]' $container; \
             buildah commit --quiet --rm $container docker-archive:{archive}:{PAUSE} >&2",
            pause = programs.join("pause").display(),
            archive = archive.display(),
        );
        let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        import(realm, ctr, socket, &archive);
    }
}

fn import(realm: &Realm, ctr: &Path, socket: &str, archive: &Path) {
    let archive = archive.display().to_string();
    realm.run(ctr, ["--address", socket, "--namespace", "k8s.io", "images", "import", &archive]);
}
