//! `keystead identity …`: accounts of the identity API.

use std::sync::Arc;

use super::app_of;
use crate::app::App;
use crate::error::StartError;
use crate::rooms::identity::Role;
use crate::rooms::identity::error::IamError;
use crate::rooms::identity::rules::import::{self, Imported};
use crate::rooms::identity::rules::operator::{self as rules, AccountInfo};

/// `identity promote`
///
/// # Errors
/// An unknown role, app or account, or the last administrator.
pub async fn promote(
    app: &Arc<App>,
    of_app: Option<&str>,
    email: &str,
    role: &str,
    verified: bool,
) -> Result<(), StartError> {
    let role = Role::parse(role)
        .ok_or_else(|| StartError::Refused(format!("there is no role '{role}': SUPER_ADMIN, ADMIN or GENERAL")))?;
    let app_id = app_of(app, of_app).await?;
    let (shared, email) = (Arc::clone(app), email.to_owned());
    Ok(app.db.write(move |tx| rules::promote(&shared, tx, &app_id, &email, role, verified)).await?)
}

/// `identity disable`, and its way back.
///
/// # Errors
/// An unknown app or account, or the last administrator.
pub async fn set_active(app: &Arc<App>, of_app: Option<&str>, email: &str, active: bool) -> Result<(), StartError> {
    let app_id = app_of(app, of_app).await?;
    let (shared, email) = (Arc::clone(app), email.to_owned());
    Ok(app.db.write(move |tx| rules::set_active(&shared, tx, &app_id, &email, active)).await?)
}

/// `identity keys`: whether a registration must bring keys for the key API.
///
/// # Errors
/// An unknown app.
pub async fn demand_keys(app: &Arc<App>, of_app: Option<&str>, demand: bool) -> Result<(), StartError> {
    let app_id = app_of(app, of_app).await?;
    let shared = Arc::clone(app);
    Ok(app.db.write(move |tx| rules::demand_keys(&shared, tx, &app_id, demand)).await?)
}

/// `identity list`: a page by ascending number.
///
/// # Errors
/// An unknown app.
pub async fn list(app: &Arc<App>, of_app: Option<&str>, skip: i64, take: i64) -> Result<Vec<AccountInfo>, StartError> {
    let app_id = app_of(app, of_app).await?;
    Ok(app.db.read(move |conn| rules::list(conn, &app_id, skip, take)).await?)
}

/// `identity import`: accounts of a Nuxt IAM `users` table, all or none. `schema`: the `.sql` file beside a file without column
/// names.
///
/// # Errors
/// The first record that cannot be taken, with its number.
pub async fn import(
    app: &Arc<App>,
    of_app: Option<&str>,
    text: &str,
    schema: Option<&str>,
) -> Result<Imported, StartError> {
    let app_id = app_of(app, of_app).await?;
    let accounts = import::read(text, schema)?;
    let shared = Arc::clone(app);
    Ok(app.db.write(move |tx| import::write(&shared, tx, &app_id, &accounts)).await?)
}

impl From<IamError> for StartError {
    fn from(e: IamError) -> Self {
        Self::Refused(match e.cause {
            Some(cause) => format!("{}: {cause}", e.message),
            None => e.message.into_owned(),
        })
    }
}
