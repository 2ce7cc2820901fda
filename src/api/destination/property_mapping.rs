//! One value to one field of the Braze user profile.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::rules;
use crate::api::shared::{InvalidSpec, exactly_one};

/// One value to one field of the Braze user profile.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.from), has(self.value), has(self.expression)].filter(x, x).size() == 1", "set exactly one of from, value and expression"))]
#[x_kube(validation = ("!self.to.startsWith('$') && self.to == self.to.trim()", "a target may not begin with '$' or have spaces around it"))]
#[x_kube(validation = Rule::new(rules::not_reserved_target()).message("Braze does not accept this target here; groups go into groupMappings"))]
#[x_kube(validation = ("has(self.targetKind) || !self.to.contains('.')", "a target with a dot needs targetKind Nested (a key inside an object) or Custom (the dot is part of the name)"))]
#[x_kube(validation = ("!has(self.targetKind) || self.targetKind != 'Nested' || self.to.matches('^[^.$ ]+([.][^.$ ]+){1,4}$')", "a Nested target is attribute.key with up to five parts and no spaces or '$'"))]
#[x_kube(validation = Rule::new(rules::kind_fits_target()).message("targetKind must be Standard for the standard fields of Braze and Custom for all other names"))]
#[x_kube(validation = ("!has(self.optInPolicy) || self.to in ['email_subscribe', 'push_subscribe']", "optInPolicy belongs to email_subscribe and push_subscribe"))]
pub struct PropertyMapping {
    /// Property of the model to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub from: Option<String>,
    /// Constant text to send; for a number or boolean write an expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub value: Option<String>,
    /// CEL expression over record whose result is sent (without now: the value would change with every run).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub expression: Option<String>,
    /// Field of the Braze user profile: a standard field such as first_name, or the name of a custom attribute.
    #[schemars(length(min = 1, max = 255))]
    pub to: String,
    /// Standard field, Custom attribute, or Nested key of a custom attribute. Default: Standard when the name is one, else Custom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_kind: Option<TargetKind>,
    /// Whether null removes the field in Braze (Clear) or leaves it as it is (Leave; a Nested target is always left). Default: Clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_null: Option<OnNull>,
    /// JSON kind to send instead, such as String for a number. Default: by the property's type.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub as_: Option<As>,
    /// What happens to a text or list longer than Braze keeps: Drop sends nothing and reports it, Truncate sends the part that fits. Default: Drop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_long: Option<TooLong>,
    /// Strict reports values that Braze would swallow silently and does not send them; Off sends them. Default: Strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// For email_subscribe and push_subscribe: whether an opt-in is sent only when the value changes (OnChange) or at first sight too (Always). Default: OnChange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_in_policy: Option<OptInPolicy>,
}

/// Kind of a field of the profile.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum TargetKind {
    /// A standard field of Braze.
    Standard,
    /// A custom attribute.
    Custom,
    /// A key inside a custom attribute.
    Nested,
}

/// What null does.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum OnNull {
    /// It removes the field in Braze.
    Clear,
    /// It leaves the field as it is.
    Leave,
}

/// JSON kind to send.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum As {
    /// true or false.
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// A time.
    Time,
}

/// What happens to what is longer than Braze keeps.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum TooLong {
    /// Nothing is sent, and it is reported.
    Drop,
    /// The part that fits is sent.
    Truncate,
}

/// Whether values are checked by the rules of their target.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum Check {
    /// What Braze would swallow silently is reported and not sent.
    Strict,
    /// It is sent.
    Off,
}

/// When an opt-in is sent.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum OptInPolicy {
    /// Only when the value changes.
    OnChange,
    /// At first sight too.
    Always,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueOrigin<'a> {
    /// A property of the model.
    From(&'a str),
    /// A constant text.
    Value(&'a str),
    /// A CEL expression over the record.
    Expression(&'a str),
}

impl PropertyMapping {
    /// Where the value comes from.
    pub fn origin(&self) -> Result<ValueOrigin<'_>, InvalidSpec> {
        exactly_one(
            [
                self.from.as_deref().map(ValueOrigin::From),
                self.value.as_deref().map(ValueOrigin::Value),
                self.expression.as_deref().map(ValueOrigin::Expression),
            ],
            "set exactly one of from, value and expression",
        )
    }

    /// Kind of the target: as stated, else Standard when the name is one, else Custom.
    pub fn kind(&self) -> TargetKind {
        self.target_kind.unwrap_or(if rules::is_standard(&self.to) {
            TargetKind::Standard
        } else {
            TargetKind::Custom
        })
    }
}
