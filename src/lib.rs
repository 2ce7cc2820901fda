//! grouparoo keeps Braze user profiles equal to what a data warehouse says.
//!
//! Rooms, and the one direction in which they know each other:
//! `cli → controller → sync → {source, braze, state} → data`; `api` and `cluster` stand beside `sync`,
//! `telemetry` beside all.

pub mod api;
pub mod braze;
pub mod cli;
pub mod cluster;
pub mod controller;
pub mod data;
pub mod demo;
pub mod manifest;
pub mod source;
pub mod state;
pub mod sync;
pub mod telemetry;
