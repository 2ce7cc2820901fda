//! The API key in use, where a newer one may come from, and whether the app is closed.

use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::BrazeError;

/// Knows whether there is a newer key than the one that Braze refused.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// A newer key that may be used in this workspace, or `None` when there is none (semantics 9.3, 9.5).
    ///
    /// Asked once for each refused key, however many requests it was refused to. The implementation makes
    /// the check of semantics 4.3 itself; it must not call the [`Braze`](super::Braze) that asks.
    async fn newer_key(&self) -> Option<SecretString>;
}

/// The key of an app, and what Braze thinks of it.
pub(super) struct Keys {
    state: RwLock<State>,
    source: RwLock<Option<Arc<dyn KeySource>>>,
    /// Held while the source is asked, so that many refused requests ask once.
    asking: tokio::sync::Mutex<()>,
}

struct State {
    header: HeaderValue,
    generation: u64,
    /// The generation for which a newer key was asked because a permission was missing.
    asked: Option<u64>,
    closed: Option<BrazeError>,
}

/// A key as a header, and which key it is.
pub(super) struct InUse {
    pub(super) header: HeaderValue,
    pub(super) generation: u64,
}

impl Keys {
    pub(super) fn new(key: &SecretString) -> Result<Self, BrazeError> {
        let state = State { header: header(key)?, generation: 0, asked: None, closed: None };
        Ok(Self { state: RwLock::new(state), source: RwLock::new(None), asking: tokio::sync::Mutex::new(()) })
    }

    pub(super) fn set_source(&self, source: Arc<dyn KeySource>) {
        *self.source.write().expect("no panic while held") = Some(source);
    }

    pub(super) fn replace(&self, key: &SecretString) -> Result<(), BrazeError> {
        self.install(header(key)?);
        Ok(())
    }

    /// The key to send, or why nothing is to be sent.
    pub(super) fn current(&self) -> Result<InUse, BrazeError> {
        let state = self.state.read().expect("no panic while held");
        match state.closed {
            Some(error) => Err(error),
            None => Ok(InUse { header: state.header.clone(), generation: state.generation }),
        }
    }

    /// The key also when the app is closed: for the test that opens it.
    pub(super) fn for_test(&self) -> HeaderValue {
        self.state.read().expect("no panic while held").header.clone()
    }

    pub(super) fn closed(&self) -> Option<BrazeError> {
        self.state.read().expect("no panic while held").closed
    }

    /// The test passed.
    pub(super) fn open(&self) {
        let mut state = self.state.write().expect("no panic while held");
        state.closed = None;
        state.asked = None;
    }

    /// Braze refused the key of this generation. True: there is another one to try. False: there is none,
    /// and if `error` closes the app, it is closed now. `may_ask`: this call has not had a newer key yet.
    pub(super) async fn refused(&self, generation: u64, error: BrazeError, may_ask: bool) -> bool {
        let _asking = self.asking.lock().await;
        let closes = error.stops_everything();
        {
            let mut state = self.state.write().expect("no panic while held");
            if state.generation != generation {
                return true;
            }
            if state.closed.is_some() || (!closes && state.asked == Some(state.generation)) {
                return false;
            }
            state.asked = Some(state.generation);
        }
        if may_ask && self.ask().await {
            return true;
        }
        if closes {
            let mut state = self.state.write().expect("no panic while held");
            // A key that came in meanwhile was not refused.
            if state.generation == generation {
                tracing::warn!(reason = error.reason(), "app closed until its test passes");
                state.closed = Some(error);
            }
        }
        false
    }

    async fn ask(&self) -> bool {
        let source = self.source.read().expect("no panic while held").clone();
        let Some(source) = source else { return false };
        let Some(key) = source.newer_key().await else { return false };
        let Ok(header) = header(&key) else { return false };
        if self.for_test() == header {
            return false;
        }
        tracing::info!("a newer key is used");
        self.install(header);
        true
    }

    fn install(&self, header: HeaderValue) {
        let mut state = self.state.write().expect("no panic while held");
        state.header = header;
        state.generation += 1;
    }
}

fn header(key: &SecretString) -> Result<HeaderValue, BrazeError> {
    let key = key.expose_secret();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BrazeError::InvalidKey);
    }
    let text = Zeroizing::new(format!("Bearer {key}"));
    let mut header = HeaderValue::from_str(&text).map_err(|_| BrazeError::InvalidKey)?;
    header.set_sensitive(true);
    Ok(header)
}
