//! Handlers of users: read the input, ask the rules, answer.

use keystead_crypto::password::AuthKey;
use keystead_protocol::ErrorCode;
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{GroupKey, HmacKey};
use keystead_protocol::keys::{
    DeviceKeys, DoneLoginG03, DoneLoginInput, DoneLoginOutput, DoneLoginServerReturn, ForcedLoginOutput, InitOutput,
    PrepareLoginOutput, PublicKeyData, RefreshInput, RefreshOutput, RegisterData, RegisterOutput, UserExistsOutput,
    UserIdentifierInput, UserJwtOutput, UserPublicDataG03, VerifyKeyData, VerifyKeyDataG03, VerifyLoginInput,
    VerifyLoginOutput,
};
use serde::Serialize;

use super::rules::{self, Session, SessionTokens};
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::invites::rules as invites;
use crate::rooms::groups::keys::{self as group_keys, Order};
use crate::web::call::{Call, Page};

/// `POST /exists`
pub async fn exists(call: Call, input: UserIdentifierInput) -> KeyResult<UserExistsOutput> {
    let hash = rules::identifier_hash(&input.user_identifier)?;
    let app_id = call.tenant.id.clone();
    let taken = call.app.db.read(move |c| rules::exists(c, &app_id, &hash)).await?;
    Ok(UserExistsOutput { user_identifier: input.user_identifier, available: !taken })
}

/// `POST /register`
pub async fn register(call: Call, input: RegisterData) -> KeyResult<RegisterOutput> {
    let device_identifier = input.device.device_identifier.clone();
    let registration = rules::validate_registration(input)?;
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let done = call.app.db.write(move |tx| rules::register(&app, tx, &app_id, &registration)).await?;
    Ok(RegisterOutput { user_id: done.user_id, device_id: done.device_id, device_identifier })
}

/// `POST /prepare_login`
pub async fn prepare_login(call: Call, input: UserIdentifierInput) -> KeyResult<PrepareLoginOutput> {
    let hash = rules::identifier_hash(&input.user_identifier)?;
    call.app.limits.by_identifier(&call.tenant.id, &hash)?;
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    call.app.db.read(move |c| rules::salt(&app, c, &app_id, &hash)).await
}

/// `POST /done_login`
pub async fn done_login(call: Call, input: DoneLoginInput) -> KeyResult<DoneLogin> {
    let session = judge(&call, &input.auth_key, &input.device_identifier).await?;
    secret_was_right(&call, &input.device_identifier)?;
    if session.generation == rules::G03 {
        let (device_keys, user_keys, _search) = all_keys(&call, session.clone()).await?;
        let SessionTokens { jwt, refresh_token } = finish_login(&call, &session, None).await?;
        return Ok(DoneLogin::G03(Box::new(DoneLoginG03 { device_keys, jwt, refresh_token, user_keys })));
    }
    let device_id = session.device_id.clone();
    let device_keys = call.app.db.read(move |c| rules::device_keys(c, &session)).await?;
    let challenge = rules::challenge(&device_keys)?;
    let (app, hash) = (call.app.clone(), challenge.hash);
    call.app.db.write(move |tx| rules::remember_challenge(&app, tx, &device_id, &hash)).await?;
    let output = DoneLoginOutput { device_keys, challenge: challenge.text };
    Ok(DoneLogin::G15(DoneLoginServerReturn::Direct(Box::new(output))))
}

/// What `done_login` answers: decided by how the device was registered (sentc.md section 14).
#[derive(Serialize)]
#[serde(untagged)]
pub enum DoneLogin {
    /// Today's clients: go on with the challenge.
    G15(DoneLoginServerReturn),
    /// npm 0.3.1: logged in.
    G03(Box<DoneLoginG03>),
}

/// `POST /verify_login`
pub async fn verify_login(call: Call, input: VerifyLoginInput) -> KeyResult<VerifyLoginOutput> {
    let session = judge(&call, &input.auth_key, &input.device_identifier).await?;
    let of = session.clone();
    let (user_keys, hmac_keys) = call.app.db.read_snapshot(move |c| keys_of_user(c, &of)).await?;
    let SessionTokens { jwt, refresh_token } = finish_login(&call, &session, Some(input.challenge)).await?;
    secret_was_right(&call, &input.device_identifier)?;
    Ok(VerifyLoginOutput { user_keys, hmac_keys, jwt, refresh_token })
}

/// `PUT /refresh`
pub async fn refresh(call: Call, input: RefreshInput) -> KeyResult<RefreshOutput> {
    let session = call.session()?.clone();
    let (app, checked) = (call.app.clone(), session.clone());
    call.app.db.read(move |c| rules::is_refreshable(&app, c, &checked, &input.refresh_token)).await?;
    let jwt = rules::issue(&call.app, &call.tenant, &session, false)?;
    Ok(RefreshOutput { user_id: session.user_id, jwt, device_id: session.device_id })
}

/// `DELETE /refresh` (added by Keystead): ends one refresh token.
pub async fn logout(call: Call, input: RefreshInput) -> KeyResult<&'static str> {
    let session = call.session()?.clone();
    call.app.db.write(move |tx| rules::logout(tx, &session, &input.refresh_token)).await?;
    Ok(SUCCESS)
}

/// `POST /init`
pub async fn init(call: Call, input: RefreshInput) -> KeyResult<InitOutput> {
    let session = call.session()?.clone();
    let (app, checked) = (call.app.clone(), session.clone());
    let read = move |c: &mut Conn| {
        rules::is_refreshable(&app, c, &checked, &input.refresh_token)?;
        invites::invites_of(c, &checked.user_id, &Page::first())
    };
    let invites = call.app.db.read_snapshot(read).await?;
    Ok(InitOutput { jwt: rules::issue(&call.app, &call.tenant, &session, false)?, invites })
}

/// `PUT /user`
pub async fn update_identifier(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let session = call.session()?.clone();
    call.app.db.write(move |tx| rules::rename(tx, &session, &input.user_identifier)).await?;
    Ok(SUCCESS)
}

/// `DELETE /user`
pub async fn delete_user(call: Call) -> KeyResult<&'static str> {
    let user_id = call.session()?.user_id.clone();
    remove_user(&call, user_id).await
}

/// `GET /user/jwt`
pub async fn check_jwt(call: Call) -> KeyResult<UserJwtOutput> {
    let session = call.session()?;
    Ok(UserJwtOutput { id: session.user_id.clone(), device_id: session.device_id.clone() })
}

/// `GET /user/user_keys` (G03)
pub async fn user_keys_first_page(call: Call) -> KeyResult<Vec<GroupKey>> {
    user_keys(&call, Page::first()).await
}

/// `GET /user/user_keys/keys/:time/:id`
pub async fn user_keys_page(call: Call) -> KeyResult<Vec<GroupKey>> {
    let page = call.page()?;
    user_keys(&call, page).await
}

/// `GET /user/user_keys/key/:key_id`, and G03's `/user/user_key/:key_id`
pub async fn user_key(call: Call) -> KeyResult<GroupKey> {
    let (session, key_id) = (call.session()?.clone(), call.param(0)?.to_owned());
    call.app.db.read(move |c| group_keys::one(c, &session.user_group_id, &session.device_id, &key_id)).await
}

/// `GET /user/:id` (G03)
pub async fn public_data_g03(call: Call) -> KeyResult<UserPublicDataG03> {
    let (app_id, user_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    call.app.db.read_snapshot(move |c| rules::public_data_g03(c, &app_id, &user_id)).await
}

/// `GET /user/:id/public_key`
pub async fn public_key(call: Call) -> KeyResult<PublicKeyData> {
    let (app_id, user_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    call.app.db.read(move |c| rules::public_key(c, &app_id, &user_id)).await
}

/// `GET /user/:id/public_key/:key_id`
pub async fn public_key_by_id(call: Call) -> KeyResult<PublicKeyData> {
    let (app_id, user_id, key_id) = (call.tenant.id.clone(), call.param(0)?.to_owned(), call.param(1)?.to_owned());
    call.app.db.read(move |c| rules::public_key_by_id(c, &app_id, &user_id, &key_id)).await
}

/// `GET /user/:id/verify_key` (G03)
pub async fn verify_key_g03(call: Call) -> KeyResult<VerifyKeyDataG03> {
    let (app_id, user_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    call.app.db.read(move |c| rules::verify_key_g03(c, &app_id, &user_id)).await
}

/// `GET /user/:id/verify_key/:key_id`
pub async fn verify_key_by_id(call: Call) -> KeyResult<VerifyKeyData> {
    let (app_id, user_id, key_id) = (call.tenant.id.clone(), call.param(0)?.to_owned(), call.param(1)?.to_owned());
    call.app.db.read(move |c| rules::verify_key_by_id(c, &app_id, &user_id, &key_id)).await
}

/// `DELETE /user/forced/sessions`
pub async fn forced_end_sessions(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let end = move |tx: &mut Conn| {
        let (user_id, _device) = rules::find_user(tx, &app_id, &input.user_identifier)?;
        rules::end_sessions(&app, tx, &user_id)
    };
    call.app.db.write(end).await?;
    Ok(SUCCESS)
}

/// `PUT /user/forced/delete`
pub async fn forced_delete(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let app_id = call.tenant.id.clone();
    let delete = move |tx: &mut Conn| {
        let (user_id, _device) = rules::find_user(tx, &app_id, &input.user_identifier)?;
        rules::delete_user(tx, &app_id, &user_id)
    };
    call.app.db.write(delete).await?;
    Ok(SUCCESS)
}

/// `DELETE /user/forced/delete/:user_id`
pub async fn forced_delete_by_id(call: Call) -> KeyResult<&'static str> {
    let user_id = call.param(0)?.to_owned();
    remove_user(&call, user_id).await
}

/// `POST /user/forced/login`
pub async fn forced_login(call: Call, input: UserIdentifierInput) -> KeyResult<ForcedLoginOutput> {
    let app_id = call.tenant.id.clone();
    let find = move |c: &mut Conn| rules::find_user(c, &app_id, &input.user_identifier);
    let (_user_id, device) = call.app.db.read(find).await?;
    // A login is a device's: the user id alone does not say which.
    let session = device.ok_or(ErrorCode::UserNotFound)?;
    let (device_keys, user_keys, hmac_keys) = all_keys(&call, session.clone()).await?;
    let SessionTokens { jwt, refresh_token } = finish_login(&call, &session, None).await?;
    Ok(ForcedLoginOutput { device_keys, verify: VerifyLoginOutput { user_keys, hmac_keys, jwt, refresh_token } })
}

/// Judges the secret of a login, within the limits. Whoever guesses is counted before he is judged.
async fn judge(call: &Call, auth_key: &str, identifier: &str) -> KeyResult<Session> {
    let key = AuthKey::from_b64(auth_key).map_err(|e| KeyError::caused(ErrorCode::AuthKeyFormat, e))?;
    let hash = rules::identifier_hash(identifier)?;
    call.app.limits.by_identifier(&call.tenant.id, &hash)?;
    call.app.limits.may_judge_secret(&call.tenant.id, &hash)?;
    let app_id = call.tenant.id.clone();
    Ok(call.app.db.read(move |c| rules::judge_secret(c, &app_id, &hash, &key)).await?.session)
}

fn secret_was_right(call: &Call, identifier: &str) -> KeyResult<()> {
    call.app.limits.secret_was_right(&call.tenant.id, &rules::identifier_hash(identifier)?);
    Ok(())
}

/// Everything a complete login in one answer hands out.
async fn all_keys(call: &Call, session: Session) -> KeyResult<(DeviceKeys, Vec<GroupKey>, Vec<HmacKey>)> {
    let read = move |c: &mut Conn| {
        let device_keys = rules::device_keys(c, &session)?;
        let (user_keys, hmac_keys) = keys_of_user(c, &session)?;
        Ok::<_, KeyError>((device_keys, user_keys, hmac_keys))
    };
    call.app.db.read_snapshot(read).await
}

/// The first page of the user keys, wrapped for the device, and the search keys. Newest first for both generations of
/// clients: the first one signs and is shown to others.
fn keys_of_user(conn: &mut Conn, session: &Session) -> KeyResult<(Vec<GroupKey>, Vec<HmacKey>)> {
    let group = &session.user_group_id;
    let user_keys = group_keys::page(conn, group, &session.device_id, &Page::first(), Order::NewestFirst)?;
    let (hmac_keys, _sortable) = group_keys::search_keys(conn, group)?;
    Ok((user_keys, hmac_keys))
}

/// Stores a refresh token, using up the challenge where there is one, and signs the JWT.
async fn finish_login(call: &Call, session: &Session, challenge: Option<String>) -> KeyResult<SessionTokens> {
    let tokens = rules::new_tokens();
    let (app, device_id, hash) = (call.app.clone(), session.device_id.clone(), tokens.hash);
    let write = move |tx: &mut Conn| {
        if let Some(token) = &challenge {
            rules::take_challenge(&app, tx, &device_id, token)?;
        }
        rules::remember_refresh_token(&app, tx, &device_id, &hash)
    };
    call.app.db.write(write).await?;
    let jwt = rules::issue(&call.app, &call.tenant, session, true)?;
    Ok(SessionTokens { jwt, refresh_token: tokens.refresh_token })
}

async fn user_keys(call: &Call, page: Page) -> KeyResult<Vec<GroupKey>> {
    let session = call.session()?.clone();
    let read =
        move |c: &mut Conn| group_keys::page(c, &session.user_group_id, &session.device_id, &page, Order::NewestFirst);
    call.app.db.read(read).await
}

async fn remove_user(call: &Call, user_id: String) -> KeyResult<&'static str> {
    let app_id = call.tenant.id.clone();
    call.app.db.write(move |tx| rules::delete_user(tx, &app_id, &user_id)).await?;
    Ok(SUCCESS)
}
