//! The engine over a real table, a real state folder and a sandbox: what Braze receives.

mod basics;
mod changes;
mod every_source;
mod faults;
mod interrupted;
mod life;
mod named;
