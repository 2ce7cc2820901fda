//! Values from the cell to the JSON, row by row of the rules, and the random source of the property tests.

mod cells;
mod costs;
mod nulls;
mod objects;
mod random;
mod specs;
mod standards;
mod targets;

use std::borrow::Cow;

use crate::data::RowBatch;
use crate::sync::job::{Origin, PropertyMapping};

use super::json::Node;
use super::{Code, Prop, PropertyType, Settings, Target, Written, property};

/// A mapping of some property with the defaults of the API.
pub(super) fn mapping(to: &str) -> PropertyMapping {
    PropertyMapping {
        origin: Origin::From("p".to_owned()),
        to: to.to_owned(),
        target_kind: None,
        clear_on_null: true,
        as_kind: None,
        truncate: false,
        check: true,
        always_opt_in: false,
    }
}

/// What pushes one cell.
pub(super) type Push<'a> = &'a dyn Fn(&mut RowBatch);

/// One value on its way from a cell to Braze.
pub(super) struct Way {
    pub(super) property_type: PropertyType,
    pub(super) mapping: PropertyMapping,
    pub(super) settings: Settings,
}

impl Way {
    /// To a custom attribute.
    pub(super) fn of(property_type: PropertyType) -> Self {
        Self { property_type, mapping: mapping("plan"), settings: Settings::default() }
    }

    /// To another target.
    pub(super) fn to(mut self, name: &str) -> Self {
        self.mapping.to = name.to_owned();
        self
    }

    /// With another mapping.
    pub(super) fn with(mut self, change: impl FnOnce(&mut PropertyMapping)) -> Self {
        change(&mut self.mapping);
        self
    }

    /// With other settings of the Model.
    pub(super) fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The JSON of a cell and what is told about it; `null` for a null.
    pub(super) fn written(&self, push: Push<'_>) -> Result<(String, Option<Written>), Code> {
        let mut batch = RowBatch::new(1);
        push(&mut batch);
        batch.end_row();
        let value = property(batch.row(0)[0], &batch, self.property_type, &self.settings)?;
        self.write(&value)
    }

    /// The JSON of a value.
    pub(super) fn write(&self, value: &Prop<'_>) -> Result<(String, Option<Written>), Code> {
        let target =
            Target::compile(&self.mapping, self.property_type, &self.settings).expect("a good mapping");
        if target.is_null(value) {
            return Ok(("null".to_owned(), None));
        }
        let mut out = b"before".to_vec();
        let written = target.write(value, &mut out);
        let json = String::from_utf8(out).expect("JSON is text").split_off("before".len());
        if written.is_err() {
            assert_eq!(json, "", "a refused value leaves nothing behind");
        }
        if let (Some(known), Ok(written)) = (target.json_kind(), &written) {
            assert_eq!(written.kind, known, "the kind is the one told in advance");
        }
        let written = written?;
        serde_json::from_str::<serde_json::Value>(&json).expect("what is written is JSON");
        Ok((json, Some(written)))
    }

    /// The JSON of a cell.
    pub(super) fn cell(&self, push: Push<'_>) -> Result<String, Code> {
        self.written(push).map(|(json, _)| json)
    }

    /// The JSON of a text cell.
    pub(super) fn text(&self, text: &str) -> Result<String, Code> {
        self.cell(&|batch| batch.push_text(text))
    }

    /// The JSON of a JSON cell.
    pub(super) fn json(&self, text: &str) -> Result<String, Code> {
        self.cell(&|batch| batch.push_json(text))
    }

    /// Checks text cells against the JSON that they give.
    pub(super) fn sends(&self, table: &[(&str, &str)]) {
        for (text, json) in table {
            assert_eq!(self.text(text).as_deref(), Ok(*json), "{text:?}");
        }
    }

    /// Checks that text cells are refused with a code.
    pub(super) fn refuses(&self, code: Code, table: &[&str]) {
        for text in table {
            assert_eq!(self.text(text), Err(code), "{text:?}");
        }
    }
}

/// A small random source with a seed, so that a failure comes again.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 33) % limit as u64) as usize
    }

    pub(super) fn text(&mut self, longest: usize) -> String {
        const SIGNS: [char; 16] = [
            'a', 'B', '0', ' ', '"', '\\', '/', '\n', '\t', '\u{1}', '\u{7f}', 'é', '日', '😀', '\u{2028}',
            '.',
        ];
        let len = self.below(longest + 1);
        (0..len).map(|_| SIGNS[self.below(SIGNS.len())]).collect()
    }

    pub(super) fn node(&mut self, depth: usize) -> Node<'static> {
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => Node::Null,
            1 => Node::Bool(self.below(2) == 1),
            2 => Node::Number(Cow::Owned(format!("{}.{}", self.next() as i64, self.below(1000)))),
            3 => Node::Text(Cow::Owned(self.text(12))),
            4 => Node::Array((0..self.below(5)).map(|_| self.node(depth - 1)).collect()),
            _ => Node::Object(
                (0..self.below(5))
                    .map(|i| (Cow::Owned(format!("k{i}{}", self.text(3))), self.node(depth - 1)))
                    .collect(),
            ),
        }
    }
}
