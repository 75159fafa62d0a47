//! What a bench found: a table for people, one JSON line for programs.

#![expect(clippy::print_stdout, reason = "the report is the program's result")]

use std::collections::BTreeMap;

use serde_json::json;

use crate::stats::Cell;

/// Above the cells.
const HEAD: &str =
    "target    operation  conns      ops/s    /hello  cpu/hello   p50 ms   p99 ms  server us/op  client us/op";

/// A figure that is to be reached.
pub(crate) struct Goal {
    name: String,
    value: f64,
    /// Sign of the comparison.
    at_least: bool,
    limit: f64,
}

impl Goal {
    pub(crate) fn at_least(name: &str, value: f64, limit: f64) -> Self {
        Self { name: name.to_owned(), value, at_least: true, limit }
    }

    pub(crate) fn at_most(name: &str, value: f64, limit: f64) -> Self {
        Self { name: name.to_owned(), value, at_least: false, limit }
    }

    fn reached(&self) -> bool {
        if self.at_least { self.value >= self.limit } else { self.value <= self.limit }
    }
}

/// Figures side by side: rows of what was measured, columns of those who did it, each in the order of its first figure.
#[derive(Default)]
struct Grid {
    columns: Vec<String>,
    rows: Vec<(String, BTreeMap<String, f64>)>,
}

impl Grid {
    fn set(&mut self, row: &str, column: &str, value: f64) {
        if !self.columns.iter().any(|known| known == column) {
            self.columns.push(column.to_owned());
        }
        if !self.rows.iter().any(|(known, _)| known == row) {
            self.rows.push((row.to_owned(), BTreeMap::new()));
        }
        if let Some((_, figures)) = self.rows.iter_mut().find(|(known, _)| known == row) {
            figures.insert(column.to_owned(), value);
        }
    }

    fn lines(&self) -> Vec<String> {
        let head = self.columns.iter().fold(String::from("| |"), |line, column| format!("{line} {column} |"));
        let rule = format!("|---|{}", "---:|".repeat(self.columns.len()));
        let row = |(name, figures): &(String, BTreeMap<String, f64>)| {
            let figures = self.columns.iter().map(|c| figures.get(c).map_or(String::new(), |value| figure(*value)));
            figures.fold(format!("| {name} |"), |line, figure| format!("{line} {figure} |"))
        };
        [head, rule].into_iter().chain(self.rows.iter().map(row)).collect()
    }

    fn json(&self) -> serde_json::Value {
        let row = |(name, figures): &(String, BTreeMap<String, f64>)| {
            let figures: BTreeMap<_, _> = figures.iter().map(|(column, value)| (column, round(*value))).collect();
            json!({"row": name, "figures": figures})
        };
        self.rows.iter().map(row).collect()
    }
}

/// All figures of a run.
pub(crate) struct Report {
    bench: &'static str,
    cells: Vec<Cell>,
    grid: Grid,
    facts: BTreeMap<String, f64>,
    notes: BTreeMap<String, String>,
    goals: Vec<Goal>,
}

impl Report {
    pub(crate) fn new(bench: &'static str) -> Self {
        Self {
            bench,
            cells: Vec::new(),
            grid: Grid::default(),
            facts: BTreeMap::new(),
            notes: BTreeMap::new(),
            goals: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, cells: Vec<Cell>) {
        self.cells.extend(cells);
    }

    /// A single figure; its unit is the end of its name.
    pub(crate) fn fact(&mut self, name: &str, value: f64) {
        self.facts.insert(name.to_owned(), value);
    }

    /// A figure in the table of those that stand side by side; its unit is the end of the row's name.
    pub(crate) fn figure(&mut self, row: &str, column: &str, value: f64) {
        self.grid.set(row, column, value);
    }

    pub(crate) fn note(&mut self, name: &str, text: String) {
        self.notes.insert(name.to_owned(), text);
    }

    pub(crate) fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// A figure noted before.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.facts.get(name).copied()
    }

    /// Prints the table and the line.
    pub(crate) fn print(&self) {
        print!("{}", self.table());
        println!("{}", self.json());
    }

    fn table(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line(format!("\nbench {}\n", self.bench));
        if !self.cells.is_empty() {
            line(HEAD.to_owned());
        }
        for cell in &self.cells {
            let [p50, p99] = cell.latencies_ms([50.0, 99.0]);
            let (server, client) = cell.cpu_us();
            line(format!(
                "{:9} {:9} {:6} {:10.0} {:>9} {:>10} {:8.3} {:8.3} {:13.1} {:13.1}",
                cell.target,
                cell.operation,
                cell.connections,
                cell.rate(),
                self.hello_of(cell).map_or(String::new(), |hello| format!("{:.4}", cell.ratio_to(hello))),
                self.hello_of(cell).map_or(String::new(), |hello| format!("{:.4}", cell.cpu_ratio_to(hello))),
                p50,
                p99,
                server,
                client
            ));
        }
        if !self.grid.rows.is_empty() {
            self.grid.lines().into_iter().for_each(&mut line);
        }
        line(String::new());
        for (name, value) in &self.facts {
            line(format!("{name:32} {}", figure(*value)));
        }
        for (name, text) in &self.notes {
            line(format!("{name:32} {text}"));
        }
        line(format!("\n{:32} {:>10} {:>12}", "goal", "measured", "to reach"));
        for goal in &self.goals {
            let sign = if goal.at_least { ">=" } else { "<=" };
            let verdict = if goal.reached() { "reached" } else { "MISSED" };
            line(format!("{:32} {:>10} {sign:>6} {:5} {verdict:>9}", goal.name, figure(goal.value), goal.limit));
        }
        out
    }

    fn json(&self) -> serde_json::Value {
        let cell = |cell: &Cell| {
            let [p50, p99] = cell.latencies_ms([50.0, 99.0]);
            let (server, client) = cell.cpu_us();
            json!({
                "target": cell.target,
                "operation": cell.operation,
                "connections": cell.connections,
                "per_second": round(cell.rate()),
                "to_hello": self.hello_of(cell).map(|hello| round(cell.ratio_to(hello))),
                "cpu_to_hello": self.hello_of(cell).map(|hello| round(cell.cpu_ratio_to(hello))),
                "p50_ms": round(p50),
                "p99_ms": round(p99),
                "server_cpu_us": round(server),
                "client_cpu_us": round(client),
            })
        };
        let goal = |goal: &Goal| {
            let limit = if goal.at_least { "at_least" } else { "at_most" };
            json!({"name": goal.name, "value": round(goal.value), limit: goal.limit, "reached": goal.reached()})
        };
        json!({
            "bench": self.bench,
            "cells": self.cells.iter().map(cell).collect::<Vec<_>>(),
            "grid": self.grid.json(),
            "facts": self.facts.iter().map(|(name, value)| (name.clone(), round(*value))).collect::<BTreeMap<_, _>>(),
            "notes": self.notes,
            "goals": self.goals.iter().map(goal).collect::<Vec<_>>(),
        })
    }

    /// The hello of the same rounds; `normal` ran in those of `sqlite`.
    fn hello_of(&self, cell: &Cell) -> Option<&Cell> {
        let target = if cell.target == "normal" { "sqlite" } else { &cell.target };
        let hello = |c: &&Cell| c.operation == "hello" && c.connections == cell.connections && c.target == target;
        self.cells.iter().find(hello).filter(|_| cell.operation != "hello")
    }
}

/// Four digits that matter.
fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powi(3 - i32::try_from(value.abs().log10().floor() as i64).unwrap_or(0));
    (value * scale).round() / scale
}

fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_compare_both_ways() {
        assert!(Goal::at_least("a", 0.5, 0.5).reached() && !Goal::at_least("a", 0.49, 0.5).reached());
        assert!(Goal::at_most("a", 20.0, 20.0).reached() && !Goal::at_most("a", 20.1, 20.0).reached());
    }

    #[test]
    fn rounds_to_four_digits() {
        assert_eq!([123_456.0, 0.000_123_456, 0.0].map(round), [123_500.0, 0.000_123_5, 0.0]);
    }
}
