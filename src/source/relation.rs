//! Names and statements as people write them, made safe to stand in a larger statement.
//!
//! Nothing here decides whether a statement may run: the server parses it, in a read-only transaction. This
//! room only finds where a statement ends, and quotes names.

use super::SourceError;

/// Whose rules of quoting hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Names fold to lower case, comments nest, `$tag$` and `E''` quote text.
    Postgres,
    /// Names are kept, comments do not nest, backticks and brackets quote names.
    Sqlite,
}

/// Puts a name into double quotes.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The digits by which a whole number is found whatever its spelling: without sign, leading zeros and fraction, as
/// the statements of a read by key make them of a column. Different numbers may share them.
pub(super) fn bare_digits(key: &str) -> &str {
    key.split_once('.').map_or(key, |(whole, _)| whole).trim_start_matches(['+', '-', '0'])
}

/// Turns the name of a table, perhaps with its schema, into its quoted form: `crm."Odd Name"` becomes
/// `"crm"."Odd Name"`. Names without quotes may be key words, and fold as the dialect says.
pub(super) fn quote_table(table: &str, dialect: Dialect) -> Result<String, SourceError> {
    let mut parts = Vec::new();
    let mut rest = table;
    loop {
        let (part, tail) = first_part(rest, dialect).ok_or_else(|| bad_name(table))?;
        if part.is_empty() || part.contains('\0') {
            return Err(bad_name(table));
        }
        parts.push(quote(&part));
        match tail.strip_prefix('.') {
            Some(tail) => rest = tail,
            None if tail.is_empty() => break,
            None => return Err(bad_name(table)),
        }
    }
    if parts.len() > 2 {
        return Err(bad_name(table));
    }
    Ok(parts.join("."))
}

fn bad_name(table: &str) -> SourceError {
    SourceError::Invalid(format!(
        "{table:?} is not the name of a table: write table or schema.table, and put a name that holds other \
         characters than letters, digits, _ and $ into double quotes"
    ))
}

/// The first part of a dotted name, and what follows it.
fn first_part(text: &str, dialect: Dialect) -> Option<(String, &str)> {
    if let Some(mut rest) = text.strip_prefix('"') {
        let mut name = String::new();
        loop {
            let (before, after) = rest.split_once('"')?;
            name.push_str(before);
            match after.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => return Some((name, after)),
            }
        }
    }
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    let end = text.find(|c: char| !is_letter(c) && !c.is_ascii_digit() && c != '$').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if !name.starts_with(is_letter) {
        return None;
    }
    let folded = if dialect == Dialect::Postgres { name.to_ascii_lowercase() } else { name.to_owned() };
    Some((folded, rest))
}

/// Cuts the semicolon that ends a statement and the comments behind it, so that the statement can stand in
/// parentheses. Text behind a semicolon that is more than that is left for the server to refuse.
pub(super) fn without_terminator(statement: &str, dialect: Dialect) -> &str {
    let bytes = statement.as_bytes();
    let mut at = 0;
    let mut terminator = None;
    while at < bytes.len() {
        let end = token_end(statement, at, dialect);
        match bytes[at] {
            b';' => {
                terminator.get_or_insert(at);
            }
            c if c.is_ascii_whitespace() || is_comment(&bytes[at..]) => {}
            _ if terminator.is_some() => return statement,
            _ => {}
        }
        at = end;
    }
    &statement[..terminator.unwrap_or(statement.len())]
}

fn is_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"--") || rest.starts_with(b"/*")
}

/// Where the token that begins at `at` ends. Words are taken byte by byte, but for the prefixes that quote.
fn token_end(sql: &str, at: usize, dialect: Dialect) -> usize {
    let bytes = sql.as_bytes();
    let rest = &bytes[at..];
    let postgres = dialect == Dialect::Postgres;
    let starts_word = at == 0 || !is_word(bytes[at - 1]);
    match rest {
        [b'-', b'-', ..] => at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => at + comment_len(rest, postgres),
        [b'\'', ..] => at + quoted_len(rest, b'\'', false),
        [b'e' | b'E', b'\'', ..] if postgres && starts_word => at + 1 + quoted_len(&rest[1..], b'\'', true),
        [b'"', ..] => at + quoted_len(rest, b'"', false),
        [b'`', ..] if !postgres => at + quoted_len(rest, b'`', false),
        [b'[', ..] if !postgres => at + rest.iter().position(|b| *b == b']').map_or(rest.len(), |n| n + 1),
        [b'$', ..] if postgres && starts_word => at + dollar_len(&sql[at..]),
        _ => at + 1,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn comment_len(rest: &[u8], nested: bool) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] if nested || depth == 0 => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of quoted text; a doubled quote needs no care, it only looks like two texts side by side.
fn quoted_len(rest: &[u8], quote: u8, backslash: bool) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' if backslash => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of text between two equal dollar tags, or 1 when there is no tag here (`$1`).
fn dollar_len(rest: &str) -> usize {
    let Some(end) = rest[1..].find('$').map(|n| n + 2) else { return 1 };
    let tag = &rest[..end];
    let name = &tag[1..end - 1];
    if name.starts_with(|c: char| c.is_ascii_digit()) || !name.bytes().all(is_word) {
        return 1;
    }
    rest[end..].find(tag).map_or(rest.len(), |n| end + n + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_quoted_part_by_part() {
        for (table, postgres) in [
            ("users", r#""users""#),
            ("Public.Users", r#""public"."users""#),
            (r#""Odd Name".t"#, r#""Odd Name"."t""#),
            (r#"crm."a.b""c""#, r#""crm"."a.b""c""#),
            ("order", r#""order""#),
            ("é_1$", r#""é_1$""#),
        ] {
            assert_eq!(quote_table(table, Dialect::Postgres).ok().as_deref(), Some(postgres), "{table}");
        }
        assert_eq!(quote_table("main.Users", Dialect::Sqlite).ok().as_deref(), Some(r#""main"."Users""#));
    }

    #[test]
    fn what_is_no_name_of_a_table_is_refused() {
        for table in [
            "",
            ".",
            "a.",
            ".a",
            "a.b.c",
            "a b",
            "users; drop table users",
            "a-b",
            "1a",
            "\"a",
            "\"\"",
            "\"a\"b",
        ] {
            assert!(quote_table(table, Dialect::Postgres).is_err(), "{table:?}");
        }
    }

    #[test]
    fn only_the_semicolon_that_ends_the_statement_is_cut() {
        for (statement, expected) in [
            ("select 1", "select 1"),
            ("select 1;", "select 1"),
            ("select 1 ; -- done\n /* ; */ ;", "select 1 "),
            ("select ';' -- ;", "select ';' -- ;"),
            ("select 'it''s;' ;", "select 'it''s;' "),
            ("select E'\\';' as a;", "select E'\\';' as a"),
            ("select $a$;$$;$a$;", "select $a$;$$;$a$"),
            ("select a$b, $1;", "select a$b, $1"),
            ("select /* /* ; */ ; */ 1;", "select /* /* ; */ ; */ 1"),
            ("select \";\" from t;", "select \";\" from t"),
            ("select 1; drop table t", "select 1; drop table t"),
        ] {
            assert_eq!(without_terminator(statement, Dialect::Postgres), expected);
        }
        assert_eq!(without_terminator("select [;], `;`;", Dialect::Sqlite), "select [;], `;`");
        assert_eq!(without_terminator("select /* /* */ 1; --", Dialect::Sqlite), "select /* /* */ 1");
    }
}
