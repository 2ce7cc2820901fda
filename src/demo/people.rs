//! One person of the table.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::dice::Dice;
use super::places::COUNTRIES;

/// Every so many people, one has a bad value. The numbers have no common factor, so bad rows do not meet.
const BAD_EMAIL_EVERY: u32 = 1409;
const BAD_PHONE_EVERY: u32 = 1103;
const LONG_TEXT_EVERY: u32 = 1999;

const INTERESTS: &[&str] = &[
    "running",
    "cooking",
    "jazz",
    "chess",
    "gardening",
    "climbing",
    "photography",
    "sailing",
    "films",
    "café culture",
];
const DOMAINS: &[&str] = &["example.com", "example.org", "example.net"];
const STREETS: &[&str] =
    &["Station Road", "Hauptstraße", "Rue de l’Église", "Calle Mayor", "Rua Direita", "Main Street"];

/// A row. Fields are in the order of the columns.
pub(super) struct Person {
    pub id: u32,
    pub email: Option<String>,
    pub first_name: Option<&'static str>,
    pub last_name: Option<&'static str>,
    pub phone: Option<String>,
    pub country: &'static str,
    pub language: Option<&'static str>,
    pub city: Option<&'static str>,
    pub birthday: Option<Date>,
    /// In cents.
    pub lifetime_value: Option<u32>,
    pub loyalty_points: Option<u32>,
    pub plan: Option<String>,
    pub interests: Option<Vec<&'static str>>,
    /// JSON.
    pub address: Option<String>,
    pub wants_newsletter: Option<bool>,
    pub wants_sms: Option<bool>,
    pub last_purchase_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Names of the columns, in order.
pub(super) const COLUMNS: &str = "id, email, first_name, last_name, phone, country, language, city, birthday, lifetime_value, loyalty_points, plan, interests, address, wants_newsletter, wants_sms, last_purchase_at, created_at";

/// What a table holds, counted while it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// All rows.
    pub people: u32,
    /// Those who want the newsletter.
    pub newsletter: u32,
    /// Those who want text messages.
    pub texts: u32,
    /// Rows whose e-mail address is none.
    pub bad_emails: u32,
    /// Rows whose phone number cannot exist.
    pub bad_phones: u32,
    /// Rows with a text that is longer than Braze keeps.
    pub long_texts: u32,
}

impl Population {
    pub(super) fn count(&mut self, person: &Person) {
        self.people += 1;
        self.newsletter += u32::from(person.wants_newsletter == Some(true));
        self.texts += u32::from(person.wants_sms == Some(true));
        self.bad_emails += u32::from(has_bad_email(person.id));
        self.bad_phones += u32::from(has_bad_phone(person.id));
        self.long_texts += u32::from(has_long_text(person.id));
    }
}

fn has_bad_email(id: u32) -> bool {
    id % BAD_EMAIL_EVERY == 17
}

fn has_bad_phone(id: u32) -> bool {
    id % BAD_PHONE_EVERY == 23
}

fn has_long_text(id: u32) -> bool {
    id % LONG_TEXT_EVERY == 31
}

/// Person number `id` of a seed. `now` is the day on which the table is made: purchases and ages follow it.
pub(super) fn person(id: u32, seed: u64, now: Timestamp) -> Person {
    let dice = &mut Dice::new(seed, id);
    let country = *dice.pick(COUNTRIES);
    let (first, first_plain) = *dice.pick(country.first);
    let (last, last_plain) = *dice.pick(country.last);
    let city = *dice.pick(country.cities);
    let buys = dice.percent(75);
    let email = match has_bad_email(id) {
        true => Some(
            (*dice.pick(&["no-at-sign.example.com", "two words@example.com", "ends-with-at@"])).to_owned(),
        ),
        false => some(dice, 97).then(|| format!("{first_plain}.{last_plain}{id}@{}", dice.pick(DOMAINS))),
    };
    let phone = match has_bad_phone(id) {
        true => Some((*dice.pick(&["12345", "n/a", "+49 12"])).to_owned()),
        false => some(dice, 70).then(|| country.phone(dice)),
    };
    Person {
        id,
        email,
        first_name: some(dice, 98).then_some(first),
        last_name: some(dice, 95).then_some(last),
        phone,
        country: country.code,
        language: some(dice, 95).then(|| *dice.pick(country.languages)),
        city: some(dice, 92).then_some(city),
        birthday: some(dice, 80).then(|| birthday(dice, now)),
        lifetime_value: some(dice, 95).then(|| if buys { spent(dice) } else { 0 }),
        loyalty_points: some(dice, 95).then(|| dice.below(if buys { 5000 } else { 1 })),
        plan: plan(dice, id),
        interests: some(dice, 90).then(|| interests(dice)),
        address: some(dice, 85).then(|| address(dice, city, country.code)),
        wants_newsletter: some(dice, 97).then(|| dice.percent(55)),
        wants_sms: some(dice, 97).then(|| dice.percent(20)),
        last_purchase_at: buys.then(|| ago(now, purchase_minutes(dice))),
        created_at: ago(now, 60 * 24 * (730 + dice.below(1500)) + dice.below(1440)),
    }
}

/// Whether a value is there, in so many of a hundred cases.
fn some(dice: &mut Dice, share: u32) -> bool {
    dice.percent(share)
}

fn ago(now: Timestamp, minutes: u32) -> Timestamp {
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    whole.checked_sub(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(whole)
}

/// Half of the purchases are of the last 90 days.
fn purchase_minutes(dice: &mut Dice) -> u32 {
    let days = if dice.percent(50) { 90 } else { 720 };
    dice.below(days * 1440)
}

fn birthday(dice: &mut Dice, now: Timestamp) -> Date {
    let days = i64::from(18 * 366 + dice.below(67 * 365));
    let day = now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now);
    day.to_zoned(TimeZone::UTC).date()
}

/// One in ten spends ten times as much.
fn spent(dice: &mut Dice) -> u32 {
    let cents = 500 + dice.below(40_000);
    if dice.percent(10) { cents * 10 } else { cents }
}

fn plan(dice: &mut Dice, id: u32) -> Option<String> {
    let plan = match dice.below(100) {
        0..2 => None,
        2..60 => Some("free"),
        60..85 => Some("basic"),
        85..97 => Some("pro"),
        _ => Some("enterprise"),
    };
    if has_long_text(id) {
        return Some(format!("pro {}", "(see the note of the sales team) ".repeat(9)));
    }
    plan.map(str::to_owned)
}

fn interests(dice: &mut Dice) -> Vec<&'static str> {
    let count = dice.below(5) as usize;
    let start = dice.below(10) as usize;
    INTERESTS.iter().cycle().skip(start).step_by(3).take(count).copied().collect()
}

fn address(dice: &mut Dice, city: &str, country: &str) -> String {
    let address = serde_json::json!({
        "street": format!("{} {}", dice.pick(STREETS), 1 + dice.below(200)),
        "zip": dice.digits(5),
        "city": city,
        "country": country,
    });
    address.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use phonenumber::country::Id;

    const NOW: Timestamp = Timestamp::constant(1_769_860_800, 0);

    #[test]
    fn a_person_depends_on_seed_and_number_alone() {
        let of = |id, seed| {
            let p = person(id, seed, NOW);
            (p.email, p.phone, p.birthday, p.lifetime_value, p.address, p.last_purchase_at, p.created_at)
        };
        assert_eq!(of(7, 1), of(7, 1));
        assert_ne!(of(7, 1), of(7, 2));
        assert_ne!(of(7, 1), of(8, 1));
    }

    /// The rule of the example's query: the country's code, then the number without its leading zero.
    fn international(phone: &str, country: &str) -> String {
        let dial = COUNTRIES.iter().find(|c| c.code == country).map_or("", |c| c.dial);
        if phone.starts_with('+') {
            phone.to_owned()
        } else {
            format!("+{dial}{}", phone.trim_start_matches('0'))
        }
    }

    #[test]
    fn all_phones_but_the_bad_ones_are_valid_and_written_in_several_ways() {
        let (mut national, mut spaced, mut bad) = (0, 0, 0);
        for id in 1..=5000 {
            let person = person(id, 42, NOW);
            let Some(phone) = person.phone else { continue };
            let parsed = phonenumber::parse(None, international(&phone, person.country));
            let valid = parsed.is_ok_and(|number| number.is_valid());
            assert_eq!(valid, !has_bad_phone(id), "{phone} of {}", person.country);
            national += u32::from(!phone.starts_with('+'));
            spaced += u32::from(phone.contains(' '));
            bad += u32::from(!valid);
            let home: Id = person.country.parse().expect("a country");
            if valid && !phone.starts_with('+') {
                assert!(
                    phonenumber::parse(Some(home), &phone).is_ok_and(|number| number.is_valid()),
                    "{phone}"
                );
            }
        }
        assert!(national > 500 && spaced > 500 && bad > 2, "{national} national, {spaced} spaced, {bad} bad");
    }

    #[test]
    fn every_column_that_may_be_null_is_sometimes_null() {
        let people: Vec<Person> = (1..=2000).map(|id| person(id, 42, NOW)).collect();
        let nulls = |is_null: fn(&Person) -> bool| people.iter().filter(|p| is_null(p)).count();
        for count in [
            nulls(|p| p.email.is_none()),
            nulls(|p| p.first_name.is_none()),
            nulls(|p| p.last_name.is_none()),
            nulls(|p| p.phone.is_none()),
            nulls(|p| p.language.is_none()),
            nulls(|p| p.city.is_none()),
            nulls(|p| p.birthday.is_none()),
            nulls(|p| p.lifetime_value.is_none()),
            nulls(|p| p.loyalty_points.is_none()),
            nulls(|p| p.plan.is_none()),
            nulls(|p| p.interests.is_none()),
            nulls(|p| p.address.is_none()),
            nulls(|p| p.wants_newsletter.is_none()),
            nulls(|p| p.wants_sms.is_none()),
            nulls(|p| p.last_purchase_at.is_none()),
        ] {
            assert!((10..1000).contains(&count), "{count}");
        }
        assert!(people.iter().all(|p| p.created_at < NOW && p.last_purchase_at.is_none_or(|at| at <= NOW)));
        assert!(people.iter().filter_map(|p| p.birthday).all(|day| day.year() < 2009));
    }
}
