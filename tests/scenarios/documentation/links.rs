//! Links between pages, and to files of the project.

use std::collections::BTreeMap;

use super::{documents, root};

#[test]
fn links_between_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut links = 0;
    for document in documents() {
        let page = root().join(&document.path);
        for target in targets(&document.text) {
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let to = if file.is_empty() { page.clone() } else { page.with_file_name("").join(file) };
            let there = match anchor {
                "" => to.exists(),
                anchor => std::fs::read_to_string(&to)
                    .is_ok_and(|text| anchors(&text).iter().any(|one| one == anchor)),
            };
            if !there {
                wrong.push(format!("{}: {target}", document.path));
            }
        }
    }
    assert!(links > 100, "only {links} links were found: the reader of this test is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_can_be_reached_from_the_first_one() {
    let pages: BTreeMap<String, String> =
        documents().into_iter().map(|document| (document.path, document.text)).collect();
    let mut reached = vec!["README.md".to_owned()];
    let mut next = 0;
    while let Some(page) = reached.get(next).cloned() {
        next += 1;
        for target in targets(&pages[&page]) {
            let file = target.split('#').next().unwrap_or_default();
            let Ok(to) = root().join(&page).with_file_name("").join(file).canonicalize() else { continue };
            let Ok(inside) = to.strip_prefix(root().canonicalize().expect("the project")) else { continue };
            let inside = inside.display().to_string();
            if pages.contains_key(&inside) && !reached.contains(&inside) {
                reached.push(inside);
            }
        }
    }
    let lost: Vec<&String> =
        pages.keys().filter(|page| page.starts_with("docs/") && !reached.contains(page)).collect();
    assert_eq!(lost, [] as [&String; 0], "no link leads to these");
}

/// Targets of links in Markdown, those to other hosts apart.
fn targets(text: &str) -> Vec<String> {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines
        .flat_map(|line| line.match_indices("](").map(|(at, _)| &line[at + 2..]).collect::<Vec<_>>())
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()))
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// Anchors that headings have: one that comes again gets a number.
fn anchors(text: &str) -> Vec<String> {
    let (mut fenced, mut found) = (false, Vec::<String>::new());
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced || !line.starts_with('#') {
            continue;
        }
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|one| !found.contains(one));
        found.extend(free);
    }
    found
}

#[test]
fn the_reader_of_links_knows_headings_that_come_again() {
    assert_eq!(anchors("# A b\n## 5.2 `C`\n```\n# no\n```\n## A b\n"), ["a-b", "52-c", "a-b-1"]);
    assert_eq!(targets("[a](b.md#c) [d](https://e)\n```\n[f](g)\n```"), ["b.md#c"]);
}
