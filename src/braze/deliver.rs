//! Batches of objects: what an answer means for each of them (semantics 9.3).

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::answer::{self, Errors};
use super::endpoint::Call;
use super::exchange::{Core, End, Request};
use super::patience::Patience;
use super::transport::Payload;
use super::{BrazeError, Delivery, Fate, Refusal, TrackBatch, Traffic};

/// Batches refused one by one, in a row, after which the fault is not the objects'.
const REFUSED_BATCHES: u32 = 3;

/// What is delivered.
pub(super) enum Content<'a> {
    /// A sealed batch.
    Track(&'a TrackBatch),
    /// External ids.
    Delete(&'a [&'a str]),
}

/// Some of the objects, to be sent in one request.
struct Piece {
    /// Their positions in the content; `None`: all.
    some: Option<Vec<usize>>,
    /// Whether they were sent before and the answer pointed at nothing.
    again: bool,
}

impl Content<'_> {
    fn call(&self) -> Call {
        match self {
            Self::Track(_) => Call::Track,
            Self::Delete(_) => Call::Delete,
        }
    }

    /// The name of the array that holds the objects.
    fn array(&self) -> &'static str {
        match self {
            Self::Track(_) => "attributes",
            Self::Delete(_) => "external_ids",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Track(batch) => batch.len(),
            Self::Delete(ids) => ids.len(),
        }
    }

    fn body(&self, piece: &Piece) -> Bytes {
        match (self, &piece.some) {
            (Self::Track(batch), None) => batch.whole(),
            (Self::Track(batch), Some(indexes)) => batch.part(indexes),
            (Self::Delete(ids), None) => delete_body(ids),
            (Self::Delete(ids), Some(indexes)) => {
                delete_body(&indexes.iter().map(|&index| ids[index]).collect::<Vec<_>>())
            }
        }
    }
}

/// The body of a request to `/users/delete`.
pub(super) fn delete_body(ids: &[&str]) -> Bytes {
    serde_json::json!({ "external_ids": ids }).to_string().into()
}

impl Core {
    /// Delivers everything that can be delivered before the deadline.
    pub(super) async fn deliver(&self, content: &Content<'_>, deadline: Option<Duration>) -> Delivery {
        let mut patience = Patience::new(deadline, self.limits.retry_for);
        let mut work = Work {
            // What is believed so far: right for whatever is never touched again.
            fates: vec![Fate::NotSent; content.len()],
            open: vec![Piece { some: None, again: false }],
            unnamed: 0,
        };
        let mut traffic = Traffic::default();
        let mut stop = None;
        if work.fates.is_empty() {
            return Delivery { fates: work.fates, stop, traffic };
        }
        while let Some(piece) = work.open.pop() {
            let mut request = Request {
                call: content.call(),
                payload: Payload::Body(content.body(&piece)),
                objects: piece.len(content.len()),
                again: piece.again,
                doubtful: false,
            };
            let objects = request.objects;
            let read = |body: &Bytes| answer::errors(body, content.array(), objects);
            let end = self.exchange(&mut request, &mut patience, &mut traffic, read).await;
            if request.doubtful {
                work.set(&piece, |_| Fate::Unknown);
            }
            match end {
                End::Success(errors) => {
                    if work.accepted(piece, &errors) {
                        self.refused_batches.store(0, Ordering::Relaxed);
                    }
                }
                End::Refused { status, body } => {
                    let errors = body.and_then(|body| read(&body)).unwrap_or_default();
                    if work.refused(piece, status, &errors) {
                        stop = self.all_refused(status, content.len());
                    }
                }
                End::Stopped(error) => {
                    stop = Some(error);
                    break;
                }
                End::Stale => {
                    // Whatever is certainly not applied now is also still waiting to be sent.
                    work.fates
                        .iter_mut()
                        .filter(|fate| **fate == Fate::NotSent)
                        .for_each(|f| *f = Fate::Stale);
                    break;
                }
            }
        }
        traffic.throttled = patience.throttled;
        Delivery { fates: work.fates, stop, traffic }
    }

    /// A batch of which every object was refused alone; the third in a row stops. A batch of one object
    /// proves nothing, where batches may be larger: it may be the object.
    fn all_refused(&self, status: u16, objects: usize) -> Option<BrazeError> {
        if objects == 1 && self.limits.objects_per_request > 1 {
            return None;
        }
        let batches = self.refused_batches.fetch_add(1, Ordering::Relaxed) + 1;
        if batches < REFUSED_BATCHES {
            return None;
        }
        // The next run, with other content, starts counting anew.
        self.refused_batches.store(0, Ordering::Relaxed);
        tracing::warn!(status, batches, "requests refused without a reason");
        Some(BrazeError::RequestRefused { status })
    }
}

/// A batch while it is delivered.
struct Work {
    fates: Vec<Fate>,
    /// Pieces to be sent, the next one last.
    open: Vec<Piece>,
    /// Objects that were refused alone and without being named.
    unnamed: usize,
}

impl Work {
    /// A success, perhaps with errors. True when an object was accepted.
    fn accepted(&mut self, piece: Piece, errors: &Errors) -> bool {
        if errors.is_empty() {
            self.set(&piece, |_| Fate::Acknowledged);
            return true;
        }
        if errors.untied.is_some() && !piece.again {
            // It may be any of them: what was accepted is accepted again.
            self.set(&piece, |_| Fate::Unknown);
            self.open.push(Piece { again: true, ..piece });
            return false;
        }
        let others = if errors.untied.is_some() { Fate::Unknown } else { Fate::Acknowledged };
        self.set(&piece, |position| errors.refusal(position).map_or(others, Fate::Refused));
        others == Fate::Acknowledged && errors.tied.len() < piece.len(self.fates.len())
    }

    /// A refusal of the request. True when that was the last of a batch that was refused one by one.
    fn refused(&mut self, piece: Piece, status: u16, errors: &Errors) -> bool {
        let objects = self.fates.len();
        let alone = piece.len(objects) == 1;
        if status == 400 && !errors.tied.is_empty() {
            let rest: Vec<usize> = (0..piece.len(objects))
                .filter(|&position| errors.refusal(position).is_none())
                .map(|position| piece.index(position))
                .collect();
            for &(position, refusal) in &errors.tied {
                self.fates[piece.index(position)] = Fate::Refused(refusal);
            }
            if !rest.is_empty() {
                self.open.push(Piece { some: Some(rest), again: false });
            }
            return false;
        }
        if alone {
            let refusal = errors.untied.unwrap_or(Refusal::ObjectRefused);
            let fate = if status == 413 { Fate::TooLarge } else { Fate::Refused(refusal) };
            self.set(&piece, |_| fate);
            self.unnamed += 1;
            return self.unnamed == objects;
        }
        let mut first: Vec<usize> = (0..piece.len(objects)).map(|position| piece.index(position)).collect();
        let second = first.split_off(first.len() / 2);
        self.open.push(Piece { some: Some(second), again: false });
        self.open.push(Piece { some: Some(first), again: false });
        false
    }

    /// Sets the fate of each object of a piece by its position in the piece.
    fn set(&mut self, piece: &Piece, fate: impl Fn(usize) -> Fate) {
        for position in 0..piece.len(self.fates.len()) {
            self.fates[piece.index(position)] = fate(position);
        }
    }
}

impl Piece {
    fn len(&self, all: usize) -> usize {
        self.some.as_ref().map_or(all, Vec::len)
    }

    /// Which object stands at a position of the piece.
    fn index(&self, position: usize) -> usize {
        self.some.as_ref().map_or(position, |indexes| indexes[position])
    }
}

impl Errors {
    fn refusal(&self, position: usize) -> Option<Refusal> {
        self.tied.iter().find(|(tied, _)| *tied == position).map(|(_, refusal)| *refusal)
    }
}
