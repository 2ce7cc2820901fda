//! The engine over a real table, a real state folder and a sandbox: what Braze receives.

mod basics;
mod changes;
mod consent;
mod enrich;
mod every_source;
mod faults;
mod fresh;
mod groups;
mod guard;
mod identity;
mod interrupted;
mod life;
mod named;
mod plan;
mod reads;
mod rejects;
