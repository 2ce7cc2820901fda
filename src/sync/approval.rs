//! Questions that wait for a person, and the tokens that answer them (docs/semantics.md, "Trip and approval"). Pure.

use jiff::{SignedDuration, Timestamp};

use crate::data::HashKey;

use super::memory::{IssuedToken, Ledger, Question};

/// How long a token keeps its meaning.
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Letters and digits of a token: no 0, 1, l, o, i, so that it can be read out.
const ALPHABET: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz_";
/// Characters of a token without its answer.
const LENGTH: usize = 12;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking<'a> {
    /// Which question.
    pub question: Question,
    /// What the token says, where a question has several answers.
    pub answer: Option<&'a str>,
    /// `delete` or `release`, or whatever else distinguishes what would happen.
    pub action: &'a str,
    /// Keyed digest of the set of keys, or of the situation that is asked about.
    pub digest: u64,
    /// Records that would be removed.
    pub removals: u64,
    /// Known records.
    pub known_records: u64,
}

/// The token for a question: bound to the state (by its key), the question, the action, the number of approvals
/// used so far and the set, so that an unchanged set keeps its token.
pub fn token(key: &HashKey, ledger: &Ledger, asking: &Asking<'_>) -> String {
    let key = key.derive("approval");
    let mut hasher = key.hasher();
    hasher.bytes(asking.question.name().as_bytes());
    hasher.number(0xff);
    hasher.bytes(asking.answer.unwrap_or_default().as_bytes());
    hasher.number(0xff);
    hasher.bytes(asking.action.as_bytes());
    hasher.number(ledger.approvals_used);
    hasher.number(asking.digest);
    let mut bits = hasher.finish();
    let text: String = (0..LENGTH)
        .map(|_| {
            // 12 × 5 of the 64 bits; the last one of the alphabet is folded away.
            let letter = ALPHABET[(bits % 31) as usize];
            bits /= 31;
            char::from(letter)
        })
        .collect();
    match asking.answer {
        Some(answer) => format!("{answer}-{text}"),
        None => text,
    }
}

/// Asks a question: the token that stands for it, issued now or kept from an earlier run.
pub fn ask(
    key: &HashKey,
    ledger: &mut Ledger,
    asking: &Asking<'_>,
    serial: u64,
    now: Timestamp,
) -> IssuedToken {
    forget_expired(ledger, now);
    let text = token(key, ledger, asking);
    if let Some(issued) = ledger.tokens.iter().find(|issued| issued.token == text) {
        return issued.clone();
    }
    let issued = IssuedToken {
        token: text,
        question: asking.question,
        answer: asking.answer.map(str::to_owned),
        action: asking.action.to_owned(),
        since: now,
        expires: now + LIFETIME,
        serial,
        digest: asking.digest,
        removals: asking.removals,
        known_records: asking.known_records,
    };
    ledger.tokens.push(issued.clone());
    issued
}

/// Forgets tokens whose time is over. What is asked anew gets another token: else an old approval, left in Git,
/// would answer it.
fn forget_expired(ledger: &mut Ledger, now: Timestamp) {
    let before = ledger.tokens.len();
    ledger.tokens.retain(|issued| issued.expires > now);
    if ledger.tokens.len() < before {
        ledger.approvals_used += 1;
    }
}

/// The newest issued token of a question among those that a person gave. Two that give different answers give none.
pub fn given<'a>(
    ledger: &'a Ledger,
    question: Question,
    approvals: &[String],
    now: Timestamp,
) -> Option<&'a IssuedToken> {
    let mut found = ledger.tokens.iter().rev().filter(|issued| {
        issued.question == question
            && issued.expires > now
            && approvals.contains(&issued.token)
            && !ledger.used_tokens.contains(&issued.token)
    });
    let newest = found.next()?;
    found.all(|other| other.answer == newest.answer).then_some(newest)
}

/// Notes that a token did its work: it and all others of its question lose their meaning.
pub fn use_up(ledger: &mut Ledger, token: &str) {
    let Some(question) = ledger.tokens.iter().find(|issued| issued.token == token).map(|t| t.question) else {
        return;
    };
    ledger.tokens.retain(|issued| issued.question != question);
    ledger.used_tokens.push(token.to_owned());
    // Long enough to outlast the 7 days of any token, short enough for a header.
    if ledger.used_tokens.len() > 100 {
        ledger.used_tokens.remove(0);
    }
    ledger.approvals_used += 1;
}

/// Forgets a question whose cause disappeared.
pub fn withdraw(ledger: &mut Ledger, question: Question) {
    ledger.tokens.retain(|issued| issued.question != question);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HashKey {
        HashKey::new([7; 16])
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).expect("a time")
    }

    fn guard(digest: u64) -> Asking<'static> {
        Asking {
            question: Question::DeletionGuard,
            answer: None,
            action: "delete",
            digest,
            removals: 60,
            known_records: 100,
        }
    }

    /// semantics 8.3.2: 12 characters; an unchanged set keeps its token; another set, action, state or answer
    /// has another.
    #[test]
    fn a_token_stands_for_one_set_of_one_state() {
        let ledger = Ledger::default();
        let mine = token(&key(), &ledger, &guard(1));
        assert_eq!(mine.len(), 12);
        assert_eq!(mine, token(&key(), &ledger, &guard(1)));
        assert_ne!(mine, token(&key(), &ledger, &guard(2)));
        assert_ne!(mine, token(&key(), &ledger, &Asking { action: "release", ..guard(1) }));
        assert_ne!(mine, token(&HashKey::new([8; 16]), &ledger, &guard(1)));
        let answer = Asking { answer: Some("fresh"), ..guard(1) };
        assert!(token(&key(), &ledger, &answer).starts_with("fresh-"));
    }

    /// semantics 8.3.4: used up by the run that completes its set; means nothing afterwards, may stay in Git.
    #[test]
    fn a_token_acts_once() {
        let mut ledger = Ledger::default();
        let issued = ask(&key(), &mut ledger, &guard(1), 3, at(0));
        let approvals = [issued.token.clone()];
        assert!(given(&ledger, Question::DeletionGuard, &approvals, at(1)).is_some());
        use_up(&mut ledger, &issued.token);
        assert!(given(&ledger, Question::DeletionGuard, &approvals, at(1)).is_none());
        let again = ask(&key(), &mut ledger, &guard(1), 4, at(1));
        assert_ne!(again.token, issued.token, "the same set later is another question");
        assert!(given(&ledger, Question::DeletionGuard, &approvals, at(1)).is_none());
    }

    /// semantics 8.3.2 and 8.3.4: earlier tokens hold for their sets until they expire after 7 days.
    #[test]
    fn an_earlier_token_holds_until_it_expires() {
        let mut ledger = Ledger::default();
        let first = ask(&key(), &mut ledger, &guard(1), 3, at(0));
        let second = ask(&key(), &mut ledger, &guard(2), 4, at(1));
        assert_ne!(first.token, second.token);
        assert_eq!(ask(&key(), &mut ledger, &guard(1), 5, at(2)).since, at(0));
        let approvals = [first.token];
        let found = given(&ledger, Question::DeletionGuard, &approvals, at(6)).map(|t| t.serial);
        assert_eq!(found, Some(3));
        assert!(given(&ledger, Question::DeletionGuard, &approvals, at(7)).is_none());
    }

    /// semantics 4.3.4: two tokens, two answers; both at once answer nothing.
    #[test]
    fn two_answers_to_one_question_are_none() {
        let mut ledger = Ledger::default();
        let mut issue = |answer| {
            let question = Question::WorkspaceChanged;
            let asking = Asking { question, answer: Some(answer), action: "workspace", ..guard(1) };
            ask(&key(), &mut ledger, &asking, 1, at(0)).token
        };
        let both = [issue("same"), issue("fresh")];
        let answer = |approvals: &[String]| {
            given(&ledger, Question::WorkspaceChanged, approvals, at(0))
                .and_then(|token| token.answer.clone())
        };
        assert_eq!(answer(&both), None);
        assert_eq!(answer(&both[..1]).as_deref(), Some("same"));
        assert_eq!(answer(&both[1..]).as_deref(), Some("fresh"));
    }

    #[test]
    fn a_token_of_another_question_answers_nothing() {
        let mut ledger = Ledger::default();
        let issued = ask(&key(), &mut ledger, &guard(1), 1, at(0));
        assert!(given(&ledger, Question::KeyChanged, std::slice::from_ref(&issued.token), at(0)).is_none());
        withdraw(&mut ledger, Question::DeletionGuard);
        assert!(given(&ledger, Question::DeletionGuard, &[issued.token], at(0)).is_none());
    }
}
