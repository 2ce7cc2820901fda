//! Many Destinations: how long until all are ready, how much memory, and then silence.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use grouparoo::api::Destination;
use grouparoo_clock::Clock;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::{self, watcher};
use serde_json::{Value, json};

use super::{Length, figure, logged};
use crate::operator::installed::{Installed, ready_reason};
use crate::support::control_plane::{PATIENCE, Process};

/// Longer than the operator takes from a look to the last thing that it writes of it.
const REST: Duration = Duration::from_secs(5);
/// Apps, and Sources.
const TEN: u64 = 10;

/// Every object of a world of so many Destinations.
fn manifests(installed: &Installed, destinations: u64, models: u64) -> Vec<String> {
    let all = installed.manifests();
    let named = |text: &str, from: &str, to: String| text.replacen(from, &to, 1);
    let mut made = vec![all[0].clone()];
    for n in 0..TEN {
        made.push(named(&all[1], "name: braze", format!("name: braze-{n}")));
        made.push(named(&all[2], "name: crm", format!("name: crm-{n}")));
    }
    for n in 0..models {
        let model = named(&all[3], "name: users", format!("name: users-{n}"));
        made.push(named(
            &model,
            "sourceRef: { name: crm }",
            format!("sourceRef: {{ name: crm-{} }}", n % TEN),
        ));
    }
    for n in 0..destinations {
        made.push(format!(
            "apiVersion: grouparoo.io/v1alpha1\nkind: Destination\nmetadata: {{ name: users-{n} }}\nspec:\n  \
             appRef: {{ name: braze-{} }}\n  modelRef: {{ name: users-{} }}\n  syncMode: Additive\n  onChange: Wait\n  \
             schedule: {{ cron: '0 0 1 1 *' }}\n  propertyMappings:\n    - {{ from: id, to: external_id }}\n    \
             - {{ from: plan, to: plan_{n} }}\n",
            n % TEN,
            n % models,
        ));
    }
    made
}

/// Writes of the operator in its namespace so far, apart from those of the Lease.
async fn writes(installed: &Installed) -> Vec<Value> {
    let namespace = installed.space.name.clone();
    let is_write = move |event: &Value| {
        event["objectRef"]["namespace"] == *namespace
            && event["userAgent"].as_str().is_some_and(|agent| agent.starts_with("grouparoo/"))
            && event["objectRef"]["resource"] != "leases"
            && !["get", "list", "watch"].iter().any(|verb| event["verb"] == **verb)
    };
    installed.space.plane.audit(is_write).await
}

/// Which write was the newest: the audit keeps only so many lines.
fn newest(writes: &[Value]) -> Option<String> {
    writes.last().and_then(|event| event["auditID"].as_str()).map(str::to_owned)
}

/// Looks at objects so far, as the metrics count them.
async fn looks(operator: &Process) -> u64 {
    let line = logged(operator, "serving probes and metrics");
    let line: Value = serde_json::from_str(&line).expect("a log line is JSON");
    let address = line["address"].as_str().or_else(|| line["fields"]["address"].as_str());
    let url = format!("http://{}/metrics", address.expect("an address"));
    let answer = reqwest::get(url).await;
    let answer = answer.unwrap_or_else(|error| panic!("{error}; the operator said {:#?}", told(operator)));
    let text = answer.text().await.expect("text");
    let counts = text.lines().filter(|line| line.contains("reconcile_total{"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).map(|count| count as u64).sum()
}

/// What a person would look at first in its log, if something is wrong.
fn told(operator: &Process) -> Vec<String> {
    operator.log.all().into_iter().filter(|line| !line.contains("\"DEBUG\"")).collect()
}

fn most_memory(operator: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// conventions 2: many Destinations become ready soon; then nothing is written but the Lease, however often an object
/// is looked at
#[tokio::test(flavor = "multi_thread")]
async fn many_destinations_are_ready_soon_and_then_silent() {
    let (count, models, clock) = (Length::destinations(), Length::models(), Clock::system());
    let mut installed = Installed::with_people(3).await;
    // With the usual times of the lease: it has to hold them under all that.
    installed.flags =
        vec!["--leader-elect".to_owned(), format!("--lease-namespace={}", installed.space.name)];
    let made = manifests(&installed, count, models);
    let applying = futures::stream::iter(&made).map(|one| installed.space.apply(one)).buffer_unordered(16);
    applying.collect::<Vec<()>>().await;
    let begun = clock.monotonic();
    installed.start();
    let api = installed.space.api::<Destination>();
    let all_scheduled = async {
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).boxed());
        let mut scheduled = BTreeSet::new();
        while u64::try_from(scheduled.len()).expect("few") < count {
            if let watcher::Event::Apply(one) | watcher::Event::InitApply(one) =
                events.try_next().await.expect("a watch").expect("a watch does not end")
            {
                match ready_reason(&one).as_str() {
                    "Scheduled" => scheduled.insert(one.name_any()),
                    _ => scheduled.remove(&one.name_any()),
                };
            }
        }
    };
    let limit = PATIENCE + Duration::from_millis(200) * u32::try_from(count).expect("a small number");
    let operator = &installed.operators()[0];
    let scheduled = clock.timeout(limit, all_scheduled).await;
    assert!(scheduled.is_some(), "not all Destinations become Scheduled: {:#?}", told(operator));
    let took = clock.monotonic() - begun;
    // What the last ones changed, such as counts, is written a moment later, and so are events. Silence is what is
    // waited for: nothing tells of it but that time goes by.
    let mut rest = writes(&installed).await;
    loop {
        clock.sleep(REST).await;
        let now = writes(&installed).await;
        if newest(&now) == newest(&rest) {
            break;
        }
        rest = now;
        assert!(clock.monotonic() - begun < limit * 2, "the operator does not come to rest");
    }
    let written = rest.len();
    let (memory, cold) = (most_memory(operator), looks(operator).await);
    figure(&format!(
        "{count} Destinations, {TEN} BrazeApps, {TEN} Sources, {models} Models, cold: all Scheduled after {:.1} s, {written} \
         writes, {cold} looks, peak memory {:.0} MiB",
        took.as_secs_f64(),
        memory as f64 / 1024.0
    ));
    clock.sleep(Length::idle()).await;
    let more = writes(&installed).await;
    assert!(
        more.is_empty() || newest(&more) == newest(&rest),
        "idle for {:?}: {:#?}",
        Length::idle(),
        more.last()
    );
    // An annotation that means nothing wakes its object, and nothing else.
    let wanted = Length::looks();
    let mut round = 0;
    while looks(operator).await < cold + wanted {
        round += 1;
        let patch = json!({ "metadata": { "annotations": { "example.com/round": round.to_string() } } });
        let destinations = installed.space.raw("Destination");
        let patching = futures::stream::iter(0..count).map(|n| {
            let (destinations, patch) = (destinations.clone(), patch.clone());
            async move {
                let parameters = PatchParams::default();
                let patched =
                    destinations.patch(&format!("users-{n}"), &parameters, &Patch::Merge(&patch)).await;
                patched.expect("a patch");
            }
        });
        patching.buffer_unordered(16).collect::<Vec<()>>().await;
    }
    let done = looks(operator).await - cold;
    let more = writes(&installed).await;
    assert!(more.is_empty() || newest(&more) == newest(&rest), "{done} looks: {:#?}", more.last());
    figure(&format!(
        "{done} looks at objects that are as they should be: 0 writes; idle for {:?}: 0 writes",
        Length::idle()
    ));
    installed.check().await;
}
