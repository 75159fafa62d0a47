//! What happens to customers' accounts. Login, sessions, devices and second factor are the key API's.

use keystead_crypto::encoding::{b64_encode, b64url_encode};
use keystead_crypto::{hash, rng};
use keystead_protocol::ErrorCode;
use keystead_protocol::customers::{CustomerAccount, CustomerData, CustomerListItem};

use super::store::{self, CustomerRow};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::error::{KeyError, KeyResult};
use crate::mail::is_address;
use crate::rooms::customers::apps::rules as apps;
use crate::rooms::groups::rules as groups;
use crate::rooms::keys::rules::{self as users, NewDevice, Registration, Session};

/// Bytes of a token in a letter.
const TOKEN_BYTES: usize = 30;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 128;
const MAX_NAME: usize = 200;

/// What a token in a letter is for. Each kind has its own (better-than.md 16: the original has one field for both).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Confirm = 0,
    Reset = 1,
}

/// A letter that is to be sent after the commit.
#[derive(Debug)]
pub struct Letter {
    /// Where to.
    pub email: String,
    /// In clear, for the letter alone.
    pub token: String,
}

/// Makes an account with its address to be confirmed.
///
/// # Errors
/// 101 the address is taken; 11, 64.
pub fn register(
    app: &App,
    tx: &mut Conn,
    home: &str,
    email: &str,
    data: &CustomerData,
    registration: &Registration,
) -> KeyResult<(String, Letter)> {
    check_data(data)?;
    let email = check_email(email)?;
    let id = users::register(app, tx, home, registration)?.user_id;
    let now_ms = app.clock.now_ms();
    let row = CustomerRow {
        id: id.clone(),
        email: email.clone(),
        email_valid: false,
        email_sent_ms: now_ms,
        name: data.name.clone(),
        first_name: data.first_name.clone(),
        company: data.company.clone(),
        created_ms: now_ms,
    };
    store::insert(tx, &row).map_err(taken)?;
    let token = new_token(app, tx, &id, TokenKind::Confirm)?;
    Ok((id, Letter { email, token }))
}

/// The account as its owner sees it.
///
/// # Errors
/// 62.
pub fn account(conn: &mut Conn, id: &str) -> KeyResult<CustomerAccount> {
    let row = find(conn, id)?;
    Ok(CustomerAccount {
        validate_email: row.email_valid,
        email: row.email,
        email_send: row.email_sent_ms,
        email_status: i32::from(row.email_sent_ms > 0),
        name: row.name,
        first_name: row.first_name,
        company: row.company,
    })
}

/// Confirms the address.
///
/// # Errors
/// 63 a wrong, used or old token, or another customer's.
pub fn confirm(app: &App, tx: &mut Conn, id: &str, token: &str) -> KeyResult<()> {
    let since = app.clock.now_ms() - app.config.customers.confirm_ms();
    let found = by_token(tx, TokenKind::Confirm, token, since)?.filter(|of| of == id);
    let id = found.ok_or(ErrorCode::CustomerEmailToken)?;
    take_token(tx, &id, TokenKind::Confirm)?;
    store::confirm_email(tx, &id)?;
    Ok(())
}

/// A further letter to confirm the address; `None` when it is confirmed already.
///
/// # Errors
/// 62; 429 before the interval between two letters is over.
pub fn confirm_again(app: &App, tx: &mut Conn, id: &str) -> KeyResult<Option<Letter>> {
    let row = find(tx, id)?;
    if row.email_valid {
        return Ok(None);
    }
    not_too_soon(app, tx, id, TokenKind::Confirm)?;
    store::set_sent(tx, id, app.clock.now_ms())?;
    let token = new_token(app, tx, id, TokenKind::Confirm)?;
    Ok(Some(Letter { email: row.email, token }))
}

/// Changes the address, which is the login identifier of this device too. It is to be confirmed again.
///
/// # Errors
/// 64, 101, 62.
pub fn change_email(app: &App, tx: &mut Conn, home: &str, session: &Session, email: &str) -> KeyResult<Letter> {
    let (id, email) = (session.user_id.as_str(), check_email(email)?);
    find(tx, id)?;
    users::rename(app, tx, home, session, &email)?;
    store::set_email(tx, id, &email).map_err(taken)?;
    store::set_sent(tx, id, app.clock.now_ms())?;
    // A letter to the old address must not reset the account any more.
    store::delete_token(tx, id, TokenKind::Reset as i32)?;
    let token = new_token(app, tx, id, TokenKind::Confirm)?;
    Ok(Letter { email, token })
}

/// Changes the names.
///
/// # Errors
/// 11, 62.
pub fn change_data(tx: &mut Conn, id: &str, data: &CustomerData) -> KeyResult<()> {
    check_data(data)?;
    match store::set_data(tx, id, &data.name, &data.first_name, data.company.as_deref())? {
        0 => Err(ErrorCode::CustomerNotFound.into()),
        _ => Ok(()),
    }
}

/// Begins a reset of a forgotten password. `None` for an address without an account, or one that got a letter just now: the
/// caller is told the same.
///
/// # Errors
/// What the database says.
pub fn begin_reset(app: &App, tx: &mut Conn, email: &str) -> KeyResult<Option<Letter>> {
    let Ok(email) = check_email(email) else { return Ok(None) };
    let Some(row) = store::by_email(tx, &email)? else { return Ok(None) };
    if not_too_soon(app, tx, &row.id, TokenKind::Reset).is_err() {
        return Ok(None);
    }
    let token = new_token(app, tx, &row.id, TokenKind::Reset)?;
    Ok(Some(Letter { email, token }))
}

/// Ends a reset: the device gets its new password, all sessions end.
///
/// # Errors
/// 63 a wrong, used or old token, or another account's device; 100.
pub fn reset(app: &App, tx: &mut Conn, home: &str, token: &str, device: &NewDevice) -> KeyResult<()> {
    let since = app.clock.now_ms() - app.config.customers.reset_ms();
    let id = by_token(tx, TokenKind::Reset, token, since)?.ok_or(ErrorCode::CustomerEmailToken)?;
    take_token(tx, &id, TokenKind::Reset)?;
    let row = find(tx, &id)?;
    if users::identifier_hash(&row.email)? != device.identifier_hash() {
        return Err(ErrorCode::CustomerEmailToken.into());
    }
    users::reset_light(app, tx, home, device)?;
    // Who has the letter has the address.
    store::confirm_email(tx, &id)?;
    Ok(())
}

/// Removes an account.
///
/// # Errors
/// 203 while it owns apps, or alone administers a group that does.
pub fn delete(tx: &mut Conn, home: &str, id: &str) -> KeyResult<()> {
    let refuse = |text: &str| Err(KeyError::with(ErrorCode::AppAction, text));
    tx.lock(id)?;
    if apps::customer_has_apps(tx, id)? {
        return refuse("the account still owns apps: delete them first");
    }
    for group_id in groups::administered_alone(tx, home, id)? {
        if apps::group_has_apps(tx, &group_id)? {
            return refuse("a group without another administrator owns apps: delete them or name another one first");
        }
        groups::delete_group(tx, &group_id)?;
    }
    users::delete_user(tx, home, id)
}

/// Who these customers are.
///
/// # Errors
/// What the database says.
pub(in crate::rooms::customers) fn of(conn: &mut Conn, ids: &[String]) -> KeyResult<Vec<CustomerListItem>> {
    let item = |row: CustomerRow| CustomerListItem {
        id: row.id,
        first_name: row.first_name,
        name: row.name,
        email: row.email,
    };
    Ok(store::of(conn, ids)?.into_iter().map(item).collect())
}

/// # Errors
/// 61 before the address is confirmed; 62.
pub(in crate::rooms::customers) fn must_be_confirmed(conn: &mut Conn, id: &str) -> KeyResult<()> {
    if find(conn, id)?.email_valid { Ok(()) } else { Err(ErrorCode::CustomerEmailNotValidated.into()) }
}

/// Removes tokens of letters that nobody can use any more.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> KeyResult<usize> {
    let oldest = app.config.customers.confirm_ms().max(app.config.customers.reset_ms());
    Ok(store::delete_tokens_before(tx, app.clock.now_ms() - oldest)?)
}

fn find(conn: &mut Conn, id: &str) -> KeyResult<CustomerRow> {
    Ok(store::find(conn, id)?.ok_or(ErrorCode::CustomerNotFound)?)
}

fn new_token(app: &App, tx: &mut Conn, id: &str, kind: TokenKind) -> KeyResult<String> {
    let token = b64url_encode(&rng::bytes::<TOKEN_BYTES>(&mut rng::os()));
    store::set_token(tx, id, kind as i32, &token_hash(&token), app.clock.now_ms())?;
    Ok(token)
}

fn by_token(conn: &mut Conn, kind: TokenKind, token: &str, since_ms: i64) -> KeyResult<Option<String>> {
    if token.len() > MAX_TOKEN {
        return Ok(None);
    }
    Ok(store::by_token(conn, kind as i32, &token_hash(token), since_ms)?)
}

/// Of any number of parallel uses, one succeeds.
fn take_token(tx: &mut Conn, id: &str, kind: TokenKind) -> KeyResult<()> {
    match store::delete_token(tx, id, kind as i32)? {
        0 => Err(ErrorCode::CustomerEmailToken.into()),
        _ => Ok(()),
    }
}

fn not_too_soon(app: &App, conn: &mut Conn, id: &str, kind: TokenKind) -> KeyResult<()> {
    let interval_ms = i64::try_from(app.config.mail.interval_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    let last = store::token_time(conn, id, kind as i32)?;
    let wait_ms = last.map_or(0, |last| last.saturating_add(interval_ms) - app.clock.now_ms());
    if wait_ms > 0 && app.config.limits.rate_limit {
        return Err(KeyError::limited(u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000)));
    }
    Ok(())
}

/// Addresses are compared in lower case: few servers tell case apart, and nobody should own both.
fn check_email(email: &str) -> KeyResult<String> {
    let email = email.trim().to_lowercase();
    if is_address(&email) { Ok(email) } else { Err(ErrorCode::CustomerEmailSyntax.into()) }
}

fn check_data(data: &CustomerData) -> KeyResult<()> {
    let long = |text: &str| text.len() > MAX_NAME;
    if long(&data.name) || long(&data.first_name) || data.company.as_deref().is_some_and(long) {
        return Err(KeyError::input(format_args!("names have at most {MAX_NAME} bytes")));
    }
    Ok(())
}

fn taken(e: diesel::result::Error) -> KeyError {
    if is_unique_violation(&e) { ErrorCode::UserExists.into() } else { e.into() }
}

/// Random tokens of 30 bytes need no salt.
fn token_hash(token: &str) -> String {
    b64_encode(&hash::sha256(token.as_bytes()))
}
