//! What the images hold.

use std::process::Command;

use serde_json::json;

use super::world::World;
use crate::support::node::{Node, on_node};

/// Most bytes of an image, unpacked.
const MOST: u64 = 40 << 20;

/// Files of an image with their sizes, and its settings.
fn look(node: &Node, name: &str) -> (Vec<(String, u64)>, serde_json::Value) {
    let archive = node.images.archive(name);
    let read = |arguments: &[&str]| {
        let output = Command::new("tar").args(arguments).output().expect("tar runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let archive = archive.display().to_string();
    let manifest = read(&["--extract", "--to-stdout", "--file", &archive, "manifest.json"]);
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("a manifest");
    let config = manifest[0]["Config"].as_str().expect("a name");
    let config = read(&["--extract", "--to-stdout", "--file", &archive, config]);
    let mut files = Vec::new();
    for layer in manifest[0]["Layers"].as_array().expect("layers") {
        let layer = layer.as_str().expect("a name");
        let script = format!(
            "tar --extract --to-stdout --file '{archive}' '{layer}' | tar --list --verbose --numeric-owner"
        );
        let listed = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        for line in String::from_utf8_lossy(&listed.stdout).lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let name = words[5..].join(" ");
            files.push((format!("{} {name}", words[0]), words[2].parse().unwrap_or_default()));
        }
    }
    (files, serde_json::from_slice(&config).expect("settings"))
}

/// conventions 12: one static program, the roots of public authorities, licences, nobody's rights, 40 MiB
#[test]
fn an_image_holds_the_program_and_little_else() {
    on_node(async |node| {
        for (image, program) in [("grouparoo", "grouparoo"), ("braze-sandbox", "braze-sandbox")] {
            let (files, settings) = look(node, image);
            let size: u64 = files.iter().map(|(_, size)| size).sum();
            println!("{image}: {:.1} MiB unpacked", size as f64 / f64::from(1 << 20));
            assert!(size > 0 && size <= MOST, "{image} has {size} bytes");
            let names: Vec<&str> = files
                .iter()
                .filter(|(name, _)| !name.starts_with('d'))
                .map(|(name, _)| name.split_once(' ').expect("two words").1)
                .collect();
            let wanted = [
                "etc/group",
                "etc/nsswitch.conf",
                "etc/passwd",
                "etc/ssl/certs/ca-certificates.crt",
                &format!("usr/bin/{program}"),
                "usr/share/licenses/LICENSE",
                "usr/share/licenses/THIRD-PARTY",
            ];
            let mut sorted = names.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, wanted);
            assert!(
                files.iter().all(|(name, _)| name.as_bytes()[8] != b'w' || name.starts_with('l')),
                "somebody else may write: {files:?}"
            );
            let config = &settings["config"];
            assert_eq!(config["User"], "65532:65532");
            assert_eq!(config["Entrypoint"], json!([format!("/usr/bin/{program}")]));
            assert_eq!(config["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
            assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], "Apache-2.0");
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
