//! From events of the parser to trees, with bounds against files that would grow without end.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::scalar;
use super::tree::{Content, Node};

/// Nesting that no manifest needs.
const MOST_NESTING: usize = 64;

const TOO_DEEP: &str = "is nested more than 64 levels deep";

/// Nodes and bytes that aliases of one file may add.
const MOST_COPIED: usize = 4 << 20;

/// One document of a file.
pub(crate) struct Document {
    /// Its number in the file, from 1; empty documents count.
    pub number: usize,
    /// Its content; `None`: it is empty.
    pub root: Option<Node>,
}

/// Something that makes a document, or the rest of a file, unreadable. It quotes no content but keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Number of the document, from 1.
    pub document: usize,
    /// Line, from 1.
    pub line: usize,
    /// Sentence.
    pub message: String,
}

/// All documents of a text, and all faults. A document with a fault is left out.
pub(crate) fn documents(text: &str) -> (Vec<Document>, Vec<Fault>) {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        copied: 0,
        line: 1,
        faults: Vec::new(),
    };
    let mut found = Vec::new();
    let mut faults = Vec::new();
    let mut number = 0;
    loop {
        match reader.next_document() {
            Ok(None) => break,
            Ok(Some(root)) => {
                number += 1;
                let own: Vec<(usize, String)> = reader.faults.drain(..).collect();
                if own.is_empty() {
                    found.push(Document { number, root: (!root.is_null()).then_some(root) });
                }
                faults.extend(own.into_iter().map(|(line, message)| Fault {
                    document: number,
                    line,
                    message,
                }));
            }
            Err(Stop { line, message, fatal }) => {
                number += 1;
                let own: Vec<(usize, String)> = reader.faults.drain(..).collect();
                faults.extend(own.into_iter().map(|(line, message)| Fault {
                    document: number,
                    line,
                    message,
                }));
                faults.push(Fault { document: number, line, message });
                if fatal || !matches!(reader.parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    (found, faults)
}

/// Why reading a document stopped.
struct Stop {
    line: usize,
    message: String,
    fatal: bool,
}

type Read<T> = Result<T, Stop>;

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    copied: usize,
    line: usize,
    faults: Vec<(usize, String)>,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Read<Option<(Event<'a>, Span)>> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(Some((event, span)))
            }
            Some(Err(error)) => Err(syntax(&error)),
        }
    }

    fn stop<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(Stop { line: self.line, message: message.into(), fatal: false })
    }

    fn next_document(&mut self) -> Read<Option<Node>> {
        loop {
            match self.event()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), _)) => break,
                Some(_) => {}
            }
        }
        self.anchors.clear();
        let root = match self.event()? {
            Some((Event::DocumentEnd, _)) | None => return Ok(Some(self.null())),
            Some((event, _)) => self.node(event, 0)?,
        };
        while let Some((event, _)) = self.event()? {
            if matches!(event, Event::DocumentEnd) {
                break;
            }
        }
        Ok(Some(root))
    }

    fn null(&self) -> Node {
        Node { line: self.line, content: Content::Null, plain: None }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Read<Node> {
        if depth > MOST_NESTING {
            return self.stop(TOO_DEEP);
        }
        let line = self.line;
        let (content, plain, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let content = self.scalar(&text, style, tag.as_deref())?;
                let plain = (style == ScalarStyle::Plain && !matches!(content, Content::Text(_)))
                    .then(|| text.into_owned());
                (content, plain, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.no_tag(tag.as_deref(), "seq")?;
                let mut items = Vec::new();
                loop {
                    match self.event()? {
                        Some((Event::SequenceEnd, _)) => break,
                        Some((event, _)) => items.push(self.node(event, depth + 1)?),
                        None => return self.stop("ends inside a list"),
                    }
                }
                (Content::List(items), None, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.no_tag(tag.as_deref(), "map")?;
                (Content::Map(self.fields(depth)?), None, anchor)
            }
            Event::Alias(id) => return self.alias(id, depth),
            _ => return self.stop("is no YAML that a manifest can be"),
        };
        let node = Node { line, content, plain };
        if anchor != 0 {
            self.pay_for_copy(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, depth: usize) -> Read<Node> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            return self.stop("an alias stands inside the node that it names");
        };
        self.pay_for_copy(&node)?;
        if depth + node.height() > MOST_NESTING {
            return self.stop(TOO_DEEP);
        }
        Ok(node)
    }

    fn pay_for_copy(&mut self, node: &Node) -> Read<()> {
        self.copied = self.copied.saturating_add(node.weight());
        if self.copied <= MOST_COPIED {
            return Ok(());
        }
        Err(Stop {
            line: self.line,
            message: "anchors and aliases (&name, *name) make the file grow beyond what a manifest can be"
                .to_owned(),
            fatal: true,
        })
    }

    fn fields(&mut self, depth: usize) -> Read<Vec<(String, Node)>> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (key, line) = match self.event()? {
                Some((Event::MappingEnd, _)) => break,
                Some((event, _)) => {
                    let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
                    let line = self.line;
                    let key = self.node(event, depth + 1)?;
                    (if merge { None } else { Some(self.key(key)) }, line)
                }
                None => return self.stop("ends inside a block of fields"),
            };
            let value = match self.event()? {
                Some((event, _)) => self.node(event, depth + 1)?,
                None => return self.stop("ends after a key"),
            };
            match key {
                None => merged.push(value),
                Some(key) if at.contains_key(&key) => {
                    self.faults.push((line, format!("key {key:?} stands twice in one block")));
                }
                Some(key) => {
                    at.insert(key.clone(), fields.len());
                    fields.push((key, value));
                }
            }
        }
        for source in merged {
            self.merge(source, &mut fields, &mut at);
        }
        Ok(fields)
    }

    /// `<<`: fields of another block, where the block itself says nothing.
    fn merge(&mut self, source: Node, fields: &mut Vec<(String, Node)>, at: &mut HashMap<String, usize>) {
        let line = source.line;
        match source.content {
            Content::Map(others) => {
                for (key, node) in others {
                    if !at.contains_key(&key) {
                        at.insert(key.clone(), fields.len());
                        fields.push((key, node));
                    }
                }
            }
            Content::List(sources) => {
                for source in sources {
                    self.merge(source, fields, at);
                }
            }
            _ => self.faults.push((line, "a merge key (<<) needs a block of fields".to_owned())),
        }
    }

    fn key(&mut self, key: Node) -> String {
        match (key.content, key.plain) {
            (Content::Text(text), _) => text,
            (Content::Number(number), _) => number.to_string(),
            (Content::Bool(value), Some(plain)) => {
                self.faults
                    .push((key.line, format!("kubectl reads the unquoted key {plain} as {value}: quote it")));
                plain
            }
            (Content::Null, _) => {
                self.faults.push((key.line, "a key is empty".to_owned()));
                String::new()
            }
            _ => {
                self.faults.push((key.line, "a key must be a text".to_owned()));
                String::new()
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Read<Content> {
        let plain = style == ScalarStyle::Plain;
        match tag.map(|tag| tag.core_suffix().unwrap_or(if tag.is_custom() { "custom" } else { "str" })) {
            None if plain => Ok(scalar::resolve(text)),
            None | Some("str") => Ok(Content::Text(text.to_owned())),
            Some("bool" | "int" | "float" | "null") => Ok(scalar::resolve(text)),
            Some(_) => self.stop("tags (!name) have no meaning in a manifest"),
        }
    }

    fn no_tag(&self, tag: Option<&Tag>, allowed: &str) -> Read<()> {
        match tag.map(Tag::core_suffix) {
            None => Ok(()),
            Some(Some(suffix)) if suffix == allowed => Ok(()),
            Some(_) => self.stop("tags (!name) have no meaning in a manifest"),
        }
    }
}

/// The parser's words, which quote nothing of the file.
fn syntax(error: &ScanError) -> Stop {
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => TOO_DEEP.to_owned(),
        kind => format!("is not valid YAML: {kind}"),
    };
    Stop { line: error.marker().line(), message, fatal: false }
}
