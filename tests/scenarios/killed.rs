//! The real program, killed in the middle of a run (semantics 10.1 to 10.3; G 24).

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};

use crate::support::world::World;

const PEOPLE: u32 = 1_500;
const IN_FLIGHT: usize = 4;
const PER_REQUEST: usize = 20;

fn start(world: &World) -> Child {
    let manifests = world.folder().join("manifests.yaml");
    std::fs::write(&manifests, world.manifests()).expect("a file can be written");
    Command::new(env!("CARGO_BIN_EXE_grouparoo"))
        .args(["sync", "-o", "json", "-f"])
        .arg(manifests)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// semantics 10.3: what is sent twice is at most what was on the wire, and nobody is lost; 10.1: an attribute that
/// went out without an answer is sent again although the row is back at its old value.
#[test]
fn a_killed_run_loses_nobody_and_repeats_only_what_was_on_the_wire() {
    let mut world = World::new();
    world.limits = format!("{{ settle: 0s, objectsPerRequest: {PER_REQUEST}, maxInFlight: {IN_FLIGHT} }}");
    world.insert(1..=PEOPLE);
    let slow = Effect::LatencyAfter(Duration::from_millis(20));
    world.sandbox.set_faults([FaultRule::always(slow).at("/users/track")]);
    let kills = 4;
    for kill in 1..=kills {
        let before = world.sandbox.totals().answered;
        let mut child = start(&world);
        let enough = world
            .sandbox
            .wait_until_blocking(Duration::from_secs(120), |totals| totals.answered >= before + 5 * kill);
        assert!(enough, "the run sends");
        // SIGKILL: no handler, no last words.
        child.kill().expect("the program can be killed");
        child.wait().expect("it is gone");
    }
    world.sandbox.clear_faults();
    let last = start(&world).wait_with_output().expect("the program ends");
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stdout));

    assert_eq!(world.sandbox.user_count(), PEOPLE as usize);
    let mut times: HashMap<String, usize> = HashMap::new();
    for object in world.received() {
        *times.entry(object["external_id"].to_string()).or_default() += 1;
    }
    let repeated: usize = times.values().map(|n| n - 1).sum();
    let on_the_wire = usize::try_from(kills).expect("few") * IN_FLIGHT * PER_REQUEST;
    // Half a second of answers may be lost with each kill: 20 ms an answer, in four lanes.
    let unheard = usize::try_from(kills).expect("few") * 25 * IN_FLIGHT * PER_REQUEST;
    assert!(repeated <= on_the_wire + unheard, "{repeated} objects were sent again");

    world.sandbox.clear_journal();
    let unchanged = start(&world).wait_with_output().expect("the program ends");
    assert!(unchanged.status.success());
    assert_eq!(world.requests(), [] as [&str; 0], "after that there is nothing to send");
}
