//! Does every reference lead somewhere?

use kube::ResourceExt;

use crate::api::Found;
use crate::api::shared::{KeyRef, Ref};
use crate::api::source::Server;

use super::error::ManifestError;
use super::object::Seen;
use super::set::{Loaded, LoadedSet, Origin};

/// Problems that are listed; each costs a look at all objects.
const MOST_PROBLEMS: usize = 200;

/// One problem for every reference that leads nowhere. `known`: all objects that were seen, also those that have
/// problems themselves.
pub(super) fn missing(set: &LoadedSet, known: &Seen) -> Vec<ManifestError> {
    let mut search = Search { set, known, found: Vec::new() };
    for app in set.braze_apps() {
        let spec = &app.object.spec;
        let mut at = search.at("BrazeApp", app);
        at.secret_key("spec.apiKeySecretRef", Some(&spec.api_key_secret_ref));
        if let Some(tls) = &spec.tls {
            at.secret_key("spec.tls.caSecretRef", tls.ca_secret_ref.as_ref());
            at.config_map_key("spec.tls.caConfigMapRef", tls.ca_config_map_ref.as_ref());
        }
    }
    for source in set.sources() {
        let spec = &source.object.spec;
        let mut at = search.at("Source", source);
        at.server("spec.postgres", spec.postgres.as_ref());
        at.server("spec.mysql", spec.mysql.as_ref());
        at.object(
            "spec.csv.configMapRef",
            "ConfigMap",
            spec.csv.as_ref().and_then(|csv| csv.config_map_ref.as_ref()),
        );
    }
    for model in set.models() {
        let spec = &model.object.spec;
        let mut at = search.at("Model", model);
        at.object("spec.sourceRef", "Source", Some(&spec.source_ref));
        let query = spec.query_from.as_ref().map(|from| &from.config_map_key_ref);
        at.config_map_key("spec.queryFrom.configMapKeyRef", query);
    }
    for destination in set.destinations() {
        let spec = &destination.object.spec;
        let mut at = search.at("Destination", destination);
        at.object("spec.appRef", "BrazeApp", Some(&spec.app_ref));
        at.object("spec.modelRef", "Model", Some(&spec.model_ref));
    }
    for run in set.sync_runs() {
        let mut at = search.at("SyncRun", run);
        at.object("spec.destinationRef", "Destination", Some(&run.object.spec.destination_ref));
    }
    search.found
}

struct Search<'a> {
    set: &'a LoadedSet,
    known: &'a Seen,
    found: Vec<ManifestError>,
}

/// The references of one object.
struct At<'s, 'a> {
    search: &'s mut Search<'a>,
    origin: Origin,
    object: String,
    namespace: String,
}

impl<'a> Search<'a> {
    fn at<T: ResourceExt>(&mut self, kind: &str, loaded: &Loaded<T>) -> At<'_, 'a> {
        At {
            origin: loaded.origin.clone(),
            object: format!("{kind} {}", loaded.object.name_any()),
            namespace: loaded.object.namespace().unwrap_or_default(),
            search: self,
        }
    }
}

impl At<'_, '_> {
    fn report(&mut self, field: String, message: String) {
        self.search.found.push(ManifestError {
            file: self.origin.file.clone(),
            line: Some(self.origin.line),
            document: Some(self.origin.document),
            object: Some(self.object.clone()),
            field: Some(field),
            message,
        });
    }

    fn object(&mut self, field: &str, kind: &str, reference: Option<&Ref>) {
        if let Some(reference) = reference {
            self.exists(field, kind, &reference.name);
        }
    }

    fn exists(&mut self, field: &str, kind: &str, name: &str) -> bool {
        let key = (kind.to_owned(), self.namespace.clone(), name.to_owned());
        if self.search.known.contains_key(&key) {
            return true;
        }
        if self.search.found.len() >= MOST_PROBLEMS {
            return false;
        }
        let same_kind = self.search.known.keys().filter(|(known, _, _)| known == kind);
        let mut elsewhere = None;
        let mut here: Vec<&str> = Vec::new();
        for (_, namespace, known) in same_kind {
            match (*namespace == self.namespace, known == name) {
                (false, true) => elsewhere = Some(namespace.clone()),
                (true, false) => here.push(known),
                _ => {}
            }
        }
        here.sort_unstable();
        let hint = match elsewhere {
            Some(namespace) => format!("; one is in namespace {namespace}, but references stay in their own"),
            None if here.is_empty() => String::new(),
            None if here.len() == 1 => format!("; there is {}", here[0]),
            None if here.len() <= 5 => format!("; there are {}", here.join(", ")),
            None => format!("; there are {} others", here.len()),
        };
        let message = format!("there is no {kind} {name} in namespace {}{hint}", self.namespace);
        self.report(format!("{field}.name"), message);
        false
    }

    fn no_key(&mut self, field: &str, kind: &str, reference: &KeyRef, keys: Vec<String>) {
        let hint = match keys.len() {
            0 => "; it has no keys".to_owned(),
            1..=8 => format!("; its keys are {}", keys.join(", ")),
            many => format!("; it has {many} others"),
        };
        let message = format!("{kind} {} has no key {}{hint}", reference.name, reference.key);
        self.report(format!("{field}.key"), message);
    }

    fn secret_key(&mut self, field: &str, reference: Option<&KeyRef>) {
        let Some(reference) = reference else { return };
        if !self.exists(field, "Secret", &reference.name) {
            return;
        }
        let Some(secret) = self.search.set.secret(&self.namespace, &reference.name) else { return };
        match secret.value(&reference.key) {
            Found::NoKey => {
                let keys = secret.keys().map(str::to_owned).collect();
                self.no_key(field, "Secret", reference, keys);
            }
            Found::NotText => {
                let message = format!("key {} of Secret {} is not UTF-8 text", reference.key, reference.name);
                self.report(format!("{field}.key"), message);
            }
            Found::Value(_) | Found::NoObject => {}
        }
    }

    fn config_map_key(&mut self, field: &str, reference: Option<&KeyRef>) {
        let Some(reference) = reference else { return };
        if !self.exists(field, "ConfigMap", &reference.name) {
            return;
        }
        let Some(map) = self.search.set.config_map(&self.namespace, &reference.name) else { return };
        match map.text(&reference.key) {
            Found::NoKey => {
                let keys = map.entries().keys().cloned().collect();
                self.no_key(field, "ConfigMap", reference, keys);
            }
            Found::NotText => {
                let message =
                    format!("key {} of ConfigMap {} is not UTF-8 text", reference.key, reference.name);
                self.report(format!("{field}.key"), message);
            }
            Found::Value(_) | Found::NoObject => {}
        }
    }

    fn server(&mut self, field: &str, server: Option<&Server>) {
        let Some(server) = server else { return };
        self.secret_key(&format!("{field}.userSecretRef"), server.user_secret_ref.as_ref());
        self.secret_key(&format!("{field}.passwordSecretRef"), server.password_secret_ref.as_ref());
        self.secret_key(&format!("{field}.urlSecretRef"), server.url_secret_ref.as_ref());
        let Some(tls) = &server.tls else { return };
        self.secret_key(&format!("{field}.tls.caSecretRef"), tls.ca_secret_ref.as_ref());
        self.config_map_key(&format!("{field}.tls.caConfigMapRef"), tls.ca_config_map_ref.as_ref());
        if let Some(client) = &tls.client_cert_secret_ref {
            let field = format!("{field}.tls.clientCertSecretRef");
            if self.exists(&field, "Secret", &client.name)
                && let Some(secret) = self.search.set.secret(&self.namespace, &client.name)
                && !["tls.crt", "tls.key"].into_iter().all(|key| secret.keys().any(|known| known == key))
            {
                let message = format!("Secret {} must hold both keys tls.crt and tls.key", client.name);
                self.report(format!("{field}.name"), message);
            }
        }
    }
}
