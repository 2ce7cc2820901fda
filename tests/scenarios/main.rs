//! Scenarios of the whole product against real peers, in one binary so that they share one PostgreSQL.

mod command_line;
mod killed;
mod sources;
mod support;
mod sync;
mod walls;
