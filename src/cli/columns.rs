//! Text in aligned columns and wrapped lines.

/// Width to which sentences are wrapped.
const WIDTH: usize = 100;

/// Rows of cells, each column as wide as its widest cell, two spaces between. Trailing spaces are cut.
pub(super) fn aligned(rows: &[Vec<String>], indent: &str) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, wanted) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(wanted - width(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// A sentence in lines, the first after `first`, the others after `rest`.
pub(super) fn wrapped(sentence: &str, first: &str, rest: &str) -> String {
    let mut text = String::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in sentence.split_whitespace() {
        if !is_empty && width(&line) + 1 + width(word) > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = rest.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "long".to_owned()], vec!["wide".to_owned(), String::new()]];
        assert_eq!(aligned(&rows, " "), " a     long\n wide\n");
    }

    #[test]
    fn long_sentences_go_on_below_their_beginning() {
        let sentence = "word ".repeat(30);
        let text = wrapped(&sentence, "- ", "  ");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("  word")));
    }
}
