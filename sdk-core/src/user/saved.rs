//! A login as text: for storage on the user's device, and for a derivation in another thread.

use keystead_crypto::asym::{PublicKey, SecretKey};
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::password::AuthKey;
use keystead_crypto::sign::{SignKey, VerifyKey};
use keystead_crypto::sym::SymKey;
use keystead_protocol::groups::HmacKey;
use keystead_protocol::keys::VerifyKeyProof;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::{DeviceKeys, UserData, UserKey, check_pairs};
use super::login::LoginStart;
use crate::group::{GroupKey, KeySignature};
use crate::{Policy, Result, SdkError, wire};

/// Told apart from later forms.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct SavedUser {
    form: u32,
    user_id: String,
    device_id: String,
    user_group_id: String,
    device: Pairs,
    keys: Vec<SavedKey>,
    search_keys: Vec<HmacKey>,
    jwt: String,
    refresh_token: String,
}

#[derive(Serialize, Deserialize)]
struct SavedKey {
    id: String,
    time: i64,
    key: Secret,
    pairs: Pairs,
    public: String,
    public_key_signed: bool,
    signed_by: Option<(String, String)>,
    signature_checked: bool,
    proof: Option<VerifyKeyProof>,
}

#[derive(Serialize, Deserialize)]
struct Pairs {
    asym_alg: String,
    secret: Secret,
    sign_alg: String,
    sign: Secret,
    verify: String,
}

/// b64 of a secret.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Secret(String);

#[derive(Serialize, Deserialize)]
struct SavedStart {
    identifier: String,
    auth: Secret,
    enc: Secret,
    g03: bool,
}

impl Secret {
    fn new(bytes: &[u8]) -> Self {
        Self(b64_encode(bytes))
    }

    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(b64_decode(&self.0).or(Err(SdkError::Input))?))
    }
}

impl Pairs {
    fn new(secret: &SecretKey, sign: &SignKey, verify: &VerifyKey) -> Self {
        Self {
            asym_alg: secret.alg().to_owned(),
            secret: Secret::new(&secret.to_bytes()),
            sign_alg: sign.alg().to_owned(),
            sign: Secret::new(&sign.to_bytes()),
            verify: verify.to_wire(),
        }
    }

    fn open(&self) -> Result<(SecretKey, SignKey, VerifyKey)> {
        Ok((
            SecretKey::from_bytes(&self.asym_alg, &self.secret.bytes()?)?,
            SignKey::from_bytes(&self.sign_alg, &self.sign.bytes()?)?,
            wire::verify_key(&self.sign_alg, &self.verify)?,
        ))
    }
}

/// A logged-in user as JSON text, with all his keys and tokens. Secret: keep it where only the user's own programs read.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// use keystead_sdk_core::{Policy, user};
/// let text = user::save_user(&alice);
/// let again = user::restore_user(&text, Policy::default())?; // at the next start of the program
/// assert_eq!((again.user_id(), again.refresh_token()), (alice.user_id(), alice.refresh_token()));
/// assert_eq!(user::restore_user("{}", Policy::default()).unwrap_err(), keystead_sdk_core::SdkError::Input);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[must_use]
pub fn save_user(user: &UserData) -> Zeroizing<String> {
    let device = &user.device;
    Zeroizing::new(wire::to_json(&SavedUser {
        form: FORM,
        user_id: device.user_id.clone(),
        device_id: device.device_id.clone(),
        user_group_id: device.user_group_id.clone(),
        device: Pairs::new(&device.secret, &device.sign, &device.verify),
        keys: user.keys.iter().map(save_key).collect(),
        search_keys: user.wire_search_keys.clone(),
        jwt: user.jwt.clone(),
        refresh_token: user.refresh_token.clone(),
    }))
}

/// Reads [`save_user`]'s text. `policy` holds for keys that are fetched later.
///
/// # Errors
/// `Input` for another text; `ForeignKey`, `SwappedWrap` for halves that do not belong together; `NoKeys`; as
/// [`UserData::add_keys`].
pub fn restore_user(text: &str, policy: Policy) -> Result<UserData> {
    let saved: SavedUser = serde_json::from_str(text).or(Err(SdkError::Input))?;
    if saved.form != FORM {
        return Err(SdkError::Input);
    }
    let (secret, sign, verify) = saved.device.open()?;
    if !sign.belongs_to(&verify) {
        return Err(SdkError::ForeignKey);
    }
    let SavedUser { user_id, device_id, user_group_id, .. } = saved;
    let device = DeviceKeys { user_id, device_id, user_group_id, secret, sign, verify, policy };
    let mut user = UserData {
        device,
        keys: Vec::new(),
        search_keys: Vec::new(),
        wire_search_keys: saved.search_keys,
        jwt: saved.jwt,
        refresh_token: saved.refresh_token,
    };
    let keys = saved.keys.into_iter().map(restore_key).collect::<Result<Vec<_>>>()?;
    user.add_keys(keys)?;
    if user.keys.is_empty() { Err(SdkError::NoKeys) } else { Ok(user) }
}

fn save_key(key: &UserKey) -> SavedKey {
    let group = &key.group_key;
    let (signed_by, signature_checked) = match &group.signature {
        KeySignature::None => (None, false),
        KeySignature::Unchecked { user_id, key_id } => (Some((user_id.clone(), key_id.clone())), false),
        KeySignature::Valid { user_id, key_id } => (Some((user_id.clone(), key_id.clone())), true),
    };
    SavedKey {
        id: group.id.clone(),
        time: group.time,
        key: Secret::new(group.key.as_bytes()),
        pairs: Pairs::new(&group.secret, &key.sign, &key.verify),
        public: group.public.to_wire(),
        public_key_signed: key.public_key_signed,
        signed_by,
        signature_checked,
        proof: key.proof.clone(),
    }
}

fn restore_key(saved: SavedKey) -> Result<UserKey> {
    let (secret, sign, verify) = saved.pairs.open()?;
    let public: PublicKey = wire::public_key(&saved.pairs.asym_alg, &saved.public)?;
    check_pairs(&secret, &public, &sign, &verify)?;
    let signature = match (saved.signed_by, saved.signature_checked) {
        (None, _) => KeySignature::None,
        (Some((user_id, key_id)), false) => KeySignature::Unchecked { user_id, key_id },
        (Some((user_id, key_id)), true) => KeySignature::Valid { user_id, key_id },
    };
    let key = SymKey::from_bytes(&saved.key.bytes()?)?;
    let group_key = GroupKey { id: saved.id, time: saved.time, key, secret, public, signature };
    Ok(UserKey { group_key, sign, verify, public_key_signed: saved.public_key_signed, proof: saved.proof })
}

/// A begun login as JSON text, for the way between the thread that derives and the one that goes on. Secret.
///
/// ```
/// use keystead_sdk_core::{Policy, user};
/// let answer = r#"{"status":true,"result":{"salt_string":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
///     "derived_encryption_key_alg":"ARGON-2-SHA256"}}"#;
/// let (_body, start) = user::prepare_login("alice", "a password", answer)?;
/// let again = user::restore_login_start(&user::save_login_start(&start), Policy::default())?;
/// assert_eq!(again.auth_key(), start.auth_key());
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[must_use]
pub fn save_login_start(start: &LoginStart) -> Zeroizing<String> {
    Zeroizing::new(wire::to_json(&SavedStart {
        identifier: start.identifier.clone(),
        auth: Secret::new(start.auth.as_bytes()),
        enc: Secret::new(start.enc.as_bytes()),
        g03: start.g03,
    }))
}

/// Reads [`save_login_start`]'s text. Errors: `Input`; `Crypto(Length)` for a cut key.
pub fn restore_login_start(text: &str, policy: Policy) -> Result<LoginStart> {
    let saved: SavedStart = serde_json::from_str(text).or(Err(SdkError::Input))?;
    Ok(LoginStart {
        identifier: saved.identifier,
        auth: AuthKey::from_bytes(&saved.auth.bytes()?)?,
        enc: SymKey::from_bytes(&saved.enc.bytes()?)?,
        policy,
        g03: saved.g03,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_other_texts() {
        for text in ["", "{}", "[]", r#"{"form":2}"#] {
            assert_eq!(restore_user(text, Policy::default()).map(drop), Err(SdkError::Input));
            assert_eq!(restore_login_start(text, Policy::default()).map(drop), Err(SdkError::Input));
        }
    }
}
