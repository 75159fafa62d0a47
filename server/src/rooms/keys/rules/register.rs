//! Registration: user, device and user group in one transaction (sentc.md section 4.2).

use keystead_crypto::password;
use keystead_protocol::ErrorCode;
use keystead_protocol::keys::{RegisterData, UserDeviceRegisterInput};

use super::super::store::{self, DeviceKeysRow, DeviceRow};
use super::{G03, G15, identifier_hash};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::error::{KeyError, KeyResult};
use crate::rooms::directory::rules as directory;
use crate::rooms::groups::{rules as groups, validate};

/// A registration whose input has been checked.
pub struct Registration {
    input: RegisterData,
    identifier_hash: String,
}

/// Ids of a new user.
#[derive(Debug, Clone)]
pub struct Registered {
    /// User id.
    pub user_id: String,
    /// Id of the first device.
    pub device_id: String,
}

/// Checks everything of a registration that needs no database.
///
/// # Errors
/// `JsonParse` naming the field, `UserGroupKeysMissing`.
pub fn validate(input: RegisterData) -> KeyResult<Registration> {
    let identifier_hash = identifier_hash(&input.device.device_identifier)?;
    validate_device(&input.device)?;
    validate::new_user_group(&input.group)?;
    Ok(Registration { input, identifier_hash })
}

/// True when an identifier is free.
///
/// # Errors
/// What the database says.
pub fn exists(conn: &mut Conn, app_id: &str, identifier_hash: &str) -> KeyResult<bool> {
    Ok(store::device_by_identifier(conn, app_id, identifier_hash)?.is_some())
}

/// Makes the user. Of any number of parallel calls with one identifier, one succeeds.
///
/// # Errors
/// `UserExists`.
pub fn register(app: &App, tx: &mut Conn, app_id: &str, registration: &Registration) -> KeyResult<Registered> {
    let Registration { input, identifier_hash } = registration;
    if exists(tx, app_id, identifier_hash)? {
        return Err(ErrorCode::UserExists.into());
    }
    let user_id = directory::create_user(app, tx, app_id)?;
    let (device_id, user_group_id) = (app.new_id(), app.new_id());
    let now = app.clock.now_ms();
    groups::create_user_group(app, tx, app_id, &user_group_id, &device_id, &input.group)?;
    store::insert_user(tx, app_id, &user_id, &user_group_id, now)?;
    let device = DeviceRow {
        id: device_id.clone(),
        app_id: app_id.to_owned(),
        user_id: user_id.clone(),
        user_group_id,
        generation: if input.group.public_key_sig.is_some() { G15 } else { G03 },
        valid_from_ms: 0,
        identifier_hash: identifier_hash.clone(),
        created_ms: now,
    };
    store::insert_device(tx, &device, &keys_row(&device_id, &input.device))
        .map_err(|e| if is_unique_violation(&e) { ErrorCode::UserExists.into() } else { KeyError::from(e) })?;
    Ok(Registered { user_id, device_id })
}

fn validate_device(device: &UserDeviceRegisterInput) -> KeyResult<()> {
    let (master, derived) = (&device.master_key, &device.derived);
    label("master_key_alg", &master.master_key_alg)?;
    label("encrypted_master_key_alg", &master.encrypted_master_key_alg)?;
    if derived.derived_alg != password::ARGON_2_SHA256 {
        return Err(KeyError::input("derived_alg is unknown"));
    }
    validate::wrapped_sym_key("encrypted_master_key", &master.encrypted_master_key)?;
    validate::b64_field("client_random_value", &derived.client_random_value, 16..=16)?;
    validate::b64_field("hashed_authentication_key", &derived.hashed_authentication_key, 16..=16)?;
    let alg = &derived.keypair_encrypt_alg;
    validate::public_key("public_key", alg, &derived.public_key)?;
    validate::wrapped_private_key("encrypted_private_key", alg, &derived.encrypted_private_key)?;
    let alg = &derived.keypair_sign_alg;
    validate::verify_key("verify_key", alg, &derived.verify_key)?;
    validate::wrapped_sign_key("encrypted_sign_key", alg, &derived.encrypted_sign_key)
}

/// An algorithm name that only clients read: generations of clients write it differently.
fn label(field: &str, text: &str) -> KeyResult<()> {
    let name = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if name { Ok(()) } else { Err(KeyError::input(format_args!("{field} is no name"))) }
}

fn keys_row(device_id: &str, device: &UserDeviceRegisterInput) -> DeviceKeysRow {
    let (master, derived) = (device.master_key.clone(), device.derived.clone());
    DeviceKeysRow {
        device_id: device_id.to_owned(),
        derived_alg: derived.derived_alg,
        client_random_value: derived.client_random_value,
        hashed_authentication_key: derived.hashed_authentication_key,
        master_key_alg: master.master_key_alg,
        encrypted_master_key: master.encrypted_master_key,
        encrypted_master_key_alg: master.encrypted_master_key_alg,
        keypair_encrypt_alg: derived.keypair_encrypt_alg,
        keypair_sign_alg: derived.keypair_sign_alg,
        public_key: derived.public_key,
        verify_key: derived.verify_key,
        encrypted_private_key: derived.encrypted_private_key,
        encrypted_sign_key: derived.encrypted_sign_key,
    }
}
