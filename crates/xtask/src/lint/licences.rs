//! Licences, sources and bans of every dependency, by the lists of deny.toml (which cargo-deny reads as well).

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{Metadata, Package};
use serde::Deserialize;

/// What of deny.toml is used here; cargo-deny knows the rest.
#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    #[serde(default)]
    clarify: Vec<Clarification>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Clarification {
    #[serde(rename = "crate")]
    name: String,
    expression: String,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Findings over all packages of `workspace`, for every platform and with all features.
///
/// # Errors
/// When deny.toml cannot be read.
pub(super) fn check(workspace: &Metadata, deny_toml: &str) -> Result<Vec<String>> {
    let policy: Policy = toml::from_str(deny_toml).context("deny.toml")?;
    println!("{} packages", workspace.packages.len());
    Ok(workspace.packages.iter().flat_map(|package| check_package(package, &policy)).collect())
}

fn check_package(package: &Package, policy: &Policy) -> Vec<String> {
    let name = package.name.as_str();
    let licence = policy.check_licence(name, package.license.as_deref());
    let source = check_source(package.source.as_ref().map(|source| source.repr.as_str()));
    let banned = policy.bans.deny.iter().find(|ban| ban.name == name).map(|ban| format!("banned: {}", ban.reason));
    let findings = licence.err().map(|error| format!("{error:#}")).into_iter().chain(source).chain(banned);
    findings.map(|finding| format!("{name} {}: {finding}", package.version)).collect()
}

/// Own packages have no source; all others come from crates.io.
fn check_source(source: Option<&str>) -> Option<String> {
    let source = source?;
    let from_crates_io = source == "registry+https://github.com/rust-lang/crates.io-index";
    (!from_crates_io).then(|| format!("comes from {source}, not from crates.io"))
}

impl Policy {
    fn check_licence(&self, name: &str, field: Option<&str>) -> Result<()> {
        let clarified = self.licenses.clarify.iter().find(|entry| entry.name == name);
        let expression = clarified.map(|entry| entry.expression.as_str()).or(field);
        let expression = expression.context("names no licence: see [[licenses.clarify]] in deny.toml")?;
        let exceptions = self.licenses.exceptions.iter().filter(|exception| exception.name == name);
        let allowed: Vec<&String> =
            self.licenses.allow.iter().chain(exceptions.flat_map(|exception| &exception.allow)).collect();
        let fits = satisfies(expression, &|licence| allowed.iter().any(|entry| *entry == licence))?;
        ensure!(fits, "`{expression}` is not in deny.toml's allow list");
        Ok(())
    }
}

/// True when the SPDX `expression` can be met by licences that `allowed` takes.
fn satisfies(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    // Old manifests write `MIT/Apache-2.0` for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let fits = any_of(&mut words, allowed)?;
    ensure!(words.next().is_none(), "`{expression}` is no SPDX expression");
    Ok(fits)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let mut fits = all_of(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        fits |= all_of(words, allowed)?;
    }
    Ok(fits)
}

fn all_of(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let mut fits = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        fits &= one(words, allowed)?;
    }
    Ok(fits)
}

fn one(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    match words.next() {
        Some("(") => {
            let fits = any_of(words, allowed)?;
            ensure!(words.next() == Some(")"), "a bracket of an SPDX expression is not closed");
            Ok(fits)
        }
        None | Some(")" | "OR" | "AND" | "WITH") => bail!("an SPDX expression lacks a licence"),
        Some(licence) => match words.next_if_eq(&"WITH") {
            Some(_) => {
                let exception = words.next().context("WITH names no exception")?;
                // An exception only adds permissions.
                Ok(allowed(licence) || allowed(&format!("{licence} WITH {exception}")))
            }
            None => Ok(allowed(licence)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(expression: &str) -> bool {
        let allow = ["MIT", "Apache-2.0", "Unicode-3.0", "GPL-2.0 WITH Classpath-exception-2.0"];
        satisfies(expression, &|licence| allow.contains(&licence)).unwrap()
    }

    #[test]
    fn reads_spdx_expressions() {
        assert!(fits("MIT"));
        assert!(fits("MIT/Apache-2.0"));
        assert!(fits("GPL-3.0 OR MIT"));
        assert!(fits("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(fits("Apache-2.0 WITH LLVM-exception"));
        assert!(fits("GPL-2.0 WITH Classpath-exception-2.0"));
        assert!(!fits("AGPL-3.0-only"));
        assert!(!fits("GPL-2.0"));
        assert!(!fits("MIT AND GPL-3.0"));
        assert!(!fits("MIT AND (GPL-3.0 OR AGPL-3.0)"));
        assert!(fits("GPL-3.0 OR Apache-2.0 AND MIT"));
    }

    #[test]
    fn refuses_broken_expressions() {
        for expression in ["", "MIT OR", "(MIT", "MIT Apache-2.0", "MIT WITH"] {
            assert!(satisfies(expression, &|_| true).is_err(), "{expression}");
        }
    }

    #[test]
    fn exceptions_are_for_their_crate_only() {
        let policy: Policy = toml::from_str(
            r#"
            licenses.allow = ["MIT"]
            licenses.exceptions = [{ crate = "tool", allow = ["MPL-2.0"] }]
            licenses.clarify = [{ crate = "silent", expression = "MIT" }]
            bans.deny = []
            "#,
        )
        .unwrap();
        assert!(policy.check_licence("tool", Some("MPL-2.0")).is_ok());
        assert!(policy.check_licence("other", Some("MPL-2.0")).is_err());
        assert!(policy.check_licence("silent", None).is_ok());
        assert!(policy.check_licence("other", None).is_err());
    }

    #[test]
    fn only_crates_io_is_a_source() {
        assert_eq!(check_source(None), None);
        assert!(check_source(Some("git+https://example.org/x#1")).is_some());
        assert!(check_source(Some("registry+https://example.org/index")).is_some());
    }

    #[test]
    fn our_deny_toml_is_read_and_refuses_strong_copyleft() {
        let policy: Policy = toml::from_str(include_str!("../../../../deny.toml")).unwrap();
        for licence in ["AGPL-3.0-only", "AGPL-3.0", "GPL-3.0-or-later", "GPL-2.0", "SSPL-1.0", "MPL-2.0"] {
            assert!(policy.check_licence("any", Some(licence)).is_err(), "{licence}");
        }
        assert!(policy.check_licence("any", Some("MIT OR Apache-2.0")).is_ok());
    }
}
