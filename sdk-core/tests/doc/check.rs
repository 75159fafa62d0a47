//! Holds the documentation to its promise: every public function stands in an example that runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Public functions of the sources below `src` that stand neither in a code block of their documentation nor in a file
/// below `examples`.
pub(crate) fn without_example(src: &Path, examples: Option<&Path>) -> Vec<String> {
    let (mut functions, mut words) = (Vec::new(), BTreeSet::new());
    for file in rust_files(src) {
        let text = std::fs::read_to_string(&file).unwrap();
        // Tests stand at the end of a file.
        let text = text.split("#[cfg(test)]").next().unwrap();
        functions.extend(text.lines().filter_map(public_function).map(|name| (file.clone(), name)));
        words.extend(code_blocks(text).flat_map(words_of));
    }
    for file in examples.into_iter().flat_map(rust_files) {
        words.extend(std::fs::read_to_string(file).unwrap().lines().flat_map(words_of));
    }
    functions.retain(|(_, name)| !words.contains(name));
    functions.iter().map(|(file, name)| format!("{}: {name}", file.display())).collect()
}

fn public_function(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
    words_of(rest).next()
}

fn code_blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let doc = line.trim_start().strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let fence = doc.is_some_and(|d| d.trim_start().starts_with("```"));
        inside ^= fence;
        inside && !fence && doc.is_some()
    })
}

fn words_of(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).map(str::to_owned)
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|n| n != "tests.rs") {
            out.push(path);
        }
    }
    out.sort();
    out
}
