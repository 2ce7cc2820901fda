//! Parts of pages that are generated: `<!-- NAME -->` to `<!-- end of NAME -->`.

use std::collections::BTreeMap;

use super::{Document, root};

/// Holds a part of a page against what it should be, or writes it anew.
///
/// # Panics
/// When the part is another one, with what to do.
pub fn keep(page: &str, part: &str, wanted: &str) {
    let document = Document::read(page);
    let (before, found, after) = cut(&document, part);
    if found == wanted {
        return;
    }
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(root().join(page), format!("{before}{wanted}{after}")).expect("the page is written");
        return;
    }
    let lines = found.lines().zip(wanted.lines());
    let first =
        lines.filter(|(found, wanted)| found != wanted).map(|(found, wanted)| format!("{found}\n{wanted}"));
    panic!(
        "{page}, {part}: it is not as the program has it; UPDATE_DOCS=1 cargo test --test scenarios documentation \
         writes it anew. The first difference, page above and program below:\n{}",
        first.take(1).next().unwrap_or_else(|| format!(
            "{} and {} lines",
            found.lines().count(),
            wanted.lines().count()
        ))
    );
}

/// What the page says by itself in the last column of a part's table, by the first word in back quotes of its row.
pub fn own_words(page: &str, part: &str) -> BTreeMap<String, String> {
    let document = Document::read(page);
    let (_, found, _) = cut(&document, part);
    let rows = found.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| {
        let name = row.split('`').nth(1)?.to_owned();
        let last = row.trim_end().strip_suffix('|')?.rsplit_once(" |")?.1.trim();
        Some((name, last.to_owned()))
    })
    .collect()
}

/// The page before a part, the part, and the page behind it.
fn cut<'a>(document: &'a Document, part: &str) -> (&'a str, &'a str, &'a str) {
    let (opening, ending) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->"));
    let start =
        document.text.find(&opening).unwrap_or_else(|| panic!("{} has no part {part}", document.path));
    let start = start + opening.len();
    let length = document.text[start..].find(&ending);
    let end = start + length.unwrap_or_else(|| panic!("{}: the part {part} has no end", document.path));
    (&document.text[..start], &document.text[start..end], &document.text[end..])
}
