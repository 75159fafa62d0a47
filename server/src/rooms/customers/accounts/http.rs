//! Routes of customers' accounts that the key API does not have.

use keystead_protocol::ErrorCode;
use keystead_protocol::customers::{
    CustomerData, CustomerDonePasswordReset, CustomerEmailToken, CustomerRegisterData, CustomerRegisterOutput,
    CustomerResetPasswordInput, CustomerTokens, CustomerUpdateInput, CustomerVerifyLoginOutput,
};
use keystead_protocol::devices::VerifyLoginLightOutput;
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::keys::VerifyLoginInput;

use super::rules::{self, Letter};
use crate::error::{KeyError, KeyResult};
use crate::mail::{Mail, MailError};
use crate::rooms::customers::captcha::http as captcha;
use crate::rooms::customers::mail;
use crate::rooms::keys::http::light;
use crate::rooms::keys::rules as users;
use crate::web::call::Call;

/// `POST /customer/register`
///
/// # Errors
/// 11, 50, 64, 65, 101, 601 to 603.
pub async fn register(call: Call, input: CustomerRegisterData) -> KeyResult<CustomerRegisterOutput> {
    if !call.app.config.customers.register {
        return Err(ErrorCode::CustomerRegistrationDisabled.into());
    }
    let CustomerRegisterData { customer_data, email, mut register_data, captcha_input } = input;
    // The address is the identifier, whatever the client wrote there.
    register_data.device_identifier = email.trim().to_lowercase();
    let registration = users::validate_light(register_data)?;
    captcha::check(&call, captcha_input).await?;
    let (app, home) = (call.app.clone(), call.tenant.id.clone());
    let work = move |tx: &mut crate::db::Conn| rules::register(&app, tx, &home, &email, &customer_data, &registration);
    let (customer_id, letter) = call.write(work).await?;
    send(&call, &letter, mail::confirm_address)?;
    Ok(CustomerRegisterOutput { customer_id })
}

/// `POST /customer/verify_login`
///
/// # Errors
/// 112, 62.
pub async fn verify_login(call: Call, input: VerifyLoginInput) -> KeyResult<CustomerVerifyLoginOutput> {
    let (app, tenant) = (call.app.clone(), call.tenant.clone());
    let VerifyLoginLightOutput { jwt, refresh_token } = light::verify_login(call, input).await?;
    // The identifier may be one of a further device: who it was, the token says.
    let id = tenant.jwt.verify(&jwt)?.aud;
    let email_data = app.db.read(move |c| rules::account(c, &id)).await?;
    Ok(CustomerVerifyLoginOutput { verify: CustomerTokens { jwt, refresh_token }, email_data })
}

/// `POST /customer/register_validation`
///
/// # Errors
/// 63.
pub async fn confirm(call: Call, input: CustomerEmailToken) -> KeyResult<&'static str> {
    let (app, id) = (call.app.clone(), call.session()?.user_id.clone());
    call.write(move |tx| rules::confirm(&app, tx, &id, &input.token)).await?;
    Ok(SUCCESS)
}

/// `PATCH /customer/email_resend`
///
/// # Errors
/// 50, 62, 429.
pub async fn confirm_again(call: Call) -> KeyResult<&'static str> {
    let (app, id) = (call.app.clone(), call.session()?.user_id.clone());
    if let Some(letter) = call.write(move |tx| rules::confirm_again(&app, tx, &id)).await? {
        send(&call, &letter, mail::confirm_address)?;
    }
    Ok(SUCCESS)
}

/// `PUT /customer`
///
/// # Errors
/// 50, 62, 64, 101.
pub async fn change_email(call: Call, input: CustomerUpdateInput) -> KeyResult<&'static str> {
    let (app, home, session) = (call.app.clone(), call.tenant.id.clone(), call.session()?.clone());
    let work = move |tx: &mut crate::db::Conn| rules::change_email(&app, tx, &home, &session, &input.new_email);
    let letter = call.write(work).await?;
    send(&call, &letter, mail::confirm_address)?;
    Ok(SUCCESS)
}

/// `PUT /customer/data`
///
/// # Errors
/// 11, 62.
pub async fn change_data(call: Call, input: CustomerData) -> KeyResult<&'static str> {
    let id = call.session()?.user_id.clone();
    call.write(move |tx| rules::change_data(tx, &id, &input)).await?;
    Ok(SUCCESS)
}

/// `PUT /customer/password_reset`: the same answer for every address.
///
/// # Errors
/// 601 to 603.
pub async fn begin_reset(call: Call, input: CustomerResetPasswordInput) -> KeyResult<&'static str> {
    captcha::check(&call, input.captcha_input).await?;
    let app = call.app.clone();
    let letter = call.write(move |tx| rules::begin_reset(&app, tx, &input.email)).await?;
    if let Some(letter) = letter
        && let Err(e) = send(&call, &letter, mail::reset_password)
    {
        // An error only for those who have an account would tell who has one.
        tracing::error!(cause = ?e.cause, "a mail could not be handed over");
    }
    Ok(SUCCESS)
}

/// `PUT /customer/password_reset_validation`
///
/// # Errors
/// 11, 63.
pub async fn reset(call: Call, input: CustomerDonePasswordReset) -> KeyResult<&'static str> {
    let device = users::validate_device(input.reset_password_data)?;
    let (app, home, token) = (call.app.clone(), call.tenant.id.clone(), input.token);
    call.write(move |tx| rules::reset(&app, tx, &home, &token, &device)).await?;
    Ok(SUCCESS)
}

/// `DELETE /customer`
///
/// # Errors
/// 203.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let (home, id) = (call.tenant.id.clone(), call.session()?.user_id.clone());
    call.write(move |tx| rules::delete(tx, &home, &id)).await?;
    Ok(SUCCESS)
}

fn send(call: &Call, letter: &Letter, write: fn(&str, &str, &str) -> Mail) -> KeyResult<()> {
    let mail = write(&letter.email, &letter.token, &call.app.config.customers.dashboard_url);
    call.app.mailer.send(&mail).map_err(|e| match e {
        MailError::Address | MailError::Message => KeyError::caused(ErrorCode::EmailMessage, e),
        MailError::Outbox(_) | MailError::Busy => KeyError::caused(ErrorCode::EmailSend, e),
    })
}
