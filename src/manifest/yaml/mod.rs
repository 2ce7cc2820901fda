//! YAML and JSON as kubectl reads them, with the line of every node.
//!
//! Promises: plain scalars mean what they mean to kubectl (YAML 1.1: `no` is false, `010` is eight), so that a
//! manifest means the same in both places; duplicate keys are refused; aliases and nesting are bounded.
//! Refuses to know: what the documents are about.

pub(super) use parse::{Fault, documents};
pub(super) use tree::{Content, Node};

mod parse;
mod scalar;
mod tree;
