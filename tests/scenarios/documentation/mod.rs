//! The documentation tells the truth: what it says is held against definitions, files and the program.
//!
//! `UPDATE_DOCS=1` writes the generated parts of the pages anew (`make generate`); words of people stay.

use std::path::{Path, PathBuf};

mod commands;
mod data_points;
mod examples;
mod fields;
mod helm_lines;
mod kinds;
mod kubectl_lines;
mod links;
mod lists;
mod migration;
mod parts;
mod schema_paths;
mod shell;
mod versions;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page.
struct Document {
    /// Its path from the root of the project.
    path: String,
    text: String,
}

/// A fenced block of a page.
struct Block {
    language: String,
    text: String,
    /// Number of its first line in the page.
    line: usize,
    /// The file that the comment before it names: `<!-- file: examples/… -->`.
    file: Option<String>,
}

impl Document {
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(root().join(path));
        Self { path: path.to_owned(), text: text.unwrap_or_else(|error| panic!("{path}: {error}")) }
    }

    fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open, mut before) = (Vec::new(), None::<Block>, None);
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, &mut open) {
                (Some(language), None) => {
                    let language = language.trim().to_owned();
                    open =
                        Some(Block { language, text: String::new(), line: number + 2, file: before.take() });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {
                    let named = line.trim().strip_prefix("<!-- file: ");
                    before = named.and_then(|name| name.strip_suffix(" -->")).map(str::to_owned);
                }
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.path);
        blocks
    }

    /// Words in back quotes, outside of blocks.
    fn quoted(&self) -> Vec<&str> {
        let mut fenced = false;
        let lines = self.text.lines().filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        });
        lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
    }
}

/// All pages of the project, those inside tools and what is built apart.
fn documents() -> Vec<Document> {
    let paths = files(root(), "md");
    assert!(paths.len() > 20, "only {} pages were found", paths.len());
    paths.iter().map(|path| Document::read(path)).collect()
}

/// Files below a folder whose name ends so, as paths from the root of the project.
fn files(below: &Path, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).unwrap_or_else(|error| panic!("{}: {error}", below.display())) {
        let path: PathBuf = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_symlink() || ["target", ".git", ".grouparoo", "node_modules"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|kind| kind == extension) {
            let inside = path.strip_prefix(root()).expect("a file of the project");
            found.push(inside.display().to_string());
        }
    }
    found.sort();
    found
}
