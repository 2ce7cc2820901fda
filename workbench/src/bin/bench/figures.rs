//! Median, least and most of all rounds, as a table in Markdown.

use std::collections::BTreeMap;

use super::rounds::{Figure, Round, Subject};

/// The figures of all counted rounds.
#[derive(Debug)]
pub(crate) struct Figures {
    rows: u64,
    rounds: BTreeMap<Subject, Vec<Figure>>,
}

/// One column of the table: its heading, its decimals and its value.
type Column = (&'static str, usize, fn(&Figure, f64) -> f64);

const COLUMNS: [Column; 8] = [
    ("rows/s", 0, |figure, rows| rows / figure.usage.wall.as_secs_f64()),
    ("wall s", 2, |figure, _| figure.usage.wall.as_secs_f64()),
    ("CPU s, program", 2, |figure, _| figure.usage.cpu.as_secs_f64()),
    ("CPU s, PostgreSQL", 2, |figure, _| figure.postgres.as_secs_f64()),
    ("CPU s, sandbox", 2, |figure, _| figure.sandbox.as_secs_f64()),
    ("peak memory MiB", 1, |figure, _| figure.usage.peak_memory as f64 / f64::from(1 << 20)),
    ("requests", 0, |figure, _| figure.requests as f64),
    ("state bytes a record", 1, |figure, rows| figure.state_bytes as f64 / rows),
];

impl Figures {
    pub(crate) fn new(rows: u64) -> Self {
        Self { rows, rounds: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, round: Round) {
        for (subject, figure) in round.0 {
            self.rounds.entry(subject).or_default().push(figure);
        }
    }

    /// The table, with the wall in proportion to COPY's of the same round below it.
    pub(crate) fn table(&self) -> String {
        let rows = self.rows as f64;
        let heads: Vec<&str> = COLUMNS.iter().map(|(head, ..)| *head).collect();
        let mut lines = vec![
            format!("| {} rows, median (least – most) | {} |", self.rows, heads.join(" | ")),
            format!("|---|{}", "---:|".repeat(COLUMNS.len())),
        ];
        for (subject, figures) in &self.rounds {
            let cells = COLUMNS.iter().map(|(_, decimals, value)| {
                shown(figures.iter().map(|figure| value(figure, rows)).collect(), *decimals)
            });
            lines.push(format!("| {} | {} |", subject.name(), cells.collect::<Vec<_>>().join(" | ")));
        }
        lines.push(String::new());
        lines.push("Wall in proportion to COPY's of the same round:".to_owned());
        let copies = self.rounds.get(&Subject::Copy).map(Vec::as_slice).unwrap_or_default();
        for (subject, figures) in self.rounds.iter().filter(|(subject, _)| **subject != Subject::Copy) {
            let ratios = figures.iter().zip(copies);
            let ratios =
                ratios.map(|(own, copy)| own.usage.wall.as_secs_f64() / copy.usage.wall.as_secs_f64());
            lines.push(format!("- {}: {}", subject.name(), shown(ratios.collect(), 2)));
        }
        let foreign = self.rounds.values().flatten().map(|figure| figure.foreign).fold(0.0, f64::max);
        lines.push(format!("- most of the machine that others took meanwhile: {:.0} %", foreign * 100.0));
        lines.join("\n")
    }
}

/// Median, least and most; one figure where all are equal.
fn shown(mut values: Vec<f64>, decimals: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "–".to_owned() };
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    let [median, least, most] = [median, *least, *most].map(|value| format!("{value:.decimals$}"));
    if least == most { median } else { format!("{median} ({least} – {most})") }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_middle_one_is_shown_with_the_outer_ones() {
        assert_eq!(shown(vec![3.0, 1.0, 2.0], 1), "2.0 (1.0 – 3.0)");
        assert_eq!(shown(vec![4.0, 1.0, 2.0, 3.0], 1), "2.5 (1.0 – 4.0)");
        assert_eq!(shown(vec![5.0, 5.0], 0), "5");
        assert_eq!(shown(Vec::new(), 0), "–");
    }
}
