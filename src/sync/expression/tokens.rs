//! A light look at the text before it is parsed: bounds, and where each word stands.
//!
//! The parser gives a tree without positions, and goes as deep as the text nests. So brackets are counted here
//! first, and a [`Cursor`] walks along the words while the tree is walked in the order of the text.

/// Longest expression, in characters (semantics 5.6).
const MAX_CHARACTERS: usize = 2048;
/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 16;
/// Most `?` in one expression: each goes one level deeper in the parser.
const MAX_CONDITIONALS: usize = 32;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    Text,
    Sign,
}

/// One word of the expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub kind: TokenKind,
    pub text: &'s str,
    pub at: usize,
}

/// Cuts the text into words and refuses what must not reach the parser.
pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, String> {
    let characters = source.chars().count();
    if characters > MAX_CHARACTERS {
        return Err(format!(
            "the expression has {characters} characters and may have {MAX_CHARACTERS}; move work into the query"
        ));
    }
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if let Some(length) = text_length(rest) {
            (TokenKind::Text, length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            (TokenKind::Name, prefix(rest, |c| c.is_ascii_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() {
            (TokenKind::Number, number_length(rest))
        } else if first == '`' {
            (TokenKind::Name, rest[1..].find('`').map_or(rest.len(), |end| end + 2))
        } else {
            let two = ["&&", "||", "==", "!=", "<=", ">="].iter().find(|sign| rest.starts_with(**sign));
            (TokenKind::Sign, two.map_or(first.len_utf8(), |sign| sign.len()))
        };
        tokens.push(Token { kind, text: &rest[..length], at });
        at += length;
    }
    bounds(source, &tokens)?;
    Ok(tokens)
}

fn prefix(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

fn number_length(rest: &str) -> usize {
    let mut length = prefix(rest, |c| c.is_ascii_alphanumeric());
    let digits = |at: usize| prefix(&rest[at..], |c| c.is_ascii_alphanumeric());
    if rest[length..].starts_with('.') && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        length += 1 + digits(length + 1);
    }
    if rest[..length].ends_with(['e', 'E']) && rest[length..].starts_with(['+', '-']) {
        length += 1 + digits(length + 1);
    }
    length
}

/// Length of the string at the start, if there is one; one that is not closed reaches to the end.
fn text_length(rest: &str) -> Option<usize> {
    let mark = rest.find(['"', '\'']).filter(|mark| {
        let letters = rest[..*mark].to_ascii_lowercase();
        matches!(letters.as_str(), "" | "r" | "b" | "br" | "rb")
    })?;
    let raw = rest[..mark].contains(['r', 'R']);
    let quote = &rest[mark..mark + 1];
    let triple = quote.repeat(3);
    let end = if rest[mark..].starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = mark + end.len();
    while at < rest.len() {
        if rest[at..].starts_with(end) {
            return Some(at + end.len());
        }
        let mut steps = rest[at..].chars();
        let step = steps.next()?;
        at += step.len_utf8();
        if step == '\\' && !raw {
            at += steps.next().map_or(0, char::len_utf8);
        }
    }
    Some(rest.len())
}

fn bounds(source: &str, tokens: &[Token<'_>]) -> Result<(), String> {
    let (mut depth, mut conditionals) = (0_usize, 0);
    // The parser reads `!!a` as `!a` and `--a` as `-a`; `a - -1` is fine.
    let mut before: Option<&Token<'_>> = None;
    let mut sign_before = None;
    for token in tokens {
        let operand = before.is_some_and(|before| match before.kind {
            TokenKind::Sign => matches!(before.text, ")" | "]" | "}"),
            _ => before.text != "in",
        });
        before = Some(token);
        let unary = (token.kind == TokenKind::Sign && !operand && matches!(token.text, "!" | "-"))
            .then_some(token.text);
        if unary.is_some() && unary == sign_before {
            let what = format!("'{0}{0}' is not supported; write one '{0}', or none", token.text);
            return Err(sentence(source, token.at, &what));
        }
        sign_before = unary;
        match (token.kind, token.text) {
            (TokenKind::Sign, "(" | "[" | "{") => depth += 1,
            (TokenKind::Sign, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            (TokenKind::Sign, "?") => conditionals += 1,
            _ => {}
        }
        if depth > MAX_BRACKETS {
            let what =
                format!("brackets are nested more than {MAX_BRACKETS} deep; take the expression apart");
            return Err(sentence(source, token.at, &what));
        }
        if conditionals > MAX_CONDITIONALS {
            let what = format!("there are more than {MAX_CONDITIONALS} '?'; use CASE in the query instead");
            return Err(sentence(source, token.at, &what));
        }
    }
    Ok(())
}

/// The sentence with its place: `column 7: …`, in a text of several lines `line 2, column 7: …`.
pub(super) fn sentence(source: &str, at: usize, what: &str) -> String {
    let before = &source[..at.min(source.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    if source.trim_end().contains('\n') {
        format!("line {line}, column {column}: {what}")
    } else {
        format!("column {column}: {what}")
    }
}

/// Follows the words while the tree is walked in the order of the text.
pub(super) struct Cursor<'s> {
    tokens: Vec<Token<'s>>,
    next: usize,
}

impl<'s> Cursor<'s> {
    pub fn new(tokens: Vec<Token<'s>>) -> Self {
        Self { tokens, next: 0 }
    }

    /// Goes behind the next word that is one of `words`, and gives its place. Without one the cursor stays.
    pub fn word(&mut self, words: &[&str]) -> usize {
        self.seek(|token| token.kind != TokenKind::Text && words.contains(&token.text.trim_matches('`')))
    }

    /// Goes behind the next word of that kind, and gives its place.
    pub fn kind(&mut self, kind: TokenKind) -> usize {
        self.seek(|token| token.kind == kind)
    }

    fn seek(&mut self, accept: impl Fn(&Token<'s>) -> bool) -> usize {
        match self.tokens[self.next..].iter().position(accept) {
            Some(steps) => {
                self.next += steps + 1;
                self.tokens[self.next - 1].at
            }
            None => self.tokens.get(self.next.saturating_sub(1)).map_or(0, |token| token.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        tokens(source).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_are_cut_as_the_grammar_does() {
        assert_eq!(words("record.a>=1.5e-3&&b"), ["record", ".", "a", ">=", "1.5e-3", "&&", "b"]);
        assert_eq!(words("x[0].y 0x1Fu // z\n+ 2"), ["x", "[", "0", "]", ".", "y", "0x1Fu", "+", "2"]);
        assert_eq!(words(r#"'it\'s' + r"\" + """a"b""" + 'ü'"#).len(), 7);
    }

    #[test]
    fn brackets_and_signs_inside_a_string_do_not_count() {
        assert!(tokens(&format!("'{}' + \"!!\" + '--'", "(".repeat(100))).is_ok());
    }

    #[test]
    fn places_are_counted_in_characters_from_one() {
        assert_eq!(sentence("'ü' + x", 7, "no."), "column 7: no.");
        assert_eq!(sentence("a\n&& b", 5, "no."), "line 2, column 4: no.");
    }
}
