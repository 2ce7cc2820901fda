//! grouparoo.
fn main() {}
