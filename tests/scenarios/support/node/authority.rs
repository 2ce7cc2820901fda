//! Who is who on a node: one authority, and what it signed for each program.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// The authority of a cluster.
pub struct Authority {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "scenarios-node");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        Self { ca: ca.expect("an authority") }
    }

    /// Its certificate as PEM.
    pub fn pem(&self) -> String {
        self.ca.pem()
    }

    fn sign(&self, names: &[&str], common_name: &str, group: Option<&str>) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("good names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.ca).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// Writes a certificate for these names and its key into a folder.
    pub fn certificate(&self, folder: &Path, name: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.sign(names, name, None);
        let (at, key_at) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&at, certificate).expect("the folder can be written");
        std::fs::write(&key_at, key).expect("the folder can be written");
        (at, key_at)
    }

    /// Writes a kubeconfig for somebody into a folder.
    pub fn kubeconfig(&self, folder: &Path, url: &str, user: &str, group: Option<&str>) -> PathBuf {
        let (certificate, key) = self.sign(&[], user, group);
        let [ca, certificate, key] = [self.pem(), certificate, key].map(|text| STANDARD.encode(text));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: node\n\
             clusters: [{{ name: node, cluster: {{ server: '{url}', certificate-authority-data: {ca} }} }}]\n\
             users: [{{ name: node, user: {{ client-certificate-data: {certificate}, client-key-data: {key} }} }}]\n\
             contexts: [{{ name: node, context: {{ cluster: node, user: node }} }}]\n"
        );
        let path = folder.join(format!("{}.kubeconfig", user.replace(':', "-")));
        std::fs::write(&path, text).expect("the folder can be written");
        path
    }
}
