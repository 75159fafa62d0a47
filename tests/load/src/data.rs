//! `bench data`: records of the data API under load, with rules and without, beside hello and the same statements on bare
//! databases.
//!
//! The records are lists with ten items each, all of one owner, brought in as a backup. A small app has 10,000 entities, a large
//! one (`page_1m`) a million: what a page costs must not depend on how much there is beside it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::bare::{self, Bare};
use crate::clients::{Numbered, Requests};
use crate::http::{self, Blocking};
use crate::report::{Goal, Report};
use crate::stage::{Contestant, Site, Stage};
use crate::stats::Cell;
use crate::{BenchArgs, stop};

const OWNER: &str = "30000000-0000-4000-8000-000000000001";
const SMALL: usize = 10_000;
const LARGE: usize = 1_000_000;
const ITEMS: usize = 10;
/// Different requests of each kind.
const REQUESTS: usize = 4_000;
/// Items of a page.
const PAGE: usize = 20;
/// Entities of a batch.
const BATCH: usize = 1_000;
/// What stands where an entity of a batch gets its id.
const NOTE: &str = "40000000-0000-4000-8000-000000000000";
/// Batches of one app take turns: more connections only wait longer, beyond the end of a short round.
const BATCH_CONNECTIONS: usize = 1;

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let mut report = Report::new("data");
    let stage = Stage::open(args, &mut report)?;
    let folder = stage.directory()?;
    let small = backup(folder.path(), "small", SMALL)?;
    let large = args.wants("page_1m").then(|| backup(folder.path(), "large", LARGE)).transpose()?;
    for site in stage.sites(&mut report)? {
        let app = App::bring(&site, &small)?;
        let large = match &large {
            Some(path) => {
                let began = Instant::now();
                let app = App::bring(&site, path)?;
                report.fact(&format!("{}_import_1m_s", site.target), began.elapsed().as_secs_f64());
                Some(app)
            }
            None => None,
        };
        let bare = bare::open(&site, folder.path())?;
        for &connections in &args.connections {
            let cells = measure(&stage, &site, &app, large.as_ref(), &bare, connections)?;
            if Some(&connections) == args.connections.last() && args.only.is_empty() {
                judge(site.target, &cells, &mut report)?;
            }
            report.add(cells);
        }
        report.fact(&format!("{}_peak_rss_mib", site.target), site.server.peak_mib()?);
    }
    Ok(report)
}

fn measure(
    stage: &Stage<'_>,
    site: &Site,
    app: &App,
    large: Option<&App>,
    bare: &Bare,
    connections: usize,
) -> Result<Vec<Cell>> {
    let of = |operation: &'static str, requests: Vec<Arc<[u8]>>| {
        let requests = Requests::new(requests);
        let make: Box<crate::engine::MakeClient<'_>> = Box::new(move |n, of| Ok(requests.client(n, of, false)));
        Contestant { target: site.target, operation, server: &site.server, make }
    };
    let mut contestants = vec![
        stage.hello(site.target),
        of("read", app.each(true, |n| read(n, app.lists))),
        of("read_adm", app.each(false, |n| read(n, app.lists))),
        of("nested", app.each(true, |n| nested(n, app.lists))),
        of("nested_adm", app.each(false, |n| nested(n, app.lists))),
        of("page", app.each(true, page)),
        of("page_adm", app.each(false, page)),
        of("update", app.each(true, |n| update(n, app.lists))),
        of("update_adm", app.each(false, |n| update(n, app.lists))),
    ];
    if connections <= BATCH_CONNECTIONS {
        let batches = app.batches()?;
        let make: Box<crate::engine::MakeClient<'_>> = Box::new(move |_n, _of| Ok(Box::new(batches.clone())));
        contestants.push(Contestant { target: site.target, operation: "batch", server: &site.server, make });
    }
    if let Some(large) = large {
        contestants.push(of("page_1m", large.each(true, page)));
    }
    let mut cells = stage.take_turns(&contestants, connections)?;
    for (operation, run) in bare.contestants() {
        if !stage.args.wants(operation) {
            continue;
        }
        let mut cell = Cell::new(site.target, operation, connections);
        for _ in 0..stage.args.rounds {
            stop::check()?;
            cell.slices.push(run(connections, stage.seconds(stage.args.rounds))?);
        }
        cells.push(cell);
    }
    Ok(cells)
}

fn judge(target: &str, cells: &[Cell], report: &mut Report) -> Result<()> {
    let find = |operation: &str| cells.iter().find(|c| c.operation == operation).context("no cell");
    if target == "postgres" {
        report.goal(Goal::at_least("PostgreSQL update / bare", find("update")?.ratio_to(find("bare_upd")?), 0.4));
        return Ok(());
    }
    let hello = find("hello")?;
    report.goal(Goal::at_least("read/hello", find("read")?.ratio_to(hello), 0.3));
    report.goal(Goal::at_least("parent + 10 children/hello", find("nested")?.ratio_to(hello), 0.1));
    report.goal(Goal::at_least("durable update/hello", find("update")?.ratio_to(hello), 0.12));
    report.goal(Goal::at_most("page at 1,000,000 / at 10,000", find("page")?.ratio_to(find("page_1m")?), 1.3));
    Ok(())
}

/// An app that was brought in.
struct App {
    id: String,
    admin: String,
    user: String,
    lists: usize,
}

impl App {
    fn bring(site: &Site, backup: &(PathBuf, usize)) -> Result<Self> {
        let told = site.keystead.import(&backup.0)?;
        let text =
            |at: &str| told.pointer(at).and_then(Value::as_str).map(str::to_owned).with_context(|| at.to_owned());
        let (id, admin) = (text("/app_id")?, text("/tokens/admin_token")?);
        let app = Self { id, admin, user: String::new(), lists: backup.1 };
        let call = |path: &str, as_user: bool, body: &Value| -> Result<Value> {
            let request = app.request(as_user, path, body);
            Ok(serde_json::from_str(Blocking::connect(site.server.addr)?.send(&request)?.text()?)?)
        };
        let signed = call("/admin/refresh_tokens", false, &json!({"id": OWNER}))?;
        let user = signed.pointer("/user/refresh_token").and_then(Value::as_str).context("no refresh token")?;
        let app = Self { user: user.to_owned(), ..app };
        // What is measured is what it should be.
        let call = |body: &Value| -> Result<Value> {
            let request = app.request(true, "/admin/query", body);
            Ok(serde_json::from_str(Blocking::connect(site.server.addr)?.send(&request)?.text()?)?)
        };
        let found = call(&nested(0, app.lists).1)?;
        let items = found.pointer("/lists/0/items").and_then(Value::as_array).map_or(0, Vec::len);
        ensure!(items == ITEMS, "a list with {items} items: {found}");
        let found = call(&page(0).1)?;
        let items = found.pointer("/items").and_then(Value::as_array).map_or(0, Vec::len);
        ensure!(items == PAGE, "a page of {items} items: {found}");
        Ok(app)
    }

    /// `as_user`: the rules hold.
    fn request(&self, as_user: bool, path: &str, body: &Value) -> Vec<u8> {
        let caller = match as_user {
            true => format!("as-token: {}", self.user),
            false => format!("authorization: Bearer {}", self.admin),
        };
        http::render("POST", path, &[format!("app-id: {}", self.id), caller], &body.to_string())
    }

    fn each(&self, as_user: bool, of: impl Fn(usize) -> (&'static str, Value)) -> Vec<Arc<[u8]>> {
        let request = |n: usize| {
            let (path, body) = of(n.wrapping_mul(7_919));
            self.request(as_user, path, &body).into()
        };
        (0..REQUESTS).map(request).collect()
    }

    /// A thousand entities each, other ones every time.
    fn batches(&self) -> Result<Numbered> {
        let step = |i: usize| json!(["create", "notes", NOTE, {"text": format!("note {i}"), "owner": OWNER}]);
        let steps: Vec<Value> = (0..BATCH).map(step).collect();
        let request = self.request(false, "/admin/transact", &json!({"steps": steps}));
        let batches = Numbered::new(request, NOTE);
        ensure!(batches.places() == BATCH, "a batch of {} entities", batches.places());
        Ok(batches)
    }
}

fn read(n: usize, lists: usize) -> (&'static str, Value) {
    ("/admin/query", json!({"query": {"items": {"$": {"where": {"id": item_id(n % (lists * ITEMS), lists)}}}}}))
}

fn nested(n: usize, lists: usize) -> (&'static str, Value) {
    ("/admin/query", json!({"query": {"lists": {"$": {"where": {"id": list_id(n % lists, lists)}}, "items": {}}}}))
}

/// Filtered and ordered by an indexed number.
fn page(n: usize) -> (&'static str, Value) {
    let from = n % 5_000;
    let options = json!({"where": {"rank": {"$gte": from}}, "order": {"rank": "asc"}, "limit": PAGE});
    ("/admin/query", json!({"query": {"items": {"$": options}}}))
}

fn update(n: usize, lists: usize) -> (&'static str, Value) {
    let id = item_id(n % (lists * ITEMS), lists);
    ("/admin/transact", json!({"steps": [["update", "items", id, {"title": format!("written {n}")}]]}))
}

/// Ids of the app with so many lists: ids that two apps have would be two apps' records in one place.
fn list_id(list: usize, lists: usize) -> String {
    format!("10000000-0000-4000-8000-{:012x}", (lists << 24) + list)
}

fn item_id(item: usize, lists: usize) -> String {
    format!("20000000-0000-4000-8000-{:012x}", (lists << 24) + item)
}

/// A backup with so many entities; gives how many of them are lists.
fn backup(folder: &Path, name: &str, entities: usize) -> Result<(PathBuf, usize)> {
    let path = folder.join(format!("{name}.zip"));
    let lists = entities / (ITEMS + 1);
    let mut zip = ZipWriter::new(BufWriter::new(File::create(&path)?));
    let column =
        |kind: &str, indexed: bool| json!({"valueType": kind, "config": {"unique": false, "indexed": indexed}});
    let attrs = |columns: Value| json!({"attrs": columns});
    let owned =
        json!({"view": "auth.id == data.owner", "create": "auth.id == data.owner", "update": "auth.id == data.owner"});
    let config = json!({
        "title": name,
        "counts": {"$users": 1, "lists": lists, "items": lists * ITEMS},
        "schema": {
            "entities": {
                "lists": attrs(json!({"name": column("string", false), "owner": column("string", true)})),
                "items": attrs(json!({"title": column("string", false), "done": column("boolean", false),
                    "rank": column("number", true), "owner": column("string", true)})),
                "notes": attrs(json!({"text": column("string", false), "owner": column("string", true)})),
            },
            "links": {"listsItems": {
                "forward": {"on": "items", "label": "list", "has": "one"},
                "reverse": {"on": "lists", "label": "items", "has": "many"},
            }},
        },
        "rules": {"lists": {"allow": owned}, "items": {"allow": owned}},
    });
    let mut entry = |name: &str, lines: &mut dyn Iterator<Item = Value>| -> Result<()> {
        zip.start_file(name, SimpleFileOptions::default())?;
        for line in lines {
            writeln!(zip, "{line}")?;
        }
        Ok(())
    };
    let record = |at: usize, entity: Value| json!({"entity": entity, "createdAt": 1_700_000_000_000_usize + at});
    entry("config.json", &mut std::iter::once(config))?;
    entry("entities/$users.jsonl", &mut std::iter::once(record(0, json!({"id": OWNER, "email": "o@example.org"}))))?;
    entry(
        "entities/lists.jsonl",
        &mut (0..lists)
            .map(|n| record(n, json!({"id": list_id(n, lists), "name": format!("list {n}"), "owner": OWNER}))),
    )?;
    entry(
        "entities/items.jsonl",
        &mut (0..lists * ITEMS).map(|n| {
            record(
                n,
                json!({"id": item_id(n, lists), "title": format!("item {n}"), "done": false, "rank": n, "owner": OWNER,
                    "list": list_id(n / ITEMS, lists)}),
            )
        }),
    )?;
    zip.finish()?.flush()?;
    Ok((path, lists))
}
