//! Collection and group mappings, as far as manifests alone tell whether they can work.

use crate::api::destination::{
    Channel, CollectionType, GroupMapping, GroupOptInPolicy, MembershipTarget, NonMembers, OnJoin, OnLeave,
    SyncMode, TargetKind,
};
use crate::api::{Destination, Model, rules};
use crate::sync::job;

use super::problem::Findings;
use super::resolve_mappings::listed;

/// Which records are wanted.
pub(super) fn collection(
    destination: &Destination,
    model: &Model,
    findings: &mut Findings,
) -> job::Collection {
    let Some(collection) = &destination.spec.collection else { return job::Collection::All };
    match (collection.type_, &collection.group) {
        (CollectionType::None, _) => job::Collection::None,
        (CollectionType::Group, Some(group)) => {
            check_group(group, "spec.collection.group", model, findings);
            if destination.spec.sync_mode == SyncMode::Sync {
                findings.warn(
                    "LeavingDeletes",
                    "spec.collection",
                    format!(
                        "a record that leaves the group {group} loses its user in Braze for good, with its e-mail and \
                         push consent; use Additive to keep users"
                    ),
                );
            }
            job::Collection::Group(group.clone())
        }
        (CollectionType::Group, None) => {
            findings.invalid("spec.collection", "group must be set exactly when type is Group");
            job::Collection::All
        }
        (CollectionType::All, _) => job::Collection::All,
    }
}

/// The memberships of a Destination.
pub(super) fn mappings(
    destination: &Destination,
    model: &Model,
    findings: &mut Findings,
) -> Vec<job::GroupMapping> {
    let mut resolved = Vec::new();
    for (index, mapping) in destination.spec.group_mappings().iter().enumerate() {
        let path = format!("spec.groupMappings[{index}]");
        check_group(&mapping.group, &format!("{path}.group"), model, findings);
        let Some(target) = findings.take(&path, mapping.target()) else { continue };
        match target {
            MembershipTarget::Subscription(_) => check_address(mapping, destination, &path, findings),
            MembershipTarget::Element { attribute, .. } | MembershipTarget::Flag(attribute) => {
                check_attribute(attribute, destination, &path, findings);
            }
        }
        resolved.push(job::GroupMapping {
            group: mapping.group.clone(),
            target: resolve_target(mapping, target),
            remove_non_members: mapping.non_members == Some(NonMembers::Remove),
        });
    }
    resolved
}

fn resolve_target(mapping: &GroupMapping, target: MembershipTarget<'_>) -> job::GroupTarget {
    match target {
        MembershipTarget::Subscription(id) => job::GroupTarget::Subscription {
            id: id.to_owned(),
            channel: match mapping.channel {
                None | Some(Channel::Email) => job::Channel::Email,
                Some(Channel::Sms) => job::Channel::Sms,
                Some(Channel::WhatsApp) => job::Channel::WhatsApp,
            },
            subscribe_on_join: mapping.on_join != Some(OnJoin::Nothing),
            unsubscribe_on_leave: mapping.on_leave != Some(OnLeave::Nothing),
            always: mapping.opt_in_policy == Some(GroupOptInPolicy::Always),
        },
        MembershipTarget::Element { attribute, value } => {
            job::GroupTarget::Element { attribute: attribute.to_owned(), value: value.to_owned() }
        }
        MembershipTarget::Flag(attribute) => job::GroupTarget::Flag { attribute: attribute.to_owned() },
    }
}

/// Semantics 4.1: a group in use that the Model does not have refuses the run.
fn check_group(group: &str, field: &str, model: &Model, findings: &mut Findings) {
    let groups = model.spec.groups();
    if !groups.iter().any(|known| known.name == group) {
        findings.invalid(
            field,
            format!(
                "Model {} has no group {group}; its groups are {}",
                model.metadata.name.as_deref().unwrap_or_default(),
                listed(groups.iter().map(|known| known.name.as_str()))
            ),
        );
    }
}

/// Semantics 7.4: without the address that the state hangs on, opt-outs of other profiles are not seen.
fn check_address(mapping: &GroupMapping, destination: &Destination, path: &str, findings: &mut Findings) {
    let (address, word) = match mapping.channel {
        None | Some(Channel::Email) => ("email", "e-mail address"),
        Some(Channel::Sms | Channel::WhatsApp) => ("phone", "phone number"),
    };
    let mapped = destination.spec.property_mappings.iter().any(|property| property.to == address);
    if !mapped {
        findings.warn(
            "AddressUnknown",
            format!("{path}.subscriptionGroupId"),
            format!(
                "no mapping sends {address}, so an opt-out that another profile with the same {word} made is not seen"
            ),
        );
    }
}

fn check_attribute(attribute: &str, destination: &Destination, path: &str, findings: &mut Findings) {
    let field = format!("{path}.customAttribute");
    let inside = destination.spec.property_mappings.iter().find(|property| {
        property.kind() == TargetKind::Nested && property.to.split('.').next() == Some(attribute)
    });
    if let Some(inside) = inside {
        findings.invalid(
            field,
            format!("{attribute} cannot show a membership while {} writes a key inside it", inside.to),
        );
    } else if let Some(standard) = rules::near_standard(attribute) {
        findings.warn(
            "NearStandardField",
            field,
            format!("{attribute} becomes a custom attribute, although its name is close to the standard field {standard}"),
        );
    }
}
