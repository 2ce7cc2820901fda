//! The handle that everybody holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use grouparoo_clock::Clock;
use secrecy::SecretString;

use super::deliver::{Content, delete_body};
use super::exchange::Core;
use super::limiter::Limiter;
use super::{
    BrazeConfig, BrazeError, By, ConnectionReport, Delivery, ExportedUser, KeySource, Limits, Reply,
    SubscriptionState, TrackBatch,
};

/// A client of one Braze workspace. Clones are cheap and share connections, limits, key and circuit; make
/// one for each app and share it among its Destinations.
#[derive(Clone)]
pub struct Braze {
    core: Arc<Core>,
}

impl Braze {
    /// A client for the workspace; nothing is sent yet.
    ///
    /// # Errors
    /// [`BrazeError::InvalidEndpoint`], [`BrazeError::InvalidKey`], [`BrazeError::InvalidCa`] and
    /// [`BrazeError::ClientSetup`].
    pub fn new(config: BrazeConfig, clock: Clock) -> Result<Self, BrazeError> {
        let limiter = Arc::new(Limiter::new(&config.limits, clock.clone()));
        Ok(Self { core: Arc::new(Core::new(&config, clock, limiter)?) })
    }

    /// Another client of the same workspace, with its own key, that shares the rate limits, the ceilings and
    /// the circuit of this one: for two apps with one workspace name.
    ///
    /// # Errors
    /// As [`Braze::new`].
    pub fn beside(&self, config: BrazeConfig) -> Result<Self, BrazeError> {
        let (clock, limiter) = (self.core.clock.clone(), Arc::clone(&self.core.limiter));
        Ok(Self { core: Arc::new(Core::new(&config, clock, limiter)?) })
    }

    /// From now on this client and all that were made beside it keep these ceilings: requests per second and requests
    /// in flight. The other limits of a client stay those that it was made with.
    pub fn set_ceilings(&self, limits: &Limits) {
        self.core.limiter.set_ceilings(limits);
    }

    /// The ceilings that it was made with.
    pub fn limits(&self) -> Limits {
        self.core.limits
    }

    /// From now on, requests log in with this key. An app that was closed stays closed until [`Braze::test`]
    /// passes.
    ///
    /// # Errors
    /// [`BrazeError::InvalidKey`]; the old key stays.
    pub fn replace_key(&self, key: SecretString) -> Result<(), BrazeError> {
        self.core.keys.replace(&key)
    }

    /// Whom to ask for a newer key when Braze refuses the present one. Replaces an earlier one.
    pub fn set_key_source(&self, source: Arc<dyn KeySource>) {
        self.core.keys.set_source(source);
    }

    /// Why nothing is sent until [`Braze::test`] passes, if so.
    pub fn closed(&self) -> Option<BrazeError> {
        self.core.keys.closed()
    }

    /// Delivers the objects of a batch and says of each what became of it (semantics 9.3).
    ///
    /// `deadline`: time of [`Clock::monotonic`] after which nothing of the batch may be sent or sent again.
    /// The batch can be filled again afterwards with [`TrackBatch::clear`]. Dropping the future leaves the
    /// fates unknown.
    pub async fn track(&self, batch: &mut TrackBatch, deadline: Option<Duration>) -> Delivery {
        batch.seal();
        self.core.deliver(&Content::Track(batch), deadline).await
    }

    /// Deletes at most 50 users (braze-rest-api 6.1) and says of each id what became of it.
    ///
    /// A key without the permission gives the stop [`BrazeError::PermissionMissing`] and leaves the app open.
    ///
    /// # Panics
    /// With more than 50 ids.
    pub async fn delete(&self, external_ids: &[&str]) -> Delivery {
        within_limit(external_ids);
        self.core.deliver(&Content::Delete(external_ids), None).await
    }

    /// Bytes of the body that [`Braze::delete`] would send for these users.
    pub fn delete_bytes(external_ids: &[&str]) -> u64 {
        delete_body(external_ids).len() as u64
    }

    /// Which of at most 50 users Braze knows (braze-rest-api 5); those that it does not know are not in the
    /// answer.
    ///
    /// # Panics
    /// With more than 50 ids.
    pub async fn export(&self, external_ids: &[&str]) -> Reply<Vec<ExportedUser>> {
        within_limit(external_ids);
        self.core.export(external_ids).await
    }

    /// The state of at most 50 users in a subscription group (braze-rest-api 8.5), by the value they were asked
    /// for: in lower case for e-mail and phone, unchanged for `external_id`.
    ///
    /// A value without an answer that can be understood, or refused by Braze, is not in the map. When every
    /// value was refused, the group is at fault: [`BrazeError::RequestRefused`].
    ///
    /// # Panics
    /// With more than 50 values.
    pub async fn subscription_status(
        &self,
        group_id: &str,
        by: By,
        values: &[&str],
    ) -> Reply<HashMap<String, SubscriptionState>> {
        within_limit(values);
        self.core.subscription_status(group_id, by, values).await
    }

    /// Tests the connection and each permission without writing (braze-rest-api 10). A test that passes opens
    /// an app that was closed.
    pub async fn test(&self) -> ConnectionReport {
        self.core.test().await
    }
}

impl std::fmt::Debug for Braze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Braze").field("limits", &self.core.limits).finish_non_exhaustive()
    }
}

/// Most ids or addresses in one request (braze-rest-api 2).
const IDS_PER_REQUEST: usize = 50;

fn within_limit(ids: &[&str]) {
    assert!(ids.len() <= IDS_PER_REQUEST, "Braze takes at most {IDS_PER_REQUEST} ids in one request");
}
