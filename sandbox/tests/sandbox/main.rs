//! The sandbox over real HTTP, one test for each behaviour that a local Braze must show.

mod asynchrony;
mod binary;
mod extras;
mod faults;
mod limits;
mod pages;
mod reads;
mod subscriptions;
mod support;
mod track;
mod transport;
mod values;
