//! How a sandbox behaves: every knob with the default that matches the Braze of today.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use grouparoo_clock::Clock;

use crate::auth::Permissions;
use crate::faults::FaultRule;
use crate::limits::RateLimits;
use crate::store::{Dump, Group, Kind};

/// The key that a sandbox with default options accepts, with every permission.
pub const DEFAULT_KEY: &str = "sandbox-key";

/// Everything that can be chosen before a sandbox starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Source of time for windows, delays, creation times and the `Date` header.
    pub clock: Clock,
    /// Where plain http listens; port 0 takes a free port.
    pub listen: SocketAddr,
    /// Where https listens, with a certificate of the sandbox's own CA; `None`: no https.
    pub https: Option<SocketAddr>,
    /// Host names and addresses that the https certificate names besides `localhost` and the loopback addresses.
    pub tls_names: Vec<String>,
    /// API keys and what each of them may do.
    pub keys: BTreeMap<String, Permissions>,
    /// What the workspace holds at the start.
    pub content: Dump,
    /// Subscription groups of the workspace.
    pub groups: Vec<Group>,
    /// Names of the campaigns that `/campaigns/list` shows.
    pub campaigns: Vec<String>,
    /// Most objects in one request to `/users/track`.
    pub ceiling: Ceiling,
    /// Vocabulary of per-object errors.
    pub error_style: ErrorStyle,
    /// Request ceilings and how they are told.
    pub rate: RateLimits,
    /// Time between an accepted write and its effect.
    pub delays: Delays,
    /// Faults from the start; they can be changed at run time.
    pub faults: Vec<FaultRule>,
    /// External ids whose objects are refused, with the error's text.
    pub refused: BTreeMap<String, String>,
    /// External ids that Braze has blocked.
    pub blocked: Vec<String>,
    /// Whether an attribute keeps the type of the first value ever received.
    pub sticky_types: bool,
    /// Types that the dashboard forces upon custom attributes.
    pub forced_types: BTreeMap<String, Kind>,
    /// Age of the account, which decides on `fields_to_export` and on the export's ceiling.
    pub account: Account,
    /// How an export shows `dob`.
    pub dob: DobForm,
    /// Whether a changed e-mail address always ends as globally `subscribed`.
    pub resubscribe_on_email_change: bool,
    /// Whether an object is refused for what Braze would swallow without a word.
    pub strict: bool,
    /// Answer `/users/track` after counting objects, keeping no users: for benchmarks.
    pub counting_sink: bool,
    /// Most requests kept in the journal, the newest stay; 0 switches it off (requests are still counted).
    pub journal_limit: usize,
    /// Most bytes of bodies kept in the journal.
    pub journal_bytes: usize,
    /// Most bytes in a body.
    pub max_body: usize,
    /// Most elements of an array attribute.
    pub max_array: usize,
    /// App ids that push tokens may name; `None`: any.
    pub app_ids: Option<Vec<String>>,
    /// Seed of everything that is drawn by lot: ids, buckets, percentages, shuffling.
    pub seed: u64,
    /// Worker threads of the server.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            clock: Clock::system(),
            listen: anywhere,
            https: Some(anywhere),
            tls_names: Vec::new(),
            keys: BTreeMap::from([(DEFAULT_KEY.to_owned(), Permissions::All)]),
            content: Dump::default(),
            groups: Vec::new(),
            campaigns: vec!["Welcome".to_owned()],
            ceiling: Ceiling::Total(75),
            error_style: ErrorStyle::Sentences,
            rate: RateLimits::default(),
            delays: Delays::none(),
            faults: Vec::new(),
            refused: BTreeMap::new(),
            blocked: Vec::new(),
            sticky_types: false,
            forced_types: BTreeMap::new(),
            account: Account::Old,
            dob: DobForm::Date,
            resubscribe_on_email_change: false,
            strict: false,
            counting_sink: false,
            journal_limit: 10_000,
            journal_bytes: 256 << 20,
            max_body: 4 << 20,
            max_array: 500,
            app_ids: None,
            seed: 0x5eed,
            threads: 2,
        }
    }
}

/// Most objects in one request to `/users/track`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// So many over all arrays together: today's contracts say 75, others said 50, the plan is 5.
    Total(usize),
    /// So many in each array: the contracts of old, with 75.
    PerArray(usize),
}

/// Vocabulary of the `type` of a per-object error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorStyle {
    /// English sentences as seen on the wire; where none was ever seen, the symbolic code.
    Sentences,
    /// The symbolic codes of the documentation; where there is none, the sentence.
    Codes,
}

/// Age of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Onboarded before 22 August 2024: `fields_to_export` may be left out.
    Old,
    /// Onboarded since: an export without `fields_to_export` is a 400.
    New,
}

/// How an export shows a date of birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DobForm {
    /// `1980-12-21`, as documented.
    Date,
    /// `1980-12-21T00:00:00.000Z`, as recorded in 2021.
    Timestamp,
}

/// Time between acceptance and effect of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// Until a request with a single object takes effect.
    pub single: Duration,
    /// Until the first profile of a larger request is touched.
    pub batch_start: Duration,
    /// Between two profiles of a larger request.
    pub per_profile: Duration,
    /// From the visible shell of a new profile (ids and defaults) to its attributes; zero: both at once.
    pub two_step: Duration,
    /// Each request is put off by a random part of this window, so that requests overtake each other.
    pub shuffle: Duration,
    /// Until a delete takes effect.
    pub delete: Duration,
}

impl Delays {
    /// Everything takes effect before the answer.
    pub const fn none() -> Self {
        let zero = Duration::ZERO;
        Self {
            single: zero,
            batch_start: zero,
            per_profile: zero,
            two_step: zero,
            shuffle: zero,
            delete: zero,
        }
    }

    /// What traffic of November 2021 showed: 6 s for one object, else 1 s and 40 ms a profile, deletes after 1 s.
    pub const fn recorded_2021() -> Self {
        Self {
            single: Duration::from_secs(6),
            batch_start: Duration::from_secs(1),
            per_profile: Duration::from_millis(40),
            two_step: Duration::ZERO,
            shuffle: Duration::ZERO,
            delete: Duration::from_secs(1),
        }
    }
}
