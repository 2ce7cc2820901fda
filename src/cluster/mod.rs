//! Kubernetes as a peer: clients, server-side apply of status, events, the lease of a leader, and what Secrets and
//! ConfigMaps hold.
//!
//! Promises: every write is small, named and bounded in time. Refuses to know: what the kinds mean; that is the
//! business of `controller`.
