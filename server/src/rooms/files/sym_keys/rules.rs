//! Who may register and delete symmetric keys. Reading needs the app token only, as the clients send no more: an id is 122
//! random bits, and what it names can be opened with the master key alone.

use keystead_protocol::ErrorCode;
use keystead_protocol::devices::{SymKeyData, SymKeyRegisterInput};

use super::super::validate::wrapped_key;
use super::store::{self, SymKeyRow};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::validate::{id_field, is_id, sym_alg};
use crate::web::call::Page;

/// What a key on the wire must look like.
///
/// # Errors
/// Code 11.
pub fn validate(input: &SymKeyRegisterInput) -> KeyResult<()> {
    sym_alg("alg", &input.alg)?;
    wrapped_key("encrypted_key_string", &input.encrypted_key_string)?;
    id_field("master_key_id", &input.master_key_id)
}

/// Stores a key that has passed [`validate`], and gives its id.
///
/// # Errors
/// What the database says.
pub fn register(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    user_id: &str,
    input: &SymKeyRegisterInput,
) -> KeyResult<String> {
    let row = SymKeyRow {
        id: app.row_id(),
        master_key_id: input.master_key_id.clone(),
        encrypted_key: input.encrypted_key_string.clone(),
        alg: input.alg.clone(),
        created_ms: app.clock.now_ms(),
    };
    store::insert(tx, app_id, user_id, &row)?;
    Ok(row.id)
}

/// Deletes a key of this user.
///
/// # Errors
/// 400 when there is none, or it is another's.
pub fn delete(tx: &mut Conn, app_id: &str, user_id: &str, key_id: &str) -> KeyResult<()> {
    let deleted = is_id(key_id) && store::delete(tx, app_id, user_id, key_id)? > 0;
    if deleted { Ok(()) } else { Err(ErrorCode::SymKeyNotFound.into()) }
}

/// A key by id.
///
/// # Errors
/// 400.
pub fn get(conn: &mut Conn, app_id: &str, key_id: &str) -> KeyResult<SymKeyData> {
    let row = if is_id(key_id) { store::get(conn, app_id, key_id)? } else { None };
    Ok(data(row.ok_or(ErrorCode::SymKeyNotFound)?))
}

/// The keys that a master key wraps, newest first.
///
/// # Errors
/// What the database says.
pub fn of_master_key(conn: &mut Conn, app_id: &str, master_key_id: &str, page: &Page) -> KeyResult<Vec<SymKeyData>> {
    if !is_id(master_key_id) {
        return Ok(Vec::new());
    }
    Ok(store::of_master_key(conn, app_id, master_key_id, page)?.into_iter().map(data).collect())
}

fn data(row: SymKeyRow) -> SymKeyData {
    SymKeyData {
        key_id: row.id,
        master_key_id: row.master_key_id,
        encrypted_key_string: row.encrypted_key,
        alg: row.alg,
        time: row.created_ms,
    }
}
