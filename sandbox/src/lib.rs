//! A faithful local Braze.
//!
//! [`Sandbox::start`] gives a server on free ports that behaves like Braze's REST API where a sync needs it:
//! it keeps profiles and subscription states, checks keys, permissions and ceilings, answers in Braze's
//! shapes, can be late and can fail on command, and writes every request down. Where Braze's documents are
//! silent or contradict each other, [`Options`] has a knob.
//!
//! It refuses to know who talks to it, and it does not send messages to anybody.

mod admin;
mod auth;
mod campaigns;
mod connection;
mod delete;
mod dice;
mod endpoint;
mod export;
mod faults;
mod html;
mod journal;
mod limits;
mod options;
mod page;
mod points;
mod sandbox;
mod server;
mod service;
mod store;
mod subscription;
mod text;
mod times;
mod tls;
mod track;
mod wire;

pub use auth::Permissions;
pub use endpoint::{Endpoint, Family};
pub use faults::{BadFault, Effect, FaultRule, When};
pub use journal::{Entry, Outcome, Totals};
pub use limits::{Limit, RateLimits, RateMode, RetryAfter};
pub use options::{Account, Ceiling, DEFAULT_KEY, Delays, DobForm, ErrorStyle, Options};
pub use sandbox::{Sandbox, StartError};
pub use store::{
    Alias, BadDump, BadGroup, By, Channel, Dump, GlobalState, Group, GroupState, Happened, Kind,
    Subscription, Swallowed, User,
};
pub use tls::TlsError;
