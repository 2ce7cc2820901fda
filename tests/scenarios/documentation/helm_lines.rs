//! Helm's command lines in pages: the real Helm takes their flags, and the chart their values.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::documents;
use super::shell::{Line, simple, typed};
use crate::support::helm::{chart, helm, read};

/// Flags of a command of Helm, and whether a value follows; nothing where there is no such command.
fn flags(command: &str) -> BTreeMap<String, bool> {
    let output = helm(None, &[command, "--help"]);
    // Helm greets whoever asks for a command that it does not know.
    if output.code != 0 || !output.stdout.contains(&format!("helm {command} ")) {
        return BTreeMap::new();
    }
    let flag = Regex::new(r"^ +(-\w)?,? +(--[a-z-]+)( [A-Za-z]+)?").expect("a good pattern");
    let mut found = BTreeMap::new();
    for parts in output.stdout.lines().filter_map(|line| flag.captures(line)) {
        let has_value = parts.get(3).is_some();
        for name in [parts.get(1), parts.get(2)].into_iter().flatten() {
            found.insert(name.as_str().to_owned(), has_value);
        }
    }
    found
}

/// What is wrong with a line. Without flags and names it only speaks of a command, which then must exist.
fn fault(words: &[String]) -> Option<String> {
    let command = words.get(1)?;
    let known = flags(command);
    if known.is_empty() {
        return Some(format!("helm has no command {command}"));
    }
    let (mut places, mut values) = (Vec::new(), Vec::new());
    let mut rest = words[2..].iter();
    while let Some(word) = rest.next() {
        if !word.starts_with('-') {
            places.push(word.as_str());
            continue;
        }
        let (name, given) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let Some(has_value) = known.get(name) else {
            return Some(format!("helm {command} has no flag {name}"));
        };
        let given = if *has_value { given.or_else(|| rest.next().map(String::as_str)) } else { given };
        if *has_value && given.is_none() {
            return Some(format!("{name} has no value"));
        }
        if ["--set", "--set-string", "--set-json", "--namespace", "-n", "--api-versions"].contains(&name) {
            values.extend([name, given.unwrap_or_default()]);
        }
    }
    if !["install", "upgrade", "template"].contains(&command.as_str()) || places.is_empty() {
        return None;
    }
    let [release, address] = places[..] else {
        return Some(format!("{places:?} are no release and chart"));
    };
    if address.trim_end_matches('/') != "./charts/grouparoo" && !address.starts_with("oci://") {
        return Some(format!("{address} is not where the chart is"));
    }
    let chart = chart().display().to_string();
    let mut arguments = vec!["template", release, &chart];
    arguments.extend(values);
    let output = helm(None, &arguments);
    (output.code != 0).then_some(output.stderr)
}

#[test]
fn helm_and_the_chart_take_every_line_of_a_page() {
    let lines = typed("helm");
    let (mut wrong, mut rendered) = (Vec::new(), 0);
    for Line { place, words } in &lines {
        rendered += usize::from(words.len() > 3);
        wrong.extend(fault(words).map(|fault| format!("{place}: {}\n{fault}", words.join(" "))));
    }
    assert!(lines.len() > 12 && rendered > 7, "{} lines and {rendered} rendered", lines.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A line of `helm install` is tried with all that it says, as far as no cluster is needed
#[test]
fn an_installation_of_a_page_can_be_made() {
    let chart = chart().display().to_string();
    let mut tried = 0;
    for Line { place, words } in typed("helm") {
        if words.get(1).is_none_or(|command| command != "install") || words.len() < 4 {
            continue;
        }
        let mut arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let address = arguments.iter_mut().find(|word| word.contains("/grouparoo"));
        *address.unwrap_or_else(|| panic!("{place}: no chart")) = &chart;
        arguments.push("--dry-run=client");
        let output = helm(None, &arguments);
        assert_eq!(output.code, 0, "{place}: {}\n{}", words.join(" "), output.stderr);
        tried += 1;
    }
    assert!(tried > 4, "{tried}");
}

/// `--set` in the text, outside of a whole command.
#[test]
fn every_value_that_a_page_sets_is_one_of_the_chart() {
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        let quoted = document.quoted().into_iter().flat_map(simple);
        for words in quoted.filter(|words| words[0].starts_with("--set")) {
            for pair in words.iter().filter(|word| !word.starts_with("--set")) {
                let path = pair.split('=').next().unwrap_or_default();
                seen += 1;
                if path.split('.').try_fold(&values, |value, part| value.get(part)).is_none() {
                    wrong.push(format!("{}: {pair}", document.path));
                }
            }
        }
    }
    assert!(seen > 2, "{seen}");
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn what_helm_or_the_chart_does_not_take_is_seen() {
    let fault = |line: &str| fault(&simple(line).remove(0));
    assert_eq!(fault("helm install a ./charts/grouparoo -n b --create-namespace --set replicaCount=1"), None);
    assert_eq!(fault("helm template"), None);
    for (line, part) in [
        ("helm instal a ./charts/grouparoo", "no command instal"),
        ("helm install a ./charts/grouparoo --create-namespaces", "no flag --create-namespaces"),
        ("helm install a ./charts/grouparo", "is not where the chart is"),
        (
            "helm install a ./charts/grouparoo --set replicas=1",
            "additional properties 'replicas' not allowed",
        ),
        ("helm upgrade a ./charts/grouparoo --set replicaCount=2", "set leaderElection.enabled to true"),
        ("helm upgrade ./charts/grouparoo", "are no release and chart"),
        ("helm uninstall a --namespace", "has no value"),
    ] {
        let found = fault(line).unwrap_or_default();
        assert!(found.contains(part), "{line}: {found}");
    }
}
