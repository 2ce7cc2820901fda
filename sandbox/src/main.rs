//! Braze sandbox.
fn main() {}
