//! Guesses what a mistyped name was meant to be.

/// `; did you mean 'plan'?`, or nothing when no name is near.
pub(super) fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let name: Vec<char> = name.to_lowercase().chars().take(128).collect();
    let allowed = (name.len() / 3).clamp(1, 2);
    known
        .map(|candidate| (distance(&name, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| format!("; did you mean '{candidate}'?"))
        .unwrap_or_default()
}

/// Number of letters to insert, remove or replace.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["plan", "email", "lifetime_value"];
        assert_eq!(did_you_mean("plann", known.into_iter()), "; did you mean 'plan'?");
        assert_eq!(did_you_mean("lifetimeValue", known.into_iter()), "; did you mean 'lifetime_value'?");
        assert_eq!(did_you_mean("city", known.into_iter()), "");
    }
}
