//! Further devices of a user.
//!
//! The new device sends [`prepare_register_device_start`]; the server's answer travels as it is (as a QR code, say) to a
//! logged-in device, which sends [`prepare_register_device`].

use keystead_crypto::rng::CryptoRng;
use keystead_protocol::devices::{
    DeviceListItem, DoneRegisterDeviceInput, DoneRegisterDeviceLightInput, RegisterDeviceOutput,
};
use keystead_protocol::groups::{LightInvite, NewMemberKeys};

use super::{UserData, UserPublicKey, device_input};
use crate::group::{GroupKey, SESSION_PAGE, wrap_member_keys};
use crate::{Result, SdkError, Suite, wire};

/// The bodies that give a new device all user keys.
#[derive(Debug, Clone)]
pub struct NewDevicePages {
    /// Body of `PUT /user/done_register_device`; its answer goes to [`done_invite`](crate::group::done_invite).
    pub first: String,
    /// Bodies of `PUT /user/user_keys/session/:session_id`, in this order. Empty for up to 50 keys.
    pub further: Vec<String>,
}

/// The body of `POST /user/prepare_register_device` (no JWT): all keys of a new device. One Argon2id.
///
/// Output: JSON text of `UserDeviceRegisterInput`. The answer goes to [`done_register_device_start`]. Errors: `Crypto`.
pub fn prepare_register_device_start(
    rng: &mut dyn CryptoRng,
    suite: Suite,
    device_identifier: &str,
    password: &str,
) -> Result<String> {
    let (input, _secret, _public) = device_input(rng, suite, device_identifier, password)?;
    Ok(wire::to_json(&input))
}

/// Checks the answer of `POST /user/prepare_register_device`. The text itself is what the logged-in device needs.
/// Errors: `Server` (101: identifier taken), `ServerOutput`.
pub fn done_register_device_start(server_output: &str) -> Result<RegisterDeviceOutput> {
    wire::answer(server_output)
}

/// On the logged-in device: wraps all user keys for the new device. `server_output` is the text from the new device.
///
/// # Errors
/// `Server`, `ServerOutput` for a bad text; `Algorithm`, `Crypto` for an unusable public key; `NoKeys`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// use keystead_sdk_core::{Suite, rng, user};
///
/// // On the new device; the answer travels to Alice's phone, as a QR code, say.
/// let body = user::prepare_register_device_start(&mut rng::os(), Suite::HYBRID, "laptop", "a password")?;
/// # let sent: serde_json::Value = serde_json::from_str(&body).expect("JSON");
/// # let answer = serde_json::json!({
/// #     "device_id": "d9", "token": "t", "device_identifier": "laptop",
/// #     "public_key_string": sent["derived"]["public_key"], "keypair_encrypt_alg": sent["derived"]["keypair_encrypt_alg"],
/// # });
/// # let answer = ok(&answer.to_string());
/// assert_eq!(user::done_register_device_start(&answer)?.device_id, "d9");
/// // On the phone.
/// let pages = user::prepare_register_device(&mut rng::os(), &answer, &alice)?;
/// assert!(pages.first.contains(r#""token":"t""#) && pages.further.is_empty());
/// // A light user has no keys to give.
/// assert!(!user::prepare_register_device_light(&answer)?.contains("keys\":["));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_register_device(
    rng: &mut dyn CryptoRng,
    server_output: &str,
    user: &UserData,
) -> Result<NewDevicePages> {
    let new: RegisterDeviceOutput = wire::answer(server_output)?;
    user.device().policy().algorithms.asym(&new.keypair_encrypt_alg)?;
    let key = wire::public_key(&new.keypair_encrypt_alg, &new.public_key_string)?;
    let device = UserPublicKey::trusted(new.device_id, key);
    let keys: Vec<GroupKey> = user.keys().iter().map(|k| k.group_key().clone()).collect();
    if keys.is_empty() {
        return Err(SdkError::NoKeys);
    }
    let (first, rest) = keys.split_at(keys.len().min(SESSION_PAGE));
    let user_keys =
        NewMemberKeys { keys: wrap_member_keys(rng, first, &device)?, rank: None, key_session: !rest.is_empty() };
    let mut further = Vec::new();
    for page in rest.chunks(SESSION_PAGE) {
        further.push(wire::to_json(&wrap_member_keys(rng, page, &device)?));
    }
    Ok(NewDevicePages { first: wire::to_json(&DoneRegisterDeviceInput { user_keys, token: new.token }), further })
}

/// On the logged-in device: the body of `PUT /user/done_register_device_light`, for a device of a light user.
/// `server_output` is the text from the new device. The answer goes to [`done_success`](super::done_success).
/// Errors: `Server`, `ServerOutput` for a bad text.
pub fn prepare_register_device_light(server_output: &str) -> Result<String> {
    let new: RegisterDeviceOutput = wire::answer(server_output)?;
    let user_group = LightInvite { rank: None };
    Ok(wire::to_json(&DoneRegisterDeviceLightInput { user_group, token: new.token }))
}

/// Reads a page of `GET /user/device/…`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_device_list;
/// let answer = r#"{"status":true,"result":[{"device_id":"d1","time":1,"device_identifier":"a hash"}]}"#;
/// assert_eq!(done_device_list(answer)?[0].device_id, "d1");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_device_list(server_output: &str) -> Result<Vec<DeviceListItem>> {
    wire::answer(server_output)
}
