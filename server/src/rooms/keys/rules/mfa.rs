//! The second factor (sentc.md section 6): one-time codes by time (RFC 6238: SHA-256, 6 digits, 30 s, one step to either
//! side) and six recovery keys. It belongs to the user, whichever device logs in.
//!
//! Secret and recovery keys rest sealed under the root key, because the server must read them again. A code works once: the
//! last accepted time step is kept, and only a later one is accepted (better-than.md 5, 20c).

use keystead_crypto::{encoding, hash, rng};
use keystead_protocol::ErrorCode;
use keystead_protocol::devices::OtpRegister;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::super::store::end_challenges_of_user;
use super::super::store::mfa::{self as store, IN_FORCE, RecoveryRow, UNCONFIRMED};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};

/// Name of the algorithm on the wire.
const ALG: &str = "totp_sha256";
/// Bytes of a secret and of a recovery key: 52 characters of base32.
const SECRET_BYTES: usize = 32;
const RECOVERY_KEYS: usize = 6;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 128;

/// A second factor before it is stored.
pub struct NewFactor {
    /// What the user is shown, once.
    pub shown: OtpRegister,
    secret_sealed: String,
    recovery_keys: Vec<RecoveryRow>,
}

/// What a login gives as its second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// Six digits.
    Code,
    /// One of the recovery keys.
    RecoveryKey,
}

/// Makes a secret and recovery keys.
///
/// # Errors
/// `RootKeyEncrypt`.
pub fn make(app: &App, user_id: &str) -> KeyResult<NewFactor> {
    let seal = |slot: &str, text: &str| {
        let sealed = app.root_key.seal(slot, text.as_bytes());
        sealed.map_err(|e| KeyError::caused(ErrorCode::RootKeyEncrypt, e))
    };
    let secret = random_base32();
    let recover: Vec<String> = std::iter::repeat_with(random_base32).take(RECOVERY_KEYS).collect();
    let mut recovery_keys = Vec::with_capacity(RECOVERY_KEYS);
    for key in &recover {
        let key_sealed = seal(&recovery_slot(user_id), key)?;
        recovery_keys.push(RecoveryRow { key_hash: recovery_hash(key), key_sealed });
    }
    let secret_sealed = seal(&secret_slot(user_id), &secret)?;
    Ok(NewFactor { shown: OtpRegister { secret, alg: ALG.to_owned(), recover }, secret_sealed, recovery_keys })
}

/// Gives a user his second factor. One that he has is never overwritten (better-than.md 4); one that was not confirmed is.
///
/// # Errors
/// `TotpExists`.
pub fn register(app: &App, tx: &mut Conn, user_id: &str, new: &NewFactor) -> KeyResult<()> {
    tx.lock(user_id)?;
    if store::secret(tx, user_id, IN_FORCE)?.is_some() {
        return Err(ErrorCode::TotpExists.into());
    }
    put(app, tx, user_id, new)
}

/// Replaces a user's second factor; with the confirmation step, the old one stays until the new one is confirmed.
///
/// # Errors
/// `TotpNotSet`.
pub fn reset(app: &App, tx: &mut Conn, user_id: &str, new: &NewFactor) -> KeyResult<()> {
    tx.lock(user_id)?;
    store::secret(tx, user_id, IN_FORCE)?.ok_or(ErrorCode::TotpNotSet)?;
    put(app, tx, user_id, new)
}

/// Puts the second factor that waits in force, by its first code.
///
/// # Errors
/// `TotpNotSet` when none waits, `TotpWrong`.
pub fn confirm(app: &App, tx: &mut Conn, user_id: &str, code: &str) -> KeyResult<()> {
    tx.lock(user_id)?;
    take_code(app, tx, user_id, UNCONFIRMED, code)?;
    store::delete(tx, user_id, IN_FORCE)?;
    store::confirm(tx, user_id)?;
    end_logins(app, tx, user_id)
}

/// Takes a user's second factor away.
///
/// # Errors
/// `TotpNotSet` when he has none.
pub fn disable(tx: &mut Conn, user_id: &str) -> KeyResult<()> {
    tx.lock(user_id)?;
    let (in_force, waits) = (store::delete(tx, user_id, IN_FORCE)?, store::delete(tx, user_id, UNCONFIRMED)?);
    if in_force || waits { Ok(()) } else { Err(ErrorCode::TotpNotSet.into()) }
}

/// As [`disable`], for the customer's backend: it is no failure when there is none.
///
/// # Errors
/// What the database says.
pub fn force_off(tx: &mut Conn, user_id: &str) -> KeyResult<()> {
    match disable(tx, user_id) {
        Err(e) if e.code == ErrorCode::TotpNotSet => Ok(()),
        result => result,
    }
}

/// The recovery keys that are left.
///
/// # Errors
/// `TotpNotSet`; `RootKeyDecrypt` for rows that this root key did not seal.
pub fn recovery_keys(app: &App, conn: &mut Conn, user_id: &str) -> KeyResult<Vec<String>> {
    store::secret(conn, user_id, IN_FORCE)?.ok_or(ErrorCode::TotpNotSet)?;
    let sealed = store::recovery_keys(conn, user_id)?;
    sealed.iter().map(|key| open(app, &recovery_slot(user_id), key).map(|text| text.to_string())).collect()
}

/// Uses a code or a recovery key up.
///
/// # Errors
/// `TotpNotSet` without a second factor, or for an unknown recovery key; `TotpWrong`.
pub fn answer(app: &App, tx: &mut Conn, user_id: &str, factor: Factor, token: &str) -> KeyResult<()> {
    match factor {
        Factor::Code => take_code(app, tx, user_id, IN_FORCE, token),
        Factor::RecoveryKey => {
            let fits = token.len() <= MAX_TOKEN;
            if !fits || !store::take_recovery_key(tx, user_id, &recovery_hash(token))? {
                return Err(ErrorCode::TotpNotSet.into());
            }
            Ok(())
        }
    }
}

fn put(app: &App, tx: &mut Conn, user_id: &str, new: &NewFactor) -> KeyResult<()> {
    let state = if app.config.keys.otp_confirmation { UNCONFIRMED } else { IN_FORCE };
    store::delete(tx, user_id, UNCONFIRMED)?;
    store::delete(tx, user_id, state)?;
    store::insert(tx, user_id, state, &new.secret_sealed, &new.recovery_keys, app.clock.now_ms())?;
    if state == IN_FORCE { end_logins(app, tx, user_id) } else { Ok(()) }
}

/// Logins that were begun without the second factor, or with another one.
fn end_logins(app: &App, tx: &mut Conn, user_id: &str) -> KeyResult<()> {
    Ok(end_challenges_of_user(tx, user_id, app.clock.now_ms())?)
}

fn take_code(app: &App, tx: &mut Conn, user_id: &str, state: i32, code: &str) -> KeyResult<()> {
    let sealed = store::secret(tx, user_id, state)?.ok_or(ErrorCode::TotpNotSet)?;
    let totp = totp(&open(app, &secret_slot(user_id), &sealed)?)?;
    let now_s = u64::try_from(app.clock.now_ms().div_euclid(1000)).unwrap_or(0);
    let step = totp.check(code, now_s).and_then(|step| i64::try_from(step).ok()).ok_or(ErrorCode::TotpWrong)?;
    if store::take_step(tx, user_id, state, step)? { Ok(()) } else { Err(ErrorCode::TotpWrong.into()) }
}

/// The generator of a secret in base32.
fn totp(secret: &str) -> KeyResult<Totp> {
    let secret = Secret::try_from_base32(secret).map_err(|_text| ErrorCode::TotpSecretDecode)?;
    let builder = Builder::new().with_algorithm(Algorithm::SHA256).with_digits(6).with_skew(1).with_step_duration(30);
    Ok(builder.with_secret(secret).build().map_err(|_length| ErrorCode::TotpSecretDecode)?)
}

fn open(app: &App, slot: &str, sealed: &str) -> KeyResult<Zeroizing<String>> {
    let bytes = app.root_key.open(slot, sealed).map_err(|e| KeyError::caused(ErrorCode::RootKeyDecrypt, e))?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|e| KeyError::caused(ErrorCode::RootKeyDecrypt, e))?;
    Ok(Zeroizing::new(text))
}

/// 32 random bytes in base32 (RFC 4648) without padding.
fn random_base32() -> String {
    Secret::new(Box::new(rng::bytes::<SECRET_BYTES>(&mut rng::os()))).to_base32()
}

/// Recovery keys are random enough to need no salt.
fn recovery_hash(key: &str) -> String {
    encoding::b64_encode(&hash::sha256(key.as_bytes()))
}

fn secret_slot(user_id: &str) -> String {
    format!("second factor of {user_id}")
}

fn recovery_slot(user_id: &str) -> String {
    format!("recovery key of {user_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the lines of SHA-256, cut to six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        // base32 of "12345678901234567890123456789012".
        let totp = totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA").expect("a secret");
        for (time, code) in
            [(59, "119246"), (1_111_111_109, "084774"), (1_234_567_890, "819424"), (2_000_000_000, "698825")]
        {
            assert_eq!(totp.check(code, time), Some(time / 30));
            // One step to either side, and no further.
            assert_eq!(totp.check(code, time + 30), Some(time / 30));
            assert_eq!(totp.check(code, time - 30), Some(time / 30));
            assert_eq!(totp.check(code, time + 60), None);
            assert_eq!(totp.check(code, time.saturating_sub(60)).filter(|_| time > 60), None);
        }
        for bad in ["", "1", "1192460", "11924", "abcdef", "+11924", "１１９２４６", " 19246"] {
            assert_eq!(totp.check(bad, 59), None, "{bad}");
        }
    }

    #[test]
    fn secrets_have_52_characters_of_base32() {
        let secret = random_base32();
        assert_eq!(secret.len(), 52);
        assert!(secret.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)));
        assert_ne!(secret, random_base32());
        assert!(totp(&secret).is_ok());
        assert!(totp("no base32").is_err() && totp("").is_err());
    }
}
