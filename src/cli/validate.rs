//! `grouparoo validate`: everything that can be checked before the first run. Nothing is sent or remembered.

use std::collections::HashSet;

use grouparoo_clock::Clock;

use crate::braze::PermissionState;
use crate::controller::examine::permissions::{Needed, Needs, needed};
use crate::controller::examine::rows;
use crate::controller::execution::siblings::{self, Sibling};
use crate::controller::execution::{State, Workspaces, braze_stop, stop_for};
use crate::sync::job::{Collection, Job};
use crate::sync::read;
use crate::sync::reason::{Reason, Stop, graver};

use super::arguments::Validate;
use super::columns::wrapped;
use super::failure::Failure;
use super::manifests::{self, Prepared};
use super::text::{counted, harmless};
use super::{exit, output, places};

/// Checks what the manifests show, and unless `--offline` what they lead to.
pub(super) fn run(arguments: &Validate, clock: &Clock) -> Result<u8, Failure> {
    let set = manifests::load(&arguments.files)?;
    let prepared = manifests::resolve(&set)?;
    let mut checks = Checks { code: exit::GOOD, trouble: None };
    let objects =
        set.braze_apps().len() + set.sources().len() + set.models().len() + set.destinations().len();
    checks.good(&format!("manifests: {}", counted(objects as u64, "object", "objects")));
    if prepared.is_empty() {
        checks.warn("there is no Destination among them, so a sync would have nothing to do");
    }
    let all: Vec<Sibling> = prepared.iter().map(|one| Sibling::of_job(&one.job)).collect();
    for one in &prepared {
        for advice in &one.advice {
            checks.warn(&advice.to_string());
        }
        for conflict in siblings::conflicts(&Sibling::of_job(&one.job), &all) {
            let (name, field, code) = (&one.job.destination, &conflict.field, &conflict.code);
            checks.warn(&format!("Destination {name}: {field}: {} ({code})", conflict.message));
        }
    }
    let path = places::state_path(arguments.state.as_ref(), &arguments.files.files);
    let state = checks.state(&path, &prepared, clock);
    if !arguments.offline {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure { code: exit::BUG, problems: vec![error.to_string()] })?;
        runtime.block_on(checks.connections(&prepared, state.as_ref(), clock));
    }
    match checks.trouble {
        Some(trouble) => Err(trouble),
        None => Ok(checks.code),
    }
}

/// What was found so far; each line is printed at once, because a check may take long.
struct Checks {
    code: u8,
    trouble: Option<Failure>,
}

impl Checks {
    fn line(&mut self, mark: &str, sentence: &str) {
        let text = wrapped(&harmless(sentence), &format!("{mark:6}"), "      ");
        self.trouble = self.trouble.take().or_else(|| output::print(&text).err());
    }

    fn good(&mut self, sentence: &str) {
        self.line("ok", sentence);
    }

    fn warn(&mut self, sentence: &str) {
        self.line("warn", sentence);
    }

    fn fail(&mut self, place: &str, stop: &Stop) {
        self.code = graver(self.code, stop.reason.exit_code());
        for sentence in stop.message.lines() {
            self.line("FAIL", &format!("{place}{sentence} ({})", stop.reason.name()));
        }
    }

    /// The memory, as far as it is there.
    fn state(&mut self, path: &std::path::Path, prepared: &[Prepared], clock: &Clock) -> Option<State> {
        let state = match State::read(path, clock) {
            Ok(state) => state,
            Err(error) => {
                self.fail("", &stop_for(&error));
                return None;
            }
        };
        if !state.exists() {
            self.good(&format!("state: {} is not there yet; the first sync makes it", path.display()));
            return Some(state);
        }
        for one in prepared {
            let name = format!("state {}/{}", one.job.namespace, one.job.state_name);
            match state.store(&one.job.namespace, &one.job.state_name) {
                Ok(None) => self.good(&format!("{name}: nothing was delivered yet")),
                Ok(Some(store)) => {
                    let known = counted(store.size().known, "user", "users");
                    self.good(&format!("{name}: {known} known"));
                }
                Err(error) => self.fail("", &stop_for(&error)),
            }
        }
        Some(state)
    }

    async fn connections(&mut self, prepared: &[Prepared], state: Option<&State>, clock: &Clock) {
        let workspaces = Workspaces::new(clock);
        let mut seen = HashSet::new();
        for one in prepared {
            let app = (&one.job.namespace, &one.job.app.name);
            if seen.insert(("app", app.0, app.1)) {
                let sharing = prepared
                    .iter()
                    .map(|other| &other.job)
                    .filter(|job| (&job.namespace, &job.app.name) == app);
                self.braze(&one.job, &needed(sharing.map(Needs::of_job)), &workspaces).await;
            }
        }
        let mut broken = HashSet::new();
        for one in prepared {
            let source = (&one.job.namespace, &one.source);
            if one.job.collection == Collection::None {
                // Its source may be gone; another Destination may read it.
                self.destination(&one.job, &workspaces, state, clock).await;
                continue;
            }
            if seen.insert(("source", source.0, source.1)) && !self.source(one, &workspaces).await {
                broken.insert(source);
            }
            // What cannot be reached is said once.
            if !broken.contains(&source) {
                self.destination(&one.job, &workspaces, state, clock).await;
            }
        }
    }

    async fn braze(&mut self, job: &Job, needed: &[Needed], workspaces: &Workspaces) {
        let name = &job.app.name;
        let client = match workspaces.client(job) {
            Ok(client) => client,
            Err(stop) => return self.fail("", &stop),
        };
        let found = client.test().await;
        if let Some(error) = &found.error {
            return self.fail("", &braze_stop(name, error));
        }
        let mut granted = Vec::new();
        for permission in needed {
            let state = found.permissions.iter().find(|known| known.name == permission.name);
            match state.map(|known| known.state) {
                Some(PermissionState::Granted) => granted.push(permission.name),
                Some(PermissionState::Missing) => {
                    let message = format!(
                        "BrazeApp {name}: the key lacks the permission {}: {}. Permissions of a key cannot be \
                         changed, so make a new one",
                        permission.name, permission.otherwise
                    );
                    self.fail("", &Stop::new(Reason::PermissionMissing, message));
                }
                _ => self.warn(&format!(
                    "BrazeApp {name}: Braze did not say whether the key has the permission {}",
                    permission.name
                )),
            }
        }
        let endpoint = &job.app.braze.endpoint;
        self.good(&format!("BrazeApp {name}: {endpoint}, the key has {}", granted.join(", ")));
    }

    async fn source(&mut self, one: &Prepared, workspaces: &Workspaces) -> bool {
        let name = format!("Source {}: ", one.source);
        let source = match workspaces.source(&one.job) {
            Ok(source) => source,
            Err(stop) => {
                self.fail(&name, &stop);
                return false;
            }
        };
        match source.check().await {
            Err(error) => {
                self.fail(&name, &read::stop_for(&error));
                false
            }
            Ok(server) => {
                let version = server.version.map_or_else(String::new, |version| format!(" {version}"));
                self.good(&format!("{name}{}{version} at {}", source.kind(), source.location()));
                for (code, sentence) in server.warnings {
                    self.warn(&format!("{name}{sentence} ({code})"));
                }
                true
            }
        }
    }

    async fn destination(
        &mut self,
        job: &Job,
        workspaces: &Workspaces,
        state: Option<&State>,
        clock: &Clock,
    ) {
        let name = format!("Destination {}: ", job.destination);
        match rows::look(job, workspaces, state, clock).await {
            Err(stop) => self.fail(&name, &stop),
            Ok(found) => {
                self.good(&format!("{name}{}", found.sentence()));
                for oddity in &found.oddities {
                    self.warn(&format!("{name}{oddity}"));
                }
            }
        }
    }
}
