//! When runs start, and what they are called. Pure.
