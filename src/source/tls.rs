//! Encryption of a connection to a database: with full verification, or none at all.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::SourceError;

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

/// Makes the client's side of TLS.
pub(super) fn client_config(
    roots: &TlsRoots,
    client: Option<&ClientCertificate>,
) -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| SourceError::Invalid(format!("TLS cannot be set up: {e}")))?;
    let verified = match roots {
        TlsRoots::Platform => builder
            .with_platform_verifier()
            .map_err(|e| SourceError::Invalid(format!("the system's trusted certificates: {e}")))?,
        TlsRoots::Pem(pem) => builder.with_root_certificates(root_store(pem)?),
    };
    let Some(client) = client else { return Ok(verified.with_no_client_auth()) };
    let chain = certificates(&client.chain_pem, "the client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(client.key_pem.expose_secret().as_bytes()).map_err(|_| {
        SourceError::Invalid("the key of the client certificate is not an unencrypted PEM key".to_owned())
    })?;
    verified
        .with_client_auth_cert(chain, key)
        .map_err(|e| SourceError::Invalid(format!("the client certificate does not fit its key: {e}")))
}

fn root_store(pem: &[u8]) -> Result<RootCertStore, SourceError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem, "the CA")? {
        store.add(certificate).map_err(|e| SourceError::Invalid(format!("the CA is not usable: {e}")))?;
    }
    Ok(store)
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, SourceError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(SourceError::Invalid(format!("{what} holds no PEM certificate"))),
        Err(_) => Err(SourceError::Invalid(format!("{what} is not PEM"))),
    }
}
