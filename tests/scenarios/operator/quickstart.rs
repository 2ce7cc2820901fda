//! What a newcomer does by hand: the quickstart's overlay, applied with kubectl, and an operator as the manual starts it.

use std::path::{Path, PathBuf};

use braze_sandbox::{Group, Options as SandboxOptions, Sandbox};
use grouparoo::api::Destination;
use grouparoo::demo::write_sqlite;
use grouparoo_clock::Clock;

use super::installed::ready_reason;
use crate::support::control_plane::{ControlPlane, Lines, PATIENCE, Process, Space};

const MANUAL: &str = include_str!("../../../docs/quickstart-cluster.md");
/// Where manual and overlay expect the sandbox.
const EXPECTED: &str = "127.0.0.1:8070";
const PEOPLE: u32 = 300;

/// The examples with the address of this test's sandbox.
fn copy(from: &Path, to: &Path, address: &str) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the examples are there") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target, address);
        } else {
            let text = std::fs::read_to_string(&path).expect("a manifest");
            std::fs::write(target, text.replace(EXPECTED, address)).expect("the folder can be written");
        }
    }
}

/// The command that begins so in the manual, with the lines that continue it, as words.
fn documented(command: &str) -> Vec<String> {
    let at = MANUAL.find(&format!("\n{command}")).unwrap_or_else(|| panic!("the manual shows no {command}"));
    let text = MANUAL[at + 1..].replace("\\\n", " ");
    let line = text.lines().next().expect("a line");
    line.split_whitespace().take_while(|word| !["&", ">"].contains(word)).map(str::to_owned).collect()
}

/// The operator of the manual. Other tests use the API server too, so it looks at one namespace only.
fn start_operator(space: &Space, folder: &Path, address: &str) -> Process {
    let words = documented("grouparoo operator");
    assert!(words.iter().any(|word| word.contains(EXPECTED)), "{words:?}");
    let flags = words[1..].iter().map(|word| {
        let word = word.replace(EXPECTED, address);
        // The manual's port may be taken here.
        if word.starts_with("127.0.0.1:80") { "127.0.0.1:0".to_owned() } else { word }
    });
    let script = format!("cd '{}' && exec \"$@\"", folder.display());
    let mut arguments = vec!["-c".to_owned(), script, "operator".to_owned()];
    arguments.push(env!("CARGO_BIN_EXE_grouparoo").to_owned());
    arguments.extend(flags);
    arguments.push(format!("--watch-namespace={}", space.name));
    arguments.push(format!("--kubeconfig={}", space.kubeconfig().display()));
    Process::start(Path::new("/bin/sh"), arguments, None, Lines::default())
}

/// product: `kubectl apply -k` beside the documented operator, and the users are in Braze; deleted, nothing of it is left
/// but those
#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_works_as_the_manual_says() {
    let space = ControlPlane::shared().space().await;
    let sandbox = Sandbox::start(SandboxOptions::default());
    sandbox.add_group(Group::email("7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11", "Newsletter"));
    let sms = "3f0a9d52-8c1b-4e7a-b6d4-5e2f1c9a7b30=Texts:sms".parse().expect("a group");
    sandbox.add_group(sms);
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("data").join(&space.name).join("crm/customers.db");
    write_sqlite(&table, PEOPLE, 42, Clock::system().now()).expect("a table");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let quickstart: PathBuf = folder.path().join("quickstart");
    copy(&examples, &quickstart, &address);
    let operator = start_operator(&space, folder.path(), &address);

    let overlay = quickstart.join("overlays/laptop").display().to_string();
    space.kubectl(&["apply", "-k", &overlay]).await.success();
    let done = |destination: &Destination| ready_reason(destination) == "SyncSucceeded";
    space.wait::<Destination>("users-to-braze", done).await;
    let users = sandbox.users();
    assert_eq!(users.len(), PEOPLE as usize, "{}", operator.log.all().join("\n"));
    assert!(!sandbox.subscriptions().is_empty(), "groups are sent too");
    assert_eq!(space.kubectl(&["diff", "-k", &overlay]).await.code, 0, "nothing drifts");

    space.kubectl(&["delete", "-k", &overlay]).await.success();
    // The runs would be collected by a controller that is not here.
    let kinds = "brazeapps,sources,models,destinations,secrets";
    assert_eq!(space.kubectl(&["get", kinds, "--output=name"]).await.success(), "");
    assert_eq!(sandbox.users().len(), PEOPLE as usize, "deletionPolicy Retain leaves Braze as it is");
    operator.stop(PATIENCE);
}

/// The other base renders too, and holds what its folder holds.
#[tokio::test(flavor = "multi_thread")]
async fn every_folder_of_the_quickstart_renders() {
    let space = ControlPlane::shared().space().await;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    for (folder, objects) in [("sqlite", 5), ("postgres", 6), ("overlays/laptop", 5), ("overlays/node", 6)] {
        let text =
            space.kubectl(&["kustomize", &examples.join(folder).display().to_string()]).await.success();
        assert_eq!(text.matches("\nkind: ").count(), objects, "{folder}: {text}");
    }
}
