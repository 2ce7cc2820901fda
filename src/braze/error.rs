//! What can go wrong with a workspace as a whole, in words of our own.
//!
//! No variant carries text from Braze or from the network: a 401 of Braze repeats the key, and error texts
//! of lower layers repeat URLs.

/// Why a call to Braze, or a run that needs it, cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BrazeError {
    /// The endpoint in the configuration is no base URL that may be used.
    #[error("the REST endpoint must be an https URL with a host and no path (http only for this machine)")]
    InvalidEndpoint,
    /// The API key cannot stand in a header.
    #[error("the REST API key is empty or contains characters that no Braze key has")]
    InvalidKey,
    /// The extra certificates cannot be read.
    #[error("the extra certificate authority is not a list of PEM certificates")]
    InvalidCa,
    /// The TLS library or the machine's certificates could not be set up.
    #[error("the HTTPS client could not be set up; the machine's CA certificates may be missing")]
    ClientSetup,
    /// Braze does not know the key (401), or does not let it write (403).
    #[error("Braze refused the REST API key with status {status}")]
    AuthenticationFailed {
        /// HTTP status of the answer.
        status: u16,
    },
    /// What answers at the endpoint has no such path: 404, or a redirect.
    #[error("the REST endpoint answered with status {status}: it is not Braze's REST API")]
    NotBraze {
        /// HTTP status of the answer.
        status: u16,
    },
    /// The key works, but lacks one permission.
    #[error("the REST API key lacks the permission {permission}")]
    PermissionMissing {
        /// Braze's name of the permission.
        permission: &'static str,
    },
    /// Braze refused a whole request, or several in a row, without naming what is wrong with them.
    #[error("Braze refused requests without naming an object as the cause (status {status})")]
    RequestRefused {
        /// HTTP status of the answer.
        status: u16,
    },
    /// Nothing at the endpoint answers: name, connection or TLS handshake (found by the connection test).
    #[error("the REST endpoint cannot be reached: {cause}")]
    EndpointUnreachable {
        /// What the last attempt met.
        cause: Outage,
    },
    /// The certificate of the endpoint is not trusted (found by the connection test).
    #[error("the certificate of the REST endpoint is not trusted, or is for another host")]
    CertificateInvalid,
    /// The host of the endpoint leads to an address that the cluster's operator does not allow.
    #[error("the host of the REST endpoint leads to an address that is not allowed")]
    EndpointNotAllowed,
    /// Braze stayed away for longer than `limits.retryFor`.
    #[error("Braze was not available for longer than retryFor: {cause}")]
    Unavailable {
        /// What the last attempt met.
        cause: Outage,
    },
}

/// What an attempt met instead of an answer that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Outage {
    /// The host name is not known.
    #[error("the host name is not known")]
    Dns,
    /// The host leads to an address that is not allowed.
    #[error("the host leads to an address that is not allowed")]
    NotAllowed,
    /// No connection came about.
    #[error("no connection")]
    Connect,
    /// The certificate is not trusted.
    #[error("the certificate is not trusted")]
    Certificate,
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed")]
    Tls,
    /// No answer within the request time-out.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the request had left, or may have.
    #[error("the connection broke before the answer")]
    Broken,
    /// A success without a body that can be read.
    #[error("an answer that cannot be read")]
    Unreadable,
    /// A status of 500 or above.
    #[error("status {0}")]
    Status(u16),
    /// Other requests to the same workspace fail, and this one waited for its turn to try.
    #[error("earlier requests to the workspace failed")]
    Circuit,
}

/// What kind of trouble an error is, and so who can end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// It passes by itself; trying later is right.
    Transient,
    /// Something that the workspace's owner must change: a key, a permission.
    Dependency,
    /// A value of the configuration is wrong.
    Invalid,
    /// Braze does not accept what we built: our own fault, most likely.
    Bug,
}

impl BrazeError {
    /// Who can end the trouble.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::InvalidEndpoint | Self::InvalidKey | Self::InvalidCa | Self::NotBraze { .. } => {
                ErrorClass::Invalid
            }
            Self::AuthenticationFailed { .. } | Self::PermissionMissing { .. } | Self::CertificateInvalid => {
                ErrorClass::Dependency
            }
            Self::ClientSetup | Self::EndpointNotAllowed => ErrorClass::Dependency,
            Self::RequestRefused { .. } => ErrorClass::Bug,
            Self::EndpointUnreachable { .. } | Self::Unavailable { .. } => ErrorClass::Transient,
        }
    }

    /// The reason for a condition, an event or an exit code: one of the closed lists of the API.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidEndpoint | Self::InvalidKey | Self::InvalidCa => "InvalidSpec",
            Self::ClientSetup | Self::CertificateInvalid => "CertificateInvalid",
            Self::AuthenticationFailed { .. } | Self::NotBraze { .. } => "AuthenticationFailed",
            Self::PermissionMissing { .. } => "PermissionMissing",
            Self::RequestRefused { .. } => "RequestRefused",
            Self::EndpointUnreachable { .. } => "EndpointUnreachable",
            Self::EndpointNotAllowed => "EndpointNotAllowed",
            Self::Unavailable { .. } => "BrazeUnavailable",
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::InvalidEndpoint => "write the REST endpoint that the Braze dashboard shows, without a path",
            Self::InvalidKey => {
                "write the REST API key into the Secret exactly as Braze shows it, without quotes"
            }
            Self::InvalidCa => "give PEM certificates (BEGIN CERTIFICATE) in tls",
            Self::ClientSetup => "install ca-certificates, or set SSL_CERT_FILE",
            Self::AuthenticationFailed { status: 403 } => {
                "give the key the permission users.track and check its IP allow list; a key cannot be changed, so make a new one"
            }
            Self::AuthenticationFailed { .. } => {
                "check that the key belongs to this instance of Braze and was not revoked; write the right one into the Secret"
            }
            Self::NotBraze { .. } => "check restEndpoint against the Braze dashboard: host without a path",
            Self::PermissionMissing { .. } => {
                "make a key with this permission and write it into the Secret; permissions of a key cannot be changed"
            }
            Self::RequestRefused { .. } => {
                "look at the rejected records for what they have in common; lower limits.objectsPerRequest if your contract allows fewer objects"
            }
            Self::EndpointUnreachable { .. } => {
                "check restEndpoint, name resolution, egress rules and proxies"
            }
            Self::CertificateInvalid => {
                "check restEndpoint; if a proxy or test server has its own certificate authority, name it in tls"
            }
            Self::EndpointNotAllowed => {
                "correct restEndpoint or the name service; the cluster's operator can list the address in allowedHosts"
            }
            Self::Unavailable { .. } => "see Braze's status page; the next run sends what is left",
        }
    }

    /// Whether nothing at all can be sent any more; a missing permission only takes away one kind of call.
    pub fn stops_everything(&self) -> bool {
        !matches!(self, Self::PermissionMissing { .. })
    }
}
