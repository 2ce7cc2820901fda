//! The judgement of one BrazeApp or Source.

use std::net::IpAddr;

use kube::ResourceExt as _;
use url::Url;

use super::address::{Kind, kind, spellings};
use super::pattern::{HostName, Hosts};
use super::{HostBinding, Policy, PrivateAddresses, SecretHosts, SourceType};
use crate::api::source::{Login, Server, System, TlsMode};
use crate::api::{ALLOWED_HOSTS_ANNOTATION, BrazeApp, Source};
use crate::braze::BrazeConfig;
use crate::controller::problem::{Problem, Reason};
use crate::data::AddressGuard;
use crate::source::{SourceConfig, System as Resolved};

/// Where a connection would go.
struct Target {
    host: HostName,
    port: u16,
}

/// Which list of the policy counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    App,
    Source,
}

impl Policy {
    /// Whether a BrazeApp may be looked at any further: before its Secrets are read.
    ///
    /// # Errors
    /// Why not: `EndpointNotAllowed`. A spec that cannot be understood passes here; it is refused when resolved.
    pub fn admit_app(&self, app: &BrazeApp) -> Result<(), Problem> {
        let Some((target, is_plain)) = app_target(app) else { return Ok(()) };
        self.judge(&target, Side::App, is_plain)
            .map_err(|message| problem("BrazeApp", app, app_field(app), message, Reason::EndpointNotAllowed))
    }

    /// Judges a BrazeApp that is resolved, and lets its configuration connect to nothing else.
    ///
    /// # Errors
    /// As [`Policy::admit_app`], and where the Secret of the key does not name the host.
    pub fn guard_app(
        &self,
        app: &BrazeApp,
        config: &mut BrazeConfig,
        secrets: &dyn SecretHosts,
    ) -> Result<(), Problem> {
        self.admit_app(app)?;
        let Some((target, is_plain)) = app_target(app) else { return Ok(()) };
        if !Hosts::of_braze().contain(&target.host, target.port) {
            let secret = &app.spec.api_key_secret_ref.name;
            self.bound(secret, &target, secrets).map_err(|message| {
                problem("BrazeApp", app, "spec.apiKeySecretRef", message, Reason::EndpointNotAllowed)
            })?;
        }
        config.guard = Some(self.guard(&target, Side::App, is_plain));
        Ok(())
    }

    /// Whether a Source may be looked at any further: before its Secrets are read.
    ///
    /// # Errors
    /// Why not: `EndpointNotAllowed`, or `InvalidSpec` for a type, a file or clear text that is not allowed.
    pub fn admit_source(&self, source: &Source) -> Result<(), Problem> {
        let Ok(system) = source.spec.system() else { return Ok(()) };
        let (kind, server) = match system {
            System::Postgres(server) => (SourceType::Postgres, Some(server)),
            System::Mysql(server) => (SourceType::Mysql, Some(server)),
            System::Sqlite(_) => (SourceType::Sqlite, None),
            System::Csv(_) => (SourceType::Csv, None),
        };
        let refuse =
            |field: String, message: String, reason| problem("Source", source, field, message, reason);
        let invalid = |field: &str, message: String| {
            Err(refuse(format!("spec.{kind}{field}"), message, Reason::InvalidSpec))
        };
        if !self.source_types.contains(&kind) {
            let known: Vec<&str> = self.source_types.iter().map(|kind| kind.as_str()).collect();
            return invalid(
                "",
                format!("this cluster allows no Sources of this type, only {}", known.join(", ")),
            );
        }
        let is_file = match system {
            System::Sqlite(_) => true,
            System::Csv(csv) => csv.directory.is_some(),
            _ => false,
        };
        if is_file && !self.data_root {
            return invalid(
                "",
                "this cluster offers no files: the chart value dataRoot is not set".to_owned(),
            );
        }
        let Some(server) = server else { return Ok(()) };
        let is_plain = server.tls.as_ref().is_some_and(|tls| tls.mode == Some(TlsMode::Disabled));
        if is_plain && self.require_tls {
            return invalid(".tls.mode", "this cluster requires TLS: Disabled is not allowed".to_owned());
        }
        match server.login() {
            Ok(Login::Fields { host, port, .. }) => {
                let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(default_port(kind));
                self.judge_text(host, port).map(drop).map_err(|message| {
                    refuse(format!("spec.{kind}.host"), message, Reason::EndpointNotAllowed)
                })
            }
            _ => Ok(()),
        }
    }

    /// Judges a Source that is resolved, and lets its configuration connect to nothing else.
    ///
    /// # Errors
    /// As [`Policy::admit_source`], also for a host out of a connection URL, and where a Secret of the login does
    /// not name the host.
    pub fn guard_source(
        &self,
        source: &Source,
        config: &mut SourceConfig,
        secrets: &dyn SecretHosts,
    ) -> Result<(), Problem> {
        self.admit_source(source)?;
        let (Resolved::Postgres(postgres), Ok(System::Postgres(server))) =
            (&mut config.system, source.spec.system())
        else {
            return Ok(());
        };
        let refuse = |field: &str, message: String| {
            problem("Source", source, format!("spec.postgres.{field}"), message, Reason::EndpointNotAllowed)
        };
        let is_url = server.url_secret_ref.is_some();
        let field = if is_url { "urlSecretRef" } else { "host" };
        let target = self
            .judge_text(&postgres.login.host, postgres.login.port)
            .map_err(|message| refuse(field, message))?;
        for (field, secret) in secrets_sent(server) {
            self.bound(secret, &target, secrets).map_err(|message| refuse(field, message))?;
        }
        postgres.guard = Some(self.guard(&target, Side::Source, false));
        Ok(())
    }

    fn judge_text(&self, host: &str, port: u16) -> Result<Target, String> {
        let host = HostName::parse(host).ok_or("the host is neither a name nor an address")?;
        let target = Target { host, port };
        self.judge(&target, Side::Source, false).map(|()| target)
    }

    /// What can be said of a host before its address is known.
    fn judge(&self, target: &Target, side: Side, is_plain: bool) -> Result<(), String> {
        let Target { host, port } = target;
        let (allowed, value) = self.list(side);
        if !allowed.contain(host, *port) {
            return Err(format!("host {host} is not allowed in this cluster: {value} has {allowed}"));
        }
        let named = allowed.name_exactly(host, *port);
        if host.is_local_name() && !named {
            return Err(format!("host {host} is this machine, which must be listed by its name in {value}"));
        }
        if host.is_api_server() && !named {
            return Err(format!("host {host} is the cluster's API server"));
        }
        if let HostName::Address(address) = host {
            self.rule(target, side, is_plain)(*address)
                .map_err(|message| format!("host {host}: {message}"))?;
        }
        Ok(())
    }

    fn guard(&self, target: &Target, side: Side, is_plain: bool) -> AddressGuard {
        AddressGuard::new(self.rule(target, side, is_plain))
    }

    /// What is said of an address: never more than its kind, because names of a foreign network could be explored
    /// by it otherwise.
    fn rule(
        &self,
        target: &Target,
        side: Side,
        is_plain: bool,
    ) -> impl Fn(IpAddr) -> Result<(), String> + Send + Sync + 'static {
        let (allowed, value) = self.list(side);
        let (allowed, port, cluster) = (allowed.clone(), target.port, self.cluster_addresses.clone());
        let named = allowed.name_exactly(&target.host, port);
        // Braze's own hosts may be reached through a private link; the list of hosts and TLS are their guard.
        let private = side == Side::App || self.private_addresses == PrivateAddresses::Allowed;
        move |address| {
            let kind = kind(address);
            if is_plain && kind != Kind::Loopback {
                return Err("http is for this machine alone".to_owned());
            }
            let spellings = spellings(address);
            if spellings.iter().any(|address| allowed.list_address(*address, port)) {
                return Ok(());
            }
            if spellings.iter().any(|address| cluster.contains(address)) {
                return Err("a service of the cluster itself".to_owned());
            }
            match kind {
                Kind::Public => Ok(()),
                Kind::Private if private || named => Ok(()),
                Kind::Loopback if named => Ok(()),
                Kind::Private => Err("a private address, which sources.privateAddresses denies".to_owned()),
                Kind::Loopback => Err(format!("{}, which is not listed in {value}", kind.words())),
                _ => Err(format!("{}, which is not listed in {value} by itself", kind.words())),
            }
        }
    }

    fn list(&self, side: Side) -> (&Hosts, &'static str) {
        match side {
            Side::App => (&self.allowed_app_hosts, "allowedHosts"),
            Side::Source => (&self.allowed_source_hosts, "sources.allowedHosts"),
        }
    }

    /// Whether the owner of a Secret lets its values be sent to a host.
    fn bound(&self, secret: &str, target: &Target, secrets: &dyn SecretHosts) -> Result<(), String> {
        let Target { host, port } = target;
        if self.secret_host_binding == HostBinding::Off {
            return Ok(());
        }
        let named = secrets.allowed_hosts(secret);
        // A star alone is one label here, and so no way to allow everything.
        let named = Hosts::lenient(named.iter().filter(|entry| entry.as_str() != "*"));
        if named.contain(host, *port) {
            return Ok(());
        }
        Err(format!(
            "Secret {secret} does not allow its values to be sent to {host}: its owner can name the host in the \
             annotation {ALLOWED_HOSTS_ANNOTATION} or in a data key host"
        ))
    }
}

/// The Secrets of a login that go to the server. A whole URL names its host itself.
fn secrets_sent(server: &Server) -> impl Iterator<Item = (&'static str, &str)> {
    let user = server.user_secret_ref.as_ref().map(|key| ("userSecretRef", key.name.as_str()));
    let password = server.password_secret_ref.as_ref().map(|key| ("passwordSecretRef", key.name.as_str()));
    let tls = server.tls.as_ref().and_then(|tls| tls.client_cert_secret_ref.as_ref());
    let certificate = tls.map(|secret| ("tls.clientCertSecretRef", secret.name.as_str()));
    [user, password, certificate].into_iter().flatten()
}

fn default_port(kind: SourceType) -> u16 {
    if kind == SourceType::Mysql { 3306 } else { 5432 }
}

/// Host and port of a BrazeApp, and whether it is http.
fn app_target(app: &BrazeApp) -> Option<(Target, bool)> {
    let url = Url::parse(app.spec.endpoint().ok()?).ok()?;
    let host = HostName::parse(url.host_str()?)?;
    Some((Target { host, port: url.port_or_known_default()? }, url.scheme() != "https"))
}

fn app_field(app: &BrazeApp) -> &'static str {
    if app.spec.instance.is_some() { "spec.instance" } else { "spec.restEndpoint" }
}

fn problem<K: kube::Resource>(
    kind: &'static str,
    object: &K,
    field: impl Into<String>,
    message: String,
    reason: Reason,
) -> Problem {
    Problem { kind, name: object.name_any(), field: field.into(), message, reason }
}
