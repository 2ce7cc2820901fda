//! Phase 1: may this state be used for this job? Identity of the workspace and questions that wait for a person
//! (docs/semantics.md, "Identity" and "Other questions").

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use crate::braze::{Braze, BrazeError};
use crate::data::{HashKey, KeyKind};

use super::account::Account;
use super::approval::{self, Asking};
use super::job::{Collection, Job};
use super::memory::{Binding, IssuedToken, Memory, Question};
use super::program::Program;
use super::proof::{self, Proof};
use super::reason::{Reason, Stop};

/// What a check needs to know.
pub struct Checking<'a> {
    /// The job.
    pub job: &'a Job,
    /// The program made of it.
    pub program: &'a Program,
    /// Key of all hashes.
    pub key: &'a HashKey,
    /// Tokens that a person gave.
    pub approvals: &'a [String],
    /// Serial of the run.
    pub serial: u64,
    /// Known records.
    pub known: u64,
    /// Start of the run.
    pub now: Timestamp,
    /// Mode Plan without a look-up: Braze is asked nothing.
    pub plan: bool,
    /// The Destination is being deleted: only whose workspace it is matters.
    pub cleanup: bool,
}

/// What the person decided about a workspace, or that nobody had to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workspace {
    /// The state is of this workspace.
    Same,
    /// The state is to be archived, and a new one begun.
    Fresh,
}

/// What stands in the way, with the questions that it asks.
#[derive(Debug)]
pub struct Blocked {
    /// Why the run stops.
    pub stop: Stop,
    /// Questions for a person.
    pub questions: Vec<IssuedToken>,
}

impl Blocked {
    /// A stop that asks nothing.
    pub(super) fn stop(stop: Stop) -> Self {
        Self { stop, questions: Vec::new() }
    }
}

impl Checking<'_> {
    /// The binding as this job wants it.
    pub fn binding(&self) -> Binding {
        let job = self.job;
        Binding {
            app: job.app_name(),
            workspace: job.app.workspace.clone(),
            host: host(&job.app.braze.endpoint),
            key_digest: self.key.derive("api key").hash(job.app.braze.key.expose_secret().as_bytes()),
            pairs: Vec::new(),
            unverified: false,
            source: String::new(),
            relation_digest: self.key.hash(format!("{:?}", job.model.relation).as_bytes()),
            model: job.model.name.clone(),
            key_property: job.model.primary_key.clone(),
            key_column: self.program.key_column.clone(),
            key_family: match self.program.key_kind {
                KeyKind::Text => "Text".to_owned(),
                KeyKind::Integer | KeyKind::Decimal => "Integer".to_owned(),
            },
            mode: Some(job.mode),
        }
    }

    /// Under collection None rows and their keys mean nothing.
    fn reads_nothing(&self) -> bool {
        self.job.collection == Collection::None
    }

    /// Compares the binding with what is remembered, and renews it where that is safe.
    pub async fn workspace(
        &self,
        memory: &mut Memory,
        braze: &Braze,
        account: &Account,
    ) -> Result<Workspace, Blocked> {
        let wanted = self.binding();
        let Some(known) = memory.binding.clone() else {
            memory.binding = Some(wanted);
            return Ok(Workspace::Same);
        };
        let verdict = self.compare(&known, &wanted, braze, account).await?;
        let unverified = match verdict {
            Identity::Same => known.unverified,
            Identity::Proven => false,
            Identity::Unverified => true,
            Identity::Changed => match self.workspace_answer(memory, &wanted) {
                Some(Workspace::Fresh) => return Ok(Workspace::Fresh),
                Some(Workspace::Same) => {
                    self.use_up_workspace(memory, &wanted);
                    let fresh_pairs = Binding { pairs: Vec::new(), ..known.clone() };
                    memory.binding = Some(renewed(&fresh_pairs, &wanted, false));
                    return Ok(Workspace::Same);
                }
                None => return Err(self.ask_workspace(memory, &wanted)),
            },
        };
        if unverified && !known.unverified {
            account.warn(
                "WorkspaceUnverified",
                "",
                0,
                "the API key is another one and nobody could check that it belongs to the same workspace, so \
                 removals are held; grant users.export.ids, or approve",
            );
        }
        memory.binding = Some(renewed(&known, &wanted, unverified));
        approval::withdraw(&mut memory.ledger, Question::WorkspaceChanged);
        Ok(Workspace::Same)
    }

    async fn compare(
        &self,
        known: &Binding,
        wanted: &Binding,
        braze: &Braze,
        account: &Account,
    ) -> Result<Identity, Blocked> {
        if let (Some(then), Some(now)) = (&known.workspace, &wanted.workspace) {
            // The person's own word for it: nothing has to be proven.
            return Ok(if then == now { Identity::Proven } else { Identity::Changed });
        }
        let host_changed = known.host != wanted.host;
        if self.plan && (host_changed || known.key_digest != wanted.key_digest) {
            account.warn(
                "WorkspaceNotChecked",
                "",
                0,
                "endpoint or key changed since the last run; a plan without a look-up asks Braze nothing, so whether it is the same \
                 workspace is found out by the next sync",
            );
            return Ok(Identity::Same);
        }
        if !host_changed && known.key_digest == wanted.key_digest && (self.plan || !known.unverified) {
            return Ok(Identity::Same);
        }
        let unknown = if host_changed { Identity::Changed } else { Identity::Unverified };
        let (proof, traffic) = proof::prove(&known.pairs, self.key, braze).await;
        account.traffic(traffic);
        match proof {
            Ok(Proof::Same) => Ok(Identity::Proven),
            Ok(Proof::Other) => Ok(Identity::Changed),
            Ok(Proof::NoSample) => Ok(unknown),
            Err(BrazeError::PermissionMissing { .. }) => Ok(unknown),
            Err(error) => {
                let reason = match error {
                    BrazeError::Unavailable { .. } | BrazeError::EndpointUnreachable { .. } => {
                        Reason::BrazeUnavailable
                    }
                    BrazeError::EndpointNotAllowed => Reason::EndpointNotAllowed,
                    _ => Reason::AuthenticationFailed,
                };
                Err(Blocked::stop(Stop::new(reason, format!("{error}; {}", error.advice()))))
            }
        }
    }

    /// Digest of the workspace that is asked about: another edit asks anew.
    fn workspace_digest(&self, wanted: &Binding) -> u64 {
        self.key.hash(format!("{}{:?}{}", wanted.host, wanted.workspace, wanted.key_digest).as_bytes())
    }

    fn use_up_workspace(&self, memory: &mut Memory, wanted: &Binding) {
        let digest = self.workspace_digest(wanted);
        let given = approval::given(&memory.ledger, Question::WorkspaceChanged, self.approvals, self.now);
        if let Some(token) = given.filter(|token| token.digest == digest).map(|token| token.token.clone()) {
            approval::use_up(&mut memory.ledger, &token);
        }
    }

    fn workspace_answer(&self, memory: &Memory, wanted: &Binding) -> Option<Workspace> {
        let digest = self.workspace_digest(wanted);
        let given = approval::given(&memory.ledger, Question::WorkspaceChanged, self.approvals, self.now)
            .filter(|token| token.digest == digest)?;
        match given.answer.as_deref() {
            Some("fresh") => Some(Workspace::Fresh),
            _ => Some(Workspace::Same),
        }
    }

    fn ask_workspace(&self, memory: &mut Memory, wanted: &Binding) -> Blocked {
        let digest = self.workspace_digest(wanted);
        let questions = ["same", "fresh"]
            .into_iter()
            .map(|answer| {
                let asking = Asking {
                    question: Question::WorkspaceChanged,
                    answer: Some(answer),
                    action: "workspace",
                    digest,
                    removals: 0,
                    known_records: self.known,
                };
                approval::ask(self.key, &mut memory.ledger, &asking, self.serial, self.now)
            })
            .collect();
        Blocked {
            stop: Stop::new(
                Reason::ApprovalRequired,
                "what is remembered belongs to another Braze workspace: the endpoint, key or label changed, and the \
                 users of the old one were not found. Approve with one of the two tokens",
            ),
            questions,
        }
    }

    /// Asks the questions that the configuration itself raises; approved ones are used up.
    pub fn questions(&self, memory: &mut Memory, before: Option<&Binding>) -> Result<(), Blocked> {
        if self.cleanup {
            return Ok(());
        }
        let mut questions = Vec::new();
        let mut sentences = Vec::new();
        for (question, digest, sentence) in self.raised(memory, before) {
            if let Some(token) = approval::given(&memory.ledger, question, self.approvals, self.now)
                .filter(|t| t.digest == digest)
            {
                // That of collection None is used up by the run that takes everything back.
                if question != Question::CollectionNone {
                    let token = token.token.clone();
                    approval::use_up(&mut memory.ledger, &token);
                }
                continue;
            }
            let removals = if question == Question::CollectionNone { self.known } else { 0 };
            let asking = Asking {
                question,
                answer: None,
                action: question.name(),
                digest,
                removals,
                known_records: self.known,
            };
            questions.push(approval::ask(self.key, &mut memory.ledger, &asking, self.serial, self.now));
            sentences.push(sentence);
        }
        if questions.is_empty() {
            return Ok(());
        }
        Err(Blocked { stop: Stop::new(Reason::ApprovalRequired, sentences.join("; ")), questions })
    }

    /// Questions with the digest of what is asked.
    fn raised(&self, memory: &Memory, before: Option<&Binding>) -> Vec<(Question, u64, String)> {
        let mut raised = Vec::new();
        if let Some(before) = before.filter(|_| self.known > 0 && !self.reads_nothing()) {
            let now = self.binding();
            let key = |b: &Binding| (b.key_property.clone(), b.key_column.clone(), b.key_family.clone());
            if key(before) != key(&now) {
                raised.push((
                    Question::KeyChanged,
                    self.key.hash(format!("{:?}", key(&now)).as_bytes()),
                    "the primary key is another property, column or type: every user would be created anew"
                        .to_owned(),
                ));
            }
        }
        let kinds = &self.program.alignment.kind_changes;
        if !kinds.is_empty() {
            let names: Vec<String> =
                kinds.iter().map(|(name, first, now)| format!("{name} from {first:?} to {now:?}")).collect();
            raised.push((
                Question::TargetTypeChanged,
                self.key.hash(format!("{kinds:?}").as_bytes()),
                format!(
                    "Braze keeps the first type of an attribute and may drop others silently: {}",
                    names.join(", ")
                ),
            ));
        }
        if self.job.collection == Collection::None && self.known > 0 {
            let action = if self.job.mode == super::job::SyncMode::Sync { "deletes" } else { "releases" };
            raised.push((
                Question::CollectionNone,
                self.key.hash(format!("none {action} {}", memory.ledger.approvals_used).as_bytes()),
                format!("collection None {action} all {} known records", self.known),
            ));
        }
        raised
    }

    /// Warnings about what changed since the last run.
    pub fn tell_changes(&self, before: Option<&Binding>, source: &str, account: &Account) {
        if self.cleanup {
            return;
        }
        let alignment = &self.program.alignment;
        for target in &alignment.cleared {
            account.warn(
                "TargetCleared",
                target,
                0,
                "no longer mapped: it is removed in Braze, once per user",
            );
        }
        for target in &alignment.left {
            account.warn("TargetLeft", target, 0, "no longer mapped: it stays in Braze as it is");
        }
        for group in &alignment.groups_left {
            account.warn("GroupLeftAsIs", group, 0, "no longer mapped: the memberships stay as they are");
        }
        if let Some(before) = before.filter(|_| !self.reads_nothing()) {
            let relation = self.key.hash(format!("{:?}", self.job.model.relation).as_bytes());
            if before.source != source
                || before.relation_digest != relation
                || before.model != self.job.model.name
            {
                account.warn(
                    "SourceChanged",
                    "",
                    0,
                    "rows come from another source, model, table or query than in the last run",
                );
            }
        }
    }
}

enum Identity {
    Same,
    Proven,
    Unverified,
    Changed,
}

/// The binding of the present configuration, with what was learned about the workspace.
fn renewed(known: &Binding, wanted: &Binding, unverified: bool) -> Binding {
    Binding { pairs: known.pairs.clone(), unverified, ..wanted.clone() }
}

/// Host and port of an endpoint.
fn host(endpoint: &str) -> String {
    match url::Url::parse(endpoint) {
        Ok(url) => match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => endpoint.to_owned(),
        },
        Err(_) => endpoint.to_owned(),
    }
}
