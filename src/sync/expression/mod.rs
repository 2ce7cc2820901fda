//! CEL expressions of groups and mappings (docs/semantics.md, "CEL"). Pure.
