//! The grammar of CSV: RFC 4180 with any delimiter and quote, and with line ends CR LF, LF or CR.
//!
//! It is a state machine of our own because the usual one does not tell a quoted text from an unquoted one, on
//! which null depends. It is stricter, too: behind a closing quote only a delimiter or a line end may follow, and
//! a quote must be closed; anything else would shift columns without a word. A quote inside an unquoted field is
//! an ordinary character.

/// Cuts records into fields.
pub(super) struct Parser {
    delimiter: u8,
    quote: u8,
    text: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    quoted: bool,
}

/// What stands at the front of the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A record: so many bytes and so many line ends.
    Record { bytes: usize, lines: u64 },
    /// More bytes are needed to tell.
    Incomplete,
    /// Nothing more.
    End,
}

/// Why bytes are no record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The file ended inside quotes.
    QuoteNotClosed,
    /// A closing quote with other text behind it.
    TextBehindQuote,
}

impl Parser {
    pub(super) fn new(delimiter: u8, quote: u8) -> Self {
        Self { delimiter, quote, text: Vec::new(), fields: Vec::new() }
    }

    /// Fields of the record found last.
    pub(super) fn width(&self) -> usize {
        self.fields.len()
    }

    /// Text of a field, and whether it stood in quotes.
    pub(super) fn field(&self, place: usize) -> (&[u8], bool) {
        let field = self.fields[place];
        (&self.text[field.start..field.end], field.quoted)
    }

    /// Whether the record found last is a line with nothing on it.
    pub(super) fn is_blank(&self) -> bool {
        matches!(&self.fields[..], [field] if !field.quoted && field.start == field.end)
    }

    /// Finds the record at the front of `data`; `last` when nothing follows behind.
    pub(super) fn parse(&mut self, data: &[u8], last: bool) -> Result<Step, Malformed> {
        self.text.clear();
        self.fields.clear();
        if data.is_empty() {
            return Ok(if last { Step::End } else { Step::Incomplete });
        }
        let mut at = 0;
        let mut lines = 0;
        loop {
            let start = self.text.len();
            let quoted = data.get(at) == Some(&self.quote);
            let end = if quoted { self.quoted(data, at, last, &mut lines)? } else { self.unquoted(data, at) };
            let Some(end) = end else { return Ok(Step::Incomplete) };
            at = end;
            self.fields.push(Field { start, end: self.text.len(), quoted });
            match (data.get(at), data.get(at + 1)) {
                (None, _) if !last => return Ok(Step::Incomplete),
                (None, _) => return Ok(Step::Record { bytes: at, lines: lines + 1 }),
                (Some(b'\r'), None) if !last => return Ok(Step::Incomplete),
                (Some(b'\r'), Some(b'\n')) => return Ok(Step::Record { bytes: at + 2, lines: lines + 1 }),
                (Some(b'\r' | b'\n'), _) => return Ok(Step::Record { bytes: at + 1, lines: lines + 1 }),
                (Some(byte), _) if *byte == self.delimiter => at += 1,
                (Some(_), _) => return Err(Malformed::TextBehindQuote),
            }
        }
    }

    /// Takes text up to a delimiter, a line end or the end of the bytes.
    fn unquoted(&mut self, data: &[u8], at: usize) -> Option<usize> {
        let rest = data.get(at..)?;
        let is_end = |b: &u8| *b == self.delimiter || *b == b'\n' || *b == b'\r';
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        self.text.extend_from_slice(&rest[..length]);
        Some(at + length)
    }

    /// Takes text in quotes, and returns the place behind the closing one.
    fn quoted(
        &mut self,
        data: &[u8],
        open: usize,
        last: bool,
        lines: &mut u64,
    ) -> Result<Option<usize>, Malformed> {
        let mut at = open + 1;
        loop {
            let rest = &data[at..];
            let Some(length) = rest.iter().position(|b| *b == self.quote) else {
                return if last { Err(Malformed::QuoteNotClosed) } else { Ok(None) };
            };
            let text = &rest[..length];
            *lines += text.iter().map(|b| u64::from(*b == b'\n')).sum::<u64>();
            self.text.extend_from_slice(text);
            at += length + 1;
            match data.get(at) {
                Some(byte) if *byte == self.quote => {
                    self.text.push(self.quote);
                    at += 1;
                }
                // It may be the first of two.
                None if !last => return Ok(None),
                _ => return Ok(Some(at)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Record = Vec<(String, bool)>;

    /// Parses a text that comes in pieces of `size` bytes.
    fn records(text: &str, size: usize) -> Result<Vec<Record>, Malformed> {
        let mut parser = Parser::new(b',', b'"');
        let (mut found, mut begin, mut end) = (Vec::new(), 0, 0);
        loop {
            match parser.parse(&text.as_bytes()[begin..end], end == text.len())? {
                Step::End => return Ok(found),
                Step::Incomplete => end = (end + size).min(text.len()),
                Step::Record { bytes, .. } => {
                    begin += bytes;
                    let field = |place| {
                        let (text, quoted) = parser.field(place);
                        (String::from_utf8(text.to_vec()).expect("text"), quoted)
                    };
                    found.push((0..parser.width()).map(field).collect());
                }
            }
        }
    }

    fn plain(fields: &[&str]) -> Record {
        fields.iter().map(|f| ((*f).to_owned(), false)).collect()
    }

    #[test]
    fn fields_and_records_are_found_however_the_bytes_are_cut() {
        let text = "a,b\r\n\"x, \"\"y\"\"\nz\",\r1,\"\"\n\n,last";
        let expected = vec![
            plain(&["a", "b"]),
            vec![("x, \"y\"\nz".to_owned(), true), (String::new(), false)],
            vec![("1".to_owned(), false), (String::new(), true)],
            plain(&[""]),
            plain(&["", "last"]),
        ];
        for size in 1..=text.len() {
            assert_eq!(records(text, size), Ok(expected.clone()), "pieces of {size}");
        }
    }

    #[test]
    fn the_last_line_needs_no_end_and_a_delimiter_at_the_end_is_an_empty_field() {
        assert_eq!(records("a,", 1), Ok(vec![plain(&["a", ""])]));
        assert_eq!(records("a\n", 1), Ok(vec![plain(&["a"])]));
        assert_eq!(records("", 1), Ok(vec![]));
        assert_eq!(records("a,5\" pipe", 1), Ok(vec![plain(&["a", "5\" pipe"])]));
    }

    #[test]
    fn what_would_shift_columns_is_refused() {
        for size in [1, 100] {
            assert_eq!(records("a,\"b\nc,d\n", size), Err(Malformed::QuoteNotClosed));
            assert_eq!(records("a,\"b\"c,d\n", size), Err(Malformed::TextBehindQuote));
        }
    }

    #[test]
    fn lines_are_counted_inside_quotes_too() {
        let mut parser = Parser::new(b',', b'"');
        let step = parser.parse(b"\"a\nb\nc\",d\r\ne", false);
        assert_eq!(step, Ok(Step::Record { bytes: 11, lines: 3 }));
    }

    /// Where both accept a text, the usual parser reads the same fields.
    #[test]
    fn the_csv_crate_reads_the_same_fields() {
        let alphabet = ['a', ',', '"', '\n', '\r', 'é'];
        let mut compared = 0;
        for number in 0..6_usize.pow(6) {
            let text: String = (0..6).map(|at| alphabet[number / 6_usize.pow(at) % 6]).collect();
            let Ok(ours) = records(&text, text.len()) else { continue };
            // Blank lines are the caller's to skip, and the crate's habit to skip.
            let ours: Vec<Vec<_>> = ours
                .into_iter()
                .filter(|r| r.len() > 1 || r[0].1 || !r[0].0.is_empty())
                .map(|r| r.into_iter().map(|(text, _)| text).collect())
                .collect();
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let theirs: Vec<Vec<_>> =
                reader.records().map(|r| r.expect("UTF-8").iter().map(str::to_owned).collect()).collect();
            assert_eq!(ours, theirs, "{text:?}");
            compared += 1;
        }
        assert!(compared > 10_000, "{compared}");
    }
}
