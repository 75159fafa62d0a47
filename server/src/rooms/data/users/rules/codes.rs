//! Codes by mail: six digits, good once. They rest hashed, and each address has so many an hour to make and to try.

use keystead_crypto::encoding::hex_encode;
use keystead_crypto::{hash, rng};
use keystead_instaql::{Error, Kind};
use serde_json::json;
use zeroize::Zeroizing;

use super::super::{mails, store};
use crate::app::App;
use crate::db::Conn;
use crate::mail::{Mail, MailError};
use crate::rooms::data::error::{DataError, DataResult};

/// Codes an address gets, and tries it has, within an hour.
const PER_HOUR: i64 = 20;
const HOUR_MS: i64 = 3_600_000;
/// Codes of one address that are good at a time: each makes guessing easier.
const GOOD_AT_ONCE: usize = 5;
/// An expired code is known so long, to say that it is that.
const KNOWN_MS: i64 = 24 * HOUR_MS;

/// What is counted.
#[derive(Debug, Clone, Copy)]
enum What {
    Made,
    Tried,
}

/// A new code. Test users have theirs for ever.
pub struct Code {
    /// Six digits.
    pub code: Zeroizing<String>,
    /// It is a test user's, who gets no letter.
    pub is_fixed: bool,
}

/// What a code turned out to be.
#[derive(Debug, PartialEq)]
pub enum Tried {
    /// Right; used up now.
    Good,
    /// Anything else. The transaction must be committed all the same, because the try counts.
    Bad(Error),
}

/// Makes a code for an address.
///
/// # Errors
/// `rate-limited`
pub fn make(app: &App, tx: &mut Conn, app_id: &str, email: &str) -> DataResult<Code> {
    if let Some(code) = store::test_code(tx, app_id, email)? {
        return Ok(Code { code: Zeroizing::new(code), is_fixed: true });
    }
    let email_hash = hex(email);
    count(app, tx, app_id, &email_hash, What::Made)?.map_or(Ok(()), Err)?;
    let now = app.clock.now_ms();
    let random = u64::from_be_bytes(rng::bytes::<8>(&mut rng::os()));
    let code = Zeroizing::new(format!("{:06}", random % 1_000_000));
    let expires_ms = now + i64::from(app.config.data.code_minutes) * 60_000;
    for old in store::codes_of(tx, app_id, &email_hash)?.iter().skip(GOOD_AT_ONCE - 1) {
        store::delete_code(tx, app_id, &email_hash, old)?;
    }
    store::insert_code(tx, (app_id, &email_hash, &code_hash(app_id, email, &code)), now, expires_ms)?;
    Ok(Code { code, is_fixed: false })
}

/// Tries a code, and uses it up when it is right.
///
/// # Errors
/// What the database says.
pub fn try_code(app: &App, tx: &mut Conn, app_id: &str, email: &str, code: &str) -> DataResult<Tried> {
    let email_hash = hex(email);
    if let Some(limited) = count(app, tx, app_id, &email_hash, What::Tried)? {
        return Ok(Tried::Bad(limited));
    }
    if let Some(fixed) = store::test_code(tx, app_id, email)?
        && hash::ct_eq(fixed.as_bytes(), code.as_bytes())
    {
        return Ok(Tried::Good);
    }
    let code_hash = code_hash(app_id, email, code);
    let expires_ms = store::expiry(tx, app_id, &email_hash, &code_hash)?;
    // Of two who try at the same time one wins.
    if expires_ms.is_none() || store::delete_code(tx, app_id, &email_hash, &code_hash)? == 0 {
        return Ok(Tried::Bad(Error::not_found("app-user-magic-code")));
    }
    if expires_ms.is_some_and(|end| end <= app.clock.now_ms()) {
        let hint = json!({"record-type": "app-user-magic-code"});
        return Ok(Tried::Bad(Error::new(Kind::RecordExpired, "Record expired: app-user-magic-code", hint)));
    }
    Ok(Tried::Good)
}

/// The letter with a code.
///
/// # Errors
/// When the template is malformed.
pub fn letter(app: &App, app_name: &str, email: &str, code: &str) -> DataResult<Mail> {
    mails::code(email, app_name, code, app.config.data.code_minutes).map_err(DataError::internal)
}

/// What a client is told when a letter cannot be sent.
pub fn unsent(e: MailError) -> DataError {
    match e {
        MailError::Address => Error::malformed(&["body", "email"], serde_json::Value::Null).into(),
        e => {
            let told = Error::new(Kind::EmailSendFailed, "The mail could not be sent", serde_json::Value::Null);
            DataError { cause: Some(Box::new(e)), ..told.into() }
        }
    }
}

/// Removes what is too old to be used.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> diesel::QueryResult<usize> {
    let now = app.clock.now_ms();
    store::sweep(tx, now - KNOWN_MS, now - HOUR_MS)
}

/// Gives an address a code of its own, which is always good.
///
/// # Errors
/// `param-malformed` for a code of another form.
pub fn put_test_user(app: &App, tx: &mut Conn, app_id: &str, email: &str, code: &str) -> DataResult<()> {
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::malformed(&["body", "code"], "not six digits".into()).into());
    }
    Ok(store::put_test_user(tx, app_id, email, code, app.clock.now_ms())?)
}

/// Takes a test user's code away; false when he had none.
///
/// # Errors
/// What the database says.
pub fn delete_test_user(tx: &mut Conn, app_id: &str, email: &str) -> DataResult<bool> {
    Ok(store::delete_test_user(tx, app_id, email)? > 0)
}

/// (address, code) of all test users.
///
/// # Errors
/// What the database says.
pub fn test_users(conn: &mut Conn, app_id: &str) -> DataResult<Vec<(String, String)>> {
    Ok(store::test_users(conn, app_id)?)
}

/// Counts; gives what to tell who has had too many.
fn count(app: &App, tx: &mut Conn, app_id: &str, email_hash: &str, what: What) -> DataResult<Option<Error>> {
    tx.lock(&format!("data codes {app_id} {email_hash}"))?;
    if !app.config.limits.rate_limit {
        return Ok(None);
    }
    let what = match what {
        What::Made => "made",
        What::Tried => "tried",
    };
    let now = app.clock.now_ms();
    let counted = store::count(tx, app_id, email_hash, what)?;
    let (started_ms, had) = counted.filter(|(started, _)| now - started < HOUR_MS).unwrap_or((now, 0));
    if had >= PER_HOUR {
        let after_s = (started_ms + HOUR_MS - now) / 1_000 + 1;
        let hint = json!({"retry-after": after_s, "remaining-tokens": 0});
        return Ok(Some(Error::new(Kind::RateLimited, "Too many codes for this address: try again later", hint)));
    }
    store::set_count(tx, (app_id, email_hash, what), started_ms, had + 1)?;
    Ok(None)
}

fn code_hash(app_id: &str, email: &str, code: &str) -> String {
    hex(&format!("{app_id}/{email}/{}", code.trim()))
}

fn hex(text: &str) -> String {
    hex_encode(&hash::sha256(text.as_bytes()))
}
