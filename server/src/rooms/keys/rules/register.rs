//! Registration: user, device and user group in one transaction (sentc.md section 4.2).

use keystead_crypto::password;
use keystead_protocol::ErrorCode;
use keystead_protocol::groups::GroupCreateData;
use keystead_protocol::keys::{RegisterData, UserDeviceRegisterInput};

use super::super::store::{self, DeviceKeysRow, DeviceRow, pending};
use super::{G03, G15, identifier_hash, sessions};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::error::{KeyError, KeyResult};
use crate::rooms::directory::rules as directory;
use crate::rooms::groups::{keys as group_keys, rules as groups, validate};

/// A registration whose input has been checked.
pub struct Registration {
    device: NewDevice,
    /// A light user has none.
    group: Option<GroupCreateData>,
}

/// A device whose input has been checked.
pub struct NewDevice {
    pub(super) input: UserDeviceRegisterInput,
    pub(super) identifier_hash: String,
}

impl NewDevice {
    /// Hash of the identifier it registers under.
    #[must_use]
    pub fn identifier_hash(&self) -> &str {
        &self.identifier_hash
    }
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
    let device = validate_device(input.device)?;
    validate::new_user_group(&input.group)?;
    Ok(Registration { device, group: Some(input.group) })
}

/// As [`mod@validate`], of a light user: a device, and no user keys.
///
/// # Errors
/// `JsonParse` naming the field.
pub fn validate_light(input: UserDeviceRegisterInput) -> KeyResult<Registration> {
    Ok(Registration { device: validate_device(input)?, group: None })
}

/// Checks everything of a device that needs no database.
///
/// # Errors
/// `JsonParse` naming the field.
pub fn validate_device(input: UserDeviceRegisterInput) -> KeyResult<NewDevice> {
    let identifier_hash = identifier_hash(&input.device_identifier)?;
    let (master, derived) = (&input.master_key, &input.derived);
    label("master_key_alg", &master.master_key_alg)?;
    label("encrypted_master_key_alg", &master.encrypted_master_key_alg)?;
    password_fields(&derived.derived_alg, &derived.client_random_value, &derived.hashed_authentication_key)?;
    validate::wrapped_sym_key("encrypted_master_key", &master.encrypted_master_key)?;
    let alg = &derived.keypair_encrypt_alg;
    validate::public_key("public_key", alg, &derived.public_key)?;
    validate::wrapped_private_key("encrypted_private_key", alg, &derived.encrypted_private_key)?;
    let alg = &derived.keypair_sign_alg;
    validate::verify_key("verify_key", alg, &derived.verify_key)?;
    validate::wrapped_sign_key("encrypted_sign_key", alg, &derived.encrypted_sign_key)?;
    Ok(NewDevice { input, identifier_hash })
}

/// True when an identifier is used, also by a device that waits to be let in.
///
/// # Errors
/// What the database says.
pub fn exists(app: &App, conn: &mut Conn, app_id: &str, identifier_hash: &str) -> KeyResult<bool> {
    Ok(pending::is_taken(conn, app_id, identifier_hash, oldest_pending_ms(app))?)
}

/// Makes the user. Of any number of parallel calls with one identifier, one succeeds.
///
/// # Errors
/// `UserExists`.
pub fn register(app: &App, tx: &mut Conn, app_id: &str, registration: &Registration) -> KeyResult<Registered> {
    claim_identifier(app, tx, app_id, &registration.device.identifier_hash)?;
    let user_id = directory::create_user(app, tx, app_id)?;
    let user_group_id = app.row_id();
    let device_id = app.row_id();
    let of = Owner { app_id, user_id: &user_id, user_group_id: &user_group_id };
    groups::create_user_group(app, tx, app_id, &user_group_id, &device_id, registration.group.as_ref())?;
    store::insert_user(tx, app_id, &user_id, &user_group_id, app.clock.now_ms())?;
    insert_first_device(app, tx, &of, &device_id, registration)?;
    Ok(Registered { user_id, device_id })
}

/// Begins an account anew: all devices go, with their sessions, and the user keys with them. The user keeps his id, his
/// second factor and his memberships; what was wrapped for his old keys is of use to nobody until he is invited again.
///
/// # Errors
/// `UserNotFound` when no device of the app has the identifier.
pub fn reset(app: &App, tx: &mut Conn, app_id: &str, registration: &Registration) -> KeyResult<()> {
    let gone = || KeyError::new(ErrorCode::UserNotFound);
    let found = |tx: &mut Conn| store::device_by_identifier(tx, app_id, &registration.device.identifier_hash);
    let before = found(tx)?.ok_or_else(gone)?;
    tx.lock(&before.user_group_id)?;
    tx.lock(&before.user_id)?;
    // It may have gone, or have been reset, while we waited for the locks.
    let old = found(tx)?.filter(|d| d.user_group_id == before.user_group_id).ok_or_else(gone)?;
    let (user_group_id, device_id) = (app.row_id(), app.row_id());
    let of = Owner { app_id, user_id: &old.user_id, user_group_id: &user_group_id };
    groups::create_user_group(app, tx, app_id, &user_group_id, &device_id, registration.group.as_ref())?;
    store::delete_devices_of(tx, &old.user_id)?;
    store::set_user_group(tx, &old.user_id, &user_group_id)?;
    groups::delete_group(tx, &old.user_group_id)?;
    insert_first_device(app, tx, &of, &device_id, registration)
}

/// Gives a light user's device a new password, with all new keys. All sessions of the user end.
///
/// # Errors
/// `UserNotFound` when no device of the app has the identifier; `UserGroupKeysMissing` when the user has user keys, which
/// the device would lose: he is reset as a whole.
pub fn reset_light(app: &App, tx: &mut Conn, app_id: &str, device: &NewDevice) -> KeyResult<()> {
    let found = store::device_by_identifier(tx, app_id, &device.identifier_hash)?.ok_or(ErrorCode::UserNotFound)?;
    tx.lock(&found.user_id)?;
    if group_keys::newest_public_key(tx, &found.user_group_id)?.is_some() {
        return Err(KeyError::with(ErrorCode::UserGroupKeysMissing, "This is no light user"));
    }
    store::replace_device_keys(tx, &keys_row(&found.id, &device.input))?;
    sessions::end_sessions(app, tx, &found.user_id)
}

/// Whose device it is.
pub(super) struct Owner<'a> {
    pub(super) app_id: &'a str,
    pub(super) user_id: &'a str,
    pub(super) user_group_id: &'a str,
}

/// Makes sure that nobody uses an identifier, until the end of the transaction.
///
/// # Errors
/// `UserExists`.
pub(super) fn claim_identifier(app: &App, tx: &mut Conn, app_id: &str, identifier_hash: &str) -> KeyResult<()> {
    // Two tables hold identifiers: no constraint spans them.
    tx.lock(&format!("{app_id} {identifier_hash}"))?;
    if exists(app, tx, app_id, identifier_hash)? { Err(ErrorCode::UserExists.into()) } else { Ok(()) }
}

/// Devices that wait since before this have lost their identifiers.
pub(super) fn oldest_pending_ms(app: &App) -> i64 {
    app.clock.now_ms() - app.config.keys.device_registration_ms()
}

pub(super) fn insert_device(
    app: &App,
    tx: &mut Conn,
    of: &Owner<'_>,
    generation: i32,
    identifier_hash: &str,
    keys: &DeviceKeysRow,
) -> KeyResult<()> {
    let device = DeviceRow {
        id: keys.device_id.clone(),
        app_id: of.app_id.to_owned(),
        user_id: of.user_id.to_owned(),
        user_group_id: of.user_group_id.to_owned(),
        generation,
        valid_from_ms: 0,
        identifier_hash: identifier_hash.to_owned(),
        created_ms: app.clock.now_ms(),
        sessions_ended_ms: 0,
        challenges_after_ms: 0,
    };
    store::insert_device(tx, &device, keys)
        .map_err(|e| if is_unique_violation(&e) { ErrorCode::UserExists.into() } else { KeyError::from(e) })
}

/// The three fields that say what a password became.
///
/// # Errors
/// `JsonParse` naming the field.
pub(super) fn password_fields(alg: &str, client_random_value: &str, hashed_key: &str) -> KeyResult<()> {
    if alg != password::ARGON_2_SHA256 {
        return Err(KeyError::input("derived_alg is unknown"));
    }
    validate::b64_field("client_random_value", client_random_value, 16..=16)?;
    validate::b64_field("hashed_authentication_key", hashed_key, 16..=16)
}

/// An algorithm name that only clients read: generations of clients write it differently.
///
/// # Errors
/// `JsonParse` naming the field.
pub(super) fn label(field: &str, text: &str) -> KeyResult<()> {
    let name = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if name { Ok(()) } else { Err(KeyError::input(format_args!("{field} is no name"))) }
}

fn insert_first_device(
    app: &App,
    tx: &mut Conn,
    of: &Owner<'_>,
    device_id: &str,
    registration: &Registration,
) -> KeyResult<()> {
    let NewDevice { input, identifier_hash } = &registration.device;
    // Light users have only ever been there for today's clients.
    let is_g03 = registration.group.as_ref().is_some_and(|group| group.public_key_sig.is_none());
    insert_device(app, tx, of, if is_g03 { G03 } else { G15 }, identifier_hash, &keys_row(device_id, input))
}

pub(super) fn keys_row(device_id: &str, device: &UserDeviceRegisterInput) -> DeviceKeysRow {
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
