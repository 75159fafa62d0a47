//! Code in the documentation is code that the tests run.
//!
//! A code block after `<!-- from FILE: NAME -->` is the region of FILE between the comments `doc: NAME` and `doc: end`, without its
//! indentation. In `docs/sdk.md` no other block may show code of a program.

use std::fs;

use anyhow::{Context, Result};

const PAGES: [&str; 1] = ["docs/sdk.md"];
/// Languages of blocks that are programs; commands and settings are not.
const PROGRAMS: [&str; 8] = ["rust", "c", "python", "dart", "js", "ts", "javascript", "typescript"];

/// Findings over the pages.
///
/// # Errors
/// When a page cannot be read.
pub(super) fn check() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(page).with_context(|| page.to_owned())?;
        findings.extend(check_page(page, &text, |file| fs::read_to_string(file).ok()));
    }
    Ok(findings)
}

fn check_page(page: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut source: Option<&str> = None;
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().map(|(_, l)| l).take_while(|l| *l != "```").collect();
            match source.take() {
                Some(from) => findings.extend(compare(from, &block, &read).map(|f| format!("{page}:{number}: {f}"))),
                None if PROGRAMS.contains(&language) => {
                    findings
                        .push(format!("{page}:{number}: a program that no test runs: say `<!-- from FILE: NAME -->`"));
                }
                None => {}
            }
        } else if let Some(from) = line.strip_prefix("<!-- from ").and_then(|l| l.strip_suffix(" -->")) {
            source = Some(from);
        }
    }
    findings
}

fn compare(from: &str, block: &[&str], read: impl Fn(&str) -> Option<String>) -> Option<String> {
    let Some((file, name)) = from.split_once(": ") else { return Some(format!("`{from}` is not `FILE: NAME`")) };
    let Some(text) = read(file) else { return Some(format!("{file} cannot be read")) };
    let Some(region) = region(&text, name) else { return Some(format!("{file} has no region `{name}`")) };
    (region != block).then(|| format!("differs from `{name}` of {file}"))
}

/// The lines between `doc: NAME` and `doc: end`, the indentation of the first one taken off.
fn region<'t>(text: &'t str, name: &str) -> Option<Vec<&'t str>> {
    let marker = |line: &'t str| line.trim_start().trim_start_matches(['/', '#']).trim_start().strip_prefix("doc: ");
    let mut lines = text.lines().skip_while(|line| marker(line) != Some(name)).skip(1).peekable();
    let indent = lines.peek()?.len() - lines.peek()?.trim_start().len();
    let cut = |line: &'t str| line.get(indent..).unwrap_or_default();
    Some(lines.take_while(|line| marker(line) != Some("end")).map(cut).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn f() {\n    // doc: one\n    a();\n      b();\n\n    // doc: end\n}\n";

    fn findings(page: &str) -> Vec<String> {
        check_page("p", page, |file| (file == "s.rs").then(|| SOURCE.to_owned()))
    }

    #[test]
    fn the_same_code_passes() {
        assert!(findings("<!-- from s.rs: one -->\n```rust\na();\n  b();\n\n```\n").is_empty());
        assert!(findings("```sh\ncargo build\n```\n").is_empty());
    }

    #[test]
    fn other_code_is_told() {
        for page in [
            "<!-- from s.rs: one -->\n```rust\na();\n```\n",
            "<!-- from s.rs: two -->\n```rust\na();\n```\n",
            "<!-- from t.rs: one -->\n```rust\na();\n```\n",
            "```rust\na();\n```\n",
        ] {
            assert_eq!(findings(page).len(), 1, "{page}");
        }
    }
}
