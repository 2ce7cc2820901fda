//! Commands and flags. Their doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Keeps Braze user profiles equal to what a data warehouse says
///
/// What is read, what is sent and when is written in manifests: the same YAML files that the operator takes in a
/// cluster, Secrets included.
#[derive(Debug, Parser)]
#[command(name = "grouparoo", version, max_term_width = 100, propagate_version = false)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send what changed to Braze
    Sync(Sync),
    /// Show what a sync would send, and send nothing
    Plan(Plan),
    /// Check manifests, connections, permissions and a sample of the rows
    Validate(Validate),
    /// List the records and values that could not be sent
    Rejects(Rejects),
    /// Print the Kubernetes definitions of the five kinds
    Crds(Crds),
    /// Print the rights that the operator needs in a cluster
    Rbac(Rbac),
    /// Run the controllers in a Kubernetes cluster
    Operator(Box<super::operator_arguments::Operator>),
}

/// Which manifests.
#[derive(Clone, Debug, Args)]
pub(super) struct Files {
    /// File or folder of manifests, or - for standard input; may be given several times
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    pub files: Vec<String>,
    /// Look for manifests in folders inside folders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
}

/// Which Destinations, with which memory.
#[derive(Clone, Debug, Args)]
pub(super) struct Selection {
    #[command(flatten)]
    pub files: Files,
    /// Folder in which deliveries are remembered [default: .grouparoo beside the first PATH]
    #[arg(long, value_name = "DIR", env = "GROUPAROO_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,
    /// Only this Destination, suspended or not; may be given several times [default: all that are not suspended]
    #[arg(long = "destination", value_name = "NAME")]
    pub destinations: Vec<String>,
    /// Send every value again, also what Braze is known to have
    #[arg(long)]
    pub full: bool,
    /// Only the record with this key, nothing is removed; may be given several times
    #[arg(long = "key", value_name = "KEY", allow_hyphen_values = true)]
    pub keys: Vec<String>,
    /// Form of the result: for people, or one JSON document for programs
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    pub output: Form,
    /// Draw no progress, also on a terminal
    #[arg(long)]
    pub no_progress: bool,
}

#[derive(Debug, Args)]
pub(super) struct Sync {
    #[command(flatten)]
    pub selection: Selection,
    /// Answer a question that an earlier run or plan asked
    #[arg(long = "approve", value_name = "TOKEN", value_delimiter = ',')]
    pub approvals: Vec<String>,
    /// Read and send again only what could not be sent before
    #[arg(long, conflicts_with_all = ["keys", "full"])]
    pub retry_rejects: bool,
    /// Write a CSV file of what could not be sent, with keys
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Print nothing unless something is wrong
    #[arg(short, long, conflicts_with = "output")]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    pub selection: Selection,
    /// Ask Braze who exists and who opted out, so that nothing is an upper bound; only reads
    #[arg(long)]
    pub look_up: bool,
    /// Objects to show as they would be sent
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub samples: usize,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    #[command(flatten)]
    pub files: Files,
    /// Folder in which deliveries are remembered [default: .grouparoo beside the first PATH]
    #[arg(long, value_name = "DIR", env = "GROUPAROO_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,
    /// Connect to nothing: check only what the manifests show
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rejects {
    /// Folder in which deliveries are remembered [default: .grouparoo beside the first PATH, or here]
    #[arg(long, value_name = "DIR", env = "GROUPAROO_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,
    /// File or folder of manifests: lists only their Destinations; may be given several times
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub files: Vec<String>,
    /// Look for manifests in folders inside folders too
    #[arg(short = 'R', long, requires = "files")]
    pub recursive: bool,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
    /// Only this Destination; may be given several times
    #[arg(long = "destination", value_name = "NAME")]
    pub destinations: Vec<String>,
    /// Only the record behind a reference that a summary or a status shows
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Form of the list: for people, or one JSON document for programs
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    pub output: Form,
}

#[derive(Debug, Args)]
pub(super) struct Rbac {
    /// Namespace of the operator
    #[arg(short, long, value_name = "NAME", default_value = "grouparoo")]
    pub namespace: String,
    /// ServiceAccount of the operator
    #[arg(long, value_name = "NAME", default_value = "grouparoo")]
    pub service_account: String,
    /// Only rights in this namespace; may be given several times [default: in all namespaces]
    #[arg(long = "watch-namespace", value_name = "NAME", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// With the right to watch Secrets and ConfigMaps, for the operator's flag of this name
    #[arg(long)]
    pub watch_secrets: bool,
    /// With the rights on the Lease, for the operator's flag of this name
    #[arg(long)]
    pub leader_elect: bool,
    /// Name of the Lease
    #[arg(long, value_name = "NAME", default_value = "grouparoo")]
    pub lease_name: String,
}

#[derive(Debug, Args)]
pub(super) struct Crds {
    /// Write one file a kind into this folder, instead of all to standard output
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    #[default]
    Text,
    Json,
}
