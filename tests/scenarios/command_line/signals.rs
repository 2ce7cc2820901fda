//! Ctrl-C, SIGTERM, and two at once.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command};
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};
use serde_json::json;

use super::shell::{Shell, done};

/// Long enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn signal(child: &Child, name: &str) {
    let script = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &script]).status().expect("a shell").success());
}

/// A shell with users of whom only so many requests are on the wire, each for so long.
fn slow(users: u32, latency: Duration) -> Shell {
    let mut shell = Shell::with_users(1..=users);
    shell.world.limits = "{ settle: 0s, objectsPerRequest: 10, maxInFlight: 2 }".to_owned();
    shell.world.sandbox.set_faults([FaultRule::always(Effect::Latency(latency))]);
    shell
}

/// semantics 10.6: requests in flight finish, the run ends Interrupted, and the next one goes on from there
#[test]
fn a_first_signal_ends_the_run_in_order_and_the_next_run_goes_on() {
    for name in ["INT", "TERM"] {
        let shell = slow(1_000, Duration::from_millis(100));
        let child =
            shell.command(&["sync", "-f", "manifests.yaml", "-o", "json"]).spawn().expect("a process");
        assert!(shell.world.sandbox.wait_until_blocking(PATIENCE, |totals| totals.answered >= 4));
        signal(&child, name);
        let stopped = done(child);
        stopped.fails_with(32, &["finishing the requests in flight", "press again"]);
        let report = stopped.json()["destinations"][0].clone();
        assert_eq!(report["reason"], json!("Interrupted"));
        let added = report["counts"]["added"].as_u64().expect("a count");
        assert!((1..1_000).contains(&added), "{added}");
        assert_eq!(shell.world.sandbox.user_count() as u64, added, "what was sent is what is remembered");

        shell.world.sandbox.clear_faults();
        let resumed = shell.sync(&["-o", "json"]);
        resumed.ends_with(0);
        let counts = resumed.json()["destinations"][0]["counts"].clone();
        assert_eq!((&counts["unchanged"], &counts["added"]), (&json!(added), &json!(1_000 - added)));
        assert_eq!(shell.world.sandbox.user_count(), 1_000);
    }
}

/// docs/command-line.md: 130; semantics 10.3: the next run sends again what is unknown
#[test]
fn a_second_signal_ends_the_program_at_once_and_the_state_survives() {
    let shell = slow(200, Duration::from_secs(5));
    let child = shell.command(&["sync", "-f", "manifests.yaml"]).spawn().expect("a process");
    assert!(shell.world.sandbox.wait_until_blocking(PATIENCE, |totals| totals.arrived >= 2));
    signal(&child, "INT");
    // Two of a kind may be merged into one before the first is seen; two kinds are not.
    signal(&child, "TERM");
    done(child).ends_with(130);
    shell.world.sandbox.clear_faults();
    shell.sync(&[]).fails_with(0, &["Added 200"]);
    assert_eq!(shell.world.sandbox.user_count(), 200);
}

/// docs/command-line.md: 130, also when both signals are Ctrl-C; `plan` obeys too
#[test]
fn a_second_ctrl_c_ends_the_program_at_once() {
    for arguments in
        [["sync", "-f", "manifests.yaml"].as_slice(), &["plan", "--look-up", "-f", "manifests.yaml"]]
    {
        let mut shell = slow(200, Duration::from_secs(5));
        shell.world.destination = shell.world.destination.replace("Additive", "Enrich");
        let mut child = shell.command(arguments).spawn().expect("a process");
        assert!(shell.world.sandbox.wait_until_blocking(PATIENCE, |totals| totals.arrived >= 1));
        signal(&child, "INT");
        // The second one comes when the first was seen.
        let mut told = BufReader::new(child.stderr.take().expect("a stream"));
        let mut line = String::new();
        while !line.contains("press again") {
            line.clear();
            assert_ne!(told.read_line(&mut line).expect("a line"), 0, "the program ended before");
        }
        signal(&child, "INT");
        assert_eq!(child.wait().expect("the program ends").code(), Some(130), "{arguments:?}");
    }
}

/// semantics 10.4: a second starter is told who holds the state
#[test]
fn a_second_sync_of_a_destination_is_told_about_the_first() {
    let shell = slow(40, Duration::from_millis(300));
    let first = shell.command(&["sync", "-f", "manifests.yaml"]).spawn().expect("a process");
    assert!(shell.world.sandbox.wait_until_blocking(PATIENCE, |totals| totals.arrived >= 1));
    shell.sync(&[]).fails_with(30, &["in use by", "grouparoo sync", "wait until it has ended"]);
    shell.plan(&[]).ends_with(0);
    done(first).fails_with(0, &["Added 40"]);
}
