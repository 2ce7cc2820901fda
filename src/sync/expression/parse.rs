//! From text to the syntax tree of the `cel` crate, safely.

use std::thread;

use cel::{IdedExpr, Program};

use super::tokens::sentence;

/// Stack of the parser. It and the trees that it makes recurse with the text; the text is bounded before.
const STACK: usize = 16 * 1024 * 1024;

/// Parses, and hands the tree to `work` on a thread of its own whose stack is large enough for every text that
/// [`super::tokens`] lets through. A panic of the parser is a refused expression.
pub(super) fn with_tree<T: Send>(
    source: &str,
    work: impl FnOnce(&IdedExpr) -> Result<T, String> + Send,
) -> Result<T, String> {
    thread::scope(|scope| {
        let parser = thread::Builder::new().name("expression".to_owned()).stack_size(STACK);
        let parsed = parser.spawn_scoped(scope, || match Program::compile(source) {
            Ok(program) => work(program.expression()),
            Err(errors) => Err(errors.errors.first().map_or_else(
                || "the expression cannot be read as CEL".to_owned(),
                |error| place(source, error.pos, &error.msg),
            )),
        });
        match parsed.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the expression cannot be read as CEL".to_owned()),
            Err(error) => Err(format!("no thread could be started to read the expression: {error}")),
        }
    })
}

fn place(source: &str, (line, column): (isize, isize), message: &str) -> String {
    let lines_before = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let start: usize = source.split_inclusive('\n').take(lines_before).map(str::len).sum();
    let text = source[start..].split('\n').next().unwrap_or_default();
    let characters = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let offset = text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset);
    sentence(source, start + offset, &reworded(message))
}

/// The parser speaks of its grammar; people want to know what is wrong.
fn reworded(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let upto = message.find(" expecting ").unwrap_or(message.len());
    let quoted =
        message[..upto].split_once('\'').map_or("", |(_, rest)| rest.strip_suffix('\'').unwrap_or(rest));
    let word = if quoted.starts_with(['\'', '"']) { quoted.to_owned() } else { format!("'{quoted}'") };
    if let Some(operator) = meant(quoted.trim()) {
        format!("'{}' is no operator of CEL; write {operator}", quoted.trim())
    } else if quoted == "<EOF>" {
        "the expression ends too early; something is missing behind its last word".to_owned()
    } else if message.starts_with("token recognition error") {
        format!("{word} is no word of CEL; is a quote or an operator missing?")
    } else if message.starts_with("extraneous input")
        || message.starts_with("mismatched input")
        || message.starts_with("no viable alternative")
    {
        format!("{word} is not expected here; is an operator, a bracket or a quote missing before it?")
    } else if message.starts_with("invalid string literal") {
        "this string cannot be read; write it in one pair of quotes, and a backslash as \\\\".to_owned()
    } else if message.starts_with("invalid argument to has") {
        "has() takes a member, such as has(record.name)".to_owned()
    } else if message.starts_with("argument must be a simple name") {
        "the first argument must be a new name for the element, such as record.tags.exists(tag, tag == 'a')"
            .to_owned()
    } else if message.contains('`') {
        // Names of grammar rules, which help nobody.
        "something is missing or in the wrong place here".to_owned()
    } else {
        message.split('\n').next().unwrap_or_default().to_owned()
    }
}

/// The operator that people of other languages mean.
fn meant(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "=" => "==",
        "and" | "&" => "&&",
        "or" | "|" => "||",
        "not" => "!",
        "is" => "== null, or != null",
        _ => return None,
    })
}
