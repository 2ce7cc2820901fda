//! A state folder whose disk is full, or whose files may not grow (semantics 10.7).

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::shell::Shell;

const PEOPLE: u64 = 3_000;

/// How a folder `disk` is made that fills up.
struct Disk {
    /// The shell, which may have file systems of its own.
    shell: &'static [&'static str],
    /// Makes the folder, with little room.
    little: String,
    /// Gives it more.
    more: &'static str,
}

impl Disk {
    /// A file system in memory of so many kilobytes; where that is not permitted, files of so many.
    fn of(kilobytes: u32) -> Self {
        for shell in [&["unshare", "-m", "sh"][..], &["unshare", "-rm", "sh"]] {
            let mounts = "mkdir -p try && mount -t tmpfs -o size=64k grouparoo try";
            if works(shell, mounts) {
                return Self {
                    shell,
                    little: format!("mkdir disk && mount -t tmpfs -o size={kilobytes}k grouparoo disk"),
                    more: "mount -o remount,size=64m disk",
                };
            }
        }
        Self::of_short_files(kilobytes)
    }

    /// A disk on which no file may be longer than so many kilobytes.
    fn of_short_files(kilobytes: u32) -> Self {
        // The signal is left to nobody, so that the program hears an error as on a disk that has no room.
        let little = format!("mkdir disk && trap '' XFSZ && ulimit -S -f {}", kilobytes * 2);
        Self { shell: &["sh"], little, more: "ulimit -S -f unlimited" }
    }
}

/// Whether such a shell can do this, in a folder of its own.
fn works(shell: &[&str], script: &str) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", script]).current_dir(folder.path());
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs of `sync` with the state on a disk: the first with little room, two with more. The exit codes and documents.
fn three_runs(shell: &Shell, disk: &Disk) -> Vec<(i32, Value)> {
    shell.write();
    let run = |name: &str| {
        format!(
            "\"$1\" sync -f manifests.yaml --state disk/state -o json >{name}.json 2>{name}.err; echo $? >{name}.code"
        )
    };
    // Files of the shell's own lie elsewhere; the limit is far above what they need.
    let script = [
        format!("set -e; {}; set +e", disk.little),
        run("first"),
        format!("{} || exit 1", disk.more),
        run("second"),
        run("third"),
    ]
    .join("\n");
    let mut command = Command::new(disk.shell[0]);
    command.args(&disk.shell[1..]).args(["-c", &script, "sh", env!("CARGO_BIN_EXE_grouparoo")]);
    command.current_dir(shell.world.folder()).env_remove("GROUPAROO_STATE").env_remove("GROUPAROO_LOG");
    let output = command.output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ["first", "second", "third"]
        .into_iter()
        .map(|name| {
            let text =
                |kind: &str| std::fs::read_to_string(shell.file(&format!("{name}.{kind}"))).expect("a file");
            let code = text("code").trim().parse().expect("an exit code");
            let document = serde_json::from_str(&text("json"));
            let document =
                document.unwrap_or_else(|error| panic!("{error}\n{}\n{}", text("json"), text("err")));
            assert!(!text("err").contains("panicked"), "{}", text("err"));
            (code, document)
        })
        .collect()
}

/// The run with little room fails in a sentence that helps; those with more bring everybody.
fn fails_and_goes_on(shell: &Shell, disk: &Disk) -> Value {
    let [(first_code, first), (second_code, second), (third_code, third)] =
        three_runs(shell, disk).try_into().expect("three");
    assert_eq!(first_code, 30, "{first:#}");
    let message = sentence(&first);
    for words in ["disk/state", "then run this again"] {
        assert!(message.contains(words), "{words:?} is not in {message:?}");
    }
    assert_eq!(second_code, 0, "{second:#}");
    let counts = &second["destinations"][0]["counts"];
    let known = counts["unchanged"].as_u64().expect("a count");
    assert_eq!(counts["added"].as_u64().expect("a count") + known, PEOPLE, "{counts}");
    let acknowledged = first["destinations"][0]["counts"]["added"].as_u64().unwrap_or(0);
    assert!(known <= acknowledged, "what was not acknowledged is not known: {known} of {acknowledged}");
    assert_eq!(shell.world.sandbox.user_count() as u64, PEOPLE);
    for user in shell.world.sandbox.users() {
        let id = user.external_id.expect("an id");
        assert_eq!(user.email, Some(format!("user{id}@example.com")));
    }
    assert_eq!((third_code, &third["destinations"][0]["traffic"]["requests"]), (0, &json!(0)), "{third:#}");
    first
}

fn sentence(document: &Value) -> String {
    let message = document["destinations"][0]["message"].as_str().or(document["problems"][0].as_str());
    message.unwrap_or_else(|| panic!("nothing is said: {document:#}")).to_owned()
}

fn crowd() -> Shell {
    let mut shell = Shell::with_users(1..=u32::try_from(PEOPLE).expect("few"));
    shell.world.limits = "{ settle: 0s, objectsPerRequest: 50, maxInFlight: 4 }".to_owned();
    shell
}

/// semantics 10.7: `StateUnavailable` at the first commit that fails, exit code 30; nothing is sent whose intent is not
/// on the disk, and the next run with room goes on without a loss.
#[test]
fn a_disk_that_fills_up_in_a_run_stops_it_and_nothing_is_lost() {
    let shell = crowd();
    let first = fails_and_goes_on(&shell, &Disk::of(400));
    let report = &first["destinations"][0];
    assert_eq!((&report["reason"], &report["result"]), (&json!("StateUnavailable"), &json!("Failed")));
    let added = report["counts"]["added"].as_u64().expect("a count");
    assert!(added > 0 && added < PEOPLE, "the disk filled up in the middle: {report:#}");
    // A request that went out without an intent would be one too many: all others are told apart by their answers.
    let sent: u64 = report["traffic"]["objects"].as_u64().expect("a count");
    assert_eq!(sent, added, "{report:#}");
}

/// semantics 10.7: before the first request, where the state cannot even be made.
#[test]
fn a_disk_without_any_room_stops_the_run_before_the_first_request() {
    let shell = crowd();
    let first = fails_and_goes_on(&shell, &Disk::of(48));
    assert!(sentence(&first).contains("room"), "{first:#}");
    let arrived: u64 = shell.world.received().len() as u64;
    assert_eq!(arrived, PEOPLE, "everybody was sent once, by the second run");
}

/// semantics 10.7: the same where files may not grow, by a limit of the process or by a quota.
#[test]
fn files_that_may_not_grow_stop_the_run_and_nothing_is_lost() {
    let shell = crowd();
    let first = fails_and_goes_on(&shell, &Disk::of_short_files(200));
    assert_eq!(first["destinations"][0]["reason"], "StateUnavailable", "{first:#}");
}
