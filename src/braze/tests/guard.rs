//! Where a key is sent, and where it is not.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use grouparoo_clock::Clock;

use crate::braze::testing::{Server, answer, batch, config, success};
use crate::braze::{Braze, BrazeError, Outage};
use crate::data::AddressGuard;

fn client(endpoint: &str, guard: AddressGuard) -> Braze {
    let mut config = config(endpoint);
    config.guard = Some(guard);
    Braze::new(config, Clock::system()).expect("a client")
}

fn refusing() -> AddressGuard {
    AddressGuard::new(|_| Err("not here".to_owned()))
}

/// conventions 12: resolve once, check the address, connect to that address
#[tokio::test]
async fn a_name_that_leads_to_a_refused_address_is_not_connected_to() {
    let server = Server::new(|_| success()).await;
    for host in ["localhost", "127.0.0.1"] {
        let endpoint = format!("http://{host}:{}", server.address.port());
        let client = client(&endpoint, refusing());
        let report = client.test().await;
        assert_eq!(report.error, Some(BrazeError::EndpointNotAllowed), "{host}");
        assert_eq!(BrazeError::EndpointNotAllowed.reason(), "EndpointNotAllowed");
        // A run ends at once: waiting makes no address better.
        let delivery = client.track(&mut batch(0..2), None).await;
        assert_eq!(delivery.stop, Some(BrazeError::EndpointNotAllowed), "{host}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_guard_is_asked_for_the_address_that_is_connected_to() {
    let server = Server::new(|_| success()).await;
    let asked: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
    let noted = asked.clone();
    let guard = AddressGuard::new(move |address| {
        noted.lock().expect("not poisoned").push(address);
        Ok(())
    });
    let client = client(&format!("http://localhost:{}", server.address.port()), guard);
    let delivery = client.track(&mut batch(0..2), None).await;
    assert_eq!(delivery.stop, None);
    assert_eq!(server.seen().len(), 1);
    assert!(asked.lock().expect("not poisoned").contains(&server.address.ip()));
}

#[tokio::test]
async fn a_name_without_an_address_is_trouble_with_names_and_no_refusal() {
    let client = client("https://no-such-host.invalid", refusing());
    let report = client.test().await;
    assert_eq!(report.error, Some(BrazeError::EndpointUnreachable { cause: Outage::Dns }));
}

/// conventions 12: no redirects
#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_key_along() {
    for status in [301, 302, 303, 307, 308] {
        let thief = Server::new(|_| success()).await;
        let elsewhere = format!("http://{}/users/track", thief.address);
        let server = Server::new(move |_| answer(status, "").with("location", &elsewhere)).await;
        let client = Braze::new(server.config(), Clock::system()).expect("a client");
        let delivery = client.track(&mut batch(0..2), None).await;
        assert_eq!(delivery.stop, Some(BrazeError::NotBraze { status }));
        assert_eq!(server.seen().len(), 1);
        assert!(thief.seen().is_empty());
    }
}
