use super::*;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).expect("a time")
}

fn run(hour: i64, succeeded: bool) -> Finished {
    Finished { name: format!("run-{hour:03}"), completed: at(hour), succeeded, by_person: false, ttl: None }
}

fn history(succeeded: i32, failed: i32, ttl: Option<&str>) -> History {
    History {
        succeeded_runs: Some(succeeded),
        failed_runs: Some(failed),
        ttl_after_finished: ttl.map(Span::new),
    }
}

fn left(runs: &[Finished], history: Option<&History>, now: Timestamp) -> Vec<String> {
    let gone = prune(runs, history, now);
    let mut left: Vec<String> =
        runs.iter().filter(|run| !gone.contains(&run.name)).map(|run| run.name.clone()).collect();
    left.sort();
    left
}

/// conventions 9: 3 successful and 3 failed by default.
#[test]
fn three_of_each_kind_stay() {
    let runs: Vec<Finished> = (0..20).map(|hour| run(hour, hour % 4 != 0)).collect();
    assert_eq!(
        left(&runs, None, at(1000)),
        ["run-008", "run-012", "run-016", "run-017", "run-018", "run-019"]
    );
    let gone = prune(&runs, None, at(1000));
    assert!(gone.is_sorted() && gone.len() == 14, "oldest first: {gone:?}");
    let few: Vec<Finished> = (0..6).map(|hour| run(hour, hour < 3)).collect();
    assert_eq!(prune(&few, None, at(1000)), Vec::<String>::new());
}

/// conventions 9: the newest finished run is never pruned, by no number and by no age.
#[test]
fn the_newest_run_stays_whatever_is_asked() {
    let runs = [run(1, true), run(2, false), run(3, true), run(4, false)];
    assert_eq!(left(&runs, Some(&history(0, 0, Some("1s"))), at(9000)), ["run-004"]);
    assert_eq!(next_due(&runs, Some(&history(3, 3, Some("1s"))), at(9000)), None);
    let own = [Finished { ttl: Some(Duration::from_secs(1)), ..run(1, true) }];
    assert_eq!(prune(&own, None, at(9000)), Vec::<String>::new());
    let together = [run(1, true), Finished { name: "run-zzz".into(), ..run(1, true) }];
    assert_eq!(left(&together, Some(&history(0, 0, None)), at(2)), ["run-zzz"], "one alone, always the same");
}

/// api.md 6, `history`: age removes a run even below the numbers; api.md 7: a run's own age goes first.
#[test]
fn a_run_goes_when_its_age_is_reached_and_not_before() {
    let mut runs = vec![run(0, true), run(1, false), run(10, true)];
    let history = history(3, 3, Some("2h"));
    assert_eq!(next_due(&runs, Some(&history), at(1)), Some(at(2)));
    assert_eq!(prune(&runs, Some(&history), at(1)), Vec::<String>::new());
    assert_eq!(prune(&runs, Some(&history), at(2)), ["run-000"]);
    assert_eq!(next_due(&runs, Some(&history), at(2)), Some(at(3)));
    runs[0].ttl = Some(Duration::from_secs(3600 * 5));
    assert_eq!(prune(&runs, Some(&history), at(4)), ["run-001"]);
    assert_eq!(next_due(&runs, Some(&history), at(4)), Some(at(5)));
    assert_eq!(next_due(&runs, None, at(4)), Some(at(5)), "and without any other");
}

/// api.md 7: a run made by a person is pruned only by its own `ttlAfterFinished`.
#[test]
fn a_persons_run_goes_by_its_own_age_alone() {
    let person = |hour, ttl: Option<u64>| Finished {
        name: format!("mine-{hour}"),
        by_person: true,
        ttl: ttl.map(Duration::from_secs),
        ..run(hour, true)
    };
    let mut runs: Vec<Finished> = (0..8).map(|hour| person(hour, None)).collect();
    runs.extend((0..4).map(|hour| run(hour, true)));
    let history = history(2, 2, Some("1h"));
    assert_eq!(
        prune(&runs, Some(&history), at(1000)),
        ["run-000", "run-001", "run-002"],
        "the newest of the operator's runs stays, though newer ones of a person are there"
    );
    let short = [person(5, Some(60)), run(1, true)];
    assert_eq!(prune(&short, None, at(5)), Vec::<String>::new());
    assert_eq!(prune(&short, None, at(6)), ["mine-5"], "also when it is the newest of all");
}

/// conventions 9: never more than 100, whatever the numbers allow together.
#[test]
fn a_hundred_runs_are_the_most() {
    let runs: Vec<Finished> = (0..150).map(|hour| run(hour, hour % 2 == 0)).collect();
    let left = left(&runs, Some(&history(100, 100, None)), at(1000));
    assert_eq!((left.len(), left[0].as_str()), (100, "run-050"));
    let old =
        History { succeeded_runs: Some(-1), failed_runs: Some(-1), ttl_after_finished: Some(Span::new("x")) };
    assert_eq!(
        super::prune(&runs, Some(&old), at(1000)).len(),
        149,
        "numbers stored before the rule are none"
    );
}

/// conventions 9, whatever the runs: pruning twice is pruning once.
#[test]
fn what_stays_once_stays() {
    for seed in 0..200_u64 {
        let runs: Vec<Finished> = (0..(seed % 12))
            .map(|n| {
                let dice =
                    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n * 1_442_695_040_888_963);
                Finished {
                    by_person: dice % 5 == 0,
                    ttl: (dice % 3 == 0).then(|| Duration::from_secs(dice % 90_000)),
                    name: format!("run-{n}"),
                    ..run((dice % 40) as i64, dice % 2 == 0)
                }
            })
            .collect();
        let history = history((seed % 4) as i32, (seed % 3) as i32, (seed % 2 == 0).then_some("9h"));
        let gone = prune(&runs, Some(&history), at(30));
        let rest: Vec<Finished> = runs.iter().filter(|run| !gone.contains(&run.name)).cloned().collect();
        assert_eq!(prune(&rest, Some(&history), at(30)), Vec::<String>::new(), "seed {seed}");
        assert!(
            runs.is_empty() || runs.iter().all(|run| run.by_person) || rest.iter().any(|run| !run.by_person)
        );
    }
}
