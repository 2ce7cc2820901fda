//! JSON scalars by hand, and what is told about a written value.

use serde::{Deserialize, Serialize};

use super::Warning;

/// The kind that a field has in Braze, which fixes it by the first value it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JsonKind {
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A string that is a time.
    Time,
    /// A list of scalars or of objects.
    Array,
    /// An object.
    Object,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Kind of the value.
    pub kind: JsonKind,
    /// What is odd about it.
    pub warned: Option<Warning>,
    /// Data points that Braze counts for it (semantics 14.3).
    pub data_points: u32,
}

/// For each byte the letter of its escape: 0 for none, `u` for four hex digits.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x0c] = b'f';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends a JSON string.
pub(super) fn push_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    push_string_body(text, out);
    out.push(b'"');
}

/// Appends what stands between the quotes of a JSON string.
pub(super) fn push_string_body(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let letter = ESCAPES[*byte as usize];
        if letter == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(&[b'\\', letter]);
        if letter == b'u' {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(&[b'0', b'0', HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]);
        }
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Appends `true` or `false`.
pub(super) fn push_bool(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
    use super::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        push_string(text, &mut out);
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn strings_are_escaped_where_json_demands_it_and_nowhere_else() {
        assert_eq!(string("a\"b\\c/d"), r#""a\"b\\c/d""#);
        assert_eq!(string("\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}\"");
        assert_eq!(string("é 日本 😀 \u{2028}"), "\"é 日本 😀 \u{2028}\"");
        assert_eq!(string(""), "\"\"");
    }

    #[test]
    fn any_text_comes_back_from_its_json() {
        let mut random = Random::new(3);
        for _ in 0..5_000 {
            let text = random.text(40);
            assert_eq!(serde_json::from_str::<String>(&string(&text)).expect("JSON"), text);
        }
    }
}
