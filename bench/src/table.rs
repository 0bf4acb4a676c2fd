//! Markdown tables.

/// A table under construction: a title, then rows of as many cells as there are columns.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        Self {
            title: title.into(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Prints it, the first column to the left and the others to the right; nothing when there are no rows.
    pub(crate) fn print(&self) {
        if self.rows.is_empty() {
            return;
        }
        println!("\n{}\n\n| {} |", self.title, self.columns.join(" | "));
        println!("|---|{}", "---:|".repeat(self.columns.len() - 1));
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

/// A number with three digits that count, or a dash where there is none.
pub(crate) fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "-".to_owned(),
        _ if value.abs() >= 100.0 => format!("{value:.0}"),
        _ if value.abs() >= 10.0 => format!("{value:.1}"),
        _ if value.abs() >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Smallest and median; not numbers when there are none.
pub(crate) fn spread(mut values: Vec<f64>) -> [f64; 2] {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    [at(0), at(values.len() / 2)]
}
