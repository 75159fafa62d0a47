//! `/api/iam/authn/*`: registration, login, profile, tokens (iam.md section 7).

use std::sync::Arc;

use keystead_protocol::Envelope;
use keystead_protocol::keys::{RegisterData, RegisterOutput};
use serde::Serialize;
use zeroize::Zeroizing;

use super::super::error::{IamError, IamResult};
use super::super::rules::accounts::{self, MAX_NAME, Registration, Update};
use super::super::rules::record::UserRecord;
use super::super::rules::renewal::{self, Manner, Renewal};
use super::super::rules::tokens::{self, Checked, Kind};
use super::super::rules::{login as login_rules, sessions};
use crate::rooms::data::users::rules as data;
use crate::web::identity::{IdentityCall, Input, Reply};

#[derive(Serialize)]
struct EmailData {
    email: String,
    /// The key API's own answer, for the client's `doneRegister`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_registration: Option<String>,
}

/// `POST /authn/register`
pub async fn register(call: IdentityCall) -> IamResult<Reply> {
    let input = call.input()?;
    let new = Registration {
        first_name: name(&input, "first_name")?,
        last_name: name(&input, "last_name")?,
        email: input.required("email")?,
        password: input.secret("password")?,
        keys: key_registration(&input)?,
    };
    let email = new.email.clone();
    let device_identifier = new.keys.as_ref().map(|keys| keys.device.device_identifier.clone());
    let made = accounts::register(&call.app, &call.app_id, new, &call.client).await?;
    let key_registration = match (made.device_id, device_identifier) {
        (Some(device_id), Some(device_identifier)) => {
            let output = RegisterOutput { user_id: made.user_id, device_id, device_identifier };
            Some(serde_json::to_string(&Envelope::new(&output)).map_err(IamError::internal)?)
        }
        _ => None,
    };
    Reply::data(&EmailData { email, key_registration })
}

/// `POST /authn/login`
pub async fn login(call: IdentityCall) -> IamResult<Reply> {
    let input = call.input()?;
    let (email, password) = (input.required("email")?, input.secret("password")?);
    let issued = login_rules::login(&call.app, &call.app_id, &email, password, &call.client).await?;
    Ok(Reply::data(&EmailData { email, key_registration: None })?.with_tokens(issued))
}

/// `GET /authn/profile`
pub async fn profile(call: IdentityCall) -> IamResult<Reply> {
    let caller = call.caller()?;
    let csrf_token = call.app.identity.secrets.csrf_token(&caller.session.id);
    Reply::data(&UserRecord::from(caller.user.clone()).with_csrf(csrf_token))
}

/// `GET /authn/isauthenticated`
pub async fn is_authenticated(_call: IdentityCall) -> IamResult<Reply> {
    Ok(Reply::plain())
}

/// `POST /authn/refresh`
pub async fn refresh(call: IdentityCall) -> IamResult<Reply> {
    let presented = call.presented();
    let refresh_token = presented.refresh_token()?;
    let access_token = presented.access_token()?;
    let (secrets, now) = (&call.app.identity.secrets, call.app.clock.now_ms());
    let access = match tokens::check(secrets, Kind::Access, access_token, now) {
        Checked::Good(claims) | Checked::Expired(claims) => claims,
        Checked::Invalid => return Err(IamError::unauthorized()),
    };
    let Checked::Good(refresh) = tokens::check(secrets, Kind::Refresh, refresh_token, now) else {
        return Err(IamError::forbidden());
    };
    if access.uuid != refresh.uuid {
        return Err(IamError::forbidden());
    }
    match renewal::renew(&call.app, &call.app_id, refresh, Manner::Asked, &call.client).await? {
        Renewal::New(_caller, issued) => Ok(Reply::plain().with_tokens(issued)),
        Renewal::Deactivated => Err(IamError::deactivated()),
        Renewal::Same(_) | Renewal::Refused => Err(IamError::forbidden()),
    }
}

/// `POST /authn/logout`
pub async fn logout(call: IdentityCall) -> IamResult<Reply> {
    let done = sessions::logout(&call.app, &call.app_id, call.presented(), &call.client).await;
    let user = done.map_err(|e| IamError { cause: e.cause, ..IamError::new(500, "Logout error.") })?;
    if let Some(user) = user {
        data::signed_out(&call.app, &call.app_id, &user).await;
    }
    Ok(Reply::plain().clearing())
}

/// `PUT /authn/update`
pub async fn update(call: IdentityCall) -> IamResult<Reply> {
    let input = call.input()?;
    let uuid = uuid_of(&input)?;
    let updatable = ["first_name", "last_name", "current_password", "new_password"];
    if !updatable.iter().any(|field| input.has(field)) {
        return Err(IamError::bad("No updatable properties supplied"));
    }
    let caller = call.caller()?;
    accounts::must_be_own(&call.app, &call.app_id, caller, &uuid, IamError::bad("User not found")).await?;
    let change = Update {
        first_name: changed_name(&input, "first_name", "must have a value")?,
        last_name: changed_name(&input, "last_name", "must have a value")?,
        password: passwords(&input)?,
    };
    let user = accounts::update(&call.app, &call.app_id, caller, change, &call.client).await?;
    Reply::data(&UserRecord::from(user))
}

/// `DELETE /authn/delete`
pub async fn delete(call: IdentityCall) -> IamResult<Reply> {
    let uuid = uuid_of(&call.input()?)?;
    let caller = Arc::clone(call.caller()?);
    accounts::must_be_own(&call.app, &call.app_id, &caller, &uuid, IamError::new(500, "User not found")).await?;
    let (app, app_id, client) = (Arc::clone(&call.app), call.app_id.clone(), call.client.clone());
    let remove = move |tx: &mut crate::db::Conn| {
        accounts::delete(&app, tx, &app_id, &caller.user, Some(&caller.user.uuid), &client)
    };
    call.app.db.write(remove).await?.tell(&call.app);
    Ok(Reply::plain().clearing())
}

/// A name at registration: there, not blank; trimmed.
fn name(input: &Input, field: &str) -> IamResult<String> {
    let text = input.required(field)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(IamError::bad(format!("'{field}' is required")));
    }
    check_name(field, text)?;
    Ok(text.to_owned())
}

/// A name in an update: not blank when it is there.
pub(super) fn changed_name(input: &Input, field: &str, demand: &str) -> IamResult<Option<String>> {
    let Some(text) = input.text(field)? else { return Ok(None) };
    if text.trim().is_empty() {
        return Err(IamError::bad(format!("{field} {demand}")));
    }
    check_name(field, &text)?;
    Ok(Some(text))
}

fn check_name(field: &str, text: &str) -> IamResult<()> {
    if text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(IamError::bad(format!(
            "'{field}' must have at most {MAX_NAME} characters, none of them a control character"
        )));
    }
    Ok(())
}

fn uuid_of(input: &Input) -> IamResult<String> {
    let uuid = input.text("uuid")?.filter(|uuid| !uuid.is_empty());
    uuid.ok_or_else(|| IamError::bad("User uuid not provided"))
}

type Secret = Zeroizing<String>;

fn passwords(input: &Input) -> IamResult<Option<(Secret, Secret)>> {
    let secret = |field| Ok::<_, IamError>(input.text(field)?.filter(|text| !text.is_empty()).map(Zeroizing::new));
    match (secret("current_password")?, secret("new_password")?) {
        (Some(current), Some(new)) => Ok(Some((current, new))),
        (None, None) if !input.has("current_password") && !input.has("new_password") => Ok(None),
        _ => Err(IamError::bad("Both current_password and new_password must be supplied")),
    }
}

/// `key_registration`: the string that `prepareRegister` of the key API's clients makes.
fn key_registration(input: &Input) -> IamResult<Option<RegisterData>> {
    let Some(text) = input.text("key_registration")? else { return Ok(None) };
    let unreadable = |_source| IamError::bad("'key_registration' is not what prepareRegister makes");
    serde_json::from_str(&text).map(Some).map_err(unreadable)
}
