//! Flags of `grouparoo operator`. Their doc comments are the help.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::api::Span;

/// How the operator was installed.
#[derive(Debug, Args)]
pub(super) struct Operator {
    /// Folder in which deliveries are remembered: a volume that outlives the Pod
    #[arg(long, value_name = "DIR", env = "GROUPAROO_STATE", hide_env_values = true)]
    pub state: PathBuf,
    /// Folder of the files of Sources, with one folder a namespace [default: Sources of files are refused]
    #[arg(long, value_name = "DIR")]
    pub data_root: Option<PathBuf>,
    /// Only objects of this namespace; may be given several times [default: all namespaces]
    #[arg(long = "watch-namespace", value_name = "NAME", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Connect as this file says [default: KUBECONFIG, ~/.kube/config, or the Pod's own account]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Address of /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,
    /// Form of the log lines
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub log_format: LogForm,
    /// Least weight of a log line: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", env = "GROUPAROO_LOG", default_value = "info")]
    pub log_level: String,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub max_concurrent_runs: usize,
    /// Least time between two writes of a run's progress
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "3s")]
    pub progress_interval: Duration,
    /// Watch labelled Secrets and ConfigMaps, so that a change is seen within seconds; needs the right to list them
    #[arg(long)]
    pub watch_secrets: bool,
    #[command(flatten)]
    pub election: ElectionFlags,
    #[command(flatten)]
    pub limits: Restrictions,
}

/// One leader among several replicas.
#[derive(Debug, Args)]
#[command(next_help_heading = "Leader election")]
pub(super) struct ElectionFlags {
    /// Take part in an election: needed with more than one replica
    #[arg(long)]
    pub leader_elect: bool,
    /// Name of the Lease
    #[arg(long, value_name = "NAME", default_value = "grouparoo")]
    pub lease_name: String,
    /// Namespace of the Lease [default: that of the Pod]
    #[arg(long, value_name = "NAME")]
    pub lease_namespace: Option<String>,
    /// How long others wait before they take the lease of a leader that stands still
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "15s")]
    pub lease_duration: Duration,
    /// Age of the last renewal at which a leader ends
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "10s")]
    pub lease_renew_deadline: Duration,
    /// Pause between two looks at the lease
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "2s")]
    pub lease_retry: Duration,
}

/// What an administrator restricts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Restrictions")]
pub(super) struct Restrictions {
    /// Host that a BrazeApp may name, * for one label; may be given several times [default: Braze's own]
    #[arg(long = "allowed-host", value_name = "HOST", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// Host that a Source may name; may be given several times [default: all]
    #[arg(long = "source-allowed-host", value_name = "HOST", value_delimiter = ',')]
    pub source_allowed_hosts: Vec<String>,
    /// System that a Source may be: postgres, mysql, sqlite or csv; may be given several times [default: all]
    #[arg(long = "source-type", value_name = "TYPE", value_delimiter = ',')]
    pub source_types: Vec<String>,
    /// Refuse Sources at private addresses
    #[arg(long)]
    pub deny_private_addresses: bool,
    /// Refuse Sources without TLS
    #[arg(long)]
    pub require_source_tls: bool,
    /// Whether a Secret must name the host that gets its values
    #[arg(long, value_name = "true|false", action = ArgAction::Set, default_value_t = true)]
    pub secret_host_binding: bool,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogForm {
    /// One JSON object a line
    #[default]
    Json,
    /// Text for people
    Text,
}

fn span(text: &str) -> Result<Duration, String> {
    let span = Span::new(text).duration().filter(|span| !span.is_zero());
    span.ok_or_else(|| "is no time span, such as 90s or 1h30m".to_owned())
}
