//! Small helpers between wire text and keys, shared by all rooms.

use keystead_crypto::asym::{PublicKey, SecretKey};
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sign::{SignKey, VerifyKey};
use keystead_crypto::sym::SymKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{Result, SdkError, suite};

/// A page of 50 hybrid user keys is about 1 MiB; more than this is no honest answer.
const MAX_ANSWER: usize = 16 << 20;

/// Reads the result out of an answer. Errors: `Server`, `ServerOutput`, `TooLarge`.
pub(crate) fn answer<T: DeserializeOwned>(server_output: &str) -> Result<T> {
    if server_output.len() > MAX_ANSWER {
        return Err(SdkError::TooLarge);
    }
    Ok(keystead_protocol::parse(server_output)?)
}

/// Reads a list out of an answer; a single item (the `…/key/:id` routes) is a list of one. Errors: as [`answer`].
pub(crate) fn answer_list<T: DeserializeOwned>(server_output: &str) -> Result<Vec<T>> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match answer(server_output)? {
        OneOrMany::Many(items) => items,
        OneOrMany::One(item) => vec![item],
    })
}

/// JSON text of a wire type.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("wire types have string keys and no failing serialiser")
}

/// Wraps secret bytes with a symmetric key: b64 of nonce, ciphertext and tag. `aad` binds the wrap to its slot; the
/// sentc wire has an empty one.
pub(crate) fn wrap(rng: &mut dyn CryptoRng, key: &SymKey, secret: &[u8], aad: &[u8]) -> Result<String> {
    Ok(b64_encode(&key.encrypt(rng, secret, aad)?))
}

/// Opens what [`wrap`] made.
pub(crate) fn unwrap(key: &SymKey, wrapped: &str, aad: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    Ok(key.decrypt(&b64_decode(wrapped)?, aad)?)
}

/// A symmetric key under its wire name. Errors: `Algorithm`, `Crypto`.
pub(crate) fn sym_key(alg: &str, bytes: &[u8]) -> Result<SymKey> {
    suite::check(suite::SYM, alg)?;
    Ok(SymKey::from_bytes(bytes)?)
}

/// A public key in wire form. Errors: `Algorithm`, `Crypto`.
pub(crate) fn public_key(alg: &str, text: &str) -> Result<PublicKey> {
    suite::check(suite::ASYM, alg)?;
    Ok(PublicKey::from_wire(alg, text)?)
}

/// A wrapped secret key. Errors: `Algorithm`, `Crypto`; `SwappedWrap` when it opens to something that is none.
pub(crate) fn secret_key(alg: &str, wrapped: &str, by: &SymKey) -> Result<SecretKey> {
    suite::check(suite::ASYM, alg)?;
    let bytes = unwrap(by, wrapped, b"")?;
    SecretKey::from_bytes(alg, &bytes).or(Err(SdkError::SwappedWrap))
}

/// A verify key in wire form. Errors: `Algorithm`, `Crypto`.
pub(crate) fn verify_key(alg: &str, text: &str) -> Result<VerifyKey> {
    suite::check(suite::SIGN, alg)?;
    Ok(VerifyKey::from_wire(alg, text)?)
}

/// A wrapped sign key. Errors: as [`secret_key`].
pub(crate) fn sign_key(alg: &str, wrapped: &str, by: &SymKey) -> Result<SignKey> {
    suite::check(suite::SIGN, alg)?;
    let bytes = unwrap(by, wrapped, b"")?;
    SignKey::from_bytes(alg, &bytes).or(Err(SdkError::SwappedWrap))
}

/// Refuses a secret key that is not the other half of `public`. `beside` is what its neighbours unwrap to: when one of
/// them would fit, the server exchanged the wraps.
///
/// # Errors
/// `ForeignKey`, `SwappedWrap`.
pub(crate) fn check_halves(secret: &SecretKey, public: &PublicKey, beside: &[&[u8]]) -> Result<()> {
    if secret.public_key()? == *public {
        return Ok(());
    }
    let fits = |bytes: &&[u8]| {
        SecretKey::from_bytes(public.alg(), bytes).and_then(|k| k.public_key()).is_ok_and(|half| half == *public)
    };
    Err(if beside.iter().any(fits) { SdkError::SwappedWrap } else { SdkError::ForeignKey })
}
