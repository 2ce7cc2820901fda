//! The engine over a real table, a real state folder and a sandbox: what Braze receives.

mod basics;
mod changes;
mod every_source;
mod consent;
mod faults;
mod groups;
mod guard;
mod identity;
mod interrupted;
mod life;
mod named;
mod reads;
