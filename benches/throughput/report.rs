//! The table of results.

use std::fmt;

use pusher_benches::statistics::{median, percentile};

/// The table of results.
#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

/// A row of the table.
pub(crate) struct Row {
    measure: String,
    figure: String,
    ratio: String,
    goal: String,
    within_bounds: bool,
}

/// The goal for a figure.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(crate) fn is_within_bounds(&self) -> bool {
        self.0.iter().all(|row| row.within_bounds)
    }
}

impl Row {
    pub(crate) fn new(measure: impl Into<String>, figure: impl Into<String>) -> Self {
        Self {
            measure: measure.into(),
            figure: figure.into(),
            ratio: String::new(),
            goal: String::new(),
            within_bounds: true,
        }
    }

    /// Compares with measurements that were taken in turn with these: by the medians, and in brackets by the best values, which
    /// depend least on other load.
    pub(crate) fn against(mut self, what: &str, own: &[f64], other: &[f64], goal: Goal) -> Self {
        let middle = median(own) / median(other);
        let best = goal.best(own) / goal.best(other);
        self.ratio = format!("{middle:.2} ({best:.2}) × {what}");
        self.goal(goal, middle, " ×")
    }

    /// Compares without a goal.
    pub(crate) fn beside(mut self, what: &str, own: &[f64], other: &[f64]) -> Self {
        self.ratio = format!("{:.2} × {what}", median(own) / median(other));
        self
    }

    /// Sets the bound of `--check`. It compares the best values, so that exceeding it cannot be explained by other load.
    pub(crate) fn bound(mut self, bound: Goal, own: &[f64], other: &[f64]) -> Self {
        self.within_bounds = bound.is_met(bound.best(own) / bound.best(other));
        self
    }

    /// Sets the goal of the figure.
    pub(crate) fn goal(mut self, goal: Goal, figure: f64, unit: &str) -> Self {
        let (sign, bound) = match goal {
            Goal::AtLeast(bound) => ("≥", bound),
            Goal::AtMost(bound) => ("≤", bound),
        };
        let verdict = if goal.is_met(figure) { "yes" } else { "no" };
        self.goal = format!("{sign} {bound}{unit}: {verdict}");
        self
    }
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }

    fn best(self, values: &[f64]) -> f64 {
        match self {
            Self::AtLeast(_) => percentile(values, 100.0),
            Self::AtMost(_) => percentile(values, 0.0),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = [
            "measure",
            "figure",
            "ratio of the medians (of the best)",
            "goal",
        ]
        .map(str::to_owned);
        let rows = self
            .0
            .iter()
            .map(|row| [&row.measure, &row.figure, &row.ratio, &row.goal].map(Clone::clone));
        let lines: Vec<[String; 4]> = std::iter::once(titles).chain(rows).collect();
        let widths: [usize; 4] = std::array::from_fn(|column| {
            let width =
                |line: &[String; 4]| line.get(column).map_or(0, |cell| cell.chars().count());
            lines.iter().map(width).max().unwrap_or_default()
        });
        for (number, line) in lines.iter().enumerate() {
            write_line(f, line, &widths, ' ')?;
            if number == 0 {
                write_line(f, &Default::default(), &widths, '-')?;
            }
        }
        Ok(())
    }
}

fn write_line(
    f: &mut fmt::Formatter<'_>,
    cells: &[String; 4],
    widths: &[usize; 4],
    fill: char,
) -> fmt::Result {
    for (cell, width) in cells.iter().zip(widths) {
        let padding = width - cell.chars().count();
        write!(f, "| {cell}{} ", fill.to_string().repeat(padding))?;
    }
    writeln!(f, "|")
}
