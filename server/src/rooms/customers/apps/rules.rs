//! Who may do what with a customer's app. The owner has rank 0 in his own apps; in those of a group he has his rank there.

use keystead_protocol::ErrorCode;
use keystead_protocol::apps::{AppJwtData, AppRegisterOutput, EndpointOptions, FileOptions, GroupOptions};
use keystead_protocol::customers::{AppDetails, AppJwtKey, AppListItem, AppRegisterInput, AppTokenRenewOutput};
use keystead_protocol::groups::{RANK_ADMIN, RANK_CREATOR, RANK_DEFAULT, RANK_MEMBER_MANAGER};

use super::store::{self, ListRow};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::apps::rules::{self as apps, AppSettings};
use crate::rooms::customers::accounts::rules as accounts;
use crate::rooms::groups::rules::{self as groups, Actor};
use crate::rooms::groups::validate::is_id;
use crate::web::call::Page;

const OWNER_CUSTOMER: i32 = 0;
const OWNER_GROUP: i32 = 1;
/// What an app without a name is called in the operator's lists.
const NAMELESS: &str = "(no name)";

/// A customer and the server's own app, where he lives.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Customer id.
    pub id: String,
    /// The server's own app.
    pub home: String,
}

/// What a call needs of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// See it.
    Read,
    /// Change settings, tokens and keys; read private keys (better-than.md 16: in the original every rank can).
    Change,
    /// Delete or empty it.
    Delete,
}

impl Need {
    const fn worst_rank(self) -> i32 {
        match self {
            Self::Read => RANK_DEFAULT,
            Self::Change => RANK_MEMBER_MANAGER,
            Self::Delete => RANK_ADMIN,
        }
    }
}

/// The caller's right to an app.
///
/// # Errors
/// 202 when it is not his; 301 when his rank in the group that owns it is too low.
pub fn may(conn: &mut Conn, customer: &Customer, app_id: &str, need: Need) -> KeyResult<()> {
    let owner = if is_id(app_id) { store::owner(conn, app_id)? } else { None };
    let rank = match owner {
        Some((owner, OWNER_CUSTOMER)) if owner == customer.id => RANK_CREATOR,
        Some((group_id, OWNER_GROUP)) => {
            let access = groups::access(conn, &customer.home, &group_id, &customer.id, None);
            access.map_err(|_no_access| ErrorCode::AppNotFound)?.rank
        }
        _ => return Err(ErrorCode::AppNotFound.into()),
    };
    if rank <= need.worst_rank() { Ok(()) } else { Err(ErrorCode::GroupRank.into()) }
}

/// Makes an app for a customer, or for his group.
///
/// # Errors
/// 61 before the address is confirmed; 301 below rank 1 of the group; 203 options that make no sense; 11.
pub fn create(
    app: &App,
    tx: &mut Conn,
    customer: &Customer,
    group_id: Option<&str>,
    input: &AppRegisterInput,
) -> KeyResult<AppRegisterOutput> {
    accounts::must_be_confirmed(tx, &customer.id)?;
    let (owner, kind) = match group_id {
        Some(group_id) => {
            let (app_id, user_id) = (customer.home.clone(), customer.id.clone());
            let actor = Actor { app_id, group_id: group_id.to_owned(), user_id, via: None };
            if actor.enter(tx)?.rank > RANK_ADMIN {
                return Err(ErrorCode::GroupRank.into());
            }
            (group_id, OWNER_GROUP)
        }
        None => (customer.id.as_str(), OWNER_CUSTOMER),
    };
    let new = apps::create(app, tx, &name(input.identifier.as_deref()), &input.options)?;
    let settings = AppSettings {
        options: input.options.clone(),
        file_options: input.file_options.clone(),
        group_options: input.group_options.clone(),
        disabled: false,
    };
    let app_id = new.tokens.app_id;
    apps::set_settings(app, tx, &app_id, &settings)?;
    store::insert(tx, &app_id, owner, kind, app.clock.now_ms())?;
    Ok(AppRegisterOutput {
        jwt_data: to_wire(&app_id, new.jwt),
        app_id,
        secret_token: new.tokens.secret_token,
        public_token: new.tokens.public_token,
    })
}

/// The apps of a customer, without those of his groups.
///
/// # Errors
/// What the database says.
pub fn of_customer(conn: &mut Conn, customer_id: &str, page: &Page) -> KeyResult<Vec<AppListItem>> {
    Ok(store::of_owner(conn, customer_id, page)?.into_iter().map(item).collect())
}

/// The apps of a group.
///
/// # Errors
/// What the database says.
pub fn of_group(conn: &mut Conn, group_id: &str, page: &Page) -> KeyResult<Vec<AppListItem>> {
    Ok(store::of_owner(conn, group_id, page)?.into_iter().map(item).collect())
}

/// One app with its settings.
///
/// # Errors
/// 202.
pub fn details(conn: &mut Conn, app_id: &str) -> KeyResult<AppDetails> {
    let details = item(store::one(conn, app_id)?.ok_or(ErrorCode::AppNotFound)?);
    let info = apps::find(conn, app_id)?;
    Ok(AppDetails {
        options: info.options,
        file_options: info.file_options,
        group_options: info.group_options,
        details,
    })
}

/// A change of settings.
#[derive(Debug, Clone)]
pub enum Change {
    /// Another name.
    Name(Option<String>),
    /// Who may call what.
    Options(Box<EndpointOptions>),
    /// Where files go.
    Files(FileOptions),
    /// Limits of key rotation.
    Groups(GroupOptions),
}

/// Changes settings of an app; what is not named stays.
///
/// # Errors
/// 203 values that make no sense; 11.
pub fn change(app: &App, tx: &mut Conn, app_id: &str, change: &Change) -> KeyResult<()> {
    if let Change::Name(new) = change {
        return apps::rename(tx, app_id, &name(new.as_deref()));
    }
    let info = apps::find(tx, app_id)?;
    let mut settings = AppSettings {
        options: info.options,
        file_options: info.file_options,
        group_options: info.group_options,
        disabled: info.disabled_ms.is_some(),
    };
    match change {
        Change::Name(_) => {}
        Change::Options(options) => settings.options = (**options).clone(),
        Change::Files(files) => settings.file_options = files.clone(),
        Change::Groups(groups) => settings.group_options = groups.clone(),
    }
    apps::set_settings(app, tx, app_id, &settings)
}

/// New tokens; the old ones stop at once.
///
/// # Errors
/// What database says.
pub fn renew_tokens(app: &App, tx: &mut Conn, app_id: &str) -> KeyResult<AppTokenRenewOutput> {
    let tokens = apps::rotate_tokens(app, tx, app_id)?;
    Ok(AppTokenRenewOutput { secret_token: tokens.secret_token, public_token: tokens.public_token })
}

/// A further JWT key pair, which signs from now on.
///
/// # Errors
/// What database and crypto say.
pub fn new_jwt_keys(app: &App, tx: &mut Conn, app_id: &str) -> KeyResult<AppJwtData> {
    Ok(to_wire(app_id, apps::new_jwt_key(app, tx, app_id)?))
}

/// All JWT key pairs with their private halves.
///
/// # Errors
/// What database and cipher say.
pub fn jwt_keys(app: &App, conn: &mut Conn, app_id: &str) -> KeyResult<Vec<AppJwtKey>> {
    let key = |(info, sign_key): (apps::JwtKeyInfo, String)| AppJwtKey {
        jwt_key_id: info.kid,
        jwt_alg: info.alg,
        time: info.created_ms,
        sign_key,
        verify_key: info.verify_key,
    };
    Ok(apps::jwt_key_pairs(app, conn, app_id)?.into_iter().map(key).collect())
}

/// True while a group owns apps.
///
/// # Errors
/// What the database says.
pub(in crate::rooms::customers) fn group_has_apps(conn: &mut Conn, group_id: &str) -> KeyResult<bool> {
    Ok(store::has_apps(conn, group_id)?)
}

/// True while a customer owns apps himself.
///
/// # Errors
/// What the database says.
pub(in crate::rooms::customers) fn customer_has_apps(conn: &mut Conn, customer_id: &str) -> KeyResult<bool> {
    Ok(store::has_apps(conn, customer_id)?)
}

fn name(identifier: Option<&str>) -> String {
    identifier.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(NAMELESS).to_owned()
}

fn item(row: ListRow) -> AppListItem {
    AppListItem {
        id: row.id,
        identifier: if row.name == NAMELESS { String::new() } else { row.name },
        time: row.created_ms,
        group_name: row.group_name,
        disabled: row.disabled_ms.map(|_| true),
        disabled_ts: row.disabled_ms,
    }
}

fn to_wire(app_id: &str, key: apps::NewJwtKey) -> AppJwtData {
    AppJwtData {
        app_id: app_id.to_owned(),
        jwt_id: key.kid,
        jwt_verify_key: key.verify_key,
        jwt_sign_key: key.sign_key,
        jwt_alg: key.alg.to_owned(),
    }
}
