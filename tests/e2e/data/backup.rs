//! `keystead import instant` and `keystead export`, with the real binary.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use e2e::process::{Process, Site};
use e2e::{block_on, both_sites};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

both_sites! {
    a_backup_goes_in_and_comes_out_equal,
    everything_of_an_app_moves,
    whatever_is_wrong_is_said_and_the_import_goes_on_later,
}

const BOOK: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c001";
const OTHER: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c002";
const SHELF: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c003";
const USER: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c004";
const FILE: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c005";
const APP: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c006";
const LOST: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c008";
const LOCATION: &str = "0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c007";

/// Entries of a backup by name: JSON lines by the entity's id, everything else as text.
fn content(path: &Path) -> BTreeMap<String, Value> {
    let mut zip = ZipArchive::new(File::open(path).expect("a file")).expect("a zip file");
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let (name, mut text) = (entry.name().expect("a name").into_owned(), String::new());
        entry.read_to_string(&mut text).expect("text");
        let value = match name.as_str() {
            "config.json" => serde_json::from_str(&text).expect("JSON"),
            name if name.ends_with(".jsonl") => text.lines().map(by_id).collect::<serde_json::Map<_, _>>().into(),
            _ => text.into(),
        };
        found.insert(name, value);
    }
    found
}

fn by_id(line: &str) -> (String, Value) {
    let mut record: Value = serde_json::from_str(line).expect("JSON");
    for value in record["entity"].as_object_mut().expect("an entity").values_mut() {
        if let Value::Array(ids) = value {
            ids.sort_by_key(ToString::to_string);
        }
    }
    (record["entity"]["id"].as_str().expect("an id").to_owned(), record)
}

fn write(path: &Path, entries: &[(&str, String)]) {
    let mut zip = ZipWriter::new(File::create(path).expect("a file"));
    for (name, text) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(text.as_bytes()).expect("written");
    }
    zip.finish().expect("a zip file");
}

fn lines(records: &[(Value, i64)]) -> String {
    let line = |(entity, at): &(Value, i64)| format!("{}\n", json!({"entity": entity, "createdAt": at}));
    records.iter().map(line).collect()
}

/// A small app with all there can be.
fn sample(rules: &Value) -> Vec<(&'static str, String)> {
    let column = |kind: &str, unique: bool, indexed: bool| json!({"valueType": kind, "config": {"unique": unique, "indexed": indexed}});
    let config = json!({
        "appId": APP, "title": "library", "counts": {"$files": 2, "$users": 1, "books": 2, "shelves": 1}, "tripleCount": 21,
        "schema": {
            "entities": {
                "books": {"attrs": {"title": column("string", false, true), "isbn": column("string", true, true),
                    "year": column("number", false, true), "data": column("any", false, false)}},
                "shelves": {"attrs": {"name": column("string", false, false)}},
            },
            "links": {
                "booksShelf": {"forward": {"on": "books", "label": "shelf", "has": "one", "onDelete": "cascade"},
                    "reverse": {"on": "shelves", "label": "books", "has": "many"}},
                "booksReaders": {"forward": {"on": "books", "label": "readers", "has": "many"},
                    "reverse": {"on": "$users", "label": "books", "has": "many"}},
            },
        },
        "rules": rules, "webhooks": [{"sink": "x"}],
    });
    let books = [
        (
            json!({"id": BOOK, "title": "B", "isbn": "1", "year": null, "data": {"a": [1, null]}, "shelf": SHELF, "readers": [USER]}),
            2_000,
        ),
        (json!({"id": OTHER, "title": "A", "old": 7}), 1_000),
    ];
    vec![
        ("config.json", config.to_string()),
        ("entities/books.jsonl", lines(&books)),
        ("entities/shelves.jsonl", lines(&[(json!({"id": SHELF, "name": "top"}), 3_000)])),
        ("entities/$users.jsonl", lines(&[(json!({"id": USER, "email": "jo@example.org"}), 500)])),
        (
            "entities/$files.jsonl",
            lines(&[
                (
                    json!({"id": FILE, "path": "a.txt", "size": 5, "content-type": "text/plain", "location-id": LOCATION}),
                    4_000,
                ),
                (json!({"id": LOST, "path": "b.txt"}), 5_000),
            ]),
        ),
        ("files/0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c007", "hello".to_owned()),
    ]
}

fn import(site: &Site, path: &Path, more: &[&str]) -> Value {
    let mut args = vec!["import", "instant", path.to_str().expect("a path"), "--json"];
    args.extend(more);
    site.json(&args)
}

fn refused(site: &Site, path: &Path, more: &[&str]) -> String {
    let mut args = vec!["import", "instant", path.to_str().expect("a path")];
    args.extend(more);
    let output = site.run(&args);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn export(site: &Site, app: &str) -> PathBuf {
    let path = site.dir().join("out.zip");
    let output = site.run(&["export", path.to_str().expect("a path"), "--app", app]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

async fn post(server: &Process, path: &str, token: Option<&str>, body: &Value) -> Value {
    let mut call = server.http().post(format!("{}{path}", server.url)).header("app-id", APP).json(body);
    if let Some(token) = token {
        call = call.bearer_auth(token);
    }
    call.send().await.expect("an answer").json().await.expect("JSON")
}

fn a_backup_goes_in_and_comes_out_equal(site: &Site) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/zeneca-backup.zip");
    let told = import(site, &path, &[]);
    let out = content(&export(site, told["app_id"].as_str().expect("an id")));
    let wanted = content(&path);
    assert_eq!(out.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (name, value) in &wanted {
        match name.as_str() {
            "config.json" => {
                for (key, value) in value.as_object().expect("an object") {
                    assert_eq!(&out[name][key], value, "{key}");
                }
            }
            _ => assert_eq!(&out[name], value, "{name}"),
        }
    }
}

fn everything_of_an_app_moves(site: &Site) {
    let rules = json!({"books": {"allow": {"view": "auth.id in data.ref('readers.id')"}}});
    let path = site.dir().join("in.zip");
    write(&path, &sample(&rules));
    let told = import(site, &path, &[]);
    assert_eq!(told["app_id"], APP);
    assert_eq!((&told["imported"]["entities"], &told["imported"]["files"]), (&json!(6), &json!(1)));
    assert_eq!(told["imported"]["left_out"], json!(["1 files without their bytes in the backup", "1 webhooks"]));
    let admin = told["tokens"]["admin_token"].as_str().expect("a token");
    let server = site.serve(&[]);
    block_on(async {
        let query = json!({"query": {"books": {"$": {"order": {"serverCreatedAt": "asc"}}, "shelf": {}, "readers": {}}, "$files": {}}});
        let all = post(&server, "/admin/query", Some(admin), &query).await;
        assert_eq!(all["books"][0]["id"], OTHER, "{all}");
        assert_eq!((&all["books"][0]["old"], &all["books"][0]["shelf"]), (&json!(7), &json!([])));
        assert_eq!(all["books"][1]["data"], json!({"a": [1, null]}));
        assert_eq!(all["books"][1]["shelf"][0]["name"], "top");
        assert_eq!(all["books"][1]["readers"][0]["email"], "jo@example.org");
        let by_title = json!({"query": {"books": {"$": {"where": {"isbn": "1"}, "order": {"title": "asc"}}}}});
        assert_eq!(post(&server, "/admin/query", Some(admin), &by_title).await["books"][0]["id"], BOOK);
        let url = all["$files"][0]["url"].as_str().expect("a url").to_owned();
        let (_, place) = url.split_once("/storage/").expect("a path");
        let bytes = server.http().get(format!("{}/storage/{place}", server.url)).send().await.expect("an answer");
        assert_eq!((bytes.headers()["content-type"].to_str().ok(), bytes.status().as_u16()), (Some("text/plain"), 200));
        assert_eq!(bytes.text().await.expect("text"), "hello");
        // The person is the same one, the rules hold, and the app takes writes again.
        let user = post(&server, "/admin/refresh_tokens", Some(admin), &json!({"email": "jo@example.org"})).await;
        assert_eq!((&user["user"]["id"], &user["created"]), (&json!(USER), &json!(false)));
        let nobody = post(&server, "/runtime/framework/query", None, &json!({"query": {"books": {}}})).await;
        assert!(!nobody.to_string().contains(BOOK), "{nobody}");
        let (books, token) = (json!({"query": {"books": {}}}), user["user"]["refresh_token"].as_str());
        let seen = post(&server, "/runtime/framework/query", token, &books).await.to_string();
        assert!(seen.contains(BOOK) && !seen.contains(OTHER), "{seen}");
        let steps = json!({"steps": [["update", "books", OTHER, {"title": "C"}]]});
        assert!(post(&server, "/admin/transact", Some(admin), &steps).await["tx-id"].is_i64());
        let steps = json!({"steps": [["update", "books", OTHER, {"title": "A"}]]});
        assert!(post(&server, "/admin/transact", Some(admin), &steps).await["tx-id"].is_i64());
    });
    let (out, wanted) = (content(&export(site, "library")), content(&path));
    for name in wanted.keys().filter(|name| *name != "config.json") {
        assert_eq!(out[name], wanted[name], "{name}");
    }
    for key in ["appId", "title", "counts", "tripleCount", "rules"] {
        assert_eq!(out["config.json"][key], wanted["config.json"][key], "{key}");
    }
    let links = |content: &BTreeMap<String, Value>| content["config.json"]["schema"]["links"]["booksShelf"].clone();
    assert_eq!(links(&out), links(&wanted));
    assert_eq!(out["config.json"]["schema"]["entities"]["books"]["attrs"]["old"]["valueType"], "any");
}

fn whatever_is_wrong_is_said_and_the_import_goes_on_later(site: &Site) {
    let path = site.dir().join("in.zip");
    std::fs::write(&path, "no zip").expect("written");
    assert!(refused(site, &path, &[]).contains("the zip file"));
    let mut entries = sample(&json!({"books": {"allow": {"view": "1 +"}}}));
    write(&path, &entries);
    assert!(refused(site, &path, &[]).contains("rule"));
    let closed = json!({"books": {"allow": {"view": "false"}}});
    entries = sample(&closed);
    entries[2].1.push_str("{\"entity\": {\"id\": 7}}\n");
    write(&path, &entries);
    let told = refused(site, &path, &[]);
    assert!(told.contains("entities/shelves.jsonl line 2") && told.contains("--resume"), "{told}");
    let tokens = site.json(&["app", "rotate-tokens", APP, "--json"]);
    let admin = tokens["admin_token"].as_str().expect("a token").to_owned();
    let steps = json!({"steps": [["update", "books", OTHER, {"title": "C"}]]});
    {
        let server = site.serve(&[]);
        let answer = block_on(post(&server, "/admin/transact", Some(&admin), &steps));
        assert_eq!(answer["type"], "app-read-only", "until it is finished");
        // Its records are there, and its rules with them.
        let query = json!({"query": {"books": {}}});
        let all = block_on(post(&server, "/admin/query", Some(&admin), &query));
        assert_eq!(all["books"].as_array().map(Vec::len), Some(2), "{all}");
        let seen = block_on(post(&server, "/runtime/framework/query", None, &query)).to_string();
        assert!(!seen.contains(BOOK) && !seen.contains(OTHER), "{seen}");
    }
    write(&path, &sample(&closed));
    let told = refused(site, &path, &["--app", APP]);
    assert!(told.contains("has records already"), "{told}");
    let done = import(site, &path, &["--resume"]);
    assert_eq!(done["imported"]["entities"], 6);
    let (out, wanted) = (content(&export(site, APP)), content(&path));
    assert_eq!(out["entities/books.jsonl"], wanted["entities/books.jsonl"]);
    assert_eq!(out["files/0b1d0c5e-8a30-4d4c-9c3f-2f6a50b1c007"], "hello");
    let server = site.serve(&[]);
    assert!(block_on(post(&server, "/admin/transact", Some(&admin), &steps))["tx-id"].is_i64());
}
