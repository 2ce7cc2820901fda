//! What a Model says about the reading of its values.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::SpecProblem;

/// How the values of a Model are read, where the values themselves leave it open.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Zone of timestamps that carry none.
    pub time_zone: TimeZone,
    /// Country of phone numbers without a country code; `None`: such numbers are dropped.
    pub default_country: Option<phonenumber::country::Id>,
    /// Whether an empty text is kept (else it is null).
    pub keep_empty_text: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: TimeZone::UTC, default_country: None, keep_empty_text: false }
    }
}

impl Settings {
    /// Settings by the IANA name of a zone and the two letters of a country.
    ///
    /// # Errors
    /// When the zone or the country is unknown.
    pub fn new(
        time_zone: &str,
        default_country: Option<&str>,
        keep_empty_text: bool,
    ) -> Result<Self, SpecProblem> {
        let zone = ZONES.get(time_zone).map_err(|_| SpecProblem::UnknownTimeZone(time_zone.to_owned()))?;
        let default_country = default_country
            .map(|country| country.parse().map_err(|_| SpecProblem::UnknownCountry(country.to_owned())))
            .transpose()?;
        let utc = matches!(time_zone, "UTC" | "Etc/UTC");
        let time_zone = if utc { TimeZone::UTC } else { zone };
        Ok(Self { time_zone, default_country, keep_empty_text })
    }
}

/// The zones that travel with the program: the same on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

static ZONE_NAMES: LazyLock<HashSet<String>> =
    LazyLock::new(|| ZONES.available().map(|name| name.as_str().to_owned()).collect());

/// Whether this is the exact name of an IANA time zone.
pub(super) fn is_time_zone(name: &str) -> bool {
    ZONE_NAMES.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_from_the_text_of_a_model() {
        let settings = Settings::new("Europe/Paris", Some("FR"), true).expect("known");
        assert_eq!(settings.time_zone.iana_name(), Some("Europe/Paris"));
        assert_eq!(settings.default_country, Some(phonenumber::country::Id::FR));
        assert!(settings.keep_empty_text);
    }

    #[test]
    fn an_unknown_zone_or_country_is_named() {
        let problem = Settings::new("Europe/Atlantis", None, false).expect_err("no such zone");
        assert!(problem.to_string().contains("Europe/Atlantis"), "{problem}");
        let problem = Settings::new("UTC", Some("QQ"), false).expect_err("no such country");
        assert!(problem.to_string().contains("QQ"), "{problem}");
    }

    /// semantics 5.3, row time_zone.
    #[test]
    fn time_zones_are_known_by_their_exact_iana_names() {
        for name in ["Europe/Paris", "America/New_York", "UTC", "Asia/Kolkata"] {
            assert!(is_time_zone(name), "{name}");
        }
        for name in ["europe/paris", "Eastern Time (US & Canada)", "EST5", "", "+02:00"] {
            assert!(!is_time_zone(name), "{name}");
        }
    }
}
