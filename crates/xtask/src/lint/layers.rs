//! The arrows inside the server: `http → rules → store → db`, and no room touches a neighbour's store.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::paths::{self, Mention};

const SOURCES: &str = "server/src";

/// Findings over all files of the server.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn check() -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(Path::new(SOURCES), &mut files)?;
    files.sort();
    let mut findings = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let relative = file.strip_prefix(SOURCES)?.to_string_lossy().into_owned();
        let found = check_file(&relative, &source);
        findings.extend(found.into_iter().map(|finding| format!("{SOURCES}/{finding}")));
    }
    Ok(findings)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Findings in one file; `relative` is its path below `server/src`. Test modules may name what they like.
fn check_file(relative: &str, source: &str) -> Vec<String> {
    let module = paths::module_of(relative);
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    let mentions = paths::mentions(source, &module);
    let mentions = mentions.iter().filter(|mention| !mention.in_tests);
    mentions
        .filter_map(|mention| Some((mention, broken_rule(&module, mention)?)))
        .map(|(mention, rule)| format!("{relative}:{}: {}: {rule}", mention.line, mention.path.join("::")))
        .collect()
}

fn broken_rule(module: &[&str], mention: &Mention) -> Option<&'static str> {
    let path: Vec<&str> = mention.path.iter().map(String::as_str).collect();
    let target = room_and_layer(&path);
    let root = path.first().copied()?;
    if let Some((room, layer)) = room_and_layer(module) {
        if let Some((other, "store")) = target
            && other != room
        {
            return Some("a room calls a neighbour's rules, never its store");
        }
        let called = target.map(|(_, layer)| layer);
        return match (layer, called) {
            ("http", Some("store")) => Some("http calls rules, never a store"),
            ("http", _) if root == "diesel" => Some("queries stand in store"),
            ("rules" | "store", Some("http")) => Some("http is the outermost layer"),
            ("rules" | "store", _) if root == "actix_web" => Some("only http knows the web server"),
            ("store", Some("rules")) => Some("rules call store, not the other way round"),
            _ => None,
        };
    }
    if matches!(module, ["crate", "db", ..]) && matches!(path.as_slice(), ["crate", "rooms", ..]) {
        return Some("db knows no room");
    }
    None
}

/// `crate::rooms::ROOM::LAYER::…` → (ROOM, LAYER).
fn room_and_layer<'a>(path: &[&'a str]) -> Option<(&'a str, &'a str)> {
    match path {
        ["crate", "rooms", room, layer, ..] => Some((room, layer)),
        ["crate", "rooms", room] => Some((room, "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(relative: &str, source: &str) -> usize {
        check_file(relative, source).len()
    }

    #[test]
    fn the_layers_in_their_order_pass() {
        assert_eq!(
            findings(
                "rooms/groups/http.rs",
                "use actix_web::web; use super::rules; use crate::rooms::keys::rules as k;"
            ),
            0
        );
        assert_eq!(findings("rooms/groups/rules.rs", "use super::store; use crate::rooms::keys::rules;"), 0);
        assert_eq!(findings("rooms/groups/store.rs", "use diesel::prelude::*; use crate::db::Conn;"), 0);
    }

    #[test]
    fn a_neighbours_store_is_out_of_reach() {
        for source in [
            "use crate::rooms::keys::store;",
            "use crate::rooms::{groups::store::G, keys::{rules, store::User}};",
            "use super::super::keys::store::User;",
            "use crate::rooms::keys; fn f() { keys::store::user() }",
            "fn f() { crate::rooms::keys::store::user() }",
        ] {
            assert_eq!(findings("rooms/groups/rules.rs", source), 1, "{source}");
        }
    }

    #[test]
    fn http_knows_neither_store_nor_diesel() {
        assert_eq!(findings("rooms/groups/http.rs", "use super::store;"), 1);
        assert_eq!(findings("rooms/groups/http/members.rs", "use super::super::store::Group;"), 1);
        assert_eq!(findings("rooms/groups/http.rs", "use diesel::prelude::*;"), 1);
        assert_eq!(findings("rooms/groups/http.rs", "fn f() { diesel::insert_into(t) }"), 1);
    }

    #[test]
    fn rules_and_store_know_no_web_server() {
        assert_eq!(findings("rooms/groups/rules.rs", "use actix_web::HttpResponse;"), 1);
        assert_eq!(findings("rooms/groups/store.rs", "use actix_web::{web, http::StatusCode};"), 2);
        assert_eq!(findings("rooms/groups/store.rs", "use super::rules::rank;"), 1);
    }

    #[test]
    fn db_knows_no_room() {
        assert_eq!(findings("db/migrate.rs", "use crate::rooms::keys::store;"), 1);
    }

    #[test]
    fn test_modules_comments_and_strings_are_free() {
        let source = "// use actix_web::web;\nconst A: &str = \"actix_web::web\";\n#[cfg(test)] mod tests { use actix_web::rt; }";
        assert_eq!(findings("rooms/groups/rules.rs", source), 0);
    }
}
