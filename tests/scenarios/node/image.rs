//! What the images hold.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::elf::{Program, holds};
use super::world::World;
use crate::support::node::{Node, on_node};

/// Most bytes of an image, unpacked.
const MOST: u64 = 40 << 20;

/// An archive of an image, as `docker load` reads it.
struct Archive {
    path: String,
    layers: Vec<String>,
    settings: Value,
}

impl Archive {
    fn open(node: &Node, name: &str) -> Self {
        let path = node.images.archive(name).display().to_string();
        let entry = |name: &str| tar(&["--extract", "--to-stdout", "--file", &path, name], None);
        let manifest: Value = serde_json::from_slice(&entry("manifest.json")).expect("a manifest");
        let settings = entry(manifest[0]["Config"].as_str().expect("a name"));
        let layers = manifest[0]["Layers"].as_array().expect("layers").iter();
        let layers = layers.map(|layer| layer.as_str().expect("a name").to_owned()).collect();
        Self { path, layers, settings: serde_json::from_slice(&settings).expect("settings") }
    }

    /// What tar says of all layers.
    fn layers(&self, arguments: &[&str]) -> Vec<u8> {
        let layer = |name: &String| {
            let arguments = [&["--file", "-"], arguments].concat();
            tar(&arguments, Some(&["--extract", "--to-stdout", "--file", &self.path, name]))
        };
        self.layers.iter().flat_map(layer).collect()
    }

    /// Rights and path of everything in it, with its size in bytes.
    fn list(&self) -> Vec<(String, String, u64)> {
        let listed = self.layers(&["--list", "--verbose", "--numeric-owner"]);
        let listed = String::from_utf8(listed).expect("paths are text");
        let entry = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[0].to_owned(), words[5..].join(" "), words[2].parse().expect("a size"))
        };
        listed.lines().map(entry).collect()
    }

    /// The content of a file.
    fn file(&self, path: &str) -> Vec<u8> {
        self.layers(&["--extract", "--to-stdout", "--wildcards", &format!("{path}*")])
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.file(path)).expect("text")
    }
}

/// Output of tar, which reads that of another tar where one is given.
fn tar(arguments: &[&str], input: Option<&[&str]>) -> Vec<u8> {
    let input = input.map(|arguments| {
        Command::new("tar").args(arguments).stdout(Stdio::piped()).spawn().expect("tar starts")
    });
    let mut command = Command::new("tar");
    let output = match input {
        None => command.args(arguments).output(),
        Some(mut input) => {
            let output = command.args(arguments).stdin(input.stdout.take().expect("a pipe")).output();
            input.wait().expect("tar ends");
            output
        }
    };
    output.expect("tar runs").stdout
}

/// Both images: its name, and that of its program.
const IMAGES: [&str; 2] = ["grouparoo", "braze-sandbox"];

/// conventions 12: one program, the roots of public authorities, licences, nobody's rights, 40 MiB
#[test]
fn an_image_holds_the_program_and_little_else() {
    on_node(async |node| {
        for image in IMAGES {
            let files = Archive::open(node, image).list();
            let size: u64 = files.iter().map(|(_, _, size)| size).sum();
            println!("{image}: {:.1} MiB unpacked", size as f64 / f64::from(1 << 20));
            assert!(size > 0 && size <= MOST, "{image} has {size} bytes");
            let is_file = |rights: &str| !rights.starts_with('d');
            let mut names: Vec<&str> = files
                .iter()
                .filter(|(rights, ..)| is_file(rights))
                .map(|(_, name, _)| name.as_str())
                .collect();
            names.sort_unstable();
            let wanted = [
                "etc/group",
                "etc/nsswitch.conf",
                "etc/passwd",
                "etc/ssl/certs/ca-certificates.crt",
                &format!("usr/bin/{image}"),
                "usr/share/licenses/LICENSE",
                "usr/share/licenses/THIRD-PARTY",
            ];
            assert_eq!(names, wanted);
            assert!(
                files.iter().all(|(rights, ..)| rights.as_bytes()[8] != b'w' || rights.starts_with('l')),
                "somebody else may write: {files:?}"
            );
        }
    });
}

/// conventions 12: one static, stripped program; it tells nothing of the machine that built it
#[test]
fn the_program_of_an_image_needs_no_library_and_names_no_path_of_its_machine() {
    on_node(async |node| {
        for image in IMAGES {
            let bytes = Archive::open(node, image).file(&format!("usr/bin/{image}"));
            let program = Program::read(&bytes);
            assert!(!program.has_a_loader(), "{image} names a loader");
            assert_eq!(program.libraries(), 0, "{image} wants libraries");
            assert!(!program.has_symbols(), "{image} is not stripped");
            for path in own_paths() {
                assert!(!holds(&bytes, path.as_bytes()), "{image} names {path}");
            }
            // Else this would be about paths that nothing names.
            assert!(holds(&bytes, b"/cargo/registry/src/"), "{image} names no source of a crate");
        }
    });
}

/// Folders of this machine that a program may have been built in or from.
fn own_paths() -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let mut paths = vec![env!("CARGO_MANIFEST_DIR").to_owned(), cargo];
    paths.extend(std::env::var("CARGO_TARGET_DIR"));
    if home.len() > 1 {
        paths.extend([format!("{home}/.rustup"), format!("{home}/.cargo")]);
    }
    paths
}

/// conventions 12: dependencies' licences inside, and the roots by which servers are known
#[test]
fn an_image_brings_the_licences_of_what_it_holds_and_the_roots_of_public_authorities() {
    on_node(async |node| {
        for image in IMAGES {
            let archive = Archive::open(node, image);
            assert!(archive.text("usr/share/licenses/LICENSE").contains("Apache License"));
            let others = archive.text("usr/share/licenses/THIRD-PARTY");
            for wanted in ["\ntokio 1.", "\nrustls 0.", "GNU C Library", "Permission is hereby granted"] {
                assert!(others.contains(wanted), "{image}: {wanted} is missing");
            }
            let roots = archive.text("etc/ssl/certs/ca-certificates.crt");
            assert!(roots.matches("-----BEGIN CERTIFICATE-----").count() > 50, "{image} trusts few");
        }
    });
}

/// conventions 12: a number that is not root, so that `runAsNonRoot` can be judged; labels that say what this is
#[test]
fn an_image_says_what_it_is_and_does_not_run_as_root() {
    on_node(async |node| {
        for image in IMAGES {
            let config = &Archive::open(node, image).settings["config"];
            assert_eq!(config["User"], "65532:65532");
            assert_eq!(config["Entrypoint"], json!([format!("/usr/bin/{image}")]));
            let label = |name: &str| &config["Labels"][format!("org.opencontainers.image.{name}")];
            assert_eq!(label("title"), image);
            assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
            assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
            assert_eq!(label("source"), env!("CARGO_PKG_REPOSITORY"));
            assert!(label("description").as_str().is_some_and(|it| !it.is_empty()));
        }
    });
}

/// product: the sandbox has an image too, so that a cluster can be tried without Braze
#[test]
fn the_sandbox_answers_from_its_image() {
    on_node(async |node| {
        let world = World::with_people(node, 1).await;
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "sandbox" },
            "spec": {
                "automountServiceAccountToken": false,
                "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": "sandbox",
                    "image": format!("localhost/braze-sandbox:{}", env!("CARGO_PKG_VERSION")),
                    "imagePullPolicy": "Never",
                    "ports": [{ "name": "http", "containerPort": 8070 }],
                    "readinessProbe": { "httpGet": { "path": "/admin/users", "port": "http" }, "periodSeconds": 1 },
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
                    },
                }],
            },
        });
        world.place.apply(&pod.to_string()).await;
        let wait = ["wait", "pod/sandbox", "--for=condition=Ready", "--timeout=4m"];
        world.place.kubectl(&wait, "").await.success();
        world.place.kubectl(&["delete", "namespace", &world.place.name, "--wait=false"], "").await.success();
    });
}
