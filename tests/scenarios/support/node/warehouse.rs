//! The warehouse outside the cluster.

use std::sync::OnceLock;

use super::realm::ADDRESS;
use crate::support::postgres::Server;

/// The PostgreSQL that the scenarios on the node share, at the realm's address. To be called within the realm.
pub fn warehouse() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start_at(ADDRESS))
}
