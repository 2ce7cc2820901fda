//! How a run meets a state that does not fit what the Destination's status remembers: gone, older than it should
//! be, or new beside one that nobody owns (docs/semantics.md, "First installation, lost state, full resync").

use crate::state::{Commit, StateError};

use super::approval::{self, Asking};
use super::check::Blocked;
use super::job::{Collection, InitialSync, Job};
use super::memory::{Binding, IssuedToken, Memory, Question};
use super::reason::{Reason, Stop};
use super::run::{Request, Run, state_stop};

/// What the status of a Destination remembers of its state, which may have been lost or restored since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Some run of the Destination ended well; a plan is none.
    pub succeeded: bool,
    /// The serial that the newest report of a run other than a plan told, see
    /// [`Report::serial`](super::report::Report::serial); 0: none.
    pub serial: u64,
}

/// What a person decided about an empty state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Send,
    Adopt,
}

/// What a cleanup runs in place of a job and a request: everything is taken back, whatever else was asked.
pub(super) fn cleanup(job: &Job, request: &Request) -> Option<(Job, Request)> {
    let job = request.cleanup.then(|| Job { collection: Collection::None, ..job.clone() })?;
    Some((job, Request { keys: Vec::new(), full: false, retry_rejects: false, ..request.clone() }))
}

impl Run<'_> {
    /// Whether the state is as before a first run.
    pub(super) fn is_fresh(&self) -> bool {
        self.known == 0 && !self.memory.ledger.succeeded_once
    }

    /// Compares the state with what the status remembers, before anybody is asked anything.
    pub(super) fn meet_state(&mut self) -> Result<(), Blocked> {
        if self.begun_anew {
            self.memory.ledger.sends_all = true;
        }
        if self.request.cleanup {
            // Everything is taken back: nothing begins, and what is being adopted is ours already.
            self.memory.ledger.adopting = false;
            return Ok(());
        }
        if self.is_fresh() {
            return self.begin();
        }
        let remembered = self.request.remembered.unwrap_or_default();
        // The run itself has raised the serial already.
        if remembered.serial > self.header.serial.saturating_sub(1) {
            self.note_roll_back().map_err(|error| Blocked::stop(state_stop(&error)))?;
        }
        if self.memory.ledger.rolled_back {
            self.account.warn(
                "StateRolledBack",
                "",
                0,
                "what is remembered is older than the newest run: it was restored from a backup. Differences and \
                 removals since then are repeated, and subscription states are read again before a join. Not \
                 repaired: what changed and changed back since the backup (a full resync does it), and users that \
                 came and went",
            );
        }
        Ok(())
    }

    /// Tells when what the Destinations of the app had in common is gone.
    pub(super) fn meet_app_ledger(&self, before: Option<&Binding>) -> Result<(), StateError> {
        let renamed = before.map(|binding| &binding.app) != self.memory.binding.as_ref().map(|now| &now.app);
        // A plan does not carry the ledger of a renamed app over, so it finds none under the new name.
        if !self.memory.ledger.app_noted || (self.request.plan && renamed) || !self.tools.app.is_empty()? {
            return Ok(());
        }
        self.account.warn(
            "AppLedgerLost",
            "",
            0,
            "the folder apps/ of the state is gone, and with it the opt-outs of users that were deleted: whoever of \
             them comes back is subscribed unless Braze itself says otherwise. Put it back from a backup",
        );
        Ok(())
    }

    /// The engine's part of the header as the state holds it.
    pub(super) fn remembered_before(&self) -> Memory {
        match &self.header.body {
            serde_json::Value::Null => Memory::default(),
            body => serde_json::from_value(body.clone()).unwrap_or_default(),
        }
    }

    /// Durable at once: the run that noticed may be cut off, and its serial is no longer below the status then.
    fn note_roll_back(&mut self) -> Result<(), StateError> {
        self.memory.ledger.rolled_back = true;
        if self.request.plan {
            return Ok(());
        }
        let mut header = self.header.clone();
        let mut memory = self.remembered_before();
        memory.ledger.rolled_back = true;
        header.body = serde_json::to_value(&memory).expect("plain data becomes JSON");
        self.tools
            .store
            .commit(header.epoch, Commit { header: Some(header.clone()), ..Commit::default() })?;
        self.header = header;
        Ok(())
    }

    /// A state as before a first run, though there was one, or though another one looks like its former self.
    fn begin(&mut self) -> Result<(), Blocked> {
        let lost = self.request.remembered.is_some_and(|remembered| remembered.succeeded);
        let ledger = &self.memory.ledger;
        if ledger.sends_all || ledger.adopting {
            return Ok(());
        }
        if lost {
            self.account.warn(
                "StateLost",
                "",
                0,
                "what was delivered before is forgotten: users that vanished from the source meanwhile are neither \
                 deleted nor released, and memberships that ended meanwhile stay",
            );
        }
        let send_all = self.job.initial_sync_stated && self.job.initial_sync == InitialSync::SendAll;
        let mut asked = Vec::new();
        if lost && !send_all {
            asked.extend([(Question::StateLost, "send"), (Question::StateLost, "adopt")]);
        }
        if self.request.orphan.is_some() && !self.job.initial_sync_stated {
            asked.push((Question::OrphanState, "fresh"));
        }
        if asked.is_empty() {
            return Ok(());
        }
        match self.beginning(&asked) {
            Some(beginning) => self.decide_beginning(beginning),
            None => return Err(self.ask_beginning(&asked)),
        }
        Ok(())
    }

    /// What the given tokens say; those that contradict each other say nothing.
    fn beginning(&self, asked: &[(Question, &str)]) -> Option<Beginning> {
        let orphan = self.beginning_digest(Question::OrphanState);
        let mut said = None;
        for question in [Question::StateLost, Question::OrphanState] {
            if !asked.iter().any(|(one, _)| *one == question) {
                continue;
            }
            let approvals = &self.request.approvals;
            let given = approval::given(&self.memory.ledger, question, approvals, self.now)
                .filter(|token| question == Question::StateLost || token.digest == orphan);
            let answer = match given.map(|token| token.answer.as_deref()) {
                None => continue,
                Some(Some("adopt")) => Beginning::Adopt,
                Some(_) => Beginning::Send,
            };
            if said.is_some_and(|before| before != answer) {
                return None;
            }
            said = Some(answer);
        }
        said
    }

    fn decide_beginning(&mut self, beginning: Beginning) {
        for question in [Question::StateLost, Question::OrphanState] {
            self.use_up(question);
            approval::withdraw(&mut self.memory.ledger, question);
        }
        // Kept until the state is not fresh any more: a run that fails must not ask again.
        match beginning {
            Beginning::Send => self.memory.ledger.sends_all = true,
            Beginning::Adopt => self.memory.ledger.adopting = true,
        }
    }

    /// What a question is about. That of a lost state keeps the digest under which it was asked first, because the
    /// serial that the status remembers changes with each run that asks.
    fn beginning_digest(&self, question: Question) -> u64 {
        let key = self.tools.store.hash_key();
        if question == Question::OrphanState {
            return key.hash(format!("orphan {:?}", self.request.orphan).as_bytes());
        }
        let issued = self.memory.ledger.tokens.iter().find(|token| token.question == question);
        let serial = self.request.remembered.unwrap_or_default().serial;
        issued.map_or_else(|| key.hash(format!("lost at {serial}").as_bytes()), |token| token.digest)
    }

    fn ask_beginning(&mut self, asked: &[(Question, &str)]) -> Blocked {
        let key = self.tools.store.hash_key().clone();
        let digests: Vec<u64> = asked.iter().map(|(question, _)| self.beginning_digest(*question)).collect();
        let questions: Vec<IssuedToken> = asked
            .iter()
            .zip(digests)
            .map(|(&(question, answer), digest)| {
                let asking = Asking {
                    question,
                    answer: Some(answer),
                    action: "begin",
                    digest,
                    removals: 0,
                    known_records: 0,
                };
                approval::ask(&key, &mut self.memory.ledger, &asking, self.header.serial, self.now)
            })
            .collect();
        let mut sentences = Vec::new();
        if asked.iter().any(|(question, _)| *question == Question::StateLost) {
            sentences.push(
                "what was delivered is forgotten, though an earlier run succeeded. Restore the state, or approve \
                 with a token: send-… sends everything again, which costs data points for every value, adopt-… \
                 sends nothing and takes what the source says as delivered. Users that vanished meanwhile are not \
                 deleted either way"
                    .to_owned(),
            );
        }
        if let (Some(orphan), true) =
            (&self.request.orphan, asked.iter().any(|(question, _)| *question == Question::OrphanState))
        {
            sentences.push(format!(
                "the state {orphan} is of the same workspace and Model and belongs to no Destination. If this one \
                 was renamed, write stateName: {orphan}; else approve with the token fresh-…"
            ));
        }
        Blocked { stop: Stop::new(Reason::ApprovalRequired, sentences.join("; ")), questions }
    }
}
