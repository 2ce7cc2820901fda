//! Scenarios against a real Kubernetes API.

#[path = "../../../src/api/check/fragments.rs"]
mod fragments;
#[path = "../../../src/api/check/rule_table.rs"]
mod rule_table;

mod acceptance;
mod columns;
mod kubectl;
mod mutations;
pub mod objects;
mod readers;
mod support;
