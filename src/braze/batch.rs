//! Packing objects into the body of one request to `/users/track`.

use bytes::Bytes;

/// Most bytes of one body: well under the 4 MB at which Braze refuses (B §4.2).
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
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        todo!()
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
        todo!()
    }

    /// Whether another object of `bytes` bytes may be added; an empty batch takes any.
    pub fn has_room(&self, bytes: usize, objects_per_request: usize) -> bool {
        self.is_empty()
            || (self.len() < objects_per_request && self.body_bytes() + bytes + 1 <= MAX_BODY_BYTES)
    }

    /// Whether no further object may be added, whatever its size.
    pub fn is_full(&self, objects_per_request: usize) -> bool {
        self.len() >= objects_per_request || self.body_bytes() >= MAX_BODY_BYTES
    }

    /// The bytes of one object.
    pub fn object(&self, index: usize) -> &[u8] {
        todo!()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        todo!()
    }
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
