//! Braze sandbox.
