//! `--rejects FILE`: what could not be sent, as CSV.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::state::Reject;

use super::failure::Failure;
use super::places::Place;

/// Writes the rejects of the Destinations that ran: everything that their memories list now, also from earlier runs.
pub(super) fn write(path: &Path, place: &Place) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::output(format!("{}: cannot be written: {error}", path.display()))
    };
    // Keys of customers: for nobody else's eyes.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.map_err(|error| failed(&error))?;
    // A file from before may be open to others; a pipe or device is left as it is.
    if file.metadata().is_ok_and(|about| about.is_file()) {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|error| failed(&error))?;
    }
    let mut csv = csv::Writer::from_writer(io::BufWriter::new(file));
    csv.write_record(["destination", "key", "property", "code"]).map_err(|error| failed(&error))?;
    for prepared in &place.chosen {
        let job = &prepared.job;
        let Some(store) = place.state.store(&job.namespace, &job.state_name)? else { continue };
        let mut trouble = None;
        store.rejects(&mut |Reject { key, field, code, .. }| {
            trouble = csv.write_record([&job.destination, &key, &field, &code]).err();
            trouble.is_none()
        })?;
        if let Some(error) = trouble {
            return Err(failed(&error));
        }
    }
    csv.flush().map_err(|error| failed(&error))
}
