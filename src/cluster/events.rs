//! Events: what people see in `kubectl describe`. Never a reason for anything to fail.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use grouparoo_clock::Clock;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder as Publisher, Reporter};

use super::bounded::bounded;

/// Longest note, in bytes (events.k8s.io).
const NOTE_BYTES: usize = 1024;
/// Longest reason and action, in bytes (events.k8s.io).
const WORD_BYTES: usize = 128;
/// Events of one object that may follow at once.
const BURST: u32 = 25;
/// Time after which one more may follow.
const REFILL: Duration = Duration::from_secs(300);
/// Texts of one object whose repeats are counted at a time.
const TEXTS: usize = 8;
/// Objects whose events are counted; beyond them the one that has been quiet for longest is forgotten.
const MOST_OBJECTS: usize = 10_000;
/// An event that is not written in this time is dropped.
const LIMIT: Duration = Duration::from_secs(5);

/// What happened. Repeats with the same note are counted in one event; another note makes another event, so numbers and
/// times belong into it only where they change seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// Whether somebody should act.
    pub warning: bool,
    /// CamelCase word: the reason of the condition, where there is one.
    pub reason: &'a str,
    /// What was being done, as a CamelCase verb, such as `Sync`.
    pub action: &'a str,
    /// Sentence for people.
    pub note: &'a str,
}

/// Publishes events under the name `grouparoo`, and no flood of them. Make one and share it: it knows what was
/// published before.
pub struct Recorder {
    client: Client,
    reporter: Reporter,
    buckets: Mutex<HashMap<String, Bucket>>,
    clock: Clock,
}

/// What an object has published, and what it may still publish.
struct Bucket {
    /// What was published last, the newest at the end.
    told: Vec<Told>,
    tokens: u32,
    /// When the last token was added.
    filled: Duration,
    used: Duration,
}

/// An event whose repeats are counted.
struct Told {
    reason: String,
    note: String,
    /// Counts repeats, whatever their note is: so each note has its own.
    publisher: Publisher,
}

impl Bucket {
    fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled).as_nanos() / REFILL.as_nanos();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(passed).min(BURST);
        self.filled = if self.tokens == BURST { now } else { self.filled + REFILL * passed };
        self.used = now;
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// What publishes this event: what published the same before, also where others came in between.
    fn publisher(&mut self, event: &Event, fresh: impl FnOnce() -> Publisher) -> Publisher {
        let (reason, note) = (event.reason.clone(), event.note.clone().unwrap_or_default());
        let told = match self.told.iter().position(|told| told.reason == reason && told.note == note) {
            Some(known) => self.told.remove(known),
            None => Told { reason, note, publisher: fresh() },
        };
        if self.told.len() >= TEXTS {
            self.told.remove(0);
        }
        let publisher = told.publisher.clone();
        self.told.push(told);
        publisher
    }
}

impl Recorder {
    /// A recorder. `instance`: name of the Pod; without one the host's name is used.
    pub fn new(client: Client, instance: Option<String>, clock: Clock) -> Self {
        let mut reporter = Reporter::from("grouparoo");
        reporter.instance = instance.or(reporter.instance);
        Self { client, reporter, buckets: Mutex::default(), clock }
    }

    /// Publishes an event about an object, in its namespace. What cannot be written, or would be too much, is
    /// dropped with a line in the log.
    pub async fn publish(&self, object: &ObjectReference, notice: Notice<'_>) {
        let what = format!(
            "Event {} of {} {}",
            notice.reason,
            object.kind.as_deref().unwrap_or_default(),
            object.name.as_deref().unwrap_or_default()
        );
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: cut(notice.reason, WORD_BYTES),
            note: Some(cut(notice.note, NOTE_BYTES)),
            action: cut(notice.action, WORD_BYTES),
            secondary: None,
        };
        let Some(publisher) = self.publisher_for(object, &event) else {
            tracing::debug!(event = %what, "too many events of one object: dropped");
            return;
        };
        let call = publisher.publish(&event, object);
        if let Err(error) = bounded(&self.clock, LIMIT, "write", &what, call).await {
            tracing::warn!(%error, "an event was not written");
        }
    }

    /// What publishes this event; nothing, when it would be too much.
    fn publisher_for(&self, object: &ObjectReference, event: &Event) -> Option<Publisher> {
        let key = [&object.kind, &object.namespace, &object.name, &object.uid]
            .map(|part| part.as_deref().unwrap_or_default())
            .join("/");
        let now = self.clock.monotonic();
        let mut buckets = self.buckets.lock().expect("no panic while the buckets are held");
        if buckets.len() >= MOST_OBJECTS && !buckets.contains_key(&key) {
            make_room(&mut buckets, now);
        }
        let fresh = || Publisher::new(self.client.clone(), self.reporter.clone());
        let full = || Bucket { told: Vec::new(), tokens: BURST, filled: now, used: now };
        let bucket = buckets.entry(key).or_insert_with(full);
        bucket.take(now).then(|| bucket.publisher(event, fresh))
    }
}

/// Forgets the objects whose bucket is full again, and at least a tenth: those that were quiet for longest.
fn make_room(buckets: &mut HashMap<String, Bucket>, now: Duration) {
    buckets.retain(|_, bucket| now.saturating_sub(bucket.used) < REFILL * BURST);
    let most = MOST_OBJECTS - MOST_OBJECTS / 10;
    if buckets.len() > most {
        let mut used: Vec<(Duration, String)> =
            buckets.iter().map(|(key, bucket)| (bucket.used, key.clone())).collect();
        used.sort_unstable();
        for (_, key) in used.iter().take(buckets.len() - most) {
            buckets.remove(key);
        }
    }
}

/// A text of at most so many bytes, cut between characters.
fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most - MARK.len());
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::testing::{Answer, Server, drive, noon};

    fn echoing() -> Server {
        Server::new(|request| {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            Answer::json(StatusCode::OK, &body)
        })
    }

    fn object(name: &str) -> ObjectReference {
        ObjectReference {
            api_version: Some("grouparoo.io/v1alpha1".to_owned()),
            kind: Some("Destination".to_owned()),
            name: Some(name.to_owned()),
            namespace: Some("crm".to_owned()),
            uid: Some(format!("uid-{name}")),
            ..Default::default()
        }
    }

    fn notice(note: &str) -> Notice<'_> {
        Notice { warning: true, reason: "DeletionGuard", action: "Sync", note }
    }

    #[tokio::test]
    async fn an_event_stands_beside_its_object_with_texts_of_bounded_length() {
        let server = echoing();
        let recorder = Recorder::new(server.client(), Some("pod-1".to_owned()), Clock::manual(noon()));
        let long = "ü".repeat(2_000);
        let reason = "R".repeat(300);
        recorder.publish(&object("a"), Notice { reason: &reason, ..notice(&long) }).await;
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (&seen[0].method, seen[0].path.as_str()),
            (&Method::POST, "/apis/events.k8s.io/v1/namespaces/crm/events")
        );
        let event: Value = serde_json::from_slice(&seen[0].body).expect("JSON");
        assert_eq!(event["regarding"]["uid"], "uid-a");
        assert_eq!(event["type"], "Warning");
        assert_eq!(event["reportingController"], "grouparoo");
        assert_eq!(event["reportingInstance"], "pod-1");
        assert_eq!(event["reason"].as_str().map(str::len), Some(128));
        let note = event["note"].as_str().expect("a note");
        assert!(note.len() <= 1024 && note.len() > 1000 && note.ends_with("ü…"), "{}", note.len());
    }

    /// conventions 7: 25 at once, then one every five minutes, for each object
    #[tokio::test]
    async fn a_flood_of_one_object_is_cut_and_others_are_not_touched() {
        let server = echoing();
        let clock = Clock::manual(noon());
        let recorder = Recorder::new(server.client(), None, clock.clone());
        for _ in 0..100 {
            recorder.publish(&object("a"), notice("n")).await;
        }
        assert_eq!(server.seen().len(), 25);
        recorder.publish(&object("b"), notice("n")).await;
        assert_eq!(server.seen().len(), 26);
        clock.advance(Duration::from_secs(299));
        recorder.publish(&object("a"), notice("n")).await;
        assert_eq!(server.seen().len(), 26);
        clock.advance(Duration::from_secs(1));
        for _ in 0..3 {
            recorder.publish(&object("a"), notice("n")).await;
        }
        assert_eq!(server.seen().len(), 27);
        clock.advance(Duration::from_secs(300 * 1000));
        for _ in 0..100 {
            recorder.publish(&object("a"), notice("n")).await;
        }
        assert_eq!(server.seen().len(), 52);
    }

    /// `kubectl get events` shows the numbers of the last time, not those of the first
    #[tokio::test]
    async fn the_same_note_is_counted_and_another_one_is_another_event() {
        let server = echoing();
        let recorder = Recorder::new(server.client(), None, Clock::manual(noon()));
        for note in ["10 added", "10 added", "3 added", "3 added", "10 added"] {
            recorder.publish(&object("a"), notice(note)).await;
        }
        let seen = server.seen();
        let methods: Vec<&Method> = seen.iter().map(|request| &request.method).collect();
        assert_eq!(methods, [&Method::POST, &Method::PATCH, &Method::POST, &Method::PATCH, &Method::PATCH]);
        let last: Value = serde_json::from_slice(&seen[3].body).expect("JSON");
        assert_eq!((&last["note"], &last["series"]["count"]), (&json!("3 added"), &json!(2)));
        let last: Value = serde_json::from_slice(&seen[4].body).expect("JSON");
        assert_eq!((&last["note"], &last["series"]["count"]), (&json!("10 added"), &json!(3)));
    }

    /// conventions 7: texts without number take no more memory than a few
    #[tokio::test]
    async fn only_the_newest_texts_of_an_object_are_remembered() {
        let server = echoing();
        let recorder = Recorder::new(server.client(), None, Clock::manual(noon()));
        for note in 0..20 {
            recorder.publish(&object("a"), notice(&note.to_string())).await;
        }
        let buckets = recorder.buckets.lock().expect("not poisoned");
        let told: Vec<&str> =
            buckets.values().flat_map(|bucket| &bucket.told).map(|told| told.note.as_str()).collect();
        assert_eq!(told, ["12", "13", "14", "15", "16", "17", "18", "19"]);
    }

    #[tokio::test]
    async fn an_event_that_cannot_be_written_fails_nothing_and_holds_nobody_up() {
        let server = Server::new(|_| Answer::status(StatusCode::FORBIDDEN, "Forbidden"));
        let clock = Clock::manual(noon());
        Recorder::new(server.client(), None, clock.clone()).publish(&object("a"), notice("n")).await;
        assert_eq!(server.seen().len(), 1);
        let deaf = Server::new(|_| Answer::Never);
        let recorder = Recorder::new(deaf.client(), None, clock.clone());
        drive(&clock, Duration::from_secs(1), recorder.publish(&object("a"), notice("n"))).await;
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }

    #[test]
    fn the_memory_for_objects_is_bounded() {
        let clock = Clock::manual(noon());
        let server = Server::new(|_| Answer::Body(StatusCode::OK, json!({}).to_string().into_bytes()));
        let recorder = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(async { Recorder::new(server.client(), None, clock.clone()) });
        let event = Event {
            type_: EventType::Normal,
            reason: "Connected".to_owned(),
            note: None,
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        for number in 0..25_000 {
            assert!(recorder.publisher_for(&object(&number.to_string()), &event).is_some());
            clock.advance(Duration::from_millis(1));
        }
        let buckets = recorder.buckets.lock().expect("not poisoned");
        assert!(buckets.len() <= MOST_OBJECTS);
        assert!(buckets.contains_key("Destination/crm/24999/uid-24999"));
        assert!(!buckets.contains_key("Destination/crm/0/uid-0"));
    }
}
