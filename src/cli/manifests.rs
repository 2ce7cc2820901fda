//! From files to jobs.

use std::path::PathBuf;

use kube::ResourceExt as _;

use crate::api::{APPROVE_ANNOTATION, Destination};
use crate::controller::{self, Advice, Objects, Problem};
use crate::manifest::{self, Input, Loaded, LoadedSet, Options};
use crate::sync::job::Job;

use super::arguments::Files;
use super::failure::Failure;
use super::output;

/// A Destination that can be run.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// The job.
    pub job: Job,
    /// Advice of the resolver.
    pub advice: Vec<Advice>,
    /// Tokens in its annotation.
    pub approvals: Vec<String>,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Name of the Source.
    pub source: String,
}

/// Reads the manifests. What was left out is said.
pub(super) fn load(files: &Files) -> Result<LoadedSet, Failure> {
    let inputs: Vec<Input> = files.files.iter().map(|file| Input::parse(file)).collect();
    if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
        return Err(Failure::usage("-f - can be given only once: standard input is read to its end"));
    }
    let options =
        Options { namespace: files.namespace.clone(), recursive: files.recursive, ..Options::default() };
    let set = manifest::load(&inputs, &options, &mut std::io::stdin().lock())?;
    for notice in set.notices() {
        output::warn(notice);
    }
    if let Some(run) = set.sync_runs().first() {
        output::warn(&format!(
            "{}: SyncRuns are for the cluster and are left out; here, the flags of a command say what to do",
            run.origin.file
        ));
    }
    Ok(set)
}

/// Resolves every Destination, in the order of the manifests, or says all that is wrong.
pub(super) fn resolve(set: &LoadedSet) -> Result<Vec<Prepared>, Failure> {
    let mut problems = Vec::new();
    let mut prepared = Vec::new();
    for loaded in set.destinations() {
        match resolve_one(set, loaded) {
            Ok(one) => prepared.push(one),
            Err(found) => problems.extend(found),
        }
    }
    let destinations: Vec<&Destination> = set.destinations().iter().map(|one| &one.object).collect();
    let mut refused = controller::refuse_unsupported(&destinations);
    refused.extend(controller::refuse_shared_state(&destinations));
    problems.extend(refused.iter().map(|problem| placed(set, problem)));
    if problems.is_empty() {
        return Ok(prepared);
    }
    // Destinations share what they refer to, and then its problems too.
    let mut told = std::collections::HashSet::new();
    problems.retain(|problem| told.insert(problem.clone()));
    Err(Failure::invalid(problems))
}

fn resolve_one(set: &LoadedSet, loaded: &Loaded<Destination>) -> Result<Prepared, Vec<String>> {
    let destination = &loaded.object;
    let namespace = destination.namespace().unwrap_or_default();
    let app = set.braze_app(&namespace, &destination.spec.app_ref.name);
    let model = set.model(&namespace, &destination.spec.model_ref.name);
    let source = model.and_then(|model| {
        let name = &model.spec.source_ref.name;
        let mut sources = set.sources().iter();
        sources.find(|source| {
            source.object.namespace().as_deref() == Some(&namespace) && source.object.name_any() == *name
        })
    });
    // The loader has checked that every reference leads somewhere.
    let (Some(app), Some(model), Some(source)) = (app, model, source) else {
        return Err(vec![format!(
            "{}: Destination {}: refers to an object that is not among the manifests",
            loaded.origin.file,
            destination.name_any()
        )]);
    };
    let objects = Objects { destination, app, model, source: &source.object };
    let resolved = controller::resolve(&objects, &set.lookup(source))
        .map_err(|problems| problems.0.iter().map(|problem| placed(set, problem)).collect::<Vec<_>>())?;
    Ok(Prepared {
        job: resolved.job,
        advice: resolved.advice,
        approvals: tokens(destination),
        suspended: destination.spec.suspend.unwrap_or(false),
        source: source.object.name_any(),
    })
}

/// Tokens that a Destination carries.
fn tokens(destination: &Destination) -> Vec<String> {
    let annotation = destination.annotations().get(APPROVE_ANNOTATION).map(String::as_str);
    let tokens = annotation.unwrap_or_default().split(',').map(str::trim);
    tokens.filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// A problem with the file and line of its object.
fn placed(set: &LoadedSet, problem: &Problem) -> String {
    fn place<K: kube::ResourceExt>(all: &[Loaded<K>], name: &str) -> Option<String> {
        let origin = &all.iter().find(|one| one.object.name_any() == name)?.origin;
        Some(format!("{}:{}: ", origin.file, origin.line))
    }
    let place = match problem.kind {
        "BrazeApp" => place(set.braze_apps(), &problem.name),
        "Source" => place(set.sources(), &problem.name),
        "Model" => place(set.models(), &problem.name),
        _ => place(set.destinations(), &problem.name),
    };
    format!("{}{problem}", place.unwrap_or_default())
}

/// The Destinations to run: those named, else all that are not suspended.
pub(super) fn select(
    prepared: &[Prepared],
    names: &[String],
) -> Result<(Vec<Prepared>, Vec<Prepared>), Failure> {
    if prepared.is_empty() {
        return Err(Failure::invalid(vec![
            "there is no Destination among the manifests, so there is nothing to send".to_owned(),
        ]));
    }
    for name in names {
        if !prepared.iter().any(|one| is_called(&one.job, name)) {
            let known: Vec<&str> = prepared.iter().map(|one| one.job.destination.as_str()).collect();
            return Err(Failure::usage(format!(
                "there is no Destination {name}; the manifests have: {}",
                known.join(", ")
            )));
        }
    }
    let wanted = |one: &Prepared| match names {
        [] => !one.suspended,
        names => names.iter().any(|name| is_called(&one.job, name)),
    };
    let chosen = prepared.iter().filter(|one| wanted(one)).cloned().collect();
    let suspended = prepared.iter().filter(|one| names.is_empty() && one.suspended).cloned().collect();
    Ok((chosen, suspended))
}

/// Whether a name, or a namespace and a name, is that of the job's Destination.
pub(super) fn is_called(job: &Job, name: &str) -> bool {
    match name.split_once('/') {
        Some((namespace, name)) => job.namespace == namespace && job.destination == name,
        None => job.destination == name,
    }
}

/// The state folder that belongs to some manifests when none is given: beside the first of them.
pub(super) fn default_state(files: &[String]) -> PathBuf {
    const NAME: &str = ".grouparoo";
    let Some(Input::Path(path)) = files.first().map(|file| Input::parse(file)) else {
        return PathBuf::from(NAME);
    };
    if path.is_dir() {
        return path.join(NAME);
    }
    path.parent().map_or_else(|| PathBuf::from(NAME), |folder| folder.join(NAME))
}
