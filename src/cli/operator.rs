//! `grouparoo operator`: the controllers, until a signal or the loss of the lease.

use std::net::IpAddr;
use std::sync::Arc;

use grouparoo_clock::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Clients, Timing};
use crate::controller::hosts::{HostBinding, Hosts, Policy, PrivateAddresses, SourceType};
use crate::controller::operator::{self, Election, Ended, Settings};
use crate::sync::reason::Reason;
use crate::telemetry::{self, Format, Health, Metrics};

use super::exit;
use super::failure::Failure;
use super::operator_arguments::{LogForm, Operator};
use super::signals::Signals;

/// Runs the operator.
pub(super) fn run(arguments: &Operator, clock: &Clock) -> Result<u8, Failure> {
    let format = match arguments.log_format {
        LogForm::Json => Format::Json,
        LogForm::Text => Format::Text,
    };
    telemetry::init(format, &arguments.log_level, clock.clone())
        .map_err(|error| Failure::usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(system)?;
    let ended = runtime.block_on(operate(arguments, clock));
    // Runs that did not come to their checkpoint in time are cut off; the state survives that.
    runtime.shutdown_background();
    ended
}

async fn operate(arguments: &Operator, clock: &Clock) -> Result<u8, Failure> {
    let policy = policy(arguments)?;
    let connected =
        Clients::connect(arguments.kubeconfig.as_deref(), arguments.context.as_deref(), clock).await;
    let clients = connected.map_err(|error| Failure::usage(error.to_string()))?;
    let settings = Settings {
        namespaces: arguments.namespaces.clone(),
        state: arguments.state.clone(),
        data_root: arguments.data_root.clone(),
        policy,
        watch_secrets: arguments.watch_secrets,
        max_concurrent_runs: arguments.max_concurrent_runs.max(1),
        election: arguments.election.leader_elect.then(|| election(arguments, &clients)),
        progress_every: arguments.progress_interval,
    };
    let shutdown = CancellationToken::new();
    let metrics =
        Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), option_env!("GROUPAROO_REVISION").unwrap_or("")));
    let health = Arc::new(Health::new(clock.clone()));
    let stopped = CancellationToken::new();
    let served = serve(arguments, &metrics, &health, &stopped).await?;
    let mut signals = Signals::new().map_err(system)?;
    let beating = Arc::clone(&health);
    let ended = {
        let (shutdown, health) = (shutdown.clone(), Arc::clone(&health));
        let running =
            operator::run(settings, clients, clock.clone(), metrics, health.clone(), shutdown.clone());
        tokio::pin!(running);
        let beats = beating.keep_beating();
        tokio::pin!(beats);
        loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = &mut beats => {}
                () = signals.next() => {
                    if shutdown.is_cancelled() {
                        std::process::exit(exit::KILLED.into());
                    }
                    tracing::info!("asked to end");
                    health.set_stopping();
                    shutdown.cancel();
                }
            }
        }
    };
    stopped.cancel();
    let _ = served.join();
    match ended {
        Ok(Ended::Stopped) => Ok(exit::GOOD),
        Ok(Ended::LeaseLost(message)) => {
            tracing::error!(reason = message, "lease lost");
            // At once: nothing that is under way may go on.
            std::process::exit(Reason::Fenced.exit_code().into());
        }
        Err(error) => {
            Err(Failure { code: Reason::StateUnavailable.exit_code(), problems: vec![error.to_string()] })
        }
    }
}

/// The pages for probes and Prometheus, on a thread of their own: they must answer when the rest stands still.
async fn serve(
    arguments: &Operator,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    stopped: &CancellationToken,
) -> Result<std::thread::JoinHandle<()>, Failure> {
    let address = arguments.http;
    let listener = std::net::TcpListener::bind(address)
        .map_err(|error| Failure::usage(format!("--http {address}: {error}; choose another port")))?;
    listener.set_nonblocking(true).map_err(system)?;
    let shown = listener.local_addr().map_err(system)?;
    tracing::info!(address = %shown, "serving probes and metrics");
    let (metrics, health, stopped) = (Arc::clone(metrics), Arc::clone(health), stopped.clone());
    std::thread::Builder::new()
        .name("pages".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let served = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    telemetry::serve(TcpListener::from_std(listener)?, health, metrics, stopped).await
                })
            });
            if let Err(error) = served {
                tracing::error!(%error, "pages for probes ended");
            }
        })
        .map_err(system)
}

fn election(arguments: &Operator, clients: &Clients) -> Election {
    let flags = &arguments.election;
    let pod = std::env::var("POD_NAME").unwrap_or_else(|_| "grouparoo".to_owned());
    let random = uuid::Uuid::new_v4().simple().to_string();
    Election {
        namespace: flags.lease_namespace.clone().unwrap_or_else(|| clients.namespace.clone()),
        name: flags.lease_name.clone(),
        identity: format!("{pod}-{}", &random[..8]),
        timing: Timing {
            duration: flags.lease_duration,
            renew_deadline: flags.lease_renew_deadline,
            retry: flags.lease_retry,
            jitter: flags.lease_retry / 5,
            call: flags.lease_renew_deadline / 2,
        },
    }
}

fn policy(arguments: &Operator) -> Result<Policy, Failure> {
    let limits = &arguments.limits;
    let usage = |flag: &str, error: String| Failure::usage(format!("{flag}: {error}"));
    let mut policy = Policy { data_root: arguments.data_root.is_some(), ..Policy::default() };
    if !limits.allowed_hosts.is_empty() {
        policy.allowed_app_hosts =
            Hosts::parse(&limits.allowed_hosts).map_err(|error| usage("--allowed-host", error))?;
    }
    if !limits.source_allowed_hosts.is_empty() {
        policy.allowed_source_hosts = Hosts::parse(&limits.source_allowed_hosts)
            .map_err(|error| usage("--source-allowed-host", error))?;
    }
    if !limits.source_types.is_empty() {
        let types: Result<_, String> =
            limits.source_types.iter().map(|text| text.parse::<SourceType>()).collect();
        policy.source_types = types.map_err(|error| usage("--source-type", error))?;
    }
    if limits.deny_private_addresses {
        policy.private_addresses = PrivateAddresses::Denied;
    }
    policy.require_tls = limits.require_source_tls;
    if !limits.secret_host_binding {
        policy.secret_host_binding = HostBinding::Off;
    }
    // Where the API server is for Pods: nobody has business with it.
    if let Ok(Ok(address)) = std::env::var("KUBERNETES_SERVICE_HOST").map(|host| host.parse::<IpAddr>()) {
        policy.cluster_addresses.insert(address);
    }
    Ok(policy)
}

fn system(error: std::io::Error) -> Failure {
    Failure { code: exit::BUG, problems: vec![error.to_string()] }
}
