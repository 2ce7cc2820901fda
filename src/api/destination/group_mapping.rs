//! One group of the model to one membership in Braze.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::rules;
use crate::api::shared::InvalidSpec;

/// One group of the model to one membership in Braze.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.subscriptionGroupId) != has(self.customAttribute)", "set exactly one of subscriptionGroupId and customAttribute"))]
#[x_kube(validation = ("has(self.customAttribute) || !has(self.value) && !has(self.style)", "value and style belong to customAttribute"))]
#[x_kube(validation = ("!has(self.value) || !has(self.style) || self.style == 'Element'", "value belongs to style Element"))]
#[x_kube(validation = ("has(self.subscriptionGroupId) || !has(self.onJoin) && !has(self.onLeave) && !has(self.optInPolicy) && !has(self.channel)", "onJoin, onLeave, optInPolicy and channel belong to subscriptionGroupId"))]
pub struct GroupMapping {
    /// Name of the model's group.
    #[schemars(length(min = 1, max = 100))]
    pub group: String,
    /// UUID of a Braze subscription group, from Audience > Subscription Group Management.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 36))]
    #[x_kube(validation = ("self.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')", "subscriptionGroupId must be the UUID that Braze shows under Audience > Subscription Group Management, in lower case"))]
    pub subscription_group_id: Option<String>,
    /// Channel of the subscription group: its state hangs on the e-mail address or on the phone number. Default: Email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// What joining the group writes: Subscribe, or Nothing. Default: Subscribe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_join: Option<OnJoin>,
    /// What leaving the group writes: Unsubscribe, or Nothing. Default: Unsubscribe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_leave: Option<OnLeave>,
    /// Whether a person who unsubscribed in Braze is left alone (RespectOptOut) or subscribed again (Always). Default: RespectOptOut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_in_policy: Option<GroupOptInPolicy>,
    /// What is written for a record that was never a member: nothing (Leave), or the same as for one that leaves (Remove), to clean up after another tool. Default: Leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub non_members: Option<NonMembers>,
    /// Custom attribute that shows the membership.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new(rules::own_attribute()).message("customAttribute must be the name of a custom attribute of your own"))]
    pub custom_attribute: Option<String>,
    /// Element keeps a text in an array attribute while the record is a member; Flag keeps a boolean attribute true or false. Default: Element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// Text of the array element. Default: the group's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub value: Option<String>,
}

/// What the state of a subscription group hangs on.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum Channel {
    /// The e-mail address.
    Email,
    /// The phone number.
    Sms,
    /// The phone number.
    WhatsApp,
}

/// What joining writes.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum OnJoin {
    /// The state subscribed.
    Subscribe,
    /// Nothing.
    Nothing,
}

/// What leaving writes.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum OnLeave {
    /// The state unsubscribed.
    Unsubscribe,
    /// Nothing.
    Nothing,
}

/// Whether an opt-out in Braze is respected.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum GroupOptInPolicy {
    /// A person who unsubscribed is left alone.
    RespectOptOut,
    /// A person who unsubscribed is subscribed again.
    Always,
}

/// What is written for a record that was never a member.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum NonMembers {
    /// Nothing.
    Leave,
    /// The same as for one that leaves.
    Remove,
}

/// How an attribute shows a membership.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum Style {
    /// A text in an array attribute.
    Element,
    /// A boolean attribute.
    Flag,
}

/// What a membership is in Braze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipTarget<'a> {
    /// The state of a subscription group.
    Subscription(&'a str),
    /// A text in an array attribute.
    Element {
        /// The attribute.
        attribute: &'a str,
        /// The text.
        value: &'a str,
    },
    /// A boolean attribute.
    Flag(&'a str),
}

impl GroupMapping {
    /// What the membership is in Braze.
    pub fn target(&self) -> Result<MembershipTarget<'_>, InvalidSpec> {
        match (self.subscription_group_id.as_deref(), self.custom_attribute.as_deref()) {
            (Some(id), None) => Ok(MembershipTarget::Subscription(id)),
            (None, Some(attribute)) if self.style == Some(Style::Flag) => {
                Ok(MembershipTarget::Flag(attribute))
            }
            (None, Some(attribute)) => Ok(MembershipTarget::Element {
                attribute,
                value: self.value.as_deref().unwrap_or(&self.group),
            }),
            _ => Err(InvalidSpec::new("", "set exactly one of subscriptionGroupId and customAttribute")),
        }
    }
}
