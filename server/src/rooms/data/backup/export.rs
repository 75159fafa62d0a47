//! An app becomes a backup. Records are of one moment; a file that is deleted while its bytes are copied is left out.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use keystead_instaql::Error;
use keystead_instaql::schema::{Attr, EntityId};
use keystead_instaql::tx::Triple;
use serde_json::{Map, Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{BATCH, BackupError, CONFIG, Config, ENTITIES, FILES};
use crate::app::App;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::data::push::rules as push;
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::storage::rules as storage;
use crate::rooms::data::transact::bulk;

type Zip = ZipWriter<BufWriter<File>>;

/// What a backup holds.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Exported {
    /// Entities.
    pub entities: u64,
    /// Files with their bytes.
    pub files: u64,
}

/// Writes an app as a backup. The file is there when it is whole: until then it has `.part` behind its name.
///
/// # Errors
/// An app without records, and what database, storage or file system say.
pub async fn export(app: &Arc<App>, app_id: &str, title: &str, path: &Path) -> Result<Exported, BackupError> {
    let part = PathBuf::from(format!("{}.part", path.display()));
    let zip = ZipWriter::new(BufWriter::new(File::create(&part)?));
    let (shared, id, title) = (Arc::clone(app), app_id.to_owned(), title.to_owned());
    let (mut zip, mut done, files) = app.db.read_snapshot(move |conn| records(&shared, conn, &id, title, zip)).await?;
    for (location, object) in files {
        let Some(mut blob) = app.blobs.read(&object).await? else { continue };
        zip.start_file(format!("{FILES}{location}"), options())?;
        while let Some(chunk) = blob.content.next().await {
            zip.write_all(&chunk?)?;
        }
        done.files += 1;
    }
    let file = zip.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    Ok(done)
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().large_file(true)
}

/// (location, object) of each file.
type Objects = Vec<(String, String)>;

fn records(
    app: &App,
    conn: &mut Conn,
    app_id: &str,
    title: String,
    mut zip: Zip,
) -> Result<(Zip, Exported, Objects), BackupError> {
    let space = space::current(app, conn, app_id)?.ok_or_else(|| Error::not_found("app"))?;
    let mut counts = BTreeMap::new();
    let ids: Vec<Arc<Attr>> = space.catalog.attrs().filter(|attr| attr.is_id()).cloned().collect();
    for id in &ids {
        let count = bulk::count(conn, &space, id)?;
        if count > 0 {
            counts.insert(id.etype().to_owned(), count);
        }
    }
    let config = Config {
        app_id: app_id.parse().ok(),
        title,
        backup_at: Some(iso8601(app.clock.now_ms())),
        triple_count: bulk::values(conn, &space)?,
        schema: push::document_of(&space.catalog),
        rules: push::rules(&space)?,
        webhooks: Vec::new(),
        email_templates: Vec::new(),
        authorized_redirect_origins: Vec::new(),
        counts,
    };
    zip.start_file(CONFIG, options())?;
    serde_json::to_writer(&mut zip, &config).map_err(std::io::Error::from)?;
    let mut done = Exported::default();
    for id in ids.iter().filter(|id| config.counts.contains_key(id.etype())) {
        zip.start_file(format!("{ENTITIES}{}.jsonl", id.etype()), options())?;
        done.entities += namespace(conn, &space, id, &mut zip)?;
    }
    Ok((zip, done, storage::objects(conn, app_id)?))
}

fn namespace(conn: &mut Conn, space: &Space, id: &Attr, zip: &mut Zip) -> Result<u64, BackupError> {
    let mut after = None;
    let mut count = 0;
    loop {
        let (found, last) = bulk::page(conn, space, id, after.as_ref(), i64::try_from(BATCH).unwrap_or(i64::MAX))?;
        let Some(last) = last else { return Ok(count) };
        after = Some(last);
        let entities: Vec<EntityId> = found.iter().map(|(entity, _)| *entity).collect();
        let mut by_entity: HashMap<EntityId, Vec<Triple>> = HashMap::new();
        for triple in bulk::triples(conn, space, &entities)? {
            by_entity.entry(triple.entity).or_default().push(triple);
        }
        for (entity, created_ms) in found {
            let mut triples = by_entity.remove(&entity).unwrap_or_default();
            triples.sort_by_key(|triple| triple.created_ms);
            let line = json!({"entity": values(space, id.etype(), &triples), "createdAt": created_ms});
            serde_json::to_writer(&mut *zip, &line).map_err(std::io::Error::from)?;
            zip.write_all(b"\n")?;
            count += 1;
        }
    }
}

/// An entity's values and links of one namespace: the same id may stand in several.
fn values(space: &Space, etype: &str, triples: &[Triple]) -> Map<String, Value> {
    let mut values = Map::new();
    for triple in triples {
        let Some(attr) = space.catalog.get(triple.attr).filter(|attr| attr.etype() == etype) else { continue };
        // Time 0: nobody wrote it, it fills an index.
        if triple.value.is_null() && triple.created_ms == 0 {
            continue;
        }
        if attr.is_one() {
            values.insert(attr.label().to_owned(), triple.value.clone());
        } else if let Value::Array(many) = values.entry(attr.label()).or_insert_with(|| json!([])) {
            many.push(triple.value.clone());
        }
    }
    values
}
