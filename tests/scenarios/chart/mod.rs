//! The Helm chart, `charts/grouparoo`: rendered and installed by the real Helm.

mod accepted;
mod alerts;
mod compatibility;
mod flags;
mod generated;
mod names;
pub mod notes;
mod nulls;
mod releases;
mod rendered;
mod rights;
mod values;
