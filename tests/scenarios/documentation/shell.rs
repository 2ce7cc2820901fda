//! Command lines in pages, taken apart as a shell does.

use super::documents;

/// A command line of a page.
#[derive(Clone)]
pub struct Line {
    /// Page and number of the line.
    pub place: String,
    pub words: Vec<String>,
}

/// What one could type, out of all pages: blocks of `sh`, and lines after `$` in others.
pub fn lines() -> Vec<Line> {
    let mut found = Vec::new();
    for document in documents() {
        for block in document.blocks() {
            let is_shell = block.language == "sh";
            let text = block.text.replace("\\\n", " ");
            for (number, line) in text.lines().enumerate() {
                let typed = if is_shell { Some(line) } else { line.trim_start().strip_prefix("$ ") };
                let place = format!("{}:{}", document.path, block.line + number);
                found.extend(
                    typed.into_iter().flat_map(simple).map(|words| Line { place: place.clone(), words }),
                );
            }
        }
    }
    found
}

/// The simple commands of a line of shell, without redirections, assignments and comments.
pub fn simple(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word, mut quote) = (Vec::new(), Vec::new(), None::<String>, None);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | '&' | ';') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, '>' | '<') => {
                words.extend(word.take().filter(|fd| fd.parse::<u8>().is_err()));
                // The name of the file.
                while rest.next_if(|c| c.is_whitespace()).is_some() {}
                while rest.next_if(|c| !c.is_whitespace()).is_some() {}
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    commands.push(words);
    for words in &mut commands {
        let assignments =
            words.iter().take_while(|word| word.split_once('=').is_some_and(|(name, _)| is_name(name)));
        let assignments = assignments.count();
        words.drain(..assignments);
    }
    commands.retain(|words| !words.is_empty());
    commands
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// All that a page tells to type with this program: in blocks, within other commands (`$(…)`), and in the text between back
/// quotes.
pub fn typed(program: &str) -> Vec<Line> {
    let mut all = lines();
    for document in documents() {
        for quoted in document.quoted() {
            // Within a table a pipe is escaped.
            let commands = simple(&quoted.replace("\\|", "|"));
            all.extend(commands.into_iter().map(|words| Line { place: document.path.clone(), words }));
        }
    }
    of_program(all, program)
}

/// The lines of a program, and those that stand in others.
pub fn of_program(mut all: Vec<Line>, program: &str) -> Vec<Line> {
    let mut next = 0;
    while let Some(line) = all.get(next).cloned() {
        next += 1;
        for word in &line.words {
            let inner = word.split_once("$(").and_then(|(_, rest)| rest.rsplit_once(')'));
            let commands = inner.map(|(inner, _)| simple(inner)).unwrap_or_default();
            all.extend(commands.into_iter().map(|words| Line { place: line.place.clone(), words }));
        }
    }
    all.retain(|line| line.words[0] == program);
    all
}
