//! Certificates of a private authority: for a server with another name than its address, and for a client.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Name in the server's certificate.
pub const SERVER_NAME: &str = "db.internal";

/// Texts in PEM.
pub struct Certificates {
    /// The authority.
    pub ca: String,
    /// The server's certificate and key.
    pub server: (String, String),
    /// The client's certificate and key.
    pub client: (String, String),
}

impl Certificates {
    /// Makes an authority and what it signs. `client` is the name that the client's certificate carries.
    pub fn new(client: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "scenarios");
        let ca =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let sign = |names: Vec<String>, common_name: &str| {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(names).expect("good names");
            params.distinguished_name.push(DnType::CommonName, common_name);
            let certificate = params.signed_by(&key, &ca).expect("a certificate");
            (certificate.pem(), key.serialize_pem())
        };
        Self {
            ca: ca.pem(),
            server: sign(vec![SERVER_NAME.to_owned()], SERVER_NAME),
            client: sign(Vec::new(), client),
        }
    }
}
