//! Encryption of a connection to a database: with full verification, or none at all.

use std::fmt;

use secrecy::SecretString;

/// How a connection is encrypted. There is no way to encrypt without verifying.
#[derive(Clone, Debug)]
pub enum Tls {
    /// Chain and name of the server's certificate are checked.
    VerifyFull {
        /// Name to expect in the certificate, when it is not the host.
        server_name: Option<String>,
        /// Whose certificates are believed.
        roots: TlsRoots,
        /// Certificate to log in with.
        client: Option<ClientCertificate>,
    },
    /// Everything goes in clear text.
    Disabled,
}

impl Default for Tls {
    fn default() -> Self {
        Self::VerifyFull { server_name: None, roots: TlsRoots::Platform, client: None }
    }
}

/// Whose certificates are believed.
#[derive(Clone)]
pub enum TlsRoots {
    /// The authorities that the operating system trusts.
    Platform,
    /// The certificates of this PEM text, and no others.
    Pem(Vec<u8>),
}

impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "Platform",
            Self::Pem(_) => "Pem",
        })
    }
}

/// A certificate and its key, as a Secret of type `kubernetes.io/tls` holds them.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate and those between it and the authority, as PEM.
    pub chain_pem: Vec<u8>,
    /// The private key, as PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key_pem: SecretString,
}
