//! Whole apps as zip files, in the form in which Instant's cloud gives backups out (better-than.md part 3):
//!
//! | entry | content |
//! |---|---|
//! | `config.json` | name, schema, rules, counts: [`Config`] |
//! | `entities/NAMESPACE.jsonl` | a line for each entity: `{"entity": {id, attr: value, link: id or [ids]}, "createdAt": ms}` |
//! | `files/LOCATION` | the bytes of the `$files` entity with this `location-id` |
//!
//! Ids and times stay as they are. Tokens and secrets are in no backup: users log in again.

pub mod export;
pub mod import;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::blobs::BlobError;
use crate::db::RetryHint;
use crate::rooms::data::error::DataError;

const CONFIG: &str = "config.json";
const ENTITIES: &str = "entities/";
const FILES: &str = "files/";
/// Entities that are read or written at once.
const BATCH: usize = 1_000;

/// What an app is, beside its records.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The app's id; absent in some old backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<Uuid>,
    /// Its name.
    #[serde(default)]
    pub title: String,
    /// When the backup was made, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_at: Option<String>,
    /// Entities of each namespace that has any.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Values and links of all entities, ids included.
    #[serde(default)]
    pub triple_count: u64,
    /// `{entities, links}`
    pub schema: Value,
    /// The rules document; null is none.
    #[serde(default)]
    pub rules: Value,
    /// Not taken over.
    #[serde(default)]
    pub webhooks: Vec<Value>,
    /// Not taken over.
    #[serde(default)]
    pub email_templates: Vec<Value>,
    /// Not taken over.
    #[serde(default)]
    pub authorized_redirect_origins: Vec<Value>,
}

/// Why a backup cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is no zip file, or a damaged one.
    #[error("the zip file: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The file system says no.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// An entry is not as it should be.
    #[error("{entry}: {what}")]
    Content {
        /// Its name, with the line where there are lines.
        entry: String,
        /// What is wrong.
        what: String,
    },
    /// The app cannot be used like that.
    #[error("{0}")]
    Refused(String),
    /// The database, the schema or the rules.
    #[error("{}{}", .0.told.message, cause(.0))]
    Data(DataError),
    /// The storage of files.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

fn cause(e: &DataError) -> String {
    match &e.cause {
        Some(cause) => format!(": {cause}"),
        None if e.told.hint.is_null() => String::new(),
        None => format!(" {}", e.told.hint),
    }
}

impl<E: Into<DataError>> From<E> for BackupError {
    fn from(e: E) -> Self {
        Self::Data(e.into())
    }
}

impl RetryHint for BackupError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Data(e) if e.is_retryable())
    }
}
