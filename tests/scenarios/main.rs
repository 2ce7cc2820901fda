//! Scenarios of the whole product against real peers, in one binary so that they share one PostgreSQL and
//! one Kubernetes API.

mod chart;
mod cluster;
mod command_line;
mod documentation;
mod gitops;
mod killed;
mod node;
mod operator;
mod sources;
mod support;
mod sync;
mod walls;
