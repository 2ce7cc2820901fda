//! Requests and answers apart from the network: what came in, what goes out, and how an answer may break.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

/// A request that was read to its end.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body was longer than allowed and is not kept.
    pub(crate) too_long: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) end: End,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// The body breaks off.
    Cut,
    /// No answer at all: the connection is reset.
    Reset,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(kind))];
        Self { status, headers, body: body.into(), end: End::Whole }
    }

    pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Self {
        let body = serde_json::to_vec(body).expect("an answer is plain data");
        Self::new(status, "application/json", body)
    }

    /// An answer that only carries a message.
    pub(crate) fn message(status: StatusCode, message: &str) -> Self {
        #[derive(Serialize)]
        struct Message<'a> {
            message: &'a str,
        }
        Self::json(status, &Message { message })
    }

    pub(crate) fn reset() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            headers: Vec::new(),
            body: Bytes::new(),
            end: End::Reset,
        }
    }
}

/// The body of an answer: sent in chunks, without a length, as Braze does.
#[derive(Debug)]
pub(crate) struct Reply {
    rest: Option<Bytes>,
    end: Ending,
}

/// What follows the last byte.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Regular,
    /// What was written is flushed, then the body fails.
    Flush,
    Fail,
}

impl Reply {
    pub(crate) fn new(body: Bytes, cut: bool) -> Self {
        let body = if cut { body.slice(..body.len() / 2) } else { body };
        let end = if cut { Ending::Flush } else { Ending::Regular };
        Self { rest: Some(body).filter(|body| !body.is_empty()), end }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        match self.end {
            Ending::Regular => Poll::Ready(None),
            Ending::Flush => {
                self.end = Ending::Fail;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Fail => Poll::Ready(Some(Err(io::Error::other("cut on command")))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        // No upper bound: hyper then answers in chunks.
        SizeHint::default()
    }
}

/// Reads a body of at most `limit` bytes; a longer one is read to its end, so that the answer arrives.
pub(crate) async fn read_body(mut body: Incoming, limit: usize) -> hyper::Result<(Bytes, bool)> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(limit);
    let mut whole = Vec::new();
    let mut first = None;
    let mut total = 0usize;
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let Some(frame) = frame else { break };
        let Ok(data) = frame?.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total > limit {
            (first, whole) = (None, Vec::new());
        } else if total == data.len() {
            // Most bodies come in one piece, which is then not copied.
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                whole.reserve(expected.max(total));
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok((first.unwrap_or_else(|| whole.into()), total > limit))
}

/// The pairs of a query or of a form, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// Undoes percent-encoding and the plus sign for a space.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (hex, bytes[at]) {
            (Some(byte), _) => {
                out.push(byte);
                at += 2;
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A time as HTTP writes it.
pub(crate) fn http_date(at: Timestamp) -> HeaderValue {
    let text = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
    HeaderValue::try_from(text).expect("a date is a header value")
}

/// What hyper is told when no answer shall be sent.
#[derive(Debug, thiserror::Error)]
#[error("reset on command")]
pub(crate) struct NoAnswer;

impl From<Infallible> for NoAnswer {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_with_plus_signs_and_brackets() {
        let read = pairs("external_id%5B%5D=a+b&phone=%2B49151&x&bad=%zz%4");
        let expected = [("external_id[]", "a b"), ("phone", "+49151"), ("x", ""), ("bad", "%zz%4")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(decode(&encode("ä/+ %")), "ä/+ %");
    }
}
