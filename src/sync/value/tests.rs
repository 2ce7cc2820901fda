//! Values from the cell to the JSON, row by row of the rules, and the random source of the property tests.

use std::borrow::Cow;

use super::json::Node;

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
