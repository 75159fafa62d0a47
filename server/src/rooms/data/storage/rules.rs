//! Who may put files where, and what becomes of `$files` and of the bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use keystead_crypto::encoding::hex_encode;
use keystead_crypto::hash::ct_eq;
use keystead_instaql::rules::Request;
use keystead_instaql::schema::{AttrId, EntityId};
use keystead_instaql::system::FILES;
use keystead_instaql::tx::outcome::{Outcome, Touched};
use keystead_instaql::{Error, Kind, key};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::store::{self, FileRow};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth::{self, Auth};
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::permissions::rules::Judge;
use crate::rooms::data::query::rules::{self as query, Asked};
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::transact::Tx;
use crate::rooms::data::transact::rules::{self as transact, Committed, Posted, Steps};
use crate::rooms::files::deletions::rules as deletions;

const DAY_MS: i64 = 86_400_000;
/// Days that an address is good.
const GOOD_DAYS: i64 = 7;
/// How long an address for an upload is good.
const UPLOAD_S: i64 = 3_600;
const UPLOAD_URL: &str = "app-upload-url";
/// Most bytes of a path.
const PATH_BYTES: usize = 1_024;
/// Most bytes of a content type or disposition.
const HEADER_BYTES: usize = 1_024;

/// A file that somebody wants to put somewhere.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Name with folders, unique in the app.
    pub path: String,
    /// MIME type.
    pub content_type: String,
    /// How browsers treat a download.
    pub content_disposition: Option<String>,
}

impl NewFile {
    /// # Errors
    /// `param-malformed` for a path that is empty, too long, or has control characters, and for headers that are too long.
    pub fn check(&self) -> DataResult<()> {
        let bad = |text: &str, most| text.len() > most || text.chars().any(char::is_control);
        if self.path.trim().is_empty() || bad(&self.path, PATH_BYTES) {
            return Err(Error::malformed(&["headers", "path"], self.path.as_str().into()).into());
        }
        if bad(&self.content_type, HEADER_BYTES) {
            return Err(Error::malformed(&["headers", "content-type"], Value::Null).into());
        }
        if self.content_disposition.as_deref().is_some_and(|text| bad(text, HEADER_BYTES)) {
            return Err(Error::malformed(&["headers", "content-disposition"], Value::Null).into());
        }
        Ok(())
    }
}

/// What an upload made.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Of the `$files` entity.
    pub id: EntityId,
    /// Of the bytes.
    pub location: String,
    /// Bytes.
    pub size: u64,
}

/// The address of a file's bytes, good for about seven days. It is the same all day long, so that a query's answer does not
/// change by itself.
#[must_use]
pub fn url(app: &App, app_id: &str, location: &str) -> String {
    let day = app.clock.now_ms().div_euclid(DAY_MS);
    let until = (day + GOOD_DAYS) * DAY_MS / 1_000;
    let signature = signature(app, app_id, location, until);
    let base = app.config.server.public_url.trim_end_matches('/');
    format!("{base}/storage/files/{app_id}/{location}?until={until}&signature={signature}")
}

/// What proves that this server gave an address out: hex of 32 bytes.
pub(super) fn signature(app: &App, app_id: &str, location: &str, until_s: i64) -> String {
    hex_encode(&app.root_key.file_signature(&format!("{app_id}/{location}/{until_s}")))
}

/// The address to which the bytes of `path` may be put once within an hour, as whoever asks for it.
#[must_use]
pub fn upload_url(app: &App, app_id: &str, auth: &Auth, path: &str) -> String {
    let by = match auth {
        Auth::Admin => "admin".to_owned(),
        Auth::User(user) => user.id.to_string(),
        Auth::Nobody => "nobody".to_owned(),
    };
    let (id, until) = (app.new_id(), app.clock.now_ms() / 1_000 + UPLOAD_S);
    let signature = upload_signature(app, app_id, &id, &by, path, until);
    let base = app.config.server.public_url.trim_end_matches('/');
    let path = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
    format!(
        "{base}/storage/{id}/consume-upload-url?app_id={app_id}&path={path}&by={by}&until={until}&signature={signature}"
    )
}

/// Such an address as it came.
#[derive(Debug, Clone)]
pub struct UploadUrl {
    /// Its own.
    pub id: String,
    /// As whom bytes are put: `admin`, `nobody` or a user's id.
    pub by: String,
    /// Where to.
    pub path: String,
    /// When it stops being good, seconds.
    pub until_s: i64,
    /// What proves that this server gave it out.
    pub signature: String,
}

/// As whom the holder of an address puts bytes.
///
/// # Errors
/// `record-expired` for one that is too old or has been used, `record-not-found` for one that this server did not give out or whose
/// user is gone.
pub fn uploader(app: &App, conn: &mut Conn, space: &Space, url: &UploadUrl) -> DataResult<Auth> {
    let wanted = upload_signature(app, &space.app_id, &url.id, &url.by, &url.path, url.until_s);
    if !ct_eq(wanted.as_bytes(), url.signature.as_bytes()) {
        return Err(Error::not_found(UPLOAD_URL).into());
    }
    if app.clock.now_ms() / 1_000 >= url.until_s || store::is_used(conn, &url.id)? {
        return Err(expired(UPLOAD_URL));
    }
    match url.by.as_str() {
        "admin" => Ok(Auth::Admin),
        "nobody" => Ok(Auth::Nobody),
        id => {
            let id: Uuid = id.parse().map_err(|_none| Error::not_found("app-user"))?;
            auth::by_id(conn, space, id)
        }
    }
}

/// Uses an address up, in the transaction that stores what was put to it.
///
/// # Errors
/// `record-expired` for one that has been used.
pub fn use_up(tx: &mut Conn, url: &UploadUrl) -> DataResult<()> {
    match store::use_up(tx, &url.id, url.until_s.saturating_mul(1_000))? {
        true => Ok(()),
        false => Err(expired(UPLOAD_URL)),
    }
}

/// Forgets used addresses that are too old by now.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> diesel::QueryResult<usize> {
    store::sweep_urls(tx, app.clock.now_ms())
}

fn upload_signature(app: &App, app_id: &str, id: &str, by: &str, path: &str, until_s: i64) -> String {
    // No app's id is `upload`: nothing that is signed for a download is good here.
    hex_encode(&app.root_key.file_signature(&format!("upload/{app_id}/{id}/{by}/{until_s}/{path}")))
}

/// `record-expired` for a kind of record.
pub(super) fn expired(what: &str) -> DataError {
    let text = format!("Record expired: {what}");
    Error::new(Kind::RecordExpired, text, json!({"record-type": what})).into()
}

/// Notes an object that is about to be written, for whoever may write it: it is deleted again unless [`store`] takes it.
///
/// # Errors
/// Those of [`store`].
pub fn begin(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (auth, request): (&Auth, &Request),
    (file, size): (&NewFile, u64),
    object: &str,
) -> DataResult<()> {
    let space = space_in(app, tx, app_id)?;
    judge(tx, &space, (auth, request), (file, size))?;
    note(app, tx, app_id, object)
}

/// Gives an object that is written to the `$files` entity of its path: the one that is there keeps its id. Whoever calls this tells
/// about the transaction after its commit.
///
/// # Errors
/// `permission-denied`, `permission-evaluation-failed`, `app-read-only`, and what the database says.
pub fn store(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (auth, request): (&Auth, &Request),
    (file, size): (&NewFile, u64),
    object: &str,
) -> DataResult<(Stored, Committed)> {
    // One after the other: the second of two new files of one path is a change of the first.
    tx.lock(&format!("data file {app_id}/{}", file.path))?;
    let space = space_in(app, tx, app_id)?;
    let found = judge(tx, &space, (auth, request), (file, size))?;
    let id = found.unwrap_or_else(|| Uuid::parse_str(&app.new_id()).unwrap_or_default());
    let values = [
        ("path", Some(Value::from(file.path.as_str()))),
        ("size", Some(size.into())),
        ("content-type", Some(file.content_type.as_str().into())),
        ("content-disposition", file.content_disposition.as_deref().map(Value::from).or(found.map(|_| Value::Null))),
        ("location-id", Some(object.into())),
    ];
    let mut steps = Vec::with_capacity(values.len());
    for (label, value) in values {
        if let Some(value) = value {
            steps.push(json!(["add-triple", id, attr(&space, label)?, value]));
        }
    }
    let posted = Posted { steps: Steps::Wire(Some(steps.into())), throw_on_missing: false, request: request.clone() };
    let committed = transact::run_in(app, tx, app_id, &Auth::Admin, &posted)?;
    let kept = Kept {
        location: object.to_owned(),
        object: object.to_owned(),
        size,
        content_type: file.content_type.clone(),
        content_disposition: file.content_disposition.clone(),
        created_ms: app.clock.now_ms(),
    };
    keep(tx, app_id, &kept)?;
    Ok((Stored { id, location: object.to_owned(), size }, committed))
}

/// Bytes that come in without an upload: of a backup.
#[derive(Debug, Clone)]
pub struct Kept {
    /// `location-id` of their `$files` entity.
    pub location: String,
    /// Name of the object.
    pub object: String,
    /// Bytes.
    pub size: u64,
    /// MIME type.
    pub content_type: String,
    /// How browsers treat a download.
    pub content_disposition: Option<String>,
    /// When they came to be.
    pub created_ms: i64,
}

/// Notes an object that is about to be written: it is deleted again unless [`keep`] takes it.
///
/// # Errors
/// What the database says.
pub fn note(app: &App, tx: &mut Conn, app_id: &str, object: &str) -> DataResult<()> {
    let due = app.clock.now_ms() + app.config.files.session_ms();
    Ok(deletions::note(tx, app_id, object, due)?)
}

/// Gives an object that is written to the `$files` entity with its location.
///
/// # Errors
/// What the database says.
pub fn keep(tx: &mut Conn, app_id: &str, kept: &Kept) -> DataResult<()> {
    if !deletions::take_note(tx, &kept.object)? {
        return Err(DataError::internal("the upload took longer than its object was kept"));
    }
    let row = FileRow {
        location: kept.location.clone(),
        object: kept.object.clone(),
        size: i64::try_from(kept.size).unwrap_or(i64::MAX),
        content_type: kept.content_type.clone(),
        content_disposition: kept.content_disposition.clone(),
        created_ms: kept.created_ms,
    };
    Ok(store::insert(tx, app_id, &row)?)
}

/// True when the bytes of a location are here.
///
/// # Errors
/// What the database says.
pub fn is_kept(conn: &mut Conn, app_id: &str, location: &str) -> DataResult<bool> {
    Ok(store::find(conn, app_id, location)?.is_some())
}

/// (location, object) of every file of an app.
///
/// # Errors
/// What the database says.
pub fn objects(conn: &mut Conn, app_id: &str) -> DataResult<Vec<(String, String)>> {
    Ok(store::objects(conn, app_id)?)
}

/// Deletes files by path; gives the ids of those that were there, in the order asked.
///
/// # Errors
/// As [`store`].
pub fn delete(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (auth, request): (&Auth, &Request),
    paths: &[String],
) -> DataResult<(Vec<EntityId>, Option<Committed>)> {
    let space = space_in(app, tx, app_id)?;
    let mut ids = Vec::new();
    for path in paths {
        if let Some(id) = at(tx, &space, path)?.filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Ok((ids, None));
    }
    let steps: Vec<Value> = ids.iter().map(|id| json!(["delete", FILES, id, null])).collect();
    let posted = Posted { steps: Steps::Admin(Some(steps.into())), throw_on_missing: false, request: request.clone() };
    let committed = transact::run_in(app, tx, app_id, auth, &posted).map_err(|e| storage_denied(e, "delete"))?;
    Ok((ids, Some(committed)))
}

/// Lets go of the bytes that no `$files` entity names any more. Called inside of every transaction.
///
/// # Errors
/// What the database says.
pub fn release(tx: &mut Tx<'_>, space: &Space, outcome: &Outcome) -> DataResult<()> {
    let Some(location) = space.catalog.forward(FILES, "location-id") else { return Ok(()) };
    let changed = outcome.changes.iter().filter(|change| change.attr == location.id && change.old != change.new);
    let gone: Vec<String> = changed.filter_map(|change| Some(change.old.as_ref()?.as_str()?.to_owned())).collect();
    if !gone.is_empty() {
        store::delete(tx.beside(), &space.app_id, &gone)?;
    }
    Ok(())
}

/// The address of the file at a path, for whoever may see it; none where there is none for him.
///
/// # Errors
/// What the rules say.
pub fn url_of(
    app: &App,
    conn: &mut Conn,
    space: &Space,
    (auth, request): (&Auth, &Request),
    path: &str,
) -> DataResult<Option<String>> {
    let query = json!({FILES: {"$": {"where": {"path": path}}}});
    let found = entities(app, conn, space, auth, Asked::plain(query, false, request.clone()))?;
    let url = found.first().and_then(|file| file.get("url")?.as_str().map(str::to_owned));
    Ok(url)
}

/// All files, as the old call lists them.
///
/// # Errors
/// What the database says.
pub fn list(app: &App, conn: &mut Conn, space: &Space, request: &Request) -> DataResult<Vec<Value>> {
    let times: HashMap<String, i64> = store::times(conn, &space.app_id)?.into_iter().collect();
    let asked = Asked::plain(json!({FILES: {"$": {"order": {"path": "asc"}}}}), false, request.clone());
    let found = entities(app, conn, space, &Auth::Admin, asked)?;
    let line = |file: &Map<String, Value>| {
        let value = |label: &str| file.get(label).cloned().unwrap_or(Value::Null);
        let time = value("location-id").as_str().and_then(|location| times.get(location).copied());
        json!({
            "key": value("path"), "name": value("path"), "size": value("size"), "etag": value("location-id"),
            "last_modified": time,
        })
    };
    Ok(found.iter().map(line).collect())
}

fn entities(
    app: &App,
    conn: &mut Conn,
    space: &Space,
    auth: &Auth,
    asked: Asked,
) -> DataResult<Vec<Map<String, Value>>> {
    let answer = query::run(app, conn, space, auth, &asked)?;
    let mut tree: Map<String, Value> = serde_json::from_str(&answer.body).map_err(DataError::internal)?;
    let list = tree.remove(FILES).unwrap_or_else(|| json!([]));
    serde_json::from_value(list).map_err(DataError::internal)
}

/// The bytes at a location.
pub(super) fn bytes_of(conn: &mut Conn, app_id: &str, location: &str) -> DataResult<Option<FileRow>> {
    Ok(store::find(conn, app_id, location)?)
}

/// Asks `create` or `update` of `$files`; gives the entity of the path.
fn judge(
    conn: &mut Conn,
    space: &Space,
    (auth, request): (&Auth, &Request),
    (file, size): (&NewFile, u64),
) -> DataResult<Option<EntityId>> {
    if !space.writable {
        return Err(Error::new(Kind::AppReadOnly, "This app is read-only", json!({"status": "read-only"})).into());
    }
    let found = at(conn, space, &file.path)?;
    if auth.is_admin() {
        return Ok(found);
    }
    let before = match found {
        Some(id) => query::record(conn, space, FILES, id)?,
        None => None,
    };
    let id = found.unwrap_or_default();
    let mut after = before.clone().unwrap_or_default();
    after.insert("id".into(), json!(id));
    after.insert("path".into(), file.path.as_str().into());
    after.insert("size".into(), size.into());
    after.insert("content-type".into(), file.content_type.as_str().into());
    after.insert("content-disposition".into(), json!(file.content_disposition));
    let modified = ["path", "size", "content-type", "content-disposition"].map(str::to_owned).to_vec();
    let is_new = before.is_none();
    let touched = Touched { entity: id, etype: FILES.into(), before, after: Some(after), modified };
    let outcome = Outcome {
        changes: Vec::new(),
        touched: vec![touched],
        links: Vec::new(),
        stirred: Vec::new(),
        rule_params: BTreeMap::new(),
    };
    let mut judge = Judge::new(auth, request, None);
    let tx = &mut Tx::alone(conn);
    let (said, action) = match is_new {
        true => (judge.after(tx, space, &outcome), "create"),
        false => (judge.before(tx, space, &outcome), "update"),
    };
    said.map_err(|e| storage_denied(e, action))?;
    Ok(found)
}

fn space_in(app: &App, tx: &mut Conn, app_id: &str) -> DataResult<Arc<Space>> {
    space::rules::in_tx(app, tx, app_id)?.ok_or_else(|| Error::not_found("app").into())
}

/// The entity of a path.
fn at(conn: &mut Conn, space: &Space, path: &str) -> DataResult<Option<EntityId>> {
    let attr = space.catalog.forward(FILES, "path").ok_or_else(|| DataError::internal("no $files.path"))?;
    query::holder(conn, space, &(attr.id, key::of(&path.into(), attr.checked_data_type, 0)))
}

fn attr(space: &Space, label: &str) -> DataResult<AttrId> {
    let attr =
        space.catalog.forward(FILES, label).ok_or_else(|| DataError::internal("an attr of $files is missing"))?;
    Ok(attr.id)
}

/// A refusal as the storage's calls word it.
fn storage_denied(e: DataError, action: &str) -> DataError {
    if e.told.kind != Kind::PermissionDenied {
        return e;
    }
    let hint = json!({"input": [FILES, action], "expected": "has-storage-permission?"});
    Error::new(Kind::PermissionDenied, "Permission denied: not has-storage-permission?", hint).into()
}
