//! Routes of registered symmetric keys.

use keystead_protocol::devices::{SymKeyData, SymKeyRegisterInput, SymKeyRegisterOutput};
use keystead_protocol::envelope::SUCCESS;

use super::rules;
use crate::error::KeyResult;
use crate::web::call::Call;

/// `POST /keys/sym_key`
///
/// # Errors
/// 11.
pub async fn register(call: Call, input: SymKeyRegisterInput) -> KeyResult<SymKeyRegisterOutput> {
    rules::validate(&input)?;
    let (app, app_id, user_id) = (call.app.clone(), call.tenant.id.clone(), call.session()?.user_id.clone());
    let key_id = call.write(move |tx| rules::register(&app, tx, &app_id, &user_id, &input)).await?;
    Ok(SymKeyRegisterOutput { key_id })
}

/// `DELETE /keys/sym_key/:key_id`
///
/// # Errors
/// 400.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let (app_id, user_id) = (call.tenant.id.clone(), call.session()?.user_id.clone());
    let key_id = call.param(0)?.to_owned();
    call.write(move |tx| rules::delete(tx, &app_id, &user_id, &key_id)).await?;
    Ok(SUCCESS)
}

/// `GET /keys/sym_key/:key_id`
///
/// # Errors
/// 400.
pub async fn get(call: Call) -> KeyResult<SymKeyData> {
    let (app_id, key_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    call.app.db.read(move |c| rules::get(c, &app_id, &key_id)).await
}

/// `GET /keys/sym_key/master_key/:master_key_id/:time/:id`, and 2022's path without `master_key`
///
/// # Errors
/// 13.
pub async fn of_master_key(call: Call) -> KeyResult<Vec<SymKeyData>> {
    let (app_id, master_key_id, page) = (call.tenant.id.clone(), call.param(0)?.to_owned(), call.page()?);
    call.app.db.read(move |c| rules::of_master_key(c, &app_id, &master_key_id, &page)).await
}
