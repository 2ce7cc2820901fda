//! The Helm chart, `charts/grouparoo`: rendered and installed by the real Helm.

mod accepted;
mod alerts;
mod compatibility;
mod flags;
mod generated;
mod releases;
mod rendered;
mod rights;
mod values;
