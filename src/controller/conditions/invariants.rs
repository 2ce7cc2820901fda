//! What holds of every status that this program writes. Tests run it over every status that they see.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    CLEANUP_BLOCKED, DEADLINE_EXCEEDED, MOST_BYTES, PROGRESSING, PROGRESSING_WITH_RETRY, READY, RECONCILING,
    RUNNING, STALLED, SUCCEEDED, SUSPENDED,
};

/// Largest status, in bytes of JSON.
pub const MOST_STATUS_BYTES: usize = 32 * 1024;

const TYPES: [&str; 7] = [READY, SUCCEEDED, RECONCILING, STALLED, SUSPENDED, RUNNING, CLEANUP_BLOCKED];

/// What is wrong with an object's status; nothing: it is fine. The object may be read at any time, also between
/// an edit and the answer to it.
pub fn violations(object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let status = &object["status"];
    let root = status["observedGeneration"].as_i64();
    let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let seen = root.is_some_and(|root| root >= 0);
    if !seen {
        if !conditions.is_empty() {
            found.push("there are conditions, but no observedGeneration".to_owned());
        }
        return found;
    }
    let list = List(conditions);
    let summary = if object["kind"] == "SyncRun" || list.of(SUCCEEDED).is_some() { SUCCEEDED } else { READY };
    shapes(&list, &mut found);
    // 1
    if list.of(summary).is_none() {
        found.push(format!("1: {summary} is missing although the object was seen"));
    }
    // 2
    if list.is_true(RECONCILING) && list.is_true(STALLED) {
        found.push("2: Reconciling and Stalled together".to_owned());
    }
    // 3
    if list.is_true(summary) {
        for other in [RECONCILING, STALLED].into_iter().filter(|other| list.is_true(other)) {
            found.push(format!("3: {summary} is True beside {other}"));
        }
    }
    generations(object, &list, root, summary, &mut found);
    repeated(&list, summary, &mut found);
    // 6
    for type_ in [RECONCILING, STALLED, SUSPENDED, RUNNING, CLEANUP_BLOCKED] {
        if list.of(type_).is_some_and(|condition| condition["status"] != "True") {
            found.push(format!("6: {type_} is there without being True"));
        }
    }
    // 7
    let working = list.of(RECONCILING).map(|reconciling| &reconciling["reason"]);
    if summary == READY && working.is_some_and(|reason| reason == RUNNING) {
        found.push("7: a run in progress is told as Reconciling".to_owned());
    }
    let size = status.to_string().len();
    if size > MOST_STATUS_BYTES {
        found.push(format!("status: {size} bytes are more than {MOST_STATUS_BYTES}"));
    }
    found
}

/// The same right after a write of ours, when nobody can have edited the object: the root observedGeneration is
/// that of the object too.
pub fn violations_of_write(object: &Value) -> Vec<String> {
    let mut found = violations(object);
    let (root, generation) = (&object["status"]["observedGeneration"], &object["metadata"]["generation"]);
    if root != generation {
        found.push(format!("3: observedGeneration is {root}, but the generation is {generation}"));
    }
    found
}

struct List<'a>(&'a [Value]);

impl<'a> List<'a> {
    fn of(&self, type_: &str) -> Option<&'a Value> {
        self.0.iter().find(|condition| condition["type"] == type_)
    }

    fn is_true(&self, type_: &str) -> bool {
        self.of(type_).is_some_and(|condition| condition["status"] == "True")
    }
}

/// All six fields, as the API and the conventions want them.
fn shapes(list: &List<'_>, found: &mut Vec<String>) {
    let mut places = Vec::new();
    for condition in list.0 {
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        let type_ = text("type");
        match TYPES.iter().position(|known| *known == type_) {
            Some(place) => places.push(place),
            None => found.push(format!("shape: there is no condition {type_:?}")),
        }
        if !["True", "False", "Unknown"].contains(&text("status")) {
            found.push(format!("shape: status of {type_} is {}", condition["status"]));
        }
        if !is_reason(text("reason")) {
            found.push(format!("shape: reason of {type_} is {}", condition["reason"]));
        }
        if text("message").is_empty() || text("message").len() > MOST_BYTES {
            found.push(format!("shape: message of {type_} is empty or longer than {MOST_BYTES} bytes"));
        }
        let time = text("lastTransitionTime");
        if !time.parse::<Timestamp>().is_ok_and(|time| time.subsec_nanosecond() == 0) || time.contains('.') {
            found.push(format!("shape: lastTransitionTime of {type_} is {time:?}, no whole second"));
        }
        if !condition["observedGeneration"].is_i64() {
            found.push(format!("shape: {type_} has no observedGeneration"));
        }
    }
    if !places.is_sorted_by(|a, b| a < b) {
        found.push("shape: conditions are twice there or not in their order".to_owned());
    }
}

/// As `metav1.Condition` wants it, in CamelCase.
fn is_reason(reason: &str) -> bool {
    reason.starts_with(|c: char| c.is_ascii_uppercase())
        && reason.len() <= 1024
        && reason.chars().all(|c| c.is_ascii_alphanumeric() || "_,:".contains(c))
        && !reason.ends_with([',', ':'])
}

/// 4: nothing is newer than the object, and with True all is of one generation.
fn generations(object: &Value, list: &List<'_>, root: Option<i64>, summary: &str, found: &mut Vec<String>) {
    let newest = object["metadata"]["generation"].as_i64().unwrap_or(i64::MAX);
    if root.is_some_and(|root| root > newest) {
        found.push(format!("4: observedGeneration is newer than the generation {newest}"));
    }
    for condition in list.0 {
        let (type_, own) = (&condition["type"], condition["observedGeneration"].as_i64());
        if own.is_some_and(|own| own > newest) {
            found.push(format!("4: observedGeneration of {type_} is newer than the generation {newest}"));
        }
        if list.is_true(summary) && own != root {
            found.push(format!("4: {summary} is True, but {type_} is of another generation"));
        }
    }
}

/// 5: the summary repeats the most important problem.
fn repeated(list: &List<'_>, summary: &str, found: &mut Vec<String>) {
    let Some(ready) = list.of(summary) else { return };
    let problem = [CLEANUP_BLOCKED, STALLED, RECONCILING].into_iter().find_map(|type_| list.of(type_));
    let Some(problem) = problem else { return };
    let general = [PROGRESSING, PROGRESSING_WITH_RETRY, DEADLINE_EXCEEDED];
    let named = problem["reason"].as_str().is_some_and(|reason| general.contains(&reason));
    let told = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
    // A cut message ends with an ellipsis, and a longer sentence is cut earlier.
    let beginning: String = told(ready).chars().take(200).collect();
    if !named && problem["reason"] != ready["reason"] || !told(problem).contains(&beginning) {
        let (type_, reason) = (&problem["type"], &problem["reason"]);
        found.push(format!("5: {summary} does not repeat {type_} with its reason {reason} and its message"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(type_: &str, status: &str, reason: &str) -> Value {
        json!({ "type": type_, "status": status, "reason": reason, "message": "It is so.",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 3 })
    }

    fn object(conditions: &[Value]) -> Value {
        json!({ "metadata": { "generation": 3 }, "status": { "observedGeneration": 3, "conditions": conditions } })
    }

    #[track_caller]
    fn refused(object: &Value, number: &str) {
        let found = violations(object);
        assert!(found.iter().any(|one| one.starts_with(number)), "{number} not in {found:?}");
    }

    #[test]
    fn what_is_fine_has_no_violation() {
        let ready = condition(READY, "True", "Scheduled");
        for fine in [
            json!({ "metadata": { "generation": 1 } }),
            json!({ "metadata": { "generation": 1 }, "status": { "observedGeneration": -1 } }),
            object(std::slice::from_ref(&ready)),
            object(&[ready, condition(RUNNING, "True", "Running")]),
            object(&[condition(READY, "False", "SyncFailed"), condition(STALLED, "True", "SyncFailed")]),
        ] {
            assert_eq!(violations(&fine), Vec::<String>::new(), "{fine}");
            if fine["status"]["observedGeneration"] == 3 {
                assert_eq!(violations_of_write(&fine), Vec::<String>::new());
            }
        }
    }

    /// conventions 1, the seven invariants: each has an object that breaks it.
    #[test]
    fn each_invariant_can_be_broken() {
        let ready = |status| condition(READY, status, "SyncFailed");
        let working = condition(RECONCILING, "True", "SyncFailed");
        let stalled = condition(STALLED, "True", "SyncFailed");
        refused(&object(&[]), "1");
        let mut run = object(&[ready("True")]);
        run["kind"] = json!("SyncRun");
        refused(&run, "1");
        refused(&object(&[ready("False"), working.clone(), stalled.clone()]), "2");
        refused(&object(&[ready("True"), working.clone()]), "3");
        refused(&object(&[ready("True"), stalled.clone()]), "3");
        let mut old = object(&[ready("True")]);
        old["status"]["conditions"][0]["observedGeneration"] = json!(2);
        refused(&old, "4");
        let mut newer = object(&[ready("False")]);
        newer["metadata"]["generation"] = json!(2);
        refused(&newer, "4");
        refused(&object(&[ready("False"), condition(STALLED, "True", "InvalidSpec")]), "5");
        let mut other = object(&[ready("False"), stalled]);
        other["status"]["conditions"][1]["message"] = json!("Something else.");
        refused(&other, "5");
        for type_ in [RECONCILING, STALLED, SUSPENDED, RUNNING, CLEANUP_BLOCKED] {
            refused(&object(&[ready("False"), condition(type_, "False", "SyncFailed")]), "6");
        }
        refused(
            &object(&[condition(READY, "False", "Running"), condition(RECONCILING, "True", "Running")]),
            "7",
        );
        let mut behind = object(&[ready("True")]);
        behind["metadata"]["generation"] = json!(4);
        assert!(violations(&behind).is_empty(), "an edit that nobody has seen yet");
        assert!(!violations_of_write(&behind).is_empty());
    }

    #[test]
    fn each_rule_about_shape_and_size_can_be_broken() {
        for (field, wrong) in [
            ("status", json!("yes")),
            ("reason", json!("")),
            ("reason", json!("sync failed")),
            ("reason", json!("Ends:")),
            ("message", json!("")),
            ("message", json!("x".repeat(1025))),
            ("lastTransitionTime", json!("2026-01-01T00:00:00.5Z")),
            ("lastTransitionTime", json!("yesterday")),
            ("observedGeneration", Value::Null),
            ("type", json!("Healthy")),
        ] {
            let mut one = condition(READY, "False", "SyncFailed");
            one[field] = wrong;
            refused(&object(&[one]), "shape");
        }
        let ready = condition(READY, "False", "Stalls");
        refused(&object(&[ready.clone(), ready.clone()]), "shape");
        refused(&object(&[condition(STALLED, "True", "Stalls"), ready.clone()]), "shape");
        let mut large = object(&[ready]);
        large["status"]["errors"] = json!(vec!["x".repeat(1000); 33]);
        refused(&large, "status");
        let unseen = json!({ "status": { "conditions": [condition(READY, "True", "Scheduled")] } });
        assert_eq!(violations(&unseen).len(), 1);
    }
}
