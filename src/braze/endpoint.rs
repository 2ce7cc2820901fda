//! The four endpoints that are used, and the URLs at which they are.

use url::{Host, Url};

use super::BrazeError;
use super::limiter::Family;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Track,
    Delete,
    Export,
    Status,
}

impl Call {
    /// Which rate limit it draws from (braze-rest-api 2).
    pub(super) fn family(self) -> Family {
        match self {
            Self::Track => Family::Track,
            Self::Delete => Family::Delete,
            Self::Export => Family::Export,
            Self::Status => Family::Default,
        }
    }

    /// The permission that a key needs for it (braze-rest-api 1.3).
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Track => "users.track",
            Self::Delete => "users.delete",
            Self::Export => "users.export.ids",
            Self::Status => "subscription.status.get",
        }
    }
}

/// The URLs of one workspace.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    track: Url,
    delete: Url,
    export: Url,
    status: Url,
    /// Whether the endpoint is this machine, without TLS.
    pub(super) is_local: bool,
}

impl Endpoints {
    /// The URLs below a base URL, which must be https with nothing but a host (http for this machine).
    pub(super) fn new(base: &str) -> Result<Self, BrazeError> {
        let base = Url::parse(base).map_err(|_| BrazeError::InvalidEndpoint)?;
        let plain = base.path() == "/"
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        let is_local = base.scheme() == "http" && is_loopback(&base);
        if !plain || !(base.scheme() == "https" || is_local) {
            return Err(BrazeError::InvalidEndpoint);
        }
        let at = |path| base.join(path).map_err(|_| BrazeError::InvalidEndpoint);
        Ok(Self {
            track: at("/users/track")?,
            delete: at("/users/delete")?,
            export: at("/users/export/ids")?,
            status: at("/subscription/status/get")?,
            is_local,
        })
    }

    /// Host of all URLs, as they are sent to.
    pub(super) fn host(&self) -> String {
        self.track.host_str().unwrap_or_default().to_owned()
    }

    pub(super) fn url(&self, call: Call) -> &Url {
        match call {
            Call::Track => &self.track,
            Call::Delete => &self.delete,
            Call::Export => &self.export,
            Call::Status => &self.status,
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// braze-rest-api 1.4: https only, no trailing slash behind the path.
    #[test]
    fn paths_are_put_below_the_host_without_a_trailing_slash() {
        for base in ["https://rest.iad-01.braze.com", "https://rest.iad-01.braze.com/"] {
            let endpoints = Endpoints::new(base).expect("a valid base");
            assert_eq!(endpoints.url(Call::Track).as_str(), "https://rest.iad-01.braze.com/users/track");
            assert_eq!(endpoints.url(Call::Export).path(), "/users/export/ids");
            assert!(!endpoints.is_local);
        }
        assert!(Endpoints::new("http://127.0.0.1:8080").expect("loopback").is_local);
        assert!(Endpoints::new("http://localhost:8080").expect("loopback").is_local);
    }

    #[test]
    fn an_endpoint_that_would_send_the_key_astray_is_refused() {
        for base in [
            "http://rest.iad-01.braze.com",
            "https://rest.iad-01.braze.com/users/track",
            "https://user:secret@rest.iad-01.braze.com",
            "https://rest.iad-01.braze.com?x=1",
            "ftp://127.0.0.1",
            "rest.iad-01.braze.com",
            "",
        ] {
            assert_eq!(Endpoints::new(base).expect_err(base), BrazeError::InvalidEndpoint);
        }
    }
}
