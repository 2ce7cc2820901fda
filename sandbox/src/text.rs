//! Addresses, countries, languages and time zones as text.

use phonenumber::Mode;

/// An address as key: e-mail addresses compare without case, phone numbers have none.
pub(crate) fn address_key(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Whether the text is an e-mail address: one `local@domain.tld` without spaces.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let allowed =
        |char: char| !char.is_whitespace() && !char.is_control() && !"()<>[],;:\\\"@".contains(char);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|char| char.is_alphanumeric() || char == '-')
    };
    text.len() <= 254
        && !local.is_empty()
        && local.chars().all(allowed)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// A phone number as Braze keeps it, and whether it is valid.
///
/// All but digits and a leading plus sign is stripped; ten bare digits are a number of the US.
pub(crate) fn phone(text: &str) -> (String, bool) {
    let plus = text.trim_start().starts_with('+');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let number = match (plus, digits.len()) {
        (false, 10) => format!("+1{digits}"),
        _ => format!("+{digits}"),
    };
    match phonenumber::parse(None, &number) {
        Ok(parsed) if parsed.is_valid() => (parsed.format().mode(Mode::E164).to_string(), true),
        _ if plus => (number, false),
        _ => (digits, false),
    }
}

/// ISO 3166-1 alpha-2 code of a country given by code or by English name.
pub(crate) fn country(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let upper = text.to_uppercase();
    match upper.len() {
        2 => rust_iso3166::from_alpha2(&upper).map(|found| found.alpha2),
        3 => rust_iso3166::from_alpha3(&upper).map(|found| found.alpha2),
        _ => {
            let same = |found: &&rust_iso3166::CountryCode| plain(found.name) == plain(text);
            let common = COMMON_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
            common
                .map(|(_, code)| *code)
                .or_else(|| rust_iso3166::ALL.iter().find(same).map(|found| found.alpha2))
        }
    }
}

/// Names in daily use that differ from those of the standard.
const COMMON_NAMES: [(&str, &str); 12] = [
    ("United States", "US"),
    ("United Kingdom", "GB"),
    ("Great Britain", "GB"),
    ("Russia", "RU"),
    ("South Korea", "KR"),
    ("Vietnam", "VN"),
    ("Turkey", "TR"),
    ("Czech Republic", "CZ"),
    ("Netherlands", "NL"),
    ("Iran", "IR"),
    ("Taiwan", "TW"),
    ("Bolivia", "BO"),
];

/// Lower case, without an added part such as "(the)".
fn plain(name: &str) -> String {
    name.split(" (").next().unwrap_or(name).to_lowercase()
}

/// Whether the text is a code of ISO 639-1.
pub(crate) fn is_language(text: &str) -> bool {
    text.len() == 2 && LANGUAGES.split(' ').any(|code| code == text)
}

const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs \
    cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz \
    ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv \
    mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru \
    rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur \
    uz ve vi vo wa wo xh yi yo za zh zu";

/// Whether the text names a time zone, by IANA or in the way of Rails.
pub(crate) fn is_time_zone(text: &str) -> bool {
    RAILS_ZONES.contains(&text) || (!text.is_empty() && jiff::tz::db().get(text).is_ok())
}

/// Names of time zones that only Rails uses.
const RAILS_ZONES: [&str; 34] = [
    "International Date Line West",
    "Midway Island",
    "American Samoa",
    "Hawaii",
    "Alaska",
    "Pacific Time (US & Canada)",
    "Arizona",
    "Mountain Time (US & Canada)",
    "Central Time (US & Canada)",
    "Central America",
    "Mexico City",
    "Eastern Time (US & Canada)",
    "Indiana (East)",
    "Bogota",
    "Lima",
    "Atlantic Time (Canada)",
    "Newfoundland",
    "Brasilia",
    "Buenos Aires",
    "London",
    "Dublin",
    "Berlin",
    "Paris",
    "Madrid",
    "Rome",
    "Vienna",
    "Athens",
    "Moscow",
    "New Delhi",
    "Beijing",
    "Tokyo",
    "Sydney",
    "Melbourne",
    "Auckland",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Braze sheet 4.6, row email.
    #[test]
    fn an_email_address_has_one_at_sign_and_a_domain_with_a_dot() {
        for good in ["ana@example.com", "a.b+c@sub.example.co", "ü@bücher.de", "o'neil@example.com"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "ana",
            "ana@",
            "@example.com",
            "a b@example.com",
            "a@b@example.com",
            "ana@example",
            "ana@.com",
            "ana@example..com",
            "a..b@example.com",
            "ana@-x.com",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    /// Braze sheet 4.6, row phone.
    #[test]
    fn a_phone_number_is_stripped_and_checked() {
        assert_eq!(phone("+49 (30) 901820"), ("+4930901820".to_owned(), true));
        assert_eq!(phone("(212) 555-2368"), ("+12125552368".to_owned(), true));
        assert_eq!(phone("+12"), ("+12".to_owned(), false));
        assert_eq!(phone("call me"), (String::new(), false));
    }

    /// Braze sheet 4.6, rows country, language, time_zone.
    #[test]
    fn countries_languages_and_zones_are_known_by_their_lists() {
        assert_eq!(country("Australia"), Some("AU"));
        assert_eq!(country("de"), Some("DE"));
        assert_eq!(country("United States"), Some("US"));
        assert_eq!(country("Netherlands"), Some("NL"));
        assert_eq!(country("Atlantis"), None);
        assert_eq!(country("XX"), None);
        assert!(is_language("de") && !is_language("DE") && !is_language("deu") && !is_language("xx"));
        assert!(is_time_zone("Europe/Berlin") && is_time_zone("Eastern Time (US & Canada)"));
        assert!(!is_time_zone("Mars/Base") && !is_time_zone(""));
    }
}
