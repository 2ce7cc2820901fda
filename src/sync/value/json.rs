//! JSON as a tree that keeps the digits of its numbers and the order of its members.
//!
//! `serde_json::Value` would turn numbers into floats, or, with its feature for exact numbers, change all JSON of
//! the program. Parsing is strict (RFC 8259) and refuses what Braze could not keep as text: NUL characters and
//! half surrogate pairs.

use std::borrow::Cow;
use std::collections::HashMap;

use super::write::{push_string, push_string_body};

/// Depth above which JSON is refused: far beyond any profile, and no danger for the stack.
const MAX_DEPTH: usize = 64;

/// Number of members from which duplicates are found by hash.
const MANY_MEMBERS: usize = 16;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number by its digits, exactly as they stood.
    Number(Cow<'a, str>),
    /// A string, decoded.
    Text(Cow<'a, str>),
    /// A list.
    Array(Vec<Node<'a>>),
    /// Members in the order of the text. Of members with one name the last value counts.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl Node<'_> {
    /// The same value without borrows.
    pub fn into_owned(self) -> Node<'static> {
        match self {
            Self::Null => Node::Null,
            Self::Bool(b) => Node::Bool(b),
            Self::Number(n) => Node::Number(Cow::Owned(n.into_owned())),
            Self::Text(t) => Node::Text(Cow::Owned(t.into_owned())),
            Self::Array(items) => Node::Array(items.into_iter().map(Node::into_owned).collect()),
            Self::Object(members) => Node::Object(
                members
                    .into_iter()
                    .map(|(name, v)| (Cow::Owned(name.into_owned()), v.into_owned()))
                    .collect(),
            ),
        }
    }

    /// Appends the value as compact JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Text(text) => push_string(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    out.push(b'"');
                    push_string_body(name, out);
                    out.extend_from_slice(b"\":");
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// The tree of a JSON text; `None` when it is not JSON, nested too deeply, or holds what is no text.
pub fn parse(text: &str) -> Option<Node<'_>> {
    let mut parser = Parser { text, at: 0 };
    parser.space();
    let node = parser.value(0)?;
    parser.space();
    (parser.at == text.len()).then_some(node)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(token.as_bytes()).then(|| self.at += token.len())
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'n' => self.eat("null").map(|()| Node::Null),
            b't' => self.eat("true").map(|()| Node::Bool(true)),
            b'f' => self.eat("false").map(|()| Node::Bool(false)),
            b'"' => self.string().map(Node::Text),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            _ => self.number().map(Node::Number),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Node<'a>> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.eat("]").is_some() {
            return Some(Node::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(",").is_none() {
                self.eat("]")?;
                return Some(Node::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        if self.eat("}").is_some() {
            return Some(Node::Object(members));
        }
        loop {
            self.space();
            if self.peek()? != b'"' {
                return None;
            }
            let name = self.string()?;
            self.space();
            self.eat(":")?;
            self.space();
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.eat(",").is_none() {
                self.eat("}")?;
                return Some(Node::Object(last_of_each(members)));
            }
        }
    }

    fn number(&mut self) -> Option<Cow<'a, str>> {
        let rest = &self.text.as_bytes()[self.at..];
        let len =
            rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
        let digits = &self.text[self.at..self.at + len];
        self.at += len;
        is_number(digits).then_some(Cow::Borrowed(digits))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.at += 1;
        let plain = self.run()?;
        if self.eat("\"").is_some() {
            return Some(Cow::Borrowed(plain));
        }
        let mut decoded = plain.to_owned();
        loop {
            if self.eat("\"").is_some() {
                return Some(Cow::Owned(decoded));
            }
            self.eat("\\")?;
            decoded.push(self.escape()?);
            decoded.push_str(self.run()?);
        }
    }

    /// The characters up to the next quote or backslash.
    fn run(&mut self) -> Option<&'a str> {
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' | b'\\' => return Some(&self.text[start..self.at]),
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex()?;
                let code = if (0xd800..0xdc00).contains(&unit) {
                    self.eat("\\u")?;
                    let low = self.hex()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return None;
                    }
                    0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    unit
                };
                // NUL is refused like everywhere; a lone low half is no character.
                return char::from_u32(code).filter(|c| *c != '\0');
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |n, digit| Some(n * 16 + char::from(*digit).to_digit(16)?))
    }
}

/// Whether the text is a number by the grammar of JSON.
pub(super) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// Keeps the last value of each name, at the place of its first one.
fn last_of_each<'a>(members: Vec<(Cow<'a, str>, Node<'a>)>) -> Vec<(Cow<'a, str>, Node<'a>)> {
    let mut kept: Vec<(Cow<'a, str>, Node<'a>)> = Vec::with_capacity(members.len());
    if members.len() <= MANY_MEMBERS {
        for (name, value) in members {
            match kept.iter_mut().find(|(known, _)| *known == name) {
                Some(earlier) => earlier.1 = value,
                None => kept.push((name, value)),
            }
        }
        return kept;
    }
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(members.len());
    for (name, value) in members {
        match places.get(&name) {
            Some(place) => kept[*place].1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Option<String> {
        let mut out = Vec::new();
        parse(text)?.write(&mut out);
        Some(String::from_utf8(out).expect("JSON is text"))
    }

    #[test]
    fn what_is_json_is_written_compactly_with_its_own_digits_and_order() {
        for (text, expected) in [
            (" { \"b\" : [ 1 , 2.50 , -0 , 1E+2 ] , \"a\" : null } ", "{\"b\":[1,2.50,-0,1E+2],\"a\":null}"),
            ("9007199254740993", "9007199254740993"),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
            (r#""\u00e9\/\n\ud83d\ude00""#, "\"é/\\n😀\""),
            ("[]", "[]"),
            ("{}", "{}"),
            ("true", "true"),
        ] {
            assert_eq!(rewritten(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "nul",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "1e+",
            "--1",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"a\nb\"",
            "[1]]",
            "1 1",
            "'a'",
            "NaN",
            "Infinity",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u0000\"",
            "[",
            "{",
            "\u{feff}1",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_last_member_of_a_name_counts() {
        assert_eq!(rewritten(r#"{"a":1,"b":2,"a":3}"#).as_deref(), Some(r#"{"a":3,"b":2}"#));
        let many: String = (0..40).map(|i| format!("\"k{}\":{i},", i % 20)).collect();
        let text = format!("{{{}}}", many.trim_end_matches(','));
        let Some(Node::Object(members)) = parse(&text) else { panic!("an object") };
        assert_eq!(members.len(), 20);
        assert_eq!(members[0], (Cow::Borrowed("k0"), Node::Number(Cow::Borrowed("20"))));
    }

    #[test]
    fn a_tower_of_brackets_is_refused_and_does_not_overflow() {
        assert!(parse(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_some());
        assert_eq!(parse(&"[".repeat(1_000_000)), None);
    }

    #[test]
    fn this_parser_and_serde_json_agree_on_random_bytes_of_json() {
        let mut random = super::super::tests::Random::new(1);
        let alphabet = [
            "{", "}", "[", "]", ",", ":", "\"", "a", "\\", "n", "u0041", "1", "0", "-", ".", "e", " ",
            "null", "true",
        ];
        let mut accepted = 0;
        for _ in 0..200_000 {
            let len = 1 + random.below(9);
            let text: String = (0..len).map(|_| alphabet[random.below(alphabet.len())]).collect();
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            assert_eq!(parse(&text).is_some(), theirs, "{text:?}");
            accepted += u32::from(theirs);
        }
        assert!(accepted > 1000, "only {accepted} texts were JSON");
    }

    #[test]
    fn random_trees_come_back_from_their_text() {
        let mut random = super::super::tests::Random::new(2);
        for _ in 0..2_000 {
            let node = random.node(3);
            let mut out = Vec::new();
            node.write(&mut out);
            let text = String::from_utf8(out).expect("text");
            assert_eq!(parse(&text).as_ref(), Some(&node), "{text}");
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        }
    }
}
