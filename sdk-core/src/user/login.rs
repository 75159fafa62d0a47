//! Login: salt, derived keys, second factor, challenge, keys.

use core::fmt;

use keystead_crypto::encoding::b64_decode;
use keystead_crypto::hash::sha256;
use keystead_crypto::password::{self, AuthKey, Derived};
use keystead_crypto::sym::SymKey;
use keystead_protocol::devices::{ValidateMfaInput, VerifyLoginLightOutput};
use keystead_protocol::keys::{
    DeviceKeys as WireDeviceKeys, DoneLoginG03, DoneLoginInput, DoneLoginOutput, DoneLoginServerReturn,
    PrepareLoginOutput, UserIdentifierInput, VerifyLoginInput, VerifyLoginOutput,
};

use super::keys::{DeviceKeys, LightUserData, UserData};
use crate::policy::Policy;
use crate::{Result, SdkError, suite, wire};

/// The honest token has 67 characters.
const MAX_CHALLENGE: usize = 1024;

/// A begun login: what the password became. Secret: both keys.
pub struct LoginStart {
    pub(super) identifier: String,
    pub(super) auth: AuthKey,
    pub(super) enc: SymKey,
    pub(super) policy: Policy,
    pub(super) g03: bool,
}

impl LoginStart {
    /// The identifier as typed.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The authentication key, which the server compares with its stored hash.
    #[must_use]
    pub fn auth_key(&self) -> &AuthKey {
        &self.auth
    }

    /// The key that opens the master key. Never sent.
    #[must_use]
    pub fn master_wrapping_key(&self) -> &SymKey {
        &self.enc
    }
}

impl fmt::Debug for LoginStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginStart(..)")
    }
}

/// What `POST /done_login` leads to.
#[derive(Debug)]
pub enum LoginStep {
    /// The device keys are open; the challenge goes back with [`prepare_verify_login`].
    Direct(Box<DirectLogin>),
    /// A second factor is wanted: [`prepare_validate_mfa`].
    Otp,
    /// The server spoke the older protocol (G03): the login is complete.
    Done(Box<UserData>),
}

/// Opened device keys and the opened challenge. Secret: all of it.
pub struct DirectLogin {
    device: DeviceKeys,
    wire_keys: WireDeviceKeys,
    challenge: String,
}

impl DirectLogin {
    /// The opened device keys.
    #[must_use]
    pub fn device(&self) -> &DeviceKeys {
        &self.device
    }

    /// The device keys as the server sent them; [`prepare_change_password`](super::prepare_change_password) takes them.
    #[must_use]
    pub fn wire_device_keys(&self) -> &WireDeviceKeys {
        &self.wire_keys
    }
}

impl DirectLogin {
    /// SHA-256 of the opened challenge: [`Challenges`](super::Challenges) remembers it.
    pub(super) fn challenge_hash(&self) -> [u8; 32] {
        sha256(self.challenge.as_bytes())
    }
}

impl fmt::Debug for DirectLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirectLogin(..)")
    }
}

/// The body of `POST /prepare_login`. The answer goes to [`prepare_login`].
#[must_use]
pub fn prepare_login_start(identifier: &str) -> String {
    wire::to_json(&UserIdentifierInput { user_identifier: identifier.to_owned() })
}

/// Derives the keys of the password with the salt in `server_output` (the answer of `POST /prepare_login`). One Argon2id.
///
/// Output: the body of `POST /done_login`, and the begun login for [`done_login`].
///
/// # Errors
/// `Server`, `ServerOutput`; `Algorithm` for another derivation than Argon2id; `Salt` for a salt that is not 32 bytes, or
/// the same byte 32 times.
///
/// ```
/// use keystead_sdk_core::{SdkError, user};
/// let answer = |alg: &str| format!(
///     r#"{{"status":true,"result":{{"salt_string":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","derived_encryption_key_alg":"{alg}"}}}}"#
/// );
/// let (body, _start) = user::prepare_login("alice", "a password", &answer("ARGON-2-SHA256"))?;
/// assert!(body.ends_with(r#""device_identifier":"alice"}"#));
/// assert_eq!(user::prepare_login("alice", "a password", &answer("MD5")).unwrap_err(), SdkError::Algorithm);
/// # Ok::<(), SdkError>(())
/// ```
pub fn prepare_login(identifier: &str, password: &str, server_output: &str) -> Result<(String, LoginStart)> {
    prepare_login_with(Policy::default(), identifier, password, server_output)
}

/// As [`prepare_login`], with a policy: it holds for the keys of this device and the user keys, also those fetched later.
/// Errors: also `WeakAlgorithm`.
pub fn prepare_login_with(
    policy: Policy,
    identifier: &str,
    password: &str,
    server_output: &str,
) -> Result<(String, LoginStart)> {
    let salt: PrepareLoginOutput = wire::answer(server_output)?;
    policy.algorithms.password(&salt.derived_encryption_key_alg)?;
    begin(identifier, derive(password, &salt)?, policy, false)
}

/// As [`prepare_login`], for a device that a client of 2022 (npm 0.3.1) registered: those went under the same algorithm
/// name with a lower cost, so the caller must know. With it a wrong guess is answered like a wrong password.
///
/// Do not try this after a refused [`prepare_login`] by itself: a server could ask for it by refusing, and would get an
/// authentication key that is cheaper to guess from.
///
/// ```
/// use keystead_sdk_core::user::{prepare_login, prepare_login_g03, prepare_login_g03_with};
/// let answer = r#"{"status":true,"result":{"salt_string":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
///     "derived_encryption_key_alg":"ARGON-2-SHA256"}}"#;
/// let (older, _) = prepare_login_g03("alice", "a password", answer)?;
/// assert_eq!(older, prepare_login_g03_with(Default::default(), "alice", "a password", answer)?.0);
/// assert_ne!(older, prepare_login("alice", "a password", answer)?.0, "another cost, another key");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_login_g03(identifier: &str, password: &str, server_output: &str) -> Result<(String, LoginStart)> {
    prepare_login_g03_with(Policy::default(), identifier, password, server_output)
}

/// As [`prepare_login_g03`], with a policy. Errors: also `WeakAlgorithm`.
pub fn prepare_login_g03_with(
    policy: Policy,
    identifier: &str,
    password: &str,
    server_output: &str,
) -> Result<(String, LoginStart)> {
    let out: PrepareLoginOutput = wire::answer(server_output)?;
    policy.algorithms.password(&out.derived_encryption_key_alg)?;
    begin(identifier, password::derive_g03(password, &salt(&out)?)?, policy, true)
}

fn begin(identifier: &str, derived: Derived, policy: Policy, g03: bool) -> Result<(String, LoginStart)> {
    let (auth, enc) = (derived.auth, derived.enc);
    let input = DoneLoginInput { auth_key: auth.to_b64(), device_identifier: identifier.to_owned() };
    Ok((wire::to_json(&input), LoginStart { identifier: identifier.to_owned(), auth, enc, policy, g03 }))
}

/// Reads the answer of `POST /done_login`: opens the device keys and the challenge.
///
/// # Errors
/// `Server` (112 or 100: wrong identifier or password), `ServerOutput`; `Crypto(Decrypt)` when the keys do not open with
/// this password; `ForeignKey`, `SwappedWrap` for public halves that do not belong to the secret ones; `Challenge` when
/// the challenge is not for this device; `Downgrade` when the server answers a login of today in the protocol of 2022;
/// `Algorithm`, `WeakAlgorithm`.
pub fn done_login(start: &LoginStart, server_output: &str) -> Result<LoginStep> {
    match wire::answer::<DoneLoginServerReturn>(server_output) {
        Ok(DoneLoginServerReturn::Otp) => Ok(LoginStep::Otp),
        Ok(DoneLoginServerReturn::Direct(out)) => Ok(LoginStep::Direct(Box::new(direct(start, *out)?))),
        Err(SdkError::ServerOutput) => done_login_g03(start, server_output),
        Err(e) => Err(e),
    }
}

/// The body of `POST /validate_mfa` (`token`: six digits) and `POST /validate_recovery_otp` (`token`: a recovery key).
/// The answer goes to [`done_validate_mfa`].
#[must_use]
pub fn prepare_validate_mfa(start: &LoginStart, token: &str) -> String {
    wire::to_json(&ValidateMfaInput {
        token: token.to_owned(),
        auth_key: start.auth.to_b64(),
        device_identifier: start.identifier.clone(),
    })
}

/// Reads the answer of the second factor. Errors: as [`done_login`]; `Server` 900 to 902 for a wrong token.
pub fn done_validate_mfa(start: &LoginStart, server_output: &str) -> Result<DirectLogin> {
    direct(start, wire::answer(server_output)?)
}

/// The body of `POST /verify_login`: the opened challenge proves that the device holds its private key.
#[must_use]
pub fn prepare_verify_login(start: &LoginStart, login: &DirectLogin) -> String {
    wire::to_json(&VerifyLoginInput {
        auth_key: start.auth.to_b64(),
        device_identifier: start.identifier.clone(),
        challenge: login.challenge.clone(),
    })
}

/// Reads the answer of `POST /verify_login`: opens the first page of user keys, newest first.
///
/// # Errors
/// `Server` (112: wrong challenge), `ServerOutput`; `NoKeys`; `KeyNotFound` when a key is not for this device or has no
/// sign key; `ForeignKey`, `SwappedWrap`, `ForeignUserKeys` for keys that do not belong together; `PublicKeySignature`
/// for a wrong signature of an own public key, `UnsignedPublicKey` for one that has gone; `Algorithm`, `WeakAlgorithm`,
/// `Crypto`.
pub fn done_verify_login(login: DirectLogin, server_output: &str) -> Result<UserData> {
    let out: VerifyLoginOutput = wire::answer(server_output)?;
    UserData::open(login.device, &out.user_keys, out.hmac_keys, out.jwt, out.refresh_token)
}

/// Reads the answer of `POST /verify_login_light`: the login of a light user, or of any user without his user keys.
/// Errors: `Server` (112: wrong challenge), `ServerOutput`.
pub fn done_verify_login_light(login: DirectLogin, server_output: &str) -> Result<LightUserData> {
    let out: VerifyLoginLightOutput = wire::answer(server_output)?;
    Ok(LightUserData { device: login.device, jwt: out.jwt, refresh_token: out.refresh_token })
}

fn done_login_g03(start: &LoginStart, server_output: &str) -> Result<LoginStep> {
    let out: DoneLoginG03 = wire::answer(server_output)?;
    if !start.g03 {
        return Err(SdkError::Downgrade);
    }
    let device = DeviceKeys::open(&out.device_keys, &start.enc, start.policy)?;
    let user = UserData::open(device, &out.user_keys, Vec::new(), out.jwt, out.refresh_token)?;
    Ok(LoginStep::Done(Box::new(user)))
}

fn direct(start: &LoginStart, out: DoneLoginOutput) -> Result<DirectLogin> {
    let device = DeviceKeys::open(&out.device_keys, &start.enc, start.policy)?;
    let sealed = b64_decode(&out.challenge).or(Err(SdkError::Challenge))?;
    let challenge = device.secret.decrypt(&sealed).or(Err(SdkError::Challenge))?;
    // Only a short text is ever sent back: a server must not use the login to have something else decrypted.
    let challenge = core::str::from_utf8(&challenge).or(Err(SdkError::Challenge))?;
    if challenge.len() > MAX_CHALLENGE
        || !challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    {
        return Err(SdkError::Challenge);
    }
    Ok(DirectLogin { device, challenge: challenge.to_owned(), wire_keys: out.device_keys })
}

/// Derives with the server's salt. Errors: `Algorithm`, `Salt`, `Crypto`.
fn derive(password: &str, out: &PrepareLoginOutput) -> Result<Derived> {
    Ok(password::derive(password, &salt(out)?)?)
}

fn salt(out: &PrepareLoginOutput) -> Result<[u8; 32]> {
    suite::check(suite::PASSWORD, &out.derived_encryption_key_alg)?;
    let salt: [u8; 32] = b64_decode(&out.salt_string).ok().and_then(|s| s.try_into().ok()).ok_or(SdkError::Salt)?;
    // An honest one is the output of SHA-256. The server chooses it, so this is all that can be seen from one answer.
    if salt.iter().all(|b| Some(b) == salt.first()) { Err(SdkError::Salt) } else { Ok(salt) }
}
