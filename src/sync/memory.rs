//! What a state's header holds for the engine: binding, schema, ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::job::SyncMode;
use super::schema::Schema;

/// The engine's part of a state's header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Memory {
    /// Workspace, source and key that the state belongs to; none before the first run.
    pub binding: Option<Binding>,
    /// Every target and group mapping ever sent.
    pub schema: Schema,
    /// What earlier runs left behind.
    pub ledger: Ledger,
}

/// What a state belongs to (docs/semantics.md, "Identity").
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Binding {
    /// Name of the app: namespace and label, or namespace and BrazeApp.
    pub app: String,
    /// The user's label of the workspace.
    pub workspace: Option<String>,
    /// Host of the endpoint.
    pub host: String,
    /// Keyed digest of the API key.
    pub key_digest: u64,
    /// Records with the keyed hash of the id that Braze gave them: they tell one workspace from another.
    pub pairs: Vec<Pair>,
    /// Nobody could check that this is still the same workspace.
    pub unverified: bool,
    /// Identity of the source.
    pub source: String,
    /// Keyed digest of table or query.
    pub relation_digest: u64,
    /// Name of the Model.
    pub model: String,
    /// Property that is the primary key.
    pub key_property: String,
    /// Column behind it.
    pub key_column: String,
    /// `Integer` or `Text`.
    pub key_family: String,
    /// Mode of the newest run.
    pub mode: Option<SyncMode>,
}

impl Binding {
    /// Takes over what was known of the rows: a run that reads none learns nothing about them.
    pub fn keep_rows_of(&mut self, before: &Self) {
        self.source.clone_from(&before.source);
        self.relation_digest = before.relation_digest;
        self.model.clone_from(&before.model);
        self.key_property.clone_from(&before.key_property);
        self.key_column.clone_from(&before.key_column);
        self.key_family.clone_from(&before.key_family);
    }
}

/// A record and the keyed hash of its `braze_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The external id.
    pub key: String,
    /// Keyed hash of the `braze_id`.
    pub id: u64,
}

/// What earlier runs left behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ledger {
    /// A run has begun and has not ended: it is under way, or was cut off.
    pub running: bool,
    /// When something was last written to Braze.
    pub last_write: Option<Timestamp>,
    /// Removals of the last 24 hours that no approval covered.
    pub removals: Vec<PastRemovals>,
    /// Questions that wait for a person, newest of each last.
    pub tokens: Vec<IssuedToken>,
    /// Tokens that did their work.
    pub used_tokens: Vec<String>,
    /// Number of approvals used so far: part of every token.
    pub approvals_used: u64,
    /// Rows of the last complete full read.
    pub rows_last_full_read: Option<u64>,
    /// When the last complete full read ended.
    pub last_full_read: Option<Timestamp>,
    /// An Adopt run has begun and none has read everything yet.
    pub adopting: bool,
    /// A person decided that this state begins by sending everything, whatever `initialSync` says.
    pub sends_all: bool,
    /// The state was restored from a backup: memberships that it remembers as ended by us are not believed yet.
    pub rolled_back: bool,
    /// The Destinations of the app have something in common that must not get lost: deletes, opt-outs.
    pub app_noted: bool,
    /// Serial of the newest run that began.
    pub serial: u64,
    /// A run has ended well since the state was made.
    pub succeeded_once: bool,
}

/// Removals that were sent at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRemovals {
    /// When.
    pub time: Timestamp,
    /// How many.
    pub count: u64,
}

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    /// What to write into the approval.
    pub token: String,
    /// Which question.
    pub question: Question,
    /// What this token says, where a question has several answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What would be done: an answer to one action is none to another.
    #[serde(default)]
    pub action: String,
    /// When it was first asked.
    pub since: Timestamp,
    /// When the token loses its meaning.
    pub expires: Timestamp,
    /// Serial of the run that asked.
    pub serial: u64,
    /// Keyed digest of what is asked, so that another edit asks anew.
    pub digest: u64,
    /// Records that would be removed.
    pub removals: u64,
    /// Known records at that time.
    pub known_records: u64,
}

/// Questions that wait for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Question {
    /// More removals than the guard lets pass.
    DeletionGuard,
    /// The state belongs to another workspace.
    WorkspaceChanged,
    /// The primary key is another one.
    KeyChanged,
    /// A mapping yields another JSON kind than first sent.
    TargetTypeChanged,
    /// Everything is to be taken back.
    CollectionNone,
    /// A state of this app and Model has no Destination.
    OrphanState,
    /// The state is gone.
    StateLost,
}

impl Question {
    /// The stable word.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeletionGuard => "DeletionGuard",
            Self::WorkspaceChanged => "WorkspaceChanged",
            Self::KeyChanged => "KeyChanged",
            Self::TargetTypeChanged => "TargetTypeChanged",
            Self::CollectionNone => "CollectionNone",
            Self::OrphanState => "OrphanState",
            Self::StateLost => "StateLost",
        }
    }
}
