//! Any answers in any order: each object has one fate, and the fate is true.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;

use crate::braze::Fate;
use crate::braze::testing::{Act, Seen, Server, answer, batch, success};

/// What the server did, which is the truth that fates are compared with.
#[derive(Default)]
struct Truth {
    applied: HashSet<u64>,
    /// Objects of requests that were not answered for good.
    unclear: HashSet<u64>,
    random: u64,
}

impl Truth {
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn act(&mut self, seen: &Seen) -> Act {
        let objects = seen.objects();
        // By nature of the object: every 11th is refused by name, every 17th without, every 23rd is too large.
        let named: Vec<usize> = (0..objects.len()).filter(|&i| objects[i] % 11 == 10).collect();
        let poisoned = objects.iter().any(|n| n % 17 == 16);
        let large = objects.iter().any(|n| n % 23 == 22);
        let errors: Vec<String> = named
            .iter()
            .map(|index| format!(r#"{{"type":"t","input_array":"attributes","index":{index}}}"#))
            .collect();
        let errors = format!(r#"{{"message":"m","errors":[{}]}}"#, errors.join(","));
        let good = objects.iter().filter(|n| *n % 11 != 10);
        match self.below(12) {
            0 => return answer(429, "").with("retry-after", 1),
            1 => {
                self.unclear.extend(&objects);
                if !poisoned && !large && self.below(2) == 0 {
                    self.applied.extend(good);
                }
                let acts = [answer(504, ""), Act::Drop, Act::Cut(201), answer(201, "<"), answer(500, "")];
                return acts[self.below(5) as usize].clone();
            }
            2 if !poisoned && !large && named.is_empty() => {
                self.unclear.extend(&objects);
                self.applied.extend(good);
                return answer(201, r#"{"errors":["which?"]}"#);
            }
            _ => {}
        }
        if large {
            answer(413, "")
        } else if poisoned {
            answer(400, r#"{"message":"no"}"#)
        } else if named.is_empty() {
            self.applied.extend(good);
            success()
        } else if named.len() == objects.len() || self.below(3) == 0 {
            answer(400, errors)
        } else {
            self.applied.extend(good);
            answer(201, errors)
        }
    }
}

/// semantics 9.3 as a whole: one true fate for every object, whatever the server does.
#[tokio::test]
async fn every_object_has_exactly_one_fate_and_it_is_true() {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for seed in 1..=60_u64 {
        let truth = Arc::new(Mutex::new(Truth { random: seed * 0x9E37_79B9, ..Truth::default() }));
        let script = Arc::clone(&truth);
        let server = Server::new(move |seen| script.lock().expect("not poisoned").act(seen)).await;
        let client = server.client_with(|config| config.limits.retry_for = Duration::from_secs(seed % 4));
        let deadline = (seed % 3 == 0).then(|| Duration::from_secs(seed % 7));
        let calls = (0..6_u64).map(|call| {
            let client = client.clone();
            async move {
                let numbers: Vec<u64> =
                    (0..(seed * 7 + call * 13) % 75 + 1).map(|n| call * 100 + n).collect();
                let delivery = client.track(&mut batch(numbers.iter().copied()), deadline).await;
                (numbers, delivery)
            }
        });
        let done = server.run(join_all(calls)).await;
        let truth = truth.lock().expect("not poisoned");
        for (numbers, delivery) in done {
            assert_eq!(delivery.fates.len(), numbers.len());
            for (n, fate) in numbers.iter().zip(&delivery.fates) {
                let (applied, unclear) = (truth.applied.contains(n), truth.unclear.contains(n));
                let (kind, holds) = match fate {
                    Fate::Acknowledged => ("acknowledged", applied),
                    Fate::Refused(_) => ("refused", !applied && (n % 11 == 10 || n % 17 == 16)),
                    Fate::TooLarge => ("too large", !applied && n % 23 == 22),
                    Fate::NotSent => ("not sent", !applied && !unclear && delivery.stop.is_some()),
                    Fate::Stale => ("stale", !applied && !unclear && deadline.is_some()),
                    Fate::Unknown => ("unknown", unclear),
                };
                assert!(holds, "seed {seed}, object {n}: {fate:?}, applied {applied}, unclear {unclear}");
                *counts.entry(kind).or_default() += 1;
            }
        }
        if let Some(deadline) = deadline {
            // The clock moves a little while a request travels.
            let late = server.seen().iter().find(|seen| seen.at > deadline + Duration::from_secs(1)).cloned();
            assert!(late.is_none(), "seed {seed}: {late:?}");
        }
    }
    assert_eq!(counts.len(), 6, "every fate occurs: {counts:?}");
}
