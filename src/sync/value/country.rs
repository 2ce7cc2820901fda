//! Countries and languages by their ISO codes.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Code;

/// English names that people use and the standard spells otherwise, in lower case.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("bolivia", "BO"),
    ("britain", "GB"),
    ("british virgin islands", "VG"),
    ("brunei", "BN"),
    ("burma", "MM"),
    ("cape verde", "CV"),
    ("congo-brazzaville", "CG"),
    ("congo-kinshasa", "CD"),
    ("cote d'ivoire", "CI"),
    ("curacao", "CW"),
    ("czech republic", "CZ"),
    ("democratic republic of the congo", "CD"),
    ("east timor", "TL"),
    ("falkland islands", "FK"),
    ("great britain", "GB"),
    ("iran", "IR"),
    ("ivory coast", "CI"),
    ("laos", "LA"),
    ("macau", "MO"),
    ("macedonia", "MK"),
    ("micronesia", "FM"),
    ("moldova", "MD"),
    ("north korea", "KP"),
    ("palestine", "PS"),
    ("republic of korea", "KR"),
    ("republic of the congo", "CG"),
    ("reunion", "RE"),
    ("russia", "RU"),
    ("saint helena", "SH"),
    ("south korea", "KR"),
    ("swaziland", "SZ"),
    ("syria", "SY"),
    ("taiwan", "TW"),
    ("tanzania", "TZ"),
    ("the bahamas", "BS"),
    ("the gambia", "GM"),
    ("the netherlands", "NL"),
    ("türkiye", "TR"),
    ("turkiye", "TR"),
    ("u.s. virgin islands", "VI"),
    ("united kingdom", "GB"),
    ("united states", "US"),
    ("vatican", "VA"),
    ("vatican city", "VA"),
    ("venezuela", "VE"),
    ("vietnam", "VN"),
];

static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let standard = rust_iso3166::ALL.iter().map(|country| {
        // Some names carry the mark of a footnote.
        let name = country.name.split('[').next().unwrap_or(country.name);
        (name.trim().to_lowercase(), country.alpha2)
    });
    standard.chain(OTHER_NAMES.iter().map(|(name, code)| ((*name).to_owned(), *code))).collect()
});

/// The ISO 3166-1 alpha-2 code of a code or English name.
pub(super) fn country(text: &str) -> Result<&'static str, Code> {
    // Most values are codes in capitals, and need no copy.
    if let Some(known) = rust_iso3166::from_alpha2(text) {
        return Ok(known.alpha2);
    }
    let known = match text.len() {
        2 => {
            let code = text.to_ascii_uppercase();
            if code == "UK" { Some("GB") } else { rust_iso3166::from_alpha2(&code).map(|c| c.alpha2) }
        }
        3 => rust_iso3166::from_alpha3(&text.to_ascii_uppercase()).map(|c| c.alpha2),
        _ => None,
    };
    known.or_else(|| NAMES.get(text.to_lowercase().as_str()).copied()).ok_or(Code::BadCountry)
}

/// The ISO 639-1 code of a code, alone or at the head of a locale such as `de-AT`.
pub(super) fn language(text: &str) -> Result<&'static str, Code> {
    let mut parts = text.split(['-', '_']);
    let head = parts.next().unwrap_or(text);
    if !parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return Err(Code::BadLanguage);
    }
    isolang::Language::from_639_1(head)
        .or_else(|| isolang::Language::from_639_1(&head.to_ascii_lowercase()))
        .and_then(|language| language.to_639_1())
        .ok_or(Code::BadLanguage)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics 5.3, row country.
    #[test]
    fn countries_are_known_by_codes_and_english_names() {
        for (text, code) in [
            ("DE", "DE"),
            ("de", "DE"),
            ("DEU", "DE"),
            ("deu", "DE"),
            ("Germany", "DE"),
            ("germany", "DE"),
            ("UK", "GB"),
            ("uk", "GB"),
            ("United Kingdom", "GB"),
            ("United States of America", "US"),
            ("United States", "US"),
            ("USA", "US"),
            ("South Korea", "KR"),
            ("Russia", "RU"),
            ("Russian Federation", "RU"),
            ("Côte d'Ivoire", "CI"),
            ("Svalbard and Jan Mayen", "SJ"),
            ("Chad", "TD"),
            ("Cuba", "CU"),
        ] {
            assert_eq!(country(text), Ok(code), "{text}");
        }
        for text in ["", "X", "XX", "ZZZ", "Deutschland", "Atlantis", " DE", "D E", "Korea"] {
            assert_eq!(country(text), Err(Code::BadCountry), "{text}");
        }
    }

    #[test]
    fn every_country_is_known_by_each_of_its_three_names() {
        for known in rust_iso3166::ALL {
            assert_eq!(country(known.alpha2), Ok(known.alpha2));
            assert_eq!(country(known.alpha3), Ok(known.alpha2));
            let name = known.name.split('[').next().expect("a name");
            assert_eq!(country(name), Ok(known.alpha2));
        }
        for (_, code) in OTHER_NAMES {
            assert!(rust_iso3166::from_alpha2(code).is_some(), "{code}");
        }
    }

    /// semantics 5.3, row language.
    #[test]
    fn languages_are_the_head_of_a_locale() {
        for (text, code) in
            [("de", "de"), ("DE", "de"), ("de-AT", "de"), ("pt_BR", "pt"), ("zh-Hant-TW", "zh")]
        {
            assert_eq!(language(text), Ok(code), "{text}");
        }
        for text in ["", "xx", "deu", "German", "de-", "-de", " de", "de-AT.UTF-8", "de AT"] {
            assert_eq!(language(text), Err(Code::BadLanguage), "{text}");
        }
    }
}
