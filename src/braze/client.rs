//! The handle that everybody holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use grouparoo_clock::Clock;
use secrecy::SecretString;

use super::{
    BrazeConfig, BrazeError, By, ConnectionReport, Delivery, ExportedUser, KeySource, Reply,
    SubscriptionState, TrackBatch,
};

/// A client of one Braze workspace. Clones are cheap and share connections, limits, key and circuit; make
/// one for each app and share it among its Destinations.
#[derive(Clone)]
pub struct Braze {
    shared: Arc<()>,
}

impl Braze {
    /// A client for the workspace; nothing is sent yet.
    ///
    /// # Errors
    /// [`BrazeError::InvalidEndpoint`], [`BrazeError::InvalidKey`], [`BrazeError::InvalidCa`] and
    /// [`BrazeError::ClientSetup`].
    pub fn new(config: BrazeConfig, clock: Clock) -> Result<Self, BrazeError> {
        todo!()
    }

    /// From now on, requests log in with this key. An app that was closed stays closed until [`Braze::test`]
    /// passes.
    ///
    /// # Errors
    /// [`BrazeError::InvalidKey`]; the old key stays.
    pub fn replace_key(&self, key: SecretString) -> Result<(), BrazeError> {
        todo!()
    }

    /// Whom to ask for a newer key when Braze refuses the present one. Replaces an earlier one.
    pub fn set_key_source(&self, source: Arc<dyn KeySource>) {
        todo!()
    }

    /// Why nothing is sent until [`Braze::test`] passes, if so.
    pub fn closed(&self) -> Option<BrazeError> {
        todo!()
    }

    /// Delivers the objects of a batch and says of each what became of it (semantics 9.3).
    ///
    /// `deadline`: time of [`Clock::monotonic`] after which nothing of the batch may be sent or sent again.
    /// The batch can be filled again afterwards with [`TrackBatch::clear`]. Dropping the future leaves the
    /// fates unknown.
    pub async fn track(&self, batch: &mut TrackBatch, deadline: Option<Duration>) -> Delivery {
        todo!()
    }

    /// Deletes at most 50 users (B §6.1) and says of each id what became of it.
    ///
    /// A key without the permission gives the stop [`BrazeError::PermissionMissing`] and leaves the app open.
    ///
    /// # Panics
    /// With more than 50 ids.
    pub async fn delete(&self, external_ids: &[&str]) -> Delivery {
        todo!()
    }

    /// Which of at most 50 users Braze knows (B §5); those that it does not know are not in the answer.
    ///
    /// # Panics
    /// With more than 50 ids.
    pub async fn export(&self, external_ids: &[&str]) -> Reply<Vec<ExportedUser>> {
        todo!()
    }

    /// The state of at most 50 users in a subscription group (B §8.5), by the value they were asked for: in
    /// lower case for e-mail and phone, unchanged for `external_id`.
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
        todo!()
    }

    /// Tests the connection and each permission without writing (B §10). A test that passes opens an app
    /// that was closed.
    pub async fn test(&self) -> ConnectionReport {
        todo!()
    }
}
