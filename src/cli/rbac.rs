//! `grouparoo rbac`: the rights that the operator needs.

use crate::cluster::rbac::{Installation, to_yaml};

use super::arguments::Rbac;
use super::failure::Failure;
use super::{exit, output};

/// Prints roles and bindings.
pub(super) fn run(arguments: &Rbac) -> Result<u8, Failure> {
    let installation = Installation {
        namespace: &arguments.namespace,
        service_account: &arguments.service_account,
        watched: &arguments.namespaces,
        watch_secrets: arguments.watch_secrets,
        lease: arguments.leader_elect.then_some(arguments.lease_name.as_str()),
    };
    output::print(&to_yaml(&installation))?;
    Ok(exit::GOOD)
}
