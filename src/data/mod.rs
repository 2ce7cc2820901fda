//! The vocabulary of the product: cells and rows as a source hands them over, keyed hashes, canonical keys, and the
//! rule about addresses that may be connected to.
//!
//! No I/O, no Braze, no Kubernetes. Everything here is plain data that any room may hold.

mod address;
mod hash;
mod key;
mod row;

pub use address::AddressGuard;
pub use hash::{HashKey, KeyedHasher};
pub use key::{KeyKind, KeyProblem, canonical_key};
pub use row::{Cell, Column, ColumnKind, RowBatch, Span};
