//! `keystead import instant`, `keystead export`: whole apps of the data API.

use std::path::Path;
use std::sync::Arc;

use super::app_of;
use crate::app::App;
use crate::error::StartError;
use crate::rooms::apps::rules::AppTokens;
use crate::rooms::data::backup::BackupError;
use crate::rooms::data::backup::export::{self, Exported};
pub use crate::rooms::data::backup::import::{Backup, Imported};
use crate::rooms::data::error::DataError;
use crate::rooms::data::push::rules::{self as push, NewApp};

/// The app that a backup is for: the one that is named, else a new one with the backup's own name and id, whose tokens this
/// gives; to `resume`, the one with that id.
///
/// # Errors
/// An unknown app; an id that is taken; a backup without an id to resume.
pub async fn place(
    app: &Arc<App>,
    backup: &Backup,
    wanted: Option<&str>,
    resume: bool,
) -> Result<(String, Option<AppTokens>), StartError> {
    let id = backup.config.app_id;
    if wanted.is_some() || resume {
        let own = id.map(|id| id.to_string());
        let name = wanted
            .or(own.as_deref())
            .ok_or_else(|| StartError::Refused("the backup does not say which app it is: --app APP".into()))?;
        return Ok((app_of(app, Some(name)).await?, None));
    }
    let title = match backup.config.title.trim() {
        "" => "imported",
        title => title,
    };
    // With the schema: an app whose schema is not to be understood is not made.
    let schema = Some(backup.config.schema.clone());
    let new = NewApp { title: title.to_owned(), id, schema, ..NewApp::default() };
    let shared = Arc::clone(app);
    let (tokens, _) = app.db.write(move |tx| push::create(&shared, tx, &new)).await.map_err(refused)?;
    Ok((tokens.app_id.clone(), Some(tokens)))
}

/// `export`
///
/// # Errors
/// An unknown app, and what database, storage and file system say.
pub async fn export(app: &Arc<App>, wanted: Option<&str>, file: &Path) -> Result<Exported, StartError> {
    let app_id = app_of(app, wanted).await?;
    let title = super::find_app(app, &app_id).await?.name;
    Ok(export::export(app, &app_id, &title, file).await?)
}

fn refused(e: DataError) -> StartError {
    BackupError::Data(e).into()
}

impl From<BackupError> for StartError {
    fn from(e: BackupError) -> Self {
        Self::Refused(e.to_string())
    }
}
