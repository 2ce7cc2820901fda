//! Numbering plans: which national numbers exist under a country's calling code.
//!
//! The patterns are those of the crate `phonenumber`; the judgement is our own, because that crate takes the
//! first digit of some valid numbers for a trunk prefix (`+7 800 …`, `+7 812 …`) and compiles on every match.

use std::sync::OnceLock;

use phonenumber::metadata::{DATABASE, Descriptor, Metadata};
use regex::{Regex, RegexBuilder};

/// The countries that share a calling code.
struct Plan {
    regions: Vec<Region>,
}

struct Region {
    /// First digits that all numbers of the region have, and no others; where a plan tells regions so.
    leading: Option<Regex>,
    /// A number of any kind.
    number: Regex,
}

/// One place for each calling code, filled at its first use.
static PLANS: [OnceLock<Option<Plan>>; 1000] = [const { OnceLock::new() }; 1000];

fn plan(code: u16) -> Option<&'static Plan> {
    PLANS.get(usize::from(code))?.get_or_init(|| read(code)).as_ref()
}

fn read(code: u16) -> Option<Plan> {
    let names = DATABASE.region(&code)?;
    // "001" stands for codes of no country, such as satellite phones.
    let regions = if names == ["001"] {
        DATABASE.by_code(&code)?
    } else {
        names.iter().filter_map(|name| DATABASE.by_id(*name)).collect()
    };
    Some(Plan { regions: regions.into_iter().filter_map(region).collect() })
}

fn region(metadata: &Metadata) -> Option<Region> {
    let kinds: Vec<&str> = kinds(metadata).map(|kind| kind.national_number().as_str()).collect();
    let leading = metadata.leading_digits().map(|digits| pattern(&format!("^(?:{})", digits.as_str())));
    Some(Region {
        leading: leading.transpose().ok()?,
        number: pattern(&format!("^(?:{})$", kinds.join("|"))).ok()?,
    })
}

/// All kinds of numbers that can be called from abroad.
fn kinds(metadata: &Metadata) -> impl Iterator<Item = &Descriptor> {
    let all = metadata.descriptors();
    [
        all.fixed_line(),
        all.mobile(),
        all.toll_free(),
        all.premium_rate(),
        all.shared_cost(),
        all.personal_number(),
        all.voip(),
        all.pager(),
        all.uan(),
        all.voicemail(),
    ]
    .into_iter()
    .flatten()
}

fn pattern(text: &str) -> Result<Regex, regex::Error> {
    // Only ASCII digits are ever matched.
    RegexBuilder::new(text).unicode(false).ignore_whitespace(true).build()
}

/// Whether the national number exists under the calling code.
pub(super) fn exists(code: u16, national: &str) -> bool {
    let Some(plan) = plan(code) else { return false };
    for region in &plan.regions {
        match &region.leading {
            Some(leading) if leading.is_match(national) => return region.number.is_match(national),
            Some(_) => {}
            None if region.number.is_match(national) => return true,
            None => {}
        }
    }
    false
}

/// The calling code at the head of an international number and the rest of it, when that number exists.
pub(super) fn split(digits: &str) -> Option<(u16, &str)> {
    // No calling code is the beginning of another one.
    (1..=3).find_map(|len| {
        let (code, national) = digits.split_at_checked(len)?;
        let code = code.parse().ok()?;
        exists(code, national).then_some((code, national))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_every_country_exists() {
        let mut seen = 0;
        for metadata in DATABASE.iter() {
            let code = metadata.country_code();
            for example in kinds(metadata).filter_map(Descriptor::example) {
                assert!(exists(code, example), "+{code} {example} of {}", metadata.id());
                assert_eq!(split(&format!("{code}{example}")), Some((code, example)));
                seen += 1;
            }
        }
        assert!(seen > 900, "only {seen} examples");
    }

    #[test]
    fn numbers_of_no_plan_do_not_exist() {
        for digits in ["", "1", "33", "999123456789", "331234", "3361234567890", "0612345678"] {
            assert_eq!(split(digits), None, "{digits}");
        }
    }
}
