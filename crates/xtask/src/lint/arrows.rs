//! The arrows between our crates, held against what cargo resolved. ARCHITECTURE.md draws them.

use std::collections::{BTreeSet, HashMap};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

/// Own crates that an own crate may depend on directly, in any way (normal, build, dev).
const MAY_KNOW: [(&str, Own); 14] = [
    ("keystead-protocol", Own::Only(&[])),
    ("keystead-crypto", Own::Only(&[])),
    ("keystead-instaql", Own::Only(&["keystead-protocol"])),
    ("keystead-sdk-core", Own::Only(&["keystead-crypto", "keystead-protocol"])),
    ("keystead", Own::Only(&["keystead-sdk-core", "keystead-crypto", "keystead-protocol"])),
    ("keystead-admin", Own::Only(&["keystead-protocol"])),
    ("keystead-wasm", Own::Only(&["keystead", "keystead-sdk-core"])),
    ("keystead-ffi", Own::Only(&["keystead", "keystead-sdk-core"])),
    ("keystead-server", Own::Only(&["keystead-crypto", "keystead-protocol", "keystead-instaql"])),
    ("xtask", Own::Only(&[])),
    ("bindgen", Own::Only(&[])),
    // The binary and the tests put everything together.
    ("keystead-cli", Own::Any),
    ("keystead-load", Own::Any),
    ("e2e", Own::Any),
];

/// (crate, what it must never reach, why): over every normal and build dependency, however far away.
const NEVER: [(&str, &[&str], &str); 5] = [
    ("keystead-server", &["keystead-sdk-core"], "the server cannot decrypt"),
    ("keystead-sdk-core", IO, "sdk-core is pure"),
    ("keystead-crypto", IO, "crypto does no I/O"),
    ("keystead-protocol", IO, "protocol does no I/O"),
    ("keystead-instaql", IO, "instaql does no I/O"),
];

/// Runtimes, network and databases.
const IO: &[&str] = &["tokio", "reqwest", "hyper", "actix-web", "diesel"];

enum Own {
    Only(&'static [&'static str]),
    Any,
}

/// Findings over `workspace`, which has its dependencies with it.
pub(super) fn check(workspace: &Metadata) -> Vec<String> {
    let packages = workspace.workspace_packages();
    let own: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &packages {
        let known: BTreeSet<&str> = package.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
        findings.extend(direct(&package.name, &known, &own));
        let reached = reached(workspace, &package.id);
        findings.extend(transitive(&package.name, &reached));
    }
    findings
}

fn direct(name: &str, known: &BTreeSet<&str>, own: &BTreeSet<&str>) -> Vec<String> {
    let Some((_, allowed)) = MAY_KNOW.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![format!("{name}: not in the table MAY_KNOW of crates/xtask/src/lint/arrows.rs")];
    };
    let Own::Only(allowed) = allowed else { return Vec::new() };
    let wrong = known.intersection(own).filter(|dependency| !allowed.contains(dependency));
    wrong.map(|dependency| format!("{name} must not depend on {dependency}")).collect()
}

fn transitive(name: &str, reached: &BTreeSet<&str>) -> Vec<String> {
    let rules = NEVER.iter().filter(|(crate_name, ..)| *crate_name == name);
    let pairs = rules.flat_map(|(_, forbidden, why)| forbidden.iter().map(move |forbidden| (forbidden, why)));
    let broken = pairs.filter(|(forbidden, _)| reached.contains(**forbidden));
    broken.map(|(forbidden, why)| format!("{name} reaches {forbidden}, but {why}")).collect()
}

/// Names of all packages that `start` needs to be built.
fn reached<'a>(workspace: &'a Metadata, start: &PackageId) -> BTreeSet<&'a str> {
    let Some(resolve) = &workspace.resolve else { return BTreeSet::new() };
    let nodes: HashMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: HashMap<_, _> = workspace.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&PackageId> = vec![start];
    while let Some(node) = open.pop().and_then(|id| nodes.get(id)) {
        for dependency in &node.deps {
            let needed = dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if needed && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().filter_map(|id| names.get(id).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 4] = ["keystead-server", "keystead-sdk-core", "keystead-crypto", "keystead-protocol"];

    #[test]
    fn allowed_arrows_pass() {
        let known = ["keystead-crypto", "keystead-protocol", "serde"].into();
        assert!(direct("keystead-sdk-core", &known, &OWN.into()).is_empty());
        assert!(direct("e2e", &OWN.into(), &OWN.into()).is_empty());
    }

    #[test]
    fn the_server_must_not_know_sdk_core() {
        let known = ["keystead-sdk-core", "serde"].into();
        assert_eq!(
            direct("keystead-server", &known, &OWN.into()),
            ["keystead-server must not depend on keystead-sdk-core"]
        );
        assert_eq!(
            transitive("keystead-server", &known),
            ["keystead-server reaches keystead-sdk-core, but the server cannot decrypt"]
        );
    }

    #[test]
    fn protocol_knows_no_own_crate() {
        assert_eq!(direct("keystead-protocol", &["keystead-crypto"].into(), &OWN.into()).len(), 1);
    }

    #[test]
    fn sdk_core_reaches_no_runtime() {
        assert_eq!(transitive("keystead-sdk-core", &["tokio", "serde"].into()).len(), 1);
    }

    #[test]
    fn a_crate_outside_the_table_is_told() {
        assert_eq!(direct("keystead-new", &BTreeSet::new(), &OWN.into()).len(), 1);
    }
}
