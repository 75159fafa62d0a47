//! What ran, for how long, what failed, and what could not run.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::shell;

/// Collects the steps of one command; [`Report::finish`] prints the summary.
pub(crate) struct Report {
    steps: Vec<Step>,
    not_run: Vec<String>,
    ignored: Vec<String>,
    tests: Option<Counts>,
}

struct Step {
    name: String,
    took: Duration,
    error: Option<String>,
}

/// Sum over the result lines of cargo's test runner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new(), not_run: Vec::new(), ignored: Vec::new(), tests: None }
    }

    /// Runs `body` as the step `name`; an error is printed and kept, and the next step goes on. True when it passed.
    pub(crate) fn step(&mut self, name: &str, body: impl FnOnce(&mut Self) -> Result<()>) -> bool {
        println!("\n== {name}");
        let start = Instant::now();
        let error = body(self).err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            println!("error: {error}");
        }
        let passed = error.is_none();
        self.steps.push(Step { name: name.to_owned(), took: start.elapsed(), error });
        passed
    }

    /// Notes that `what` could not run on this machine: it fails the command at the end.
    pub(crate) fn not_run(&mut self, what: impl Into<String>) {
        let what = what.into();
        println!("NOT RUN: {what}");
        self.not_run.push(what);
    }

    /// Says that tests are part of this command: none executed is a failure then.
    pub(crate) fn expect_tests(&mut self) {
        self.tests.get_or_insert_default();
    }

    /// Takes one line of a test runner's output.
    pub(crate) fn see_test_line(&mut self, line: &str) {
        if let Some(counts) = result_line(line) {
            let sum = self.tests.get_or_insert_default();
            sum.passed += counts.passed;
            sum.failed += counts.failed;
            sum.ignored += counts.ignored;
        } else if let Some(name) = ignored_line(line) {
            self.ignored.push(name.to_owned());
        }
    }

    /// Counts tests of another runner in.
    pub(crate) fn add_tests(&mut self, passed: u64, failed: u64) {
        let sum = self.tests.get_or_insert_default();
        sum.passed += passed;
        sum.failed += failed;
    }

    /// Prints the summary, the closing line of the tests last. What was not run is forgiven when `allow_missing`,
    /// but never in CI.
    pub(crate) fn finish(self, allow_missing: bool) -> ExitCode {
        println!("\n== summary");
        for step in &self.steps {
            let mark = if step.error.is_some() { "FAILED" } else { "ok" };
            println!("{mark:>6} {:>7.1} s  {}", step.took.as_secs_f64(), step.name);
        }
        for step in &self.steps {
            if let Some(error) = &step.error {
                println!("failed: {}: {error}", step.name);
            }
        }
        for name in &self.ignored {
            println!("ignored by its own attribute: {name}");
        }
        for what in &self.not_run {
            println!("NOT RUN: {what}");
        }
        if let Some(tests) = self.tests {
            let skipped = if tests.ignored > 0 { format!(", {} skipped", tests.ignored) } else { String::new() };
            println!("{} passed, {} failed{skipped}", tests.passed, tests.failed);
        }
        if self.passed(allow_missing && !shell::in_ci()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn passed(&self, allow_missing: bool) -> bool {
        let steps = self.steps.iter().all(|step| step.error.is_none());
        let tests = self.tests.is_none_or(|tests| tests.failed == 0 && tests.passed > 0);
        steps && tests && (allow_missing || self.not_run.is_empty())
    }
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn result_line(line: &str) -> Option<Counts> {
    let mut counts = Counts::default();
    for part in line.strip_prefix("test result: ")?.split(['.', ';']) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(kind)) = (words.next(), words.next()) else { continue };
        let Ok(number) = number.parse() else { continue };
        match kind {
            "passed" => counts.passed = number,
            "failed" => counts.failed = number,
            "ignored" => counts.ignored = number,
            _ => {}
        }
    }
    Some(counts)
}

/// Reads `test NAME ... ignored` and `test NAME ... ignored, REASON`.
fn ignored_line(line: &str) -> Option<&str> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    outcome.starts_with("ignored").then_some(name)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn sums_result_lines() {
        let mut report = Report::new();
        for line in [
            "test a ... ok",
            "test b ... ignored, needs an hour",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.50s",
        ] {
            report.see_test_line(line);
        }
        assert_eq!(report.tests, Some(Counts { passed: 7, failed: 2, ignored: 1 }));
        assert_eq!(report.ignored, ["b"]);
    }

    #[test]
    fn a_failed_step_fails_and_does_not_stop() {
        let mut report = Report::new();
        assert!(!report.step("first", |_| bail!("no")));
        assert!(report.step("second", |_| Ok(())));
        assert!(!report.passed(true));
    }

    #[test]
    fn what_was_not_run_fails_unless_allowed() {
        let mut report = Report::new();
        report.not_run("PostgreSQL");
        assert!(!report.passed(false));
        assert!(report.passed(true));
    }

    #[test]
    fn no_executed_test_is_a_failure() {
        let mut report = Report::new();
        report.expect_tests();
        report.see_test_line("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        assert!(!report.passed(true));
    }
}
