//! What answers mean for the objects of a batch.

use crate::braze::testing::{Act, Seen, Server, answer, batch, success};
use crate::braze::{BrazeError, Fate, Refusal};

const ACKNOWLEDGED: Fate = Fate::Acknowledged;
const REFUSED: Fate = Fate::Refused(Refusal::ObjectRefused);

/// Errors for these positions of the array.
fn errors(positions: &[usize]) -> String {
    let errors: Vec<String> = positions
        .iter()
        .map(|index| format!(r#"{{"type":"EMAIL_BAD_FORMAT","input_array":"attributes","index":{index}}}"#))
        .collect();
    format!(r#"{{"message":"x","errors":[{}]}}"#, errors.join(","))
}

/// Positions, in the array as sent, of the objects that `bad` is true for.
fn positions(seen: &Seen, bad: impl Fn(u64) -> bool) -> Vec<usize> {
    let objects = seen.objects();
    (0..objects.len()).filter(|&position| bad(objects[position])).collect()
}

/// semantics 9.3, row 2xx without errors; braze-rest-api 3.1, 3.2: absent, null, empty; any 2xx.
#[tokio::test]
async fn a_success_without_errors_acknowledges_all() {
    for (status, body) in [
        (201, r#"{"message":"success","attributes_processed":3}"#),
        (200, r#"{"message":"success","errors":null}"#),
        (202, r#"{"message":"queued"}"#),
        (201, r#"{"message":"success","errors":[]}"#),
    ] {
        let server = Server::with(vec![answer(status, body)]).await;
        let delivery = server.run(server.client().track(&mut batch(0..3), None)).await;
        assert_eq!(delivery.fates, [ACKNOWLEDGED; 3], "{body}");
        assert_eq!(delivery.stop, None);
        assert_eq!(server.seen().len(), 1);
    }
}

/// semantics 9.3, row 2xx with array and index; braze-rest-api 3.3.
#[tokio::test]
async fn a_success_with_indexed_errors_refuses_those_and_acknowledges_the_rest() {
    let server = Server::with(vec![answer(201, errors(&[1, 3]))]).await;
    let delivery = server.run(server.client().track(&mut batch(0..5), None)).await;
    let bad = Fate::Refused(Refusal::BadEmail);
    assert_eq!(delivery.fates, [ACKNOWLEDGED, bad, ACKNOWLEDGED, bad, ACKNOWLEDGED]);
    assert_eq!(delivery.stop, None);
}

/// semantics 9.3, row "an error that points at nothing": the whole array once more.
#[tokio::test]
async fn an_error_that_points_at_nothing_sends_the_whole_array_once_more() {
    for untied in [
        r#"{"message":"success","errors":["something"]}"#,
        r#"{"message":"success","errors":[{"type":"t","input_array":"attributes","index":3}]}"#,
        r#"{"message":"success","errors":[{"type":"t","input_array":"events","index":0}]}"#,
        r#"{"message":"success","errors":{"odd":1}}"#,
    ] {
        let server = Server::with(vec![answer(201, untied), success()]).await;
        let delivery = server.run(server.client().track(&mut batch(0..3), None)).await;
        assert_eq!(delivery.fates, [ACKNOWLEDGED; 3], "{untied}");
        assert_eq!(delivery.traffic.retries, 1);
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].body, seen[1].body);
    }
}

/// semantics 9.3, the same row: again, pending.
#[tokio::test]
async fn an_error_that_points_at_nothing_twice_leaves_the_objects_unknown() {
    let body = r#"{"message":"success","errors":["x",{"type":"EMAIL_BAD_FORMAT","input_array":"attributes","index":1}]}"#;
    let server = Server::with(vec![answer(201, body)]).await;
    let delivery = server.run(server.client().track(&mut batch(0..3), None)).await;
    assert_eq!(delivery.fates, [Fate::Unknown, Fate::Refused(Refusal::BadEmail), Fate::Unknown]);
    assert_eq!(delivery.stop, None);
    assert_eq!(server.seen().len(), 2);
}

/// semantics 9.3, row 400 with indexes: those failed, the others sent again; the index is of the array sent.
#[tokio::test]
async fn a_400_with_indexes_refuses_those_and_sends_the_others_again() {
    let server = Server::new(|seen| match positions(seen, |n| n == 1 || n == 2) {
        named if named.is_empty() => answer(201, errors(&positions(seen, |n| n == 4))),
        named => answer(400, errors(&named[..1])),
    })
    .await;
    let delivery = server.run(server.client().track(&mut batch(0..6), None)).await;
    let bad = Fate::Refused(Refusal::BadEmail);
    assert_eq!(delivery.fates, [ACKNOWLEDGED, bad, bad, ACKNOWLEDGED, bad, ACKNOWLEDGED]);
    let sent: Vec<Vec<u64>> = server.seen().iter().map(Seen::objects).collect();
    assert_eq!(sent, [vec![0, 1, 2, 3, 4, 5], vec![0, 2, 3, 4, 5], vec![0, 3, 4, 5]]);
}

/// braze-rest-api 3.3: all refused is a 400 with the same errors, also for one object.
#[tokio::test]
async fn a_400_that_names_every_object_is_about_the_objects() {
    let server = Server::new(|seen| answer(400, errors(&positions(seen, |_| true)))).await;
    let client = server.client();
    for objects in [1_u64, 3, 75, 2] {
        let delivery = server.run(client.track(&mut batch(0..objects), None)).await;
        assert!(delivery.fates.iter().all(|fate| *fate == Fate::Refused(Refusal::BadEmail)));
        assert_eq!(delivery.stop, None);
    }
    assert_eq!(server.seen().len(), 4);
}

/// semantics 9.3, row 400 without indexes: halved down to one.
#[tokio::test]
async fn a_400_without_indexes_is_halved_until_the_object_is_found() {
    let server = Server::new(|seen| {
        if seen.objects().contains(&5) { answer(400, r#"{"message":"Bad Request"}"#) } else { success() }
    })
    .await;
    let delivery = server.run(server.client().track(&mut batch(0..8), None)).await;
    for (n, fate) in delivery.fates.iter().enumerate() {
        assert_eq!(*fate, if n == 5 { REFUSED } else { ACKNOWLEDGED }, "{n}");
    }
    assert_eq!(delivery.stop, None);
    let sent: Vec<Vec<u64>> = server.seen().iter().map(Seen::objects).collect();
    let expected: [&[u64]; 7] =
        [&[0, 1, 2, 3, 4, 5, 6, 7], &[0, 1, 2, 3], &[4, 5, 6, 7], &[4, 5], &[4], &[5], &[6, 7]];
    assert_eq!(sent, expected);
}

/// semantics 9.3, row 413: a single one is `ObjectTooLarge`.
#[tokio::test]
async fn a_413_is_halved_and_a_single_object_is_too_large() {
    let server = Server::new(|seen| {
        if seen.objects().contains(&2) || seen.objects().len() > 2 { answer(413, "") } else { success() }
    })
    .await;
    let delivery = server.run(server.client().track(&mut batch(0..4), None)).await;
    assert_eq!(delivery.fates, [ACKNOWLEDGED, ACKNOWLEDGED, Fate::TooLarge, ACKNOWLEDGED]);
}

/// braze-rest-api 4.2: a contract with fewer objects in a request answers 400 without naming one.
#[tokio::test]
async fn a_lower_ceiling_of_the_contract_is_found_by_halving() {
    let server = Server::new(|seen| {
        if seen.objects().len() > 5 {
            answer(400, r#"{"message":"Max Input Length Exceeded"}"#)
        } else {
            success()
        }
    })
    .await;
    let delivery = server.run(server.client().track(&mut batch(0..75), None)).await;
    assert_eq!(delivery.fates, [ACKNOWLEDGED; 75]);
}

/// semantics 9.3, row 400 without indexes: three batches refused one by one stop the run.
#[tokio::test]
async fn three_batches_refused_one_by_one_stop_the_run() {
    let server = Server::with(vec![answer(400, "{}")]).await;
    let client = server.client();
    for stop in [None, None, Some(BrazeError::RequestRefused { status: 400 })] {
        let delivery = server.run(client.track(&mut batch(0..2), None)).await;
        assert_eq!(delivery.fates, [REFUSED; 2]);
        assert_eq!(delivery.stop, stop);
    }
    assert_eq!(client.closed(), None, "other Destinations may go on");
}

/// semantics 9.3, the same row: in a row, and by batches that could show it.
#[tokio::test]
async fn an_accepted_object_between_refused_batches_lets_the_run_go_on() {
    let server =
        Server::new(|seen| if seen.objects().contains(&0) { success() } else { answer(400, "{}") }).await;
    let client = server.client();
    for objects in [1..3, 3..5, 0..1, 5..7, 7..9, 1..2, 2..3] {
        let delivery = server.run(client.track(&mut batch(objects), None)).await;
        assert_eq!(delivery.stop, None);
    }
    let delivery = server.run(client.track(&mut batch(9..11), None)).await;
    assert_eq!(delivery.stop, Some(BrazeError::RequestRefused { status: 400 }));
}

/// braze-rest-api 3.2: 415 is our bug; it must not fail records batch after batch without an end.
#[tokio::test]
async fn a_status_that_is_not_in_the_table_is_treated_as_a_refusal() {
    for status in [405, 415, 422] {
        let server = Server::with(vec![answer(status, "")]).await;
        let client = server.client_with(|config| config.limits.objects_per_request = 1);
        for stop in [None, None, Some(BrazeError::RequestRefused { status })] {
            assert_eq!(server.run(client.track(&mut batch(0..1), None)).await.stop, stop);
        }
    }
}

#[tokio::test]
async fn an_empty_batch_sends_nothing() {
    let server = Server::with(vec![Act::Drop]).await;
    let client = server.client();
    assert!(client.track(&mut batch(0..0), None).await.fates.is_empty());
    assert!(client.delete(&[]).await.fates.is_empty());
    assert_eq!(client.export(&[]).await.result, Ok(vec![]));
    assert!(server.seen().is_empty());
}

/// braze-rest-api 6.1: `deleted` counts ids received, and nothing is said about single ids.
#[tokio::test]
async fn an_accepted_delete_acknowledges_every_id() {
    let server = Server::with(vec![answer(201, r#"{"deleted":2,"message":"success"}"#)]).await;
    let delivery = server.run(server.client().delete(&["a \"1\"", "b"])).await;
    assert_eq!(delivery.fates, [ACKNOWLEDGED; 2]);
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/users/delete"));
    assert_eq!(seen.list("external_ids"), ["a \"1\"", "b"]);
    assert_eq!((delivery.traffic.delete, delivery.traffic.objects), (1, 2));
}

/// semantics 9.3: a refused delete is halved like any other request.
#[tokio::test]
async fn a_refused_delete_is_halved() {
    let server = Server::new(|seen| {
        let bad = seen.list("external_ids").iter().any(|id| id == "bad");
        if bad { answer(400, "{}") } else { answer(201, r#"{"deleted":1,"message":"success"}"#) }
    })
    .await;
    let delivery = server.run(server.client().delete(&["a", "b", "bad"])).await;
    assert_eq!(delivery.fates, [ACKNOWLEDGED, ACKNOWLEDGED, REFUSED]);
}
