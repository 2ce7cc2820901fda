//! The client against a scripted server, rule by rule.

mod answers;
mod connection;
mod guard;
mod keys;
mod limits;
mod outages;
mod random;
mod reads;
mod requests;
