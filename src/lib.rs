//! grouparoo keeps Braze user profiles equal to what a data warehouse says.
//!
//! Rooms, and the one direction in which they know each other:
//! `cli → controller → sync → {source, braze, state} → data`; `api` stands beside `sync`.

pub mod api;
pub mod braze;
pub mod cli;
pub mod controller;
pub mod data;
pub mod demo;
pub mod manifest;
pub mod source;
pub mod state;
pub mod sync;
