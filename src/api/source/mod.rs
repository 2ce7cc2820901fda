//! `Source`: a connection to the system that rows are read from.
#![allow(clippy::duplicated_attributes, reason = "the lint takes the parts of two printer columns for one")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared::{InvalidSpec, Ref, Span, Warning, exactly_one};

pub use server::{Login, Server, ServerTls, SessionParameter, TlsMode, UserFrom};

mod server;

/// How to reach the system, and how gently to read from it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "grouparoo.io",
    version = "v1alpha1",
    kind = "Source",
    plural = "sources",
    shortname = "ssrc",
    category = "grouparoo",
    namespaced,
    doc = "A Source is a connection to the system that rows are read from.",
    status = "SourceStatus",
    derive = "PartialEq",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Host", type_ = "string", json_path = ".status.host", priority = 1),
    printcolumn(name = "Checked", type_ = "date", json_path = ".status.lastCheckTime", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.postgres), has(self.mysql), has(self.sqlite), has(self.csv)].filter(x, x).size() == 1", "set exactly one of postgres, mysql, sqlite and csv"))]
pub struct SourceSpec {
    /// Connection to a PostgreSQL server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Server>,
    /// Connection to a MySQL or MariaDB server; fields as postgres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mysql: Option<Server>,
    /// A SQLite database file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<Sqlite>,
    /// CSV files; the Model's table names the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csv: Option<Csv>,
    /// Longest time one query may take before it is cancelled. Default: 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1s')", "queryTimeout must be at least 1s"))]
    pub query_timeout: Option<Span>,
    /// Most runs that may read from this source at the same time. Default: 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32))]
    pub max_concurrent_reads: Option<i32>,
    /// How often the connection is tested again. Default: 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "checkInterval must be at least 1m"))]
    pub check_interval: Option<Span>,
}

/// A SQLite database file.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sqlite {
    /// Path of the file, relative to the namespace's folder under the operator's data root.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = ("!self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)')", "path must be relative and without '..'"))]
    pub path: String,
}

/// CSV files.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.configMapRef) != has(self.directory)", "set exactly one of configMapRef and directory"))]
pub struct Csv {
    /// ConfigMap whose keys are the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<Ref>,
    /// Folder of the files, relative to the namespace's folder under the operator's data root; '.' is that folder itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = ("!self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)')", "directory must be relative and without '..'"))]
    pub directory: Option<String>,
    /// Character between fields. Default: a comma.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1))]
    pub delimiter: Option<String>,
    /// Character around fields that hold the delimiter or a line end. Default: a double quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1))]
    pub quote: Option<String>,
    /// Character encoding; a byte order mark in the file wins. Default: Utf8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<CsvEncoding>,
    /// Whether the first line names the columns; without it they are called 1, 2, 3 and so on. Default: Present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<CsvHeader>,
    /// Unquoted texts that are read as null. Default: the empty text only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), inner(length(max = 16)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub null_texts: Option<Vec<String>>,
}

/// Character encoding of CSV files.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum CsvEncoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, by its byte order mark.
    Utf16,
    /// Windows-1252, the usual one of Western European spreadsheets.
    Windows1252,
}

/// Whether the first line names the columns.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum CsvHeader {
    /// The first line names the columns.
    Present,
    /// The first line is a record.
    Absent,
}

/// What the last test of the connection found.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Generation of the object that this status is about; -1 before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// State of the object, one entry a type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
    /// Advice that stops nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub warnings: Option<Vec<Warning>>,
    /// End of the last real test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_check_time: Option<Time>,
    /// Last value of the annotation reconcile.fluxcd.io/requestedAt that was acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Last value of the annotation grouparoo.io/requested-at that was acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_request_at: Option<String>,
    /// Kind of system, such as Postgres.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub type_: Option<String>,
    /// Host and port, folder or ConfigMap in use, never with credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub host: Option<String>,
    /// Version number that the server reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub server_version: Option<String>,
    /// resourceVersions of the Secrets that the last test used, joined by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub secret_resource_version: Option<String>,
    /// Number of Models that name this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub models: Option<i32>,
}

/// The system of a Source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum System<'a> {
    /// A PostgreSQL server.
    Postgres(&'a Server),
    /// A MySQL or MariaDB server.
    Mysql(&'a Server),
    /// A SQLite database file.
    Sqlite(&'a Sqlite),
    /// CSV files.
    Csv(&'a Csv),
}

/// Where CSV files stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvFiles<'a> {
    /// The keys of a ConfigMap.
    ConfigMap(&'a Ref),
    /// A folder, relative to the namespace's folder.
    Directory(&'a str),
}

impl SourceSpec {
    /// The one system that is set.
    pub fn system(&self) -> Result<System<'_>, InvalidSpec> {
        exactly_one(
            [
                self.postgres.as_ref().map(System::Postgres),
                self.mysql.as_ref().map(System::Mysql),
                self.sqlite.as_ref().map(System::Sqlite),
                self.csv.as_ref().map(System::Csv),
            ],
            "set exactly one of postgres, mysql, sqlite and csv",
        )
    }
}

impl Csv {
    /// Where the files stand.
    pub fn files(&self) -> Result<CsvFiles<'_>, InvalidSpec> {
        exactly_one(
            [
                self.config_map_ref.as_ref().map(CsvFiles::ConfigMap),
                self.directory.as_deref().map(CsvFiles::Directory),
            ],
            "set exactly one of configMapRef and directory",
        )
    }
}
