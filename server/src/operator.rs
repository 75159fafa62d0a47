//! What the operator's commands do. They work on the database, beside a running server too.

pub mod backup;
pub mod identity;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keystead_protocol::apps::EndpointOptions;

use crate::app::App;
use crate::error::StartError;
use crate::rooms::apps::rules::{
    self as apps, AppInfo, AppSettings, AppTokens, DEFAULT_APP, JwtKeyInfo, NewApp, NewJwtKey,
};
use crate::rooms::audit::rules as audit;
use crate::root_key::write_private;

/// Named as in the original.
const CUSTOMER_APP: &str = "sentc_int";
const ENV_FILE: &str = "default-app.env";

/// What the first start made.
#[derive(Debug, Clone)]
pub struct FirstStart {
    /// Id of the app `default`.
    pub app_id: String,
    /// Its public token.
    pub public_token: String,
    /// File with its tokens, mode 0600.
    pub env_file: PathBuf,
}

/// Makes the app `default` when there is no app at all.
///
/// # Errors
/// What database and file system say.
pub async fn first_start(app: &Arc<App>) -> Result<Option<FirstStart>, StartError> {
    if app.db.read(apps::any).await? {
        return Ok(None);
    }
    let shared = Arc::clone(app);
    let create = move |tx: &mut crate::db::Conn| {
        // Several nodes may start at once on one empty database.
        tx.lock("first start")?;
        if apps::any(tx)? {
            return Ok(None);
        }
        apps::create(&shared, tx, DEFAULT_APP, &EndpointOptions::preset_default()).map(Some)
    };
    let Some(new) = app.db.write(create).await? else { return Ok(None) };
    let env_file = app.config.server.data_dir.join(ENV_FILE);
    write_env(&env_file, &new).map_err(StartError::io(format!(
        "{} (the app exists; `keystead app rotate-tokens {DEFAULT_APP}` gives new tokens)",
        env_file.display()
    )))?;
    Ok(Some(FirstStart { app_id: new.tokens.app_id, public_token: new.tokens.public_token, env_file }))
}

/// Makes the app of the customers where there is none, and remembers its id. Nobody gets its tokens.
///
/// # Errors
/// What the database says.
pub async fn customer_start(app: &Arc<App>) -> Result<(), StartError> {
    let shared = Arc::clone(app);
    let id = app.db.write(move |tx| apps::customer_app(&shared, tx, CUSTOMER_APP)).await?;
    // Set once: a second start of the same server finds the same app.
    app.customer_app.get_or_init(|| id);
    Ok(())
}

/// Id of the app of this id or name; of the app that the first start made without one.
async fn app_of(app: &Arc<App>, wanted: Option<&str>) -> Result<String, StartError> {
    let wanted = wanted.map(str::to_owned);
    let find = move |conn: &mut crate::db::Conn| match wanted {
        Some(wanted) => apps::find(conn, &wanted).map(|found| Some(found.app_id)),
        None => apps::default_app(conn),
    };
    app.db
        .read(find)
        .await?
        .ok_or_else(|| StartError::Refused("there is no app 'default' yet: start the server once".into()))
}

/// `app create`
///
/// # Errors
/// An unusable name, or what the database says.
pub async fn create_app(app: &Arc<App>, name: &str, options: EndpointOptions) -> Result<NewApp, StartError> {
    let (shared, name) = (Arc::clone(app), name.to_owned());
    Ok(app.db.write(move |tx| apps::create(&shared, tx, &name, &options)).await?)
}

/// `app list`
///
/// # Errors
/// What the database says.
pub async fn list_apps(app: &Arc<App>) -> Result<Vec<AppInfo>, StartError> {
    Ok(app.db.read(apps::list).await?)
}

/// Finds an app by id or name.
///
/// # Errors
/// When there is none, or several have the name.
pub async fn find_app(app: &Arc<App>, id_or_name: &str) -> Result<AppInfo, StartError> {
    let wanted = id_or_name.to_owned();
    Ok(app.db.read(move |c| apps::find(c, &wanted)).await?)
}

/// `app rotate-tokens`
///
/// # Errors
/// When there is no such app.
pub async fn rotate_tokens(app: &Arc<App>, id_or_name: &str) -> Result<AppTokens, StartError> {
    let (shared, wanted) = (Arc::clone(app), id_or_name.to_owned());
    let rotate = move |tx: &mut crate::db::Conn| {
        let found = apps::find(tx, &wanted)?;
        apps::rotate_tokens(&shared, tx, &found.app_id)
    };
    Ok(app.db.write(rotate).await?)
}

/// `app options`: changes named settings of an app and gives the result.
///
/// # Errors
/// An unknown name, a value that makes no sense, or no such app.
pub async fn set_options(
    app: &Arc<App>,
    id_or_name: &str,
    preset: Option<EndpointOptions>,
    changes: &[(String, String)],
) -> Result<AppInfo, StartError> {
    let (shared, wanted, changes) = (Arc::clone(app), id_or_name.to_owned(), changes.to_vec());
    let change = move |tx: &mut crate::db::Conn| {
        let found = apps::find(tx, &wanted)?;
        let mut settings = AppSettings {
            options: preset.clone().unwrap_or(found.options),
            file_options: found.file_options,
            group_options: found.group_options,
            disabled: found.disabled_ms.is_some(),
        };
        for (name, value) in &changes {
            apply(&mut settings, name, value)?;
        }
        apps::set_settings(&shared, tx, &found.app_id, &settings)?;
        apps::find(tx, &found.app_id)
    };
    Ok(app.db.write(change).await?)
}

/// A change of an app's JWT keys.
#[derive(Debug, Clone)]
pub enum JwtKeyChange {
    /// A further key pair, which signs from now on.
    Add,
    /// Removes the key pair with this id.
    Delete(String),
}

/// `app jwt-keys`: changes the keys of an app if asked to; gives the new pair, if any, and the list.
///
/// # Errors
/// No such app or key, or the last key.
pub async fn jwt_keys(
    app: &Arc<App>,
    id_or_name: &str,
    change: Option<JwtKeyChange>,
) -> Result<(Option<NewJwtKey>, Vec<JwtKeyInfo>), StartError> {
    let (shared, wanted) = (Arc::clone(app), id_or_name.to_owned());
    let work = move |tx: &mut crate::db::Conn| {
        let app_id = apps::find(tx, &wanted)?.app_id;
        let new = match &change {
            Some(JwtKeyChange::Add) => Some(apps::new_jwt_key(&shared, tx, &app_id)?),
            Some(JwtKeyChange::Delete(kid)) => apps::delete_jwt_key(tx, &app_id, kid).map(|()| None)?,
            None => None,
        };
        Ok((new, apps::jwt_keys(tx, &app_id)?))
    };
    Ok(app.db.write::<_, crate::error::KeyError, _>(work).await?)
}

/// `audit`: entries of an app's audit log, the newest first, at most `most`.
///
/// # Errors
/// When there is no such app.
pub async fn audit_log(
    app: &Arc<App>,
    id_or_name: &str,
    filter: audit::Filter,
    most: usize,
) -> Result<Vec<audit::Entry>, StartError> {
    let app_id = find_app(app, id_or_name).await?.app_id;
    let mut entries: Vec<audit::Entry> = Vec::new();
    loop {
        let before_id = entries.last().map(|entry| entry.id);
        let (app_id, filter) = (app_id.clone(), audit::Filter { before_id, ..filter.clone() });
        let page = app.db.read(move |c| Ok::<_, crate::error::KeyError>(audit::list(c, &app_id, &filter)?)).await?;
        let last = page.len() < usize::try_from(audit::PAGE).unwrap_or(usize::MAX);
        entries.extend(page);
        if last || entries.len() >= most {
            entries.truncate(most);
            return Ok(entries);
        }
    }
}

/// What the server has stored of a user, column by column: for the demo, and for an operator who wants to see it.
///
/// # Errors
/// When there is no such user.
pub async fn stored_of(
    app: &Arc<App>,
    app_id: &str,
    identifier: &str,
) -> Result<Vec<(&'static str, String)>, StartError> {
    let (app_id, identifier) = (app_id.to_owned(), identifier.to_owned());
    Ok(app.db.read(move |c| crate::rooms::keys::rules::stored_of(c, &app_id, &identifier)).await?)
}

fn apply(settings: &mut AppSettings, name: &str, value: &str) -> crate::error::KeyResult<()> {
    use crate::error::KeyError;
    let number = || value.parse::<i32>().map_err(|_source| KeyError::input(format_args!("{name} is a number")));
    let text = || (!value.is_empty()).then(|| value.to_owned());
    match name {
        "disabled" => {
            settings.disabled = value.parse().map_err(|_source| KeyError::input("disabled is true or false"))?;
        }
        "file_storage" => settings.file_options.file_storage = number()?,
        "storage_url" => settings.file_options.storage_url = text(),
        "auth_token" => settings.file_options.auth_token = text(),
        "max_key_rotation_month" => settings.group_options.max_key_rotation_month = number()?,
        "min_rank_key_rotation" => settings.group_options.min_rank_key_rotation = number()?,
        _ => {
            let value = number()?;
            if !settings.options.set(name, value) {
                return Err(KeyError::input(format_args!("there is no option '{name}'")));
            }
        }
    }
    Ok(())
}

fn write_env(path: &Path, new: &NewApp) -> std::io::Result<()> {
    let text = format!(
        "# Tokens of the app \"{DEFAULT_APP}\", made at the first start. Shown nowhere else: the server keeps hashes.\n\
         KEYSTEAD_APP_ID={}\nKEYSTEAD_PUBLIC_TOKEN={}\nKEYSTEAD_SECRET_TOKEN={}\nKEYSTEAD_ADMIN_TOKEN={}\n\
         KEYSTEAD_JWT_KID={}\nKEYSTEAD_JWT_VERIFY_KEY={}",
        new.tokens.app_id,
        new.tokens.public_token,
        new.tokens.secret_token,
        new.tokens.admin_token,
        new.jwt.kid,
        new.jwt.verify_key,
    );
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    write_private(path, &text)
}
