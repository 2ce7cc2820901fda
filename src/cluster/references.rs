//! Which Secrets and ConfigMaps an object refers to, and reading exactly these.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use grouparoo_clock::Clock;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::GetParams;
use kube::core::{Request, Status};
use kube::{Api, Client, Resource as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Deserialize;
use zeroize::Zeroize as _;

use super::ClusterError;
use super::bounded::{CALL_LIMIT, bounded};
use super::snapshot::{Entries, SecretEntry, Snapshot};
use crate::api::model::ModelSpec;
use crate::api::shared::{KeyRef, Ref};
use crate::api::source::{Server, SourceSpec};
use crate::api::{BrazeApp, Model, Source};

/// Objects that are read at the same time.
const AT_ONCE: usize = 4;

/// Names of Secrets and ConfigMaps of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Names of Secrets.
    pub secrets: BTreeSet<String>,
    /// Names of ConfigMaps.
    pub config_maps: BTreeSet<String>,
}

impl References {
    /// These and those.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.secrets.extend(other.secrets);
        self.config_maps.extend(other.config_maps);
        self
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.config_maps.is_empty()
    }

    fn secret(&mut self, key: Option<&KeyRef>) {
        self.secrets.extend(key.map(|key| key.name.clone()));
    }

    fn config_map(&mut self, key: Option<&KeyRef>) {
        self.config_maps.extend(key.map(|key| key.name.clone()));
    }

    fn server(&mut self, server: Option<&Server>) {
        let Some(server) = server else { return };
        self.secret(server.user_secret_ref.as_ref());
        self.secret(server.password_secret_ref.as_ref());
        self.secret(server.url_secret_ref.as_ref());
        if let Some(tls) = &server.tls {
            self.secret(tls.ca_secret_ref.as_ref());
            self.config_map(tls.ca_config_map_ref.as_ref());
            self.secrets.extend(tls.client_cert_secret_ref.as_ref().map(|secret| secret.name.clone()));
        }
    }
}

/// What a BrazeApp refers to: its key and its certificates.
pub fn references_of_app(app: &BrazeApp) -> References {
    let mut found = References::default();
    found.secret(Some(&app.spec.api_key_secret_ref));
    if let Some(tls) = &app.spec.tls {
        found.secret(tls.ca_secret_ref.as_ref());
        found.config_map(tls.ca_config_map_ref.as_ref());
    }
    found
}

/// What a Source refers to: login, certificates, files in a ConfigMap.
pub fn references_of_source(source: &Source) -> References {
    let SourceSpec { postgres, mysql, csv, .. } = &source.spec;
    let mut found = References::default();
    found.server(postgres.as_ref());
    found.server(mysql.as_ref());
    let files: Option<&Ref> = csv.as_ref().and_then(|csv| csv.config_map_ref.as_ref());
    found.config_maps.extend(files.map(|map| map.name.clone()));
    found
}

/// What a Model refers to: its query in a ConfigMap.
pub fn references_of_model(model: &Model) -> References {
    let ModelSpec { query_from, .. } = &model.spec;
    let mut found = References::default();
    found.config_map(query_from.as_ref().map(|from| &from.config_map_key_ref));
    found
}

/// Reads the objects of one namespace, each once, now. What does not exist is not in the snapshot.
///
/// `data_root`: folder of the files of Sources, with one folder a namespace; `None`: there are no such files.
///
/// # Errors
/// [`ClusterError::SecretForbidden`] where the role does not allow a Secret, and what any call may meet.
pub async fn fetch(
    client: &Client,
    clock: &Clock,
    namespace: &str,
    references: &References,
    data_root: Option<&Path>,
) -> Result<Snapshot, ClusterError> {
    // Names of their own: the futures must be `Send` for any lifetime.
    let secrets = futures::stream::iter(references.secrets.clone())
        .map(|name| async move { secret(client, clock, namespace, &name).await.map(|found| (name, found)) })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|(name, found)| async move { Ok(found.map(|found| (name, found))) })
        .try_collect();
    let config_maps =
        futures::stream::iter(references.config_maps.clone())
            .map(|name| async move {
                config_map(client, clock, namespace, &name).await.map(|found| (name, found))
            })
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|(name, found)| async move { Ok(found.map(|found| (name, found))) })
            .try_collect();
    let (secrets, config_maps) = futures::try_join!(secrets, config_maps)?;
    Ok(Snapshot::new(namespace, secrets, config_maps, data_root.map(Path::to_owned)))
}

async fn config_map(
    client: &Client,
    clock: &Clock,
    namespace: &str,
    name: &str,
) -> Result<Option<Entries>, ClusterError> {
    let what = format!("ConfigMap {name}");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let Some(map) = bounded(clock, CALL_LIMIT, "get", &what, maps.get_opt(name)).await? else {
        return Ok(None);
    };
    let texts = map.data.into_iter().flatten().map(|(key, text)| (key, Bytes::from(text)));
    let binaries = map.binary_data.into_iter().flatten().map(|(key, value)| (key, Bytes::from(value.0)));
    Ok(Some(texts.chain(binaries).collect()))
}

/// As much of a Secret as is needed.
#[derive(Deserialize)]
struct Wire {
    metadata: WireMetadata,
    #[serde(default)]
    data: Option<std::collections::BTreeMap<String, SecretString>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

/// One Secret. Not by the client's typed calls: these write an answer that they cannot read into the log.
async fn secret(
    client: &Client,
    clock: &Clock,
    namespace: &str,
    name: &str,
) -> Result<Option<SecretEntry>, ClusterError> {
    const VERB: &str = "get";
    let what = format!("Secret {name}");
    let path = Secret::url_path(&(), Some(namespace));
    let request = Request::new(path).get(name, &GetParams::default()).map_err(|_| ClusterError::Refused {
        verb: VERB,
        what: what.clone(),
        code: 400,
        detail: String::new(),
    })?;
    let call = async {
        let answer = client.send(request.map(Into::into)).await?;
        let code = answer.status().as_u16();
        Ok((code, answer.into_body().collect_bytes().await?))
    };
    let (code, body) = bounded(clock, CALL_LIMIT, VERB, &what, call).await?;
    match code {
        200..=299 => {
            let read = read(&body);
            wipe(body);
            read.map(Some).ok_or(ClusterError::Unreadable { verb: VERB, what })
        }
        404 => Ok(None),
        403 => Err(ClusterError::SecretForbidden { namespace: namespace.to_owned(), name: name.to_owned() }),
        code => {
            let mut status: Status = serde_json::from_slice(&body).unwrap_or_default();
            status.code = code;
            Err(ClusterError::from_status(&status, VERB, what))
        }
    }
}

fn read(body: &[u8]) -> Option<SecretEntry> {
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let mut data = std::collections::BTreeMap::new();
    for (key, text) in wire.data.into_iter().flatten() {
        let value = STANDARD.decode(text.expose_secret()).ok()?;
        data.insert(key, SecretSlice::from(value));
    }
    Some(SecretEntry {
        resource_version: wire.metadata.resource_version,
        annotations: wire.metadata.annotations.unwrap_or_default(),
        data,
    })
}

/// Leaves nothing of an answer in memory, where it is ours alone.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
