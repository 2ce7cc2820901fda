//! What a sync does, end to end: rows in, what Braze received out.

mod basics;
mod faults;
mod interrupted;
