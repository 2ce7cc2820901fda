//! Texts with a form of their own: Boolean words, e-mail addresses, URLs.

use super::Code;

/// Bytes that an e-mail address may have.
const MAX_EMAIL: usize = 254;

/// Scalars that Braze keeps of a text.
pub(super) const MAX_CHARACTERS: usize = 255;

/// The Boolean of the words `true false t f 1 0` in any case.
pub(super) fn boolean(text: &str) -> Result<bool, Code> {
    if ["true", "t", "1"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        Ok(true)
    } else if ["false", "f", "0"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        Ok(false)
    } else {
        Err(Code::NotConvertible)
    }
}

/// The trimmed address, when the text is one `local@domain.tld`.
pub(super) fn email(text: &str) -> Result<&str, Code> {
    let text = text.trim();
    let (local, domain) = text.split_once('@').ok_or(Code::BadEmail)?;
    // These would make it a list, a name with an address, or quoted text.
    let stray = |c: char| c.is_whitespace() || c.is_control() || "<>()[]{},;:\"\\@".contains(c);
    let good = text.len() <= MAX_EMAIL
        && !local.is_empty()
        && !local.contains(stray)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && domain.rsplit('.').next().is_some_and(|tld| tld.contains(char::is_alphabetic));
    if good { Ok(text) } else { Err(Code::BadEmail) }
}

/// A part of a domain, also of an internationalised one.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// The trimmed URL, when it is absolute and of http or https.
pub(super) fn url(text: &str) -> Result<&str, Code> {
    let text = text.trim();
    let after_scheme = ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    // A browser would skip further slashes and take the path for the host.
    let has_host = after_scheme.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '\\']));
    if !has_host || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Code::BadUrl);
    }
    match url::Url::parse(text) {
        Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(text),
        _ => Err(Code::BadUrl),
    }
}

/// The first characters of a text up to a limit, and whether that is not all of it.
pub(super) fn cut(text: &str, limit: usize) -> (&str, bool) {
    // A text has at most as many characters as bytes.
    if text.len() <= limit {
        return (text, false);
    }
    match text.char_indices().nth(limit) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics 5.2, row Boolean.
    #[test]
    fn booleans_are_six_words_in_any_case() {
        for text in ["true", "TRUE", "t", "T", "1", "True"] {
            assert_eq!(boolean(text), Ok(true), "{text}");
        }
        for text in ["false", "FALSE", "f", "F", "0", "fALSE"] {
            assert_eq!(boolean(text), Ok(false), "{text}");
        }
        for text in ["", "yes", "no", "y", "on", " true", "2", "-1", "truе"] {
            assert_eq!(boolean(text), Err(Code::NotConvertible), "{text}");
        }
    }

    /// semantics 5.2, row Email.
    #[test]
    fn an_email_is_one_address_and_keeps_its_case() {
        for (text, expected) in [
            ("Ana@Example.COM", "Ana@Example.COM"),
            ("  ana@example.com\n", "ana@example.com"),
            ("ana+x@sub.example.co.uk", "ana+x@sub.example.co.uk"),
            ("o'neil@example.ie", "o'neil@example.ie"),
            ("ana@bücher.example", "ana@bücher.example"),
        ] {
            assert_eq!(email(text), Ok(expected), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(243));
        for text in [
            "",
            " ",
            "ana",
            "ana@",
            "@example.com",
            "ana@localhost",
            "a b@example.com",
            "ana@exa mple.com",
            "ana@example.com,bob@example.com",
            "Ana <ana@example.com>",
            "ana@@example.com",
            "ana@example..com",
            "ana@.example.com",
            "ana@example.com.",
            "ana@10.0.0.1",
            "ana@-x.com",
            "mailto:ana@example.com",
            &long,
        ] {
            assert_eq!(email(text), Err(Code::BadEmail), "{text}");
        }
        assert!(email(&long[1..]).is_ok(), "254 bytes");
    }

    /// semantics 5.2, row Url: case kept.
    #[test]
    fn a_url_is_absolute_and_keeps_its_case() {
        for (text, expected) in [
            ("https://Example.com/Path?Q=A#F", "https://Example.com/Path?Q=A#F"),
            (" HTTP://example.com ", "HTTP://example.com"),
            ("http://localhost:8080/é", "http://localhost:8080/é"),
            ("https://[::1]/", "https://[::1]/"),
        ] {
            assert_eq!(url(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "example.com",
            "//example.com",
            "/path",
            "ftp://example.com",
            "http:example.com",
            "https://",
            "https:///path",
            "https://exa mple.com",
            "https://example.com/a b",
            "javascript:alert(1)",
            "https://a:b:c/",
        ] {
            assert_eq!(url(text), Err(Code::BadUrl), "{text}");
        }
    }

    /// semantics 5.3, row custom attribute: characters are Unicode scalars.
    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), ("abc", false));
        assert_eq!(cut("abcd", 3), ("abc", true));
        assert_eq!(cut("😀😀😀", 3), ("😀😀😀", false));
        assert_eq!(cut("😀😀😀😀", 3), ("😀😀😀", true));
    }
}
