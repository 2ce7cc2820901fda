//! `grouparoo crds`: the definitions of the kinds.

use std::fs;

use crate::api::crds;

use super::arguments::Crds;
use super::failure::Failure;
use super::{exit, output};

/// Prints the definitions, or writes one file a kind.
pub(super) fn run(arguments: &Crds) -> Result<u8, Failure> {
    let Some(folder) = &arguments.dir else {
        output::print(&crds::all_as_yaml())?;
        return Ok(exit::GOOD);
    };
    let write = || {
        fs::create_dir_all(folder)?;
        crds::crds()
            .iter()
            .try_for_each(|crd| fs::write(folder.join(crds::file_name(crd)), crds::to_yaml(crd)))
    };
    write().map_err(|error| Failure::output(format!("{}: cannot be written: {error}", folder.display())))?;
    Ok(exit::GOOD)
}
