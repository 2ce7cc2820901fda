//! Bytes of a file to UTF-8. What is no character becomes the byte 0xFF, which no UTF-8 text holds, so that the
//! field around it is found to be no text, and its neighbours are not touched.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::config::CsvEncoding;

const CHUNK: usize = 64 << 10;
const NO_CHARACTER: u8 = 0xff;

/// Reads a file piece by piece as UTF-8.
pub(super) struct Utf8Reader<R> {
    pub(super) inner: R,
    encoding: CsvEncoding,
    /// `None` for UTF-8, whose bytes pass as they are.
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    read: u64,
    begun: bool,
    ended: bool,
}

impl<R: Read> Utf8Reader<R> {
    pub(super) fn new(inner: R, encoding: CsvEncoding) -> Self {
        let raw = vec![0; CHUNK];
        Self { inner, encoding, decoder: None, raw, read: 0, begun: false, ended: false }
    }

    /// Bytes taken from the file.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Whether everything was taken.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Appends the next piece.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut length = 0;
        // The first piece holds a byte order mark whole.
        while !self.ended && length < if self.begun { 1 } else { 3 } {
            match self.inner.read(&mut self.raw[length..]) {
                Ok(0) => self.ended = true,
                Ok(n) => length += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.read += length as u64;
        let mut start = 0;
        if !self.begun {
            self.begun = true;
            let (encoding, mark) = Encoding::for_bom(&self.raw[..length]).unwrap_or((self.stated(), 0));
            start = mark;
            self.decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        }
        let raw = &self.raw[start..length];
        match &mut self.decoder {
            None => out.extend_from_slice(raw),
            Some(decoder) => decode(decoder, raw, self.ended, out),
        }
        Ok(())
    }

    fn stated(&self) -> &'static Encoding {
        match self.encoding {
            CsvEncoding::Utf8 => UTF_8,
            CsvEncoding::Utf16 => UTF_16LE,
            CsvEncoding::Windows1252 => WINDOWS_1252,
        }
    }
}

fn decode(decoder: &mut Decoder, mut raw: &[u8], last: bool, out: &mut Vec<u8>) {
    debug_assert!([UTF_16LE, UTF_16BE, WINDOWS_1252].contains(&decoder.encoding()));
    loop {
        let begin = out.len();
        // Three bytes for each of theirs are enough for any encoding, and a few for what is held back.
        out.resize(begin + raw.len() * 3 + 16, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(raw, &mut out[begin..], last);
        out.truncate(begin + written);
        raw = &raw[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => out.push(NO_CHARACTER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], encoding: CsvEncoding) -> Vec<u8> {
        let mut reader = Utf8Reader::new(bytes, encoding);
        let mut out = Vec::new();
        while !reader.ended() {
            reader.fill(&mut out).expect("memory can be read");
        }
        assert_eq!(reader.bytes_read(), bytes.len() as u64);
        out
    }

    /// api 4, csv.encoding: a byte order mark in the file wins.
    #[test]
    fn a_byte_order_mark_wins_over_what_is_stated() {
        assert_eq!(text(b"\xef\xbb\xbfa\xc3\xa9", CsvEncoding::Windows1252), "aé".as_bytes());
        assert_eq!(text(b"\xff\xfea\0\xe9\0", CsvEncoding::Utf8), "aé".as_bytes());
        assert_eq!(text(b"\xfe\xff\0a\0\xe9", CsvEncoding::Utf8), "aé".as_bytes());
    }

    #[test]
    fn without_a_mark_the_stated_encoding_holds() {
        assert_eq!(text(b"a\xc3\xa9", CsvEncoding::Utf8), "aé".as_bytes());
        assert_eq!(text(b"a\0\xe9\0", CsvEncoding::Utf16), "aé".as_bytes());
        assert_eq!(text(b"a\xe9\x80", CsvEncoding::Windows1252), "aé€".as_bytes());
        assert_eq!(text(b"", CsvEncoding::Utf16), b"");
    }

    #[test]
    fn what_is_no_character_is_marked_and_the_rest_stays() {
        // An unpaired surrogate, and half a code unit at the end.
        assert_eq!(text(b"a\0\x00\xd8b\0c", CsvEncoding::Utf16), b"a\xffb\xff");
    }
}
