//! A backup becomes an app: schema and rules, then entities and links as they are, then the bytes of files. The rules come first,
//! because clients know the app's id and may read while the import runs, or after it has stopped halfway.
//!
//! Entities go in by thousands, each thousand in one transaction, so that other apps of the server can write meanwhile.
//! Until the end the app takes no writes of clients. What an interrupted import has written is written again, over itself, by a
//! second one that resumes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use keystead_instaql::rules::Rules;
use keystead_instaql::schema::{Attr, CheckedType, EntityId};
use keystead_instaql::system::{self, USERS};
use keystead_instaql::tx::Triple;
use keystead_instaql::{Error, system::FILES as FILES_SPACE};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use zip::ZipArchive;
use zip::result::ZipError;

use super::{BATCH, BackupError, CONFIG, Config, ENTITIES, FILES};
use crate::app::App;
use crate::blobs::Blobs;
use crate::db::Conn;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::push::rules as push;
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::storage::rules::{self as storage, Kept};
use crate::rooms::data::transact::{self, bulk};
use crate::rooms::directory::rules as directory;

/// Most bytes of `config.json`, and of an entity.
const MOST_CONFIG: u64 = 64 * 1024 * 1024;
const MOST_LINE: u64 = 64 * 1024 * 1024;
/// Bytes of a file that are copied at once.
const CHUNK: usize = 256 * 1024;
/// Most bytes of a `location-id`.
const MOST_LOCATION: usize = 512;

type Archive = ZipArchive<BufReader<File>>;

/// A backup that is being read.
pub struct Backup {
    archive: Archive,
    /// What the app is.
    pub config: Config,
}

/// What an import did.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Imported {
    /// Entities.
    pub entities: u64,
    /// Values and links.
    pub values: u64,
    /// Files with their bytes.
    pub files: u64,
    /// What of the backup was not taken over, for people.
    pub left_out: Vec<String>,
}

#[derive(Deserialize)]
struct Record {
    entity: Map<String, Value>,
    #[serde(rename = "createdAt")]
    created_at: Option<i64>,
}

/// A `$files` entity with bytes.
#[derive(Clone)]
struct FileOf {
    location: String,
    content_type: String,
    content_disposition: Option<String>,
    created_ms: i64,
}

impl Backup {
    /// Opens a file and reads its `config.json`. Rules are looked at now, so that nobody waits for their mistakes.
    ///
    /// # Errors
    /// When it is no backup, or its rules are not to be understood.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
        let mut text = Vec::new();
        archive.by_name(CONFIG)?.take(MOST_CONFIG).read_to_end(&mut text)?;
        let config: Config = serde_json::from_slice(&text).map_err(|e| bad(CONFIG, e))?;
        if !config.rules.is_null() {
            Rules::parse(&config.rules).map_err(DataError::from)?;
        }
        Ok(Self { archive, config })
    }

    /// Entities of all namespaces, as the backup counts them.
    #[must_use]
    pub fn entities(&self) -> u64 {
        self.config.counts.values().sum()
    }

    /// Writes the backup into an app after [`Backup::begin`]. `progress` hears how many entities there are so far.
    ///
    /// # Errors
    /// What is wrong with the backup. The app stays closed then.
    pub async fn import(
        &mut self,
        app: &Arc<App>,
        app_id: &str,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, BackupError> {
        let mut done = Imported::default();
        let mut files = Vec::new();
        let names: Vec<String> =
            self.archive.file_names().map(|name| name.map(Cow::into_owned)).collect::<Result<_, _>>()?;
        for name in &names {
            if let Some(etype) = name.strip_prefix(ENTITIES).and_then(|name| name.strip_suffix(".jsonl")) {
                self.entities_of(app, app_id, (name, etype), (&mut done, &mut files), progress).await?;
            }
        }
        let mut lost = 0_u64;
        for file in files {
            let is_there = match file {
                Some(file) => self.file(app, app_id, file).await?,
                None => false,
            };
            match is_there {
                true => done.files += 1,
                false => lost += 1,
            }
        }
        self.finish(app, app_id).await?;
        let config = &self.config;
        for (count, what) in [
            (lost, "files without their bytes in the backup"),
            (config.webhooks.len() as u64, "webhooks"),
            (config.email_templates.len() as u64, "e-mail templates"),
            (config.authorized_redirect_origins.len() as u64, "redirect origins"),
        ] {
            if count > 0 {
                done.left_out.push(format!("{count} {what}"));
            }
        }
        Ok(done)
    }

    /// Schema and rules come in, and nobody else writes from here on.
    ///
    /// # Errors
    /// An app that has records, unless `resume`; a schema that is not to be understood. Nothing has changed then.
    pub async fn begin(&self, app: &Arc<App>, app_id: &str, resume: bool) -> Result<(), BackupError> {
        let (shared, id) = (Arc::clone(app), app_id.to_owned());
        let (schema, rules) = (self.config.schema.clone(), self.config.rules.clone());
        app.db
            .write(move |tx| {
                space::rules::found_in(&shared, tx, &id)?;
                let space = space_in(&shared, tx, &id)?;
                if !resume && !is_empty(tx, &space)? {
                    let text = "the app has records already: name another one, or resume an interrupted import";
                    return Err(BackupError::Refused(text.into()));
                }
                // An interrupted import has left it closed.
                space::rules::set_writable(tx, &id, true)?;
                let steps = push::plan(&shared, &space.catalog, &schema, true)?;
                push::apply(&shared, tx, &id, &push::parse(&json!(steps))?, &steps)?;
                if !rules.is_null() {
                    push::set_rules(&shared, tx, &id, &rules)?;
                }
                space::rules::set_writable(tx, &id, false)?;
                space::rules::reload(tx, &id)?;
                Ok(())
            })
            .await
    }

    async fn entities_of(
        &mut self,
        app: &Arc<App>,
        app_id: &str,
        (name, etype): (&str, &str),
        (done, files): (&mut Imported, &mut Vec<Option<FileOf>>),
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        let mut lines = Lines { reader: BufReader::new(self.archive.by_name(name)?), name, number: 0 };
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(record) = lines.next()?
            {
                batch.push(record);
            }
            if batch.is_empty() {
                return Ok(());
            }
            if etype == FILES_SPACE {
                files.extend(batch.iter().map(|(_, record)| file_of(record)));
            }
            let count = batch.len() as u64;
            let (shared, id, etype, name) = (Arc::clone(app), app_id.to_owned(), etype.to_owned(), name.to_owned());
            done.values += app.db.write(move |tx| put(&shared, tx, &id, (&name, &etype), &batch)).await?;
            done.entities += count;
            progress(done.entities);
        }
    }

    /// False when the backup lacks the bytes.
    async fn file(&mut self, app: &Arc<App>, app_id: &str, file: FileOf) -> Result<bool, BackupError> {
        let (id, location) = (app_id.to_owned(), file.location.clone());
        if app.db.read(move |conn| storage::is_kept(conn, &id, &location)).await? {
            return Ok(true);
        }
        let mut entry = match self.archive.by_name(&format!("{FILES}{}", file.location)) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        let object = Blobs::new_name();
        let (shared, id, name) = (Arc::clone(app), app_id.to_owned(), object.clone());
        app.db.write(move |tx| storage::note(&shared, tx, &id, &name)).await?;
        let mut writer = app.blobs.write(&object).await?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = entry.read(&mut chunk)?;
            match chunk.get(..read) {
                Some(bytes) if read > 0 => writer.add(bytes).await?,
                _ => break,
            }
        }
        let kept = Kept {
            size: writer.finish().await?,
            location: file.location,
            object,
            content_type: file.content_type,
            content_disposition: file.content_disposition,
            created_ms: file.created_ms,
        };
        let id = app_id.to_owned();
        app.db.write(move |tx| storage::keep(tx, &id, &kept)).await?;
        Ok(true)
    }

    /// What the schema promises is looked at, and clients may write.
    async fn finish(&self, app: &Arc<App>, app_id: &str) -> Result<(), BackupError> {
        let (shared, id) = (Arc::clone(app), app_id.to_owned());
        let committed = app
            .db
            .write(move |tx| {
                let space = space_in(&shared, tx, &id)?;
                for attr in space.catalog.attrs().filter(|attr| attr.unique && !attr.is_id()) {
                    if let Some(value) = bulk::duplicate(tx, &space, attr)? {
                        let text = format!("{} is unique, and several entities have {value}", attr.name());
                        return Err(BackupError::Refused(text));
                    }
                }
                space::rules::set_writable(tx, &id, true)?;
                let (_, tx_id) = space::rules::begin(&shared, tx, &id)?;
                space::rules::reload(tx, &id)?;
                Ok::<_, BackupError>(transact::rules::log_schema(&shared, tx, &id, tx_id)?)
            })
            .await?;
        push::changed(app, &committed);
        Ok(())
    }
}

/// Lines of an entry, with their names for messages.
struct Lines<'a, R> {
    reader: R,
    name: &'a str,
    number: usize,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<(usize, Record)>, BackupError> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            let read = (&mut self.reader).take(MOST_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            let at = || format!("{} line {}", self.name, self.number);
            if read as u64 == MOST_LINE {
                return Err(bad(&at(), format_args!("an entity has at most {MOST_LINE} bytes")));
            }
            if !line.trim_ascii().is_empty() {
                let record = serde_json::from_slice(&line).map_err(|e| bad(&at(), e))?;
                return Ok(Some((self.number, record)));
            }
        }
    }
}

/// Writes entities of a namespace; gives how many values they have.
fn put(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (name, etype): (&str, &str),
    batch: &[(usize, Record)],
) -> Result<u64, BackupError> {
    let space = with_attrs_of(app, tx, app_id, etype, batch)?;
    let mut triples = Vec::new();
    let mut values = 0;
    for (number, record) in batch {
        let at = || format!("{name} line {number}");
        let entity: EntityId = record
            .entity
            .get("id")
            .and_then(Value::as_str)
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| bad(&at(), "the entity has no id, or one that is no UUID"))?;
        let created_ms = record.created_at.unwrap_or_else(|| app.clock.now_ms());
        let before = triples.len();
        for (label, value) in &record.entity {
            match space.catalog.forward(etype, label) {
                Some(attr) if attr.id == system::FILES_URL => {}
                Some(attr) => add(attr, entity, value, created_ms, &mut triples).map_err(|what| bad(&at(), what))?,
                None => return Err(bad(&at(), format_args!("there is no attribute {etype}.{label}"))),
            }
        }
        values += (triples.len() - before) as u64;
        triples.extend(fillers(&space, etype, entity, record));
        if etype == USERS && !directory::is_taken(tx, &entity.to_string())? {
            directory::adopt_user(app, tx, app_id, &entity.to_string())?;
        }
    }
    bulk::put(app, tx, &space, &triples)?;
    Ok(values)
}

/// The app, with an untyped attr for every value that its schema does not know: nothing of a record gets lost.
fn with_attrs_of(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    etype: &str,
    batch: &[(usize, Record)],
) -> DataResult<Arc<Space>> {
    let space = space_in(app, tx, app_id)?;
    let labels = batch.iter().flat_map(|(_, record)| record.entity.keys());
    let unknown: HashSet<&String> = labels.filter(|label| space.catalog.forward(etype, label).is_none()).collect();
    if unknown.is_empty() {
        return Ok(space);
    }
    let mut new_id = || Uuid::parse_str(&app.new_id()).unwrap_or_default();
    for label in unknown {
        let attr = match label.as_str() {
            "id" => push::id_attr(etype, &mut new_id),
            label => Attr::blob(new_id(), new_id(), etype, label),
        };
        attr.validate()?;
        space::rules::add_attr(tx, app_id, &attr)?;
    }
    space::rules::reload(tx, app_id)
}

/// The triples of a value: one, or one for each entity that a link to many names.
fn add(attr: &Attr, entity: EntityId, value: &Value, created_ms: i64, triples: &mut Vec<Triple>) -> Result<(), String> {
    let mut push = |value: Value| triples.push(Triple { entity, attr: attr.id, value, created_ms });
    if !attr.is_ref() {
        if attr.checked_data_type.is_some_and(|checked| !checked.accepts(value)) {
            let wanted = attr.checked_data_type.map_or("", CheckedType::name);
            return Err(format!("{} is no {wanted}: {value}", attr.name()));
        }
        push(value.clone());
        return Ok(());
    }
    let link = |value: &Value| match value.as_str().and_then(|id| id.parse::<EntityId>().ok()) {
        Some(id) => Ok(json!(id)),
        None => Err(format!("{} is a link and holds no id: {value}", attr.name())),
    };
    match value {
        Value::Null => {}
        Value::Array(many) if attr.is_one() && many.len() > 1 => {
            return Err(format!("{} links to one entity and names {}", attr.name(), many.len()));
        }
        Value::Array(many) => {
            for value in many {
                push(link(value)?);
            }
        }
        one => push(link(one)?),
    }
    Ok(())
}

/// Indexed columns have a triple for entities without a value too, so that an index alone can order by them. Time 0 tells these
/// from a null that somebody wrote.
fn fillers(space: &Space, etype: &str, entity: EntityId, record: &Record) -> Vec<Triple> {
    let empty = space.catalog.of(etype).filter(|attr| attr.is_filled() && !record.entity.contains_key(attr.label()));
    empty.map(|attr| Triple { entity, attr: attr.id, value: Value::Null, created_ms: 0 }).collect()
}

/// None for one whose location cannot be that of bytes.
fn file_of(record: &Record) -> Option<FileOf> {
    let text = |name: &str| record.entity.get(name).and_then(Value::as_str).map(str::to_owned);
    let location = text("location-id").filter(|location| {
        !location.is_empty() && location.len() <= MOST_LOCATION && !location.contains(['/', '\\', '?', '#'])
    })?;
    Some(FileOf {
        location,
        content_type: text("content-type").unwrap_or_else(|| "application/octet-stream".into()),
        content_disposition: text("content-disposition"),
        created_ms: record.created_at.unwrap_or_default(),
    })
}

fn space_in(app: &App, tx: &mut Conn, app_id: &str) -> DataResult<Arc<Space>> {
    space::rules::in_tx(app, tx, app_id)?.ok_or_else(|| Error::not_found("app").into())
}

fn is_empty(tx: &mut Conn, space: &Space) -> DataResult<bool> {
    for id in space.catalog.attrs().filter(|attr| attr.is_id()) {
        if !bulk::page(tx, space, id, None, 1)?.0.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn bad(entry: &str, what: impl std::fmt::Display) -> BackupError {
    BackupError::Content { entry: entry.to_owned(), what: what.to_string() }
}
