//! The API key in use, and where a newer one may come from.

use async_trait::async_trait;
use secrecy::SecretString;

/// Knows whether there is a newer key than the one that Braze refused.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// A newer key that may be used in this workspace, or `None` when there is none (semantics 9.3, 9.5).
    ///
    /// Asked once for each refused key, however many requests it was refused to. The implementation makes
    /// the check of semantics 4.3 itself; it must not call the [`Braze`](super::Braze) that asks.
    async fn newer_key(&self) -> Option<SecretString>;
}
