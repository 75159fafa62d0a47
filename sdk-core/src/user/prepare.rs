//! What a user sends: registration, identifier, refresh, password change.

use keystead_crypto::asym::{self, PublicKey, SecretKey};
use keystead_crypto::encoding::{b64_encode, b64url_encode};
use keystead_crypto::rng::{self, CryptoRng};
use keystead_crypto::sign;
use keystead_crypto::sym::SymKey;
use keystead_crypto::{password, password::Derived};
use keystead_protocol::devices::{ChangePasswordInput, ResetPasswordInput};
use keystead_protocol::keys::{
    KeyDerivedData, MasterKey, RefreshInput, RegisterData, UserDeviceRegisterInput, UserIdentifierInput,
};

use super::{DeviceKeys, DirectLogin, LoginStart};
use crate::group::make_user_group;
use crate::{Result, Suite, wire};

/// The body of `POST /register` with the hybrid suite. See [`prepare_register_with`].
pub fn prepare_register(rng: &mut dyn CryptoRng, identifier: &str, password: &str) -> Result<String> {
    prepare_register_with(rng, Suite::HYBRID, identifier, password)
}

/// The body of `POST /register`: all keys of a new user and his first device.
///
/// `identifier` and `password` are any UTF-8 text; the password does not leave this function, the server stores the
/// identifier hashed. Output: JSON text of `RegisterData` (sentc.md 4.2), some 34 KB for the hybrid suite. The call
/// takes one Argon2id (19 MiB). The answer goes to [`done_register`](super::done_register).
///
/// # Errors
/// `Crypto` only, when key generation fails.
///
/// ```
/// use keystead_sdk_core::{Suite, rng, user};
/// let small = user::prepare_register_with(&mut rng::os(), Suite::CLASSIC, "identifier", "password")?;
/// assert!(small.contains(r#""keypair_encrypt_alg":"ECIES-ed25519""#));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_register_with(
    rng: &mut dyn CryptoRng,
    suite: Suite,
    identifier: &str,
    password: &str,
) -> Result<String> {
    let (device, secret, public) = device_input(rng, suite, identifier, password)?;
    let group = make_user_group(rng, suite, &public, &secret)?;
    Ok(wire::to_json(&RegisterData { device, group }))
}

/// An identifier and a password for a device that no person types in: 20 and 40 random bytes, b64url.
///
/// ```
/// # use keystead_sdk_core::{rng, user};
/// let (identifier, password) = user::generate_user_register_data(&mut rng::os());
/// assert_eq!((identifier.len(), password.len()), (27, 54));
/// ```
#[must_use]
pub fn generate_user_register_data(rng: &mut dyn CryptoRng) -> (String, String) {
    (b64url_encode(&rng::bytes::<20>(rng)), b64url_encode(&rng::bytes::<40>(rng)))
}

/// The body of `POST /exists`. The answer goes to [`done_check_identifier`](super::done_check_identifier).
///
/// ```
/// let body = keystead_sdk_core::user::prepare_check_identifier("alice");
/// assert_eq!(body, r#"{"user_identifier":"alice"}"#);
/// ```
#[must_use]
pub fn prepare_check_identifier(identifier: &str) -> String {
    wire::to_json(&UserIdentifierInput { user_identifier: identifier.to_owned() })
}

/// The body of `PUT /user`: a new identifier for the device of the JWT. The answer goes to
/// [`done_success`](super::done_success).
///
/// ```
/// let body = keystead_sdk_core::user::prepare_user_identifier_update("new name");
/// assert_eq!(body, r#"{"user_identifier":"new name"}"#);
/// ```
#[must_use]
pub fn prepare_user_identifier_update(identifier: &str) -> String {
    prepare_check_identifier(identifier)
}

/// The body of `PUT /refresh`. Send the old JWT with it; the answer goes to [`done_refresh`](super::done_refresh).
///
/// ```
/// assert_eq!(keystead_sdk_core::user::prepare_refresh("token"), r#"{"refresh_token":"token"}"#);
/// ```
#[must_use]
pub fn prepare_refresh(refresh_token: &str) -> String {
    wire::to_json(&RefreshInput { refresh_token: refresh_token.to_owned() })
}

/// The body of `POST /init`. Send the old JWT with it; the answer goes to [`done_init`](super::done_init).
///
/// ```
/// assert_eq!(keystead_sdk_core::user::prepare_init("token"), r#"{"refresh_token":"token"}"#);
/// ```
#[must_use]
pub fn prepare_init(refresh_token: &str) -> String {
    prepare_refresh(refresh_token)
}

/// The body of `PUT /user/update_pw`: the same master key, wrapped by the new password.
///
/// The change wants a fresh login anyway: `start` and `login` are its steps, with the old password and, where the account
/// has one, the second factor. `refresh_token` names the caller's own session, which a server that ends the others of the
/// device leaves alone. One Argon2id.
///
/// # Errors
/// `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let (start, login) = begun_login();
/// use keystead_sdk_core::{rng, user::prepare_change_password};
/// let body = prepare_change_password(&mut rng::os(), &start, &login, "new password", Some("refresh token"))?;
/// assert!(body.contains("old_auth_key") && !body.contains("new password"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_change_password(
    rng: &mut dyn CryptoRng,
    start: &LoginStart,
    login: &DirectLogin,
    new_password: &str,
    refresh_token: Option<&str>,
) -> Result<String> {
    let master = wire::unwrap(start.master_wrapping_key(), &login.wire_device_keys().encrypted_master_key, b"")?;
    let (crv, new) = derive_new(rng, new_password)?;
    Ok(wire::to_json(&ChangePasswordInput {
        new_derived_alg: password::ARGON_2_SHA256.to_owned(),
        new_client_random_value: b64_encode(&crv),
        new_hashed_authentication_key: b64_encode(&new.auth.hash()),
        new_encrypted_master_key: wire::wrap(rng, &new.enc, &master, b"")?,
        new_encrypted_master_key_alg: new.enc.alg().to_owned(),
        old_auth_key: start.auth_key().to_b64(),
        refresh_token: refresh_token.map(str::to_owned),
    }))
}

/// The body of `PUT /user/reset_pw`: a new password and master key around the key pairs that the device still holds.
/// `refresh_token` as in [`prepare_change_password`]. One Argon2id. Errors: `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// use keystead_sdk_core::{rng, user::prepare_reset_password};
/// let body = prepare_reset_password(&mut rng::os(), "new password", alice.device(), None)?;
/// assert!(body.contains("master_key") && !body.contains("new password"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_reset_password(
    rng: &mut dyn CryptoRng,
    new_password: &str,
    device: &DeviceKeys,
    refresh_token: Option<&str>,
) -> Result<String> {
    let (crv, derived) = derive_new(rng, new_password)?;
    let master = SymKey::generate(rng);
    Ok(wire::to_json(&ResetPasswordInput {
        client_random_value: b64_encode(&crv),
        hashed_authentication_key: b64_encode(&derived.auth.hash()),
        master_key: wrap_master(rng, &master, &derived)?,
        derived_alg: password::ARGON_2_SHA256.to_owned(),
        encrypted_private_key: wire::wrap(rng, &master, &device.secret.to_bytes(), b"")?,
        encrypted_sign_key: wire::wrap(rng, &master, &device.sign.to_bytes(), b"")?,
        refresh_token: refresh_token.map(str::to_owned),
    }))
}

/// The body of `POST /register_light`: the keys of a device, and no user keys. One Argon2id. The answer goes to
/// [`done_register`](super::done_register). Errors: `Crypto`.
///
/// ```
/// use keystead_sdk_core::{Suite, rng, user::prepare_register_light};
/// let body = prepare_register_light(&mut rng::os(), Suite::CLASSIC, "identifier", "password")?;
/// assert!(!body.contains("group"), "a light user has no user keys");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_register_light(
    rng: &mut dyn CryptoRng,
    suite: Suite,
    identifier: &str,
    password: &str,
) -> Result<String> {
    let (device, _secret, _public) = device_input(rng, suite, identifier, password)?;
    Ok(wire::to_json(&device))
}

/// Everything a device registers with, and its encryption key pair.
pub(crate) fn device_input(
    rng: &mut dyn CryptoRng,
    suite: Suite,
    identifier: &str,
    password: &str,
) -> Result<(UserDeviceRegisterInput, SecretKey, PublicKey)> {
    let master = SymKey::generate(rng);
    let (secret, public) = asym::generate(suite.asym, rng)?;
    let (sign_key, verify_key) = sign::generate(suite.sign, rng)?;
    let crv = rng::bytes::<16>(rng);
    let salt = password::salt(&crv);
    // The clients of 2022 know no other cost.
    let derived = if suite.g03 { password::derive_g03(password, &salt)? } else { password::derive(password, &salt)? };
    let input = UserDeviceRegisterInput {
        master_key: wrap_master(rng, &master, &derived)?,
        derived: KeyDerivedData {
            derived_alg: password::ARGON_2_SHA256.to_owned(),
            client_random_value: b64_encode(&crv),
            hashed_authentication_key: b64_encode(&derived.auth.hash()),
            public_key: public.to_wire(),
            encrypted_private_key: wire::wrap(rng, &master, &secret.to_bytes(), b"")?,
            keypair_encrypt_alg: suite.asym.to_owned(),
            verify_key: verify_key.to_wire(),
            encrypted_sign_key: wire::wrap(rng, &master, &sign_key.to_bytes(), b"")?,
            keypair_sign_alg: suite.sign.to_owned(),
        },
        device_identifier: identifier.to_owned(),
    };
    Ok((input, secret, public))
}

fn wrap_master(rng: &mut dyn CryptoRng, master: &SymKey, derived: &Derived) -> Result<MasterKey> {
    Ok(MasterKey {
        master_key_alg: master.alg().to_owned(),
        encrypted_master_key: wire::wrap(rng, &derived.enc, master.as_bytes(), b"")?,
        encrypted_master_key_alg: derived.enc.alg().to_owned(),
    })
}

fn derive_new(rng: &mut dyn CryptoRng, password: &str) -> Result<([u8; 16], Derived)> {
    let crv = rng::bytes::<16>(rng);
    Ok((crv, password::derive(password, &password::salt(&crv))?))
}
