//! `Model`: what a record is, its rows, its key, its properties, its groups.
#![allow(clippy::duplicated_attributes, reason = "the lint takes the parts of two printer columns for one")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;
use super::shared::{InvalidSpec, KeyRef, Ref, Span, Warning, exactly_one};

/// What a record is.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "grouparoo.io",
    version = "v1alpha1",
    kind = "Model",
    plural = "models",
    shortname = "smodel",
    category = "grouparoo",
    namespaced,
    doc = "A Model says what a record is: its rows, its key, its properties, its groups.",
    status = "ModelStatus",
    derive = "PartialEq",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    selectable = ".spec.sourceRef.name",
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.sourceRef.name"),
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
    printcolumn(name = "Key", type_ = "string", json_path = ".spec.primaryKey"),
    printcolumn(name = "Columns", type_ = "integer", json_path = ".status.columnCount"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rowEstimate", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.table), has(self.query), has(self.queryFrom)].filter(x, x).size() == 1", "set exactly one of table, query and queryFrom"))]
#[x_kube(validation = ("!has(self.properties) || self.properties.size() == 0 || self.properties.exists(p, p.name == self.primaryKey)", "primaryKey must be the name of one of the properties"))]
#[x_kube(validation = ("!has(self.properties) || !self.properties.exists(p, p.name == self.primaryKey && has(p.type) && !(p.type in ['String', 'Integer', 'Decimal', 'Email', 'Url']))", "the property named by primaryKey must be of type String, Integer, Decimal, Email or Url"))]
pub struct ModelSpec {
    /// Source that the rows are read from.
    pub source_ref: Ref,
    /// Table, view or file to read whole, with its schema where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub table: Option<String>,
    /// One SELECT statement in the language of the source, one row a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32768))]
    pub query: Option<String>,
    /// Where to take the SELECT statement from, instead of query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_from: Option<QueryFrom>,
    /// Property that identifies a record and becomes Braze's external_id.
    #[schemars(length(min = 1, max = 128))]
    pub primary_key: String,
    /// Named and typed columns. Default: every column, under its own name and with its own type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub properties: Option<Vec<Property>>,
    /// Named sets of records.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub groups: Option<Vec<Group>>,
    /// Column by which most runs read only rows that changed. Default: every run reads all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_cursor: Option<ChangeCursor>,
    /// How many rows a full read must return to be believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be greater than max"))]
    pub expected_rows: Option<ExpectedRows>,
    /// Rows read when the model is checked, to test the types on real values; 0 reads none. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub sample_rows: Option<i32>,
    /// IANA time zone of timestamps that carry none. Default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = patterns::TIME_ZONE))]
    pub time_zone: Option<String>,
    /// Two-letter country of phone numbers written without a country code. Default: such numbers are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 2), regex(pattern = patterns::COUNTRY))]
    pub default_country: Option<String>,
    /// Whether an empty text counts as null or is kept. Default: Null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_text: Option<EmptyText>,
}

/// Where a SELECT statement stands.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryFrom {
    /// ConfigMap key that holds the statement.
    pub config_map_key_ref: KeyRef,
}

/// One named and typed column.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    /// Name used in mappings and, as record.NAME, in expressions.
    #[schemars(length(min = 1, max = 128), regex(pattern = patterns::PROPERTY))]
    pub name: String,
    /// Column of the table or query. Default: the property's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub column: Option<String>,
    /// Type that values are checked against and converted to. Default: the type the source reports.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<PropertyType>,
}

/// Type of a property.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum PropertyType {
    /// Text.
    String,
    /// Whole numbers to 64 bits.
    Integer,
    /// Binary floating point.
    Float,
    /// Exact decimal numbers.
    Decimal,
    /// True or false.
    Boolean,
    /// Calendar days.
    Date,
    /// Instants.
    Timestamp,
    /// E-mail addresses.
    Email,
    /// Phone numbers, sent as E.164.
    PhoneNumber,
    /// Absolute http or https addresses.
    Url,
    /// Lists of scalars.
    Array,
    /// JSON objects.
    Object,
}

/// One named set of records.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.when) != has(self.column)", "set exactly one of when and column"))]
pub struct Group {
    /// Name of the group.
    #[schemars(length(min = 1, max = 100), regex(pattern = patterns::GROUP))]
    pub name: String,
    /// CEL expression over record and now that is true for members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub when: Option<String>,
    /// Boolean column that is true for members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub column: Option<String>,
}

/// Column by which most runs read only rows that changed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCursor {
    /// Column that grows whenever a row is written, such as updated_at.
    #[schemars(length(min = 1, max = 128))]
    pub column: String,
    /// How far before the last mark each read begins, to catch rows committed late. Default: 10m; no effect on a number column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Span>,
    /// How often all rows are read nevertheless; only such a read notices rows that are gone. Default: 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('5m')", "fullReadInterval must be at least 5m"))]
    pub full_read_interval: Option<Span>,
}

/// How many rows a full read must return to be believed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedRows {
    /// A full read of fewer rows fails the run and removes nothing. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min: Option<i64>,
    /// A read of more rows fails the run. Default: 100000000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max: Option<i64>,
}

/// Whether an empty text counts as null.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum EmptyText {
    /// An empty text is null.
    Null,
    /// An empty text is a text.
    Keep,
}

/// What the last description of the rows found. It never holds a row's value.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct ModelStatus {
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
    /// Columns that the table or query returns; at most the first 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub columns: Option<Vec<Column>>,
    /// Number of columns, also of those not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub column_count: Option<i32>,
    /// Rows to expect, as the source estimates them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub row_estimate: Option<i64>,
    /// Rows that the last check looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub sampled_rows: Option<i32>,
    /// Number of Destinations that name this model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub destinations: Option<i32>,
}

/// One column of the rows.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Name of the column.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Type as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub source_type: Option<String>,
    /// Type that its values have here.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub type_: Option<String>,
    /// Sampled values that did not fit the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub misfits: Option<i32>,
}

/// Where the rows of a Model come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows<'a> {
    /// A table, view or file.
    Table(&'a str),
    /// A SELECT statement.
    Query(&'a str),
    /// A SELECT statement in a key of a ConfigMap.
    QueryFrom(&'a KeyRef),
}

/// Who is a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembersBy<'a> {
    /// Those for whom a CEL expression is true.
    When(&'a str),
    /// Those for whom a Boolean column is true.
    Column(&'a str),
}

impl ModelSpec {
    /// Where the rows come from.
    pub fn rows(&self) -> Result<Rows<'_>, InvalidSpec> {
        exactly_one(
            [
                self.table.as_deref().map(Rows::Table),
                self.query.as_deref().map(Rows::Query),
                self.query_from.as_ref().map(|from| Rows::QueryFrom(&from.config_map_key_ref)),
            ],
            "set exactly one of table, query and queryFrom",
        )
    }

    /// The listed properties; none: every column is one.
    pub fn properties(&self) -> &[Property] {
        self.properties.as_deref().unwrap_or_default()
    }

    /// The groups.
    pub fn groups(&self) -> &[Group] {
        self.groups.as_deref().unwrap_or_default()
    }
}

impl Group {
    /// Who is a member.
    pub fn members(&self) -> Result<MembersBy<'_>, InvalidSpec> {
        exactly_one(
            [self.when.as_deref().map(MembersBy::When), self.column.as_deref().map(MembersBy::Column)],
            "set exactly one of when and column",
        )
    }
}
