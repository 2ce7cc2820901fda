//! The handle of a running sandbox.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use grouparoo_clock::Clock;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::auth::Permissions;
use crate::faults::FaultRule;
use crate::journal::{Entry, Totals};
use crate::options::Options;
use crate::server;
use crate::service::{Shared, lock};
use crate::store::{BadDump, By, Dump, Group, GroupState, Identifier, Subscription, Swallowed, User};
use crate::tls::{Tls, TlsError};

/// A running Braze of one's own. It stops when it is dropped.
///
/// All looks into it are at its present time: writes whose delay is over have happened.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    https: Option<SocketAddr>,
    runtime: Option<Runtime>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The server's threads could not be started.
    #[error("cannot start the server: {0}")]
    Runtime(std::io::Error),
    /// The certificates for https could not be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The content to start with cannot be loaded.
    #[error(transparent)]
    Content(#[from] BadDump),
}

impl Sandbox {
    /// Starts a sandbox; it listens when this returns.
    ///
    /// # Panics
    /// When it cannot start: see [`Sandbox::try_start`].
    pub fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|error| panic!("the sandbox does not start: {error}"))
    }

    /// Starts a sandbox; it listens when this returns.
    ///
    /// # Errors
    /// When an address is taken, the certificates cannot be made, or the content cannot be loaded.
    pub fn try_start(mut options: Options) -> Result<Self, StartError> {
        let bind = |address| server::bind(address).map_err(|error| StartError::Listen(address, error));
        let (http, address) = bind(options.listen)?;
        let secure = match options.https {
            Some(address) => Some((bind(address)?, Tls::new(&options.tls_names)?)),
            None => None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("braze-sandbox")
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let ca_pem = secure.as_ref().map(|(_, tls)| tls.ca_pem.clone());
        let https = secure.as_ref().map(|((_, address), _)| *address);
        let content = std::mem::take(&mut options.content);
        let shared = Arc::new(Shared::new(options, ca_pem));
        // Before anybody is let in.
        shared.store().0.load(content)?;
        let inside = runtime.enter();
        let http = TcpListener::from_std(http).map_err(StartError::Runtime)?;
        runtime.spawn(server::accept(http, None, Arc::clone(&shared)));
        if let Some(((listener, _), tls)) = secure {
            let listener = TcpListener::from_std(listener).map_err(StartError::Runtime)?;
            let acceptor = TlsAcceptor::from(tls.config);
            runtime.spawn(server::accept(listener, Some(acceptor), Arc::clone(&shared)));
        }
        drop(inside);
        Ok(Self { shared, address, https, runtime: Some(runtime) })
    }

    /// Base URL of plain http, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where plain http listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Base URL of https, without a trailing slash.
    ///
    /// # Panics
    /// When the options switched https off.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.https.expect("https was switched off by the options"))
    }

    /// Where https listens.
    pub fn https_address(&self) -> Option<SocketAddr> {
        self.https
    }

    /// Certificate of the CA that the https certificate is of, in PEM.
    ///
    /// # Panics
    /// When the options switched https off.
    pub fn ca_pem(&self) -> &str {
        self.shared.ca_pem.as_deref().expect("https was switched off by the options")
    }

    /// The sandbox's present time.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Moves the sandbox's time forward, whatever its clock says; nobody waits.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// Moves the time to where all accepted writes have taken effect.
    pub fn settle(&self) {
        let (store, now) = self.shared.store();
        let Some(due) = store.settled_at() else { return };
        drop(store);
        let span = due.duration_since(now);
        self.advance(span.try_into().unwrap_or(Duration::ZERO));
    }

    /// Writes that were accepted and have not taken effect.
    pub fn pending(&self) -> usize {
        self.shared.store().0.pending()
    }

    /// All profiles in the order of their creation.
    pub fn users(&self) -> Vec<User> {
        self.shared.store().0.users().cloned().collect()
    }

    /// Number of profiles.
    pub fn user_count(&self) -> usize {
        self.shared.store().0.count()
    }

    /// The profile with this external id.
    pub fn user(&self, external_id: &str) -> Option<User> {
        self.shared.store().0.find(&Identifier::External(external_id.to_owned())).cloned()
    }

    /// State of an address in a group; `None`: without history.
    pub fn subscription(&self, group: &str, address: &str) -> Option<GroupState> {
        let (store, now) = self.shared.store();
        store.subscription(group, address, now).map(|found| found.state)
    }

    /// All states of addresses in groups.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let (store, now) = self.shared.store();
        store.subscriptions(now).cloned().collect()
    }

    /// A person leaves a group by an address, as by an unsubscribe link. False: there is no such group.
    pub fn opt_out(&self, group: &str, address: &str) -> bool {
        self.decide(group, address, GroupState::Unsubscribed)
    }

    /// A person joins a group by an address. False: there is no such group.
    pub fn opt_in(&self, group: &str, address: &str) -> bool {
        self.decide(group, address, GroupState::Subscribed)
    }

    fn decide(&self, group: &str, address: &str, state: GroupState) -> bool {
        let (mut store, now) = self.shared.store();
        store.set_subscription(group, address, state, By::Person, now);
        store.group(group).is_some()
    }

    /// Adds a subscription group to the workspace, or replaces one.
    pub fn add_group(&self, group: Group) {
        self.shared.store().0.add_group(group);
    }

    /// Replaces all API keys.
    pub fn set_keys(&self, keys: BTreeMap<String, Permissions>) {
        *self.shared.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Replaces all faults; they count from now.
    pub fn set_faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        lock(&self.shared.faults).set(rules.into_iter().collect());
    }

    /// Adds a fault; it counts from now.
    pub fn add_fault(&self, rule: FaultRule) {
        lock(&self.shared.faults).add(rule);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.set_faults([]);
    }

    /// Refuses every object for this external id with an error of this text.
    pub fn refuse(&self, external_id: &str, text: &str) {
        let mut refused = self.shared.refused.write().unwrap_or_else(PoisonError::into_inner);
        refused.insert(external_id.to_owned(), text.to_owned());
    }

    /// Refuses nobody any more.
    pub fn refuse_nobody(&self) {
        self.shared.refused.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The requests that the journal holds, oldest first.
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// Forgets the journal's requests; the totals go on.
    pub fn clear_journal(&self) {
        self.shared.journal.clear();
    }

    /// Sums over all requests since the start.
    pub fn totals(&self) -> Totals {
        self.shared.journal.totals()
    }

    /// Data points of all requests since the start.
    pub fn data_points(&self) -> u64 {
        self.totals().data_points
    }

    /// What was accepted and had no effect; the newest thousand.
    pub fn swallowed(&self) -> Vec<Swallowed> {
        self.shared.store().0.swallowed().to_vec()
    }

    /// The content of the workspace.
    pub fn dump(&self) -> Dump {
        let (store, now) = self.shared.store();
        store.dump(now)
    }

    /// Replaces the content of the workspace; the groups of its catalogue stay.
    ///
    /// # Errors
    /// When two profiles of the dump share an id; nothing is changed then.
    pub fn load(&self, dump: Dump) -> Result<(), BadDump> {
        self.shared.store().0.load(dump)
    }

    /// Waits until so many requests were answered since the start; false when `timeout` (real time) was up first.
    pub async fn wait_for_requests(&self, count: u64, timeout: Duration) -> bool {
        self.wait_until(timeout, |totals| totals.answered >= count).await
    }

    /// Waits until so many requests have arrived since the start, answered or not.
    pub async fn wait_for_arrivals(&self, count: u64, timeout: Duration) -> bool {
        self.wait_until(timeout, |totals| totals.arrived >= count).await
    }

    /// Waits until the totals are as wanted; false when `timeout` (real time) was up first.
    pub async fn wait_until(&self, timeout: Duration, done: impl FnMut(&Totals) -> bool) -> bool {
        let mut totals = self.shared.journal.watch();
        let found = Clock::system().timeout(timeout, totals.wait_for(done)).await;
        matches!(found, Some(Ok(_)))
    }

    /// The same as [`Sandbox::wait_until`] for a test without a runtime.
    ///
    /// # Panics
    /// When it is called from a task of a runtime.
    pub fn wait_until_blocking(&self, timeout: Duration, done: impl FnMut(&Totals) -> bool) -> bool {
        let Some(runtime) = &self.runtime else { return false };
        runtime.block_on(self.wait_until(timeout, done))
    }

    /// Stops; when this returns its ports are free and all connections are closed.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // On a thread of its own: a runtime may not be waited for inside another one.
        let stopped = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5))).join();
        debug_assert!(stopped.is_ok(), "a runtime stops without panic");
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.halt();
    }
}
