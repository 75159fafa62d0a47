//! Handlers of users: read the input, ask the rules, answer. Registration, login and public data stand here; what a user
//! does with his account in files of their own.

pub mod devices;
pub mod light;
pub mod mfa;
pub mod password;
pub mod sessions;

use keystead_protocol::ErrorCode;
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{GroupKey, HmacKey};
use keystead_protocol::keys::{
    DeviceKeys, DoneLoginG03, DoneLoginInput, DoneLoginOutput, DoneLoginServerReturn, ForcedLoginOutput, InitOutput,
    PrepareLoginOutput, PublicKeyData, RefreshInput, RefreshOutput, RegisterData, RegisterOutput, UserExistsOutput,
    UserIdentifierInput, UserJwtOutput, UserPublicDataG03, VerifyKeyDataG03, VerifyKeyOutput, VerifyLoginInput,
    VerifyLoginOutput,
};
use serde::Serialize;

use super::rules::{self, JudgedDevice, Refreshable, Registration, Session, SessionTokens};
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::data::users::rules as data;
use crate::rooms::groups::invites::rules as invites;
use crate::rooms::groups::keys::{self as group_keys, Order};
use crate::rooms::live::news;
use crate::web::call::{Call, Page};

/// `POST /exists`
pub async fn exists(call: Call, input: UserIdentifierInput) -> KeyResult<UserExistsOutput> {
    let hash = rules::identifier_hash(&input.user_identifier)?;
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let taken = call.app.db.read(move |c| rules::exists(&app, c, &app_id, &hash)).await?;
    Ok(UserExistsOutput { user_identifier: input.user_identifier, available: !taken })
}

/// `POST /register`
pub async fn register(call: Call, input: RegisterData) -> KeyResult<RegisterOutput> {
    let device_identifier = input.device.device_identifier.clone();
    let registration = rules::validate_registration(input)?;
    register_as(&call, registration, device_identifier).await
}

/// Makes the user of a checked registration.
pub(super) async fn register_as(
    call: &Call,
    registration: Registration,
    device_identifier: String,
) -> KeyResult<RegisterOutput> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let make = move |tx: &mut Conn| {
        let done = rules::register(&app, tx, &app_id, &registration)?;
        let user_id = done.user_id.clone();
        Ok((done, Some(user_id)))
    };
    let done = call.write_naming(make).await?;
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
    let judged = judge(&call, &input.auth_key, &input.device_identifier).await?;
    secret_was_right(&call, &input.device_identifier)?;
    if judged.second_factor {
        // Also to a device of 2022, whose client cannot go on from here: today's clients log it in (docs/api.md).
        return Ok(DoneLogin::G15(DoneLoginServerReturn::Otp));
    }
    if judged.session.generation == rules::G03 {
        let session = judged.session;
        let proof = Proof::Password { auth_key: input.auth_key, identifier: input.device_identifier };
        let (device_keys, user_keys, _search) = all_keys(&call, session.clone()).await?;
        let SessionTokens { jwt, refresh_token } = finish_login(&call, session, proof).await?;
        return Ok(DoneLogin::G03(Box::new(DoneLoginG03 { device_keys, jwt, refresh_token, user_keys })));
    }
    let output = challenge(&call, &judged, false).await?;
    Ok(DoneLogin::G15(DoneLoginServerReturn::Direct(Box::new(output))))
}

/// The device keys with a challenge; `second_factor`: it has been given.
pub(super) async fn challenge(call: &Call, judged: &JudgedDevice, second_factor: bool) -> KeyResult<DoneLoginOutput> {
    let session = judged.session.clone();
    let device_keys = call.app.db.read(move |c| rules::device_keys(c, &session)).await?;
    let challenge = rules::challenge(&call.app, judged, &device_keys, second_factor)?;
    Ok(DoneLoginOutput { device_keys, challenge })
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
    let judged = judge(&call, &input.auth_key, &input.device_identifier).await?;
    let of = judged.session.clone();
    let (user_keys, hmac_keys) = call.app.db.read_snapshot(move |c| keys_of_user(c, &of)).await?;
    let SessionTokens { jwt, refresh_token } = verify(&call, judged, input).await?;
    Ok(VerifyLoginOutput { user_keys, hmac_keys, jwt, refresh_token })
}

/// Uses the challenge of a judged login up and opens the session.
pub(super) async fn verify(call: &Call, judged: JudgedDevice, input: VerifyLoginInput) -> KeyResult<SessionTokens> {
    let JudgedDevice { session, second_factor, .. } = judged;
    let proof = Proof::Challenge { token: input.challenge, second_factor };
    let tokens = finish_login(call, session, proof).await?;
    secret_was_right(call, &input.device_identifier)?;
    Ok(tokens)
}

/// `PUT /refresh`
pub async fn refresh(call: Call, input: RefreshInput) -> KeyResult<RefreshOutput> {
    let session = call.session()?.clone();
    let (app, device_id) = (call.app.clone(), session.device_id.clone());
    let read = move |c: &mut Conn| rules::refreshable(&app, c, &device_id, &input.refresh_token);
    let found = call.app.db.read(read).await?;
    let session = continued(&call, session, found).await?;
    let jwt = rules::issue(&call.app, &call.tenant, &session, false)?;
    Ok(RefreshOutput { user_id: session.user_id, jwt, device_id: session.device_id })
}

/// `DELETE /refresh` (added by Keystead): ends the session of a refresh token.
pub async fn logout(call: Call, input: RefreshInput) -> KeyResult<&'static str> {
    let (app, session) = (call.app.clone(), call.session()?.clone());
    call.write(move |tx| rules::logout(&app, tx, &session, &input.refresh_token)).await?;
    news::signed_out(&call.app, &call.tenant.id, Some(&call.session()?.user_id), None);
    Ok(SUCCESS)
}

/// `POST /init`
pub async fn init(call: Call, input: RefreshInput) -> KeyResult<InitOutput> {
    let session = call.session()?.clone();
    let (app, of) = (call.app.clone(), session.clone());
    let read = move |c: &mut Conn| {
        let found = rules::refreshable(&app, c, &of.device_id, &input.refresh_token)?;
        Ok::<_, KeyError>((found, invites::invites_of(c, &of.user_id, &Page::first())?))
    };
    let (found, invites) = call.app.db.read_snapshot(read).await?;
    let session = continued(&call, session, found).await?;
    Ok(InitOutput { jwt: rules::issue(&call.app, &call.tenant, &session, false)?, invites })
}

/// `PUT /user`
pub async fn update_identifier(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let (app, app_id, session) = (call.app.clone(), call.tenant.id.clone(), call.session()?.clone());
    call.write(move |tx| rules::rename(&app, tx, &app_id, &session, &input.user_identifier)).await?;
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
pub async fn verify_key_by_id(call: Call) -> KeyResult<VerifyKeyOutput> {
    let (app_id, user_id, key_id) = (call.tenant.id.clone(), call.param(0)?.to_owned(), call.param(1)?.to_owned());
    call.app.db.read(move |c| rules::verify_key_by_id(c, &app_id, &user_id, &key_id)).await
}

/// `DELETE /user/forced/sessions`
pub async fn forced_end_sessions(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let end = move |tx: &mut Conn| {
        let (user_id, _device) = rules::find_user(tx, &app_id, &input.user_identifier)?;
        rules::end_sessions(&app, tx, &user_id)?;
        Ok((user_id.clone(), Some(user_id)))
    };
    let user_id = call.write_naming(end).await?;
    news::signed_out(&call.app, &call.tenant.id, Some(&user_id), None);
    Ok(SUCCESS)
}

/// `PUT /user/forced/delete`
pub async fn forced_delete(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let delete = move |tx: &mut Conn| {
        let (user_id, _device) = rules::find_user(tx, &app_id, &input.user_identifier)?;
        let forgotten = data::forget(&app, tx, &app_id, &user_id)?;
        rules::delete_user(tx, &app_id, &user_id)?;
        Ok((forgotten, Some(user_id)))
    };
    call.write_naming(delete).await?.tell(&call.app);
    Ok(SUCCESS)
}

/// `DELETE /user/forced/delete/:user_id`
pub async fn forced_delete_by_id(call: Call) -> KeyResult<&'static str> {
    let user_id = call.param(0)?.to_owned();
    remove_user(&call, user_id).await
}

/// `POST /user/forced/login`
pub async fn forced_login(call: Call, input: UserIdentifierInput) -> KeyResult<ForcedLoginOutput> {
    let session = device_named(&call, input.user_identifier).await?;
    let (device_keys, user_keys, hmac_keys) = all_keys(&call, session.clone()).await?;
    let SessionTokens { jwt, refresh_token } = finish_login(&call, session, Proof::Backend).await?;
    Ok(ForcedLoginOutput { device_keys, verify: VerifyLoginOutput { user_keys, hmac_keys, jwt, refresh_token } })
}

/// The device of an identifier. A login is a device's: the user id alone does not say which.
pub(super) async fn device_named(call: &Call, identifier: String) -> KeyResult<Session> {
    let app_id = call.tenant.id.clone();
    let find = move |c: &mut Conn| rules::find_user(c, &app_id, &identifier);
    let (_user_id, device) = call.app.db.read(find).await?;
    device.ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// Judges the secret of a login, within the limits. Whoever guesses is counted before he is judged.
pub(super) async fn judge(call: &Call, auth_key: &str, identifier: &str) -> KeyResult<JudgedDevice> {
    let key = rules::auth_key(auth_key)?;
    let hash = rules::identifier_hash(identifier)?;
    call.app.limits.by_identifier(&call.tenant.id, &hash)?;
    call.app.limits.may_judge_secret(&call.tenant.id, &hash)?;
    let app_id = call.tenant.id.clone();
    call.app.db.read(move |c| rules::judge_secret(c, &app_id, &hash, &key)).await
}

pub(super) fn secret_was_right(call: &Call, identifier: &str) -> KeyResult<()> {
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

/// By what a login may be finished.
pub(super) enum Proof {
    /// The answer of a challenge; `second_factor`: of one that came after it.
    Challenge { token: String, second_factor: bool },
    /// The password alone: the one answer of a login of 2022. It is judged once more, because it may have changed.
    Password { auth_key: String, identifier: String },
    /// The word of the customer's backend.
    Backend,
}

/// Opens a session, using up the challenge where there is one, and signs the JWT.
pub(super) async fn finish_login(call: &Call, session: Session, proof: Proof) -> KeyResult<SessionTokens> {
    let tokens = rules::new_tokens(&call.app);
    let (app, app_id, device_id) = (call.app.clone(), call.tenant.id.clone(), session.device_id.clone());
    let (id, hash) = (tokens.id.clone(), tokens.hash);
    let write = move |tx: &mut Conn| {
        match &proof {
            Proof::Challenge { token, second_factor } => {
                rules::take_challenge(&app, tx, &device_id, token, *second_factor)?;
            }
            Proof::Password { auth_key, identifier } => {
                let (hash, key) = (rules::identifier_hash(identifier)?, rules::auth_key(auth_key)?);
                if rules::judge_secret(tx, &app_id, &hash, &key)?.second_factor {
                    return Err(ErrorCode::LoginFailed.into());
                }
            }
            Proof::Backend => {}
        }
        rules::remember(&app, tx, &device_id, &id, &hash)
    };
    call.write_about(&session.user_id, write).await?;
    let session = Session { session_id: tokens.id, ..session };
    let jwt = rules::issue(&call.app, &call.tenant, &session, true)?;
    Ok(SessionTokens { jwt, refresh_token: tokens.refresh_token })
}

/// The session of a refresh token, its use noted.
async fn continued(call: &Call, session: Session, found: Refreshable) -> KeyResult<Session> {
    let Refreshable { session_id, to_note } = found;
    if to_note {
        let (app, id) = (call.app.clone(), session_id.clone());
        call.app.db.write(move |tx| rules::note_use(&app, tx, &id)).await?;
    }
    Ok(Session { session_id, ..session })
}

async fn user_keys(call: &Call, page: Page) -> KeyResult<Vec<GroupKey>> {
    let session = call.session()?.clone();
    let read =
        move |c: &mut Conn| group_keys::page(c, &session.user_group_id, &session.device_id, &page, Order::NewestFirst);
    call.app.db.read(read).await
}

async fn remove_user(call: &Call, user_id: String) -> KeyResult<&'static str> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let delete = move |tx: &mut Conn| {
        let forgotten = data::forget(&app, tx, &app_id, &user_id)?;
        rules::delete_user(tx, &app_id, &user_id)?;
        Ok(forgotten)
    };
    call.write(delete).await?.tell(&call.app);
    Ok(SUCCESS)
}
