//! One attempt: a request leaves, and an answer, or the lack of one, comes back.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use grouparoo_clock::Clock;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, Response, redirect};

use super::endpoint::{Call, Endpoints};
use super::guard::{self, GuardedNames};
use super::{BrazeConfig, BrazeError, Outage};

/// A connection that does not come about in this time never will.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A request without its whole answer by then counts as lost; a takeover of a state waits for it too.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Idle connections are closed before common load balancers do it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Longest answer that is read; the longest proper one is an export of 50 users with two short fields.
const LONGEST_ANSWER: usize = 4 << 20;

/// Sends single requests.
pub(super) struct Transport {
    client: Client,
    endpoints: Endpoints,
    /// The host is written as an address that may not be connected to; no name service is asked for it.
    is_refused: bool,
    clock: Clock,
}

/// What is sent.
#[derive(Clone)]
pub(super) enum Payload {
    /// A JSON body, by POST.
    Body(Bytes),
    /// A query, without its question mark, by GET.
    Query(String),
}

/// How an attempt ended.
pub(super) enum Attempt {
    /// With an answer; the body is missing when it broke off.
    Answer { status: u16, headers: HeaderMap, body: Option<Bytes> },
    /// Before anything could have left.
    Unsent(Outage),
    /// Without an answer, after the request may have left.
    Lost(Outage),
}

impl Transport {
    pub(super) fn new(config: &BrazeConfig, clock: Clock) -> Result<Self, BrazeError> {
        let endpoints = Endpoints::new(&config.endpoint)?;
        let mut builder = Client::builder()
            .user_agent(concat!("grouparoo/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if endpoints.is_local {
            // No TLS, so no certificates to load, and no proxy between this machine and itself.
            builder = builder.no_proxy().tls_certs_only([]);
        } else {
            builder = builder.https_only(true);
            if let Some(pem) = &config.extra_ca {
                let extra =
                    Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| BrazeError::InvalidCa)?;
                if extra.is_empty() {
                    return Err(BrazeError::InvalidCa);
                }
                builder = builder.tls_certs_merge(extra);
            }
        }
        let mut is_refused = false;
        if let Some(guard) = &config.guard {
            let host = endpoints.host();
            is_refused = guard::address(&host).is_some_and(|address| guard.check(address).is_err());
            builder = builder.dns_resolver(GuardedNames::new(host, guard.clone()));
        }
        let client = builder.build().map_err(|_| BrazeError::ClientSetup)?;
        Ok(Self { client, endpoints, is_refused, clock })
    }

    /// Length of the URL of a call with a query of this length.
    pub(super) fn url_bytes(&self, call: Call, query: usize) -> usize {
        self.endpoints.url(call).as_str().len() + 1 + query
    }

    /// Sends once. The key is in `authorization` and goes nowhere else.
    pub(super) async fn send(&self, call: Call, payload: &Payload, authorization: HeaderValue) -> Attempt {
        if self.is_refused {
            return Attempt::Unsent(Outage::NotAllowed);
        }
        let mut url = self.endpoints.url(call).clone();
        let request = match payload {
            Payload::Body(body) => self
                .client
                .post(url)
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.clone()),
            Payload::Query(query) => {
                url.set_query(Some(query));
                self.client.get(url)
            }
        };
        let request = request.header(AUTHORIZATION, authorization);
        let mut head = None;
        let exchange = async {
            let mut response = request.send().await?;
            let headers = std::mem::take(response.headers_mut());
            head = Some((response.status().as_u16(), headers));
            read(response).await
        };
        let body = self.clock.timeout(REQUEST_TIMEOUT, exchange).await;
        match (head, body) {
            (Some((status, headers)), Some(Ok(body))) => Attempt::Answer { status, headers, body },
            (Some((status, headers)), _) => Attempt::Answer { status, headers, body: None },
            (None, Some(Err(error))) => without_answer(&error),
            (None, _) => Attempt::Lost(Outage::Timeout),
        }
    }
}

/// The body, or nothing when it is too long.
async fn read(mut response: Response) -> Result<Option<Bytes>, reqwest::Error> {
    let Some(first) = response.chunk().await? else { return Ok(Some(Bytes::new())) };
    let Some(second) = response.chunk().await? else { return Ok(Some(first)) };
    let mut body = BytesMut::from(&first[..]);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await?;
    }
    Ok(Some(body.freeze()))
}

/// What an error says about the request. Only errors of the connection's beginning prove that nothing left.
fn without_answer(error: &reqwest::Error) -> Attempt {
    if guard::is_refusal(error) {
        Attempt::Unsent(Outage::NotAllowed)
    } else if error.is_dns() {
        Attempt::Unsent(Outage::Dns)
    } else if error.is_connect() {
        Attempt::Unsent(tls_outage(error).unwrap_or(Outage::Connect))
    } else if error.is_builder() {
        Attempt::Unsent(Outage::Connect)
    } else {
        Attempt::Lost(Outage::Broken)
    }
}

/// The trouble with TLS somewhere below an error, if that is what it is.
fn tls_outage(error: &(dyn Error + 'static)) -> Option<Outage> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            let certificate = matches!(tls, rustls::Error::InvalidCertificate(_));
            return Some(if certificate { Outage::Certificate } else { Outage::Tls });
        }
        // The source of an I/O error is the source of what it wraps, which would be passed over.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
