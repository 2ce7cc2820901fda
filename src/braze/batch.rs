//! Packing objects into the body of one request to `/users/track`.

use bytes::Bytes;

/// Most bytes of one body: well under the 4 MB at which Braze refuses (braze-rest-api 4.2).
pub const MAX_BODY_BYTES: usize = 1_000_000;

const OPENING: &[u8] = br#"{"attributes":["#;
const CLOSING: &[u8] = b"]}";

/// Objects for one request to `/users/track`, written one after the other into the bytes that are sent.
///
/// An object is a finished JSON object in UTF-8; what it says is the caller's affair.
#[derive(Debug, Default)]
pub struct TrackBatch {
    body: Body,
    /// For each object, where it begins and ends in the body.
    spans: Vec<(u32, u32)>,
}

/// The bytes while they grow, and while requests share them.
enum Body {
    Open(Vec<u8>),
    Sealed(Bytes),
}

impl TrackBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an object and says which one it is, counted from 0.
    pub fn push(&mut self, object: &[u8]) -> usize {
        self.push_with(|body| body.extend_from_slice(object))
    }

    /// Appends the object that `write` appends to the given bytes, and says which one it is.
    ///
    /// # Panics
    /// When the body grows beyond 4 GiB.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let first = self.spans.is_empty();
        let bytes = self.body.open();
        if first {
            bytes.clear();
            bytes.extend_from_slice(OPENING);
        } else {
            bytes.push(b',');
        }
        let begin = position(bytes.len());
        write(bytes);
        self.spans.push((begin, position(bytes.len())));
        self.spans.len() - 1
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of the body as it would be sent now.
    pub fn body_bytes(&self) -> usize {
        match self.spans.last() {
            Some((_, end)) => *end as usize + CLOSING.len(),
            None => OPENING.len() + CLOSING.len(),
        }
    }

    /// Whether another object of `bytes` bytes may be added; an empty batch takes any.
    pub fn has_room(&self, bytes: usize, objects_per_request: usize) -> bool {
        // One byte more for the comma.
        self.is_empty() || (self.len() < objects_per_request && self.body_bytes() + bytes < MAX_BODY_BYTES)
    }

    /// Whether no further object may be added, whatever its size.
    pub fn is_full(&self, objects_per_request: usize) -> bool {
        self.len() >= objects_per_request || self.body_bytes() >= MAX_BODY_BYTES
    }

    /// The bytes of one object.
    ///
    /// # Panics
    /// When there is no such object.
    pub fn object(&self, index: usize) -> &[u8] {
        let (begin, end) = self.spans[index];
        &self.body.bytes()[begin as usize..end as usize]
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.body.open().clear();
    }

    /// Ends the body, so that requests can share its bytes. Another object opens it again.
    pub(super) fn seal(&mut self) {
        if let Body::Open(bytes) = &mut self.body {
            let mut bytes = std::mem::take(bytes);
            if self.spans.is_empty() {
                bytes.extend_from_slice(OPENING);
            }
            bytes.extend_from_slice(CLOSING);
            self.body = Body::Sealed(Bytes::from(bytes));
        }
    }

    /// The body of a sealed batch.
    pub(super) fn whole(&self) -> Bytes {
        match &self.body {
            Body::Sealed(bytes) => bytes.clone(),
            Body::Open(_) => self.part(&(0..self.len()).collect::<Vec<_>>()),
        }
    }

    /// A body with only these objects, in this order.
    pub(super) fn part(&self, indexes: &[usize]) -> Bytes {
        let size: usize = indexes.iter().map(|&index| self.object(index).len() + 1).sum();
        let mut bytes = Vec::with_capacity(OPENING.len() + size + CLOSING.len());
        bytes.extend_from_slice(OPENING);
        for (position, &index) in indexes.iter().enumerate() {
            if position > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(self.object(index));
        }
        bytes.extend_from_slice(CLOSING);
        Bytes::from(bytes)
    }
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Open(bytes) => bytes,
            Self::Sealed(bytes) => bytes,
        }
    }

    /// The bytes without their end, to be written to. They are not copied unless a request still holds them.
    fn open(&mut self) -> &mut Vec<u8> {
        if let Self::Sealed(bytes) = self {
            let mut bytes = Vec::from(std::mem::take(bytes));
            bytes.truncate(bytes.len() - CLOSING.len());
            *self = Self::Open(bytes);
        }
        match self {
            Self::Open(bytes) => bytes,
            Self::Sealed(_) => unreachable!("opened above"),
        }
    }
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("a request body is smaller than 4 GiB")
}

impl Default for Body {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).expect("UTF-8")
    }

    /// braze-rest-api 4.1: one array of attributes objects.
    #[test]
    fn a_batch_is_one_body_with_all_its_objects_in_order() {
        let mut batch = TrackBatch::new();
        assert_eq!(batch.push(br#"{"external_id":"a"}"#), 0);
        assert_eq!(batch.push_with(|body| body.extend_from_slice(br#"{"external_id":"b"}"#)), 1);
        let announced = batch.body_bytes();
        batch.seal();
        assert_eq!(text(&batch.whole()), r#"{"attributes":[{"external_id":"a"},{"external_id":"b"}]}"#);
        assert_eq!(batch.whole().len(), announced);
        assert_eq!(text(batch.object(1)), r#"{"external_id":"b"}"#);
        assert_eq!(text(&batch.part(&[1])), r#"{"attributes":[{"external_id":"b"}]}"#);
    }

    #[test]
    fn a_sealed_batch_takes_more_objects_and_an_emptied_one_starts_anew() {
        let mut batch = TrackBatch::new();
        batch.push(b"1");
        batch.seal();
        batch.push(b"2");
        batch.seal();
        assert_eq!(text(&batch.whole()), r#"{"attributes":[1,2]}"#);
        batch.clear();
        assert!(batch.is_empty());
        batch.push(b"3");
        batch.seal();
        assert_eq!(text(&batch.whole()), r#"{"attributes":[3]}"#);
    }

    #[test]
    fn the_memory_of_a_sent_batch_is_used_again() {
        let mut batch = TrackBatch::new();
        batch.push(&[b'1'; 5_000]);
        batch.seal();
        let address = batch.whole().as_ptr();
        batch.clear();
        batch.push(b"2");
        batch.seal();
        assert_eq!(batch.whole().as_ptr(), address);
    }

    #[test]
    fn a_request_keeps_its_bytes_when_the_batch_is_filled_again() {
        let mut batch = TrackBatch::new();
        batch.push(b"1");
        batch.seal();
        let sent = batch.whole();
        batch.clear();
        batch.push(b"2");
        batch.seal();
        assert_eq!(text(&sent), r#"{"attributes":[1]}"#);
    }

    #[test]
    fn an_empty_batch_is_an_empty_array() {
        let mut batch = TrackBatch::new();
        batch.seal();
        assert_eq!(text(&batch.whole()), r#"{"attributes":[]}"#);
    }

    /// semantics 9.1, row /users/track: objects and bytes of one request.
    #[test]
    fn a_batch_is_full_by_objects_or_by_bytes() {
        let mut batch = TrackBatch::new();
        assert!(batch.has_room(2 * MAX_BODY_BYTES, 75), "one object is never refused here");
        for _ in 0..74 {
            batch.push(b"{}");
        }
        assert!(batch.has_room(2, 75) && !batch.is_full(75));
        batch.push(b"{}");
        assert!(!batch.has_room(2, 75) && batch.is_full(75));

        let mut batch = TrackBatch::new();
        batch.push(&[b'1'; 999_900]);
        let left = MAX_BODY_BYTES - batch.body_bytes() - 1;
        assert!(batch.has_room(left, 75) && !batch.has_room(left + 1, 75) && !batch.is_full(75));
        batch.push(&vec![b'2'; left]);
        assert!(batch.is_full(75));
        batch.seal();
        assert_eq!(batch.whole().len(), MAX_BODY_BYTES);
    }
}
