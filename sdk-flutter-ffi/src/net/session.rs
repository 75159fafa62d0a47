//! A logged-in user: account, groups, content for single users.

use std::ffi::{c_char, c_void};

use super::{KeysteadCallback, KeysteadNetGroup, KeysteadSession, Reply};
use crate::boundary::{call, handle, json, result_at, utf8, utf8_or_null};
use crate::handles::KeysteadUser;
use keystead::SecondFactor;

/// The user's keys, for the calls that take a KeysteadUser. They are those of this moment.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_user(session: *const KeysteadSession, out: *mut *mut KeysteadUser) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, session) = unsafe { (result_at(out)?, handle(session)?) };
        out.handle(KeysteadUser(session.user.data()));
        Ok(())
    })
}

/// The JWT.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_jwt(session: *const KeysteadSession, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, session) = unsafe { (result_at(out)?, handle(session)?) };
        out.text(session.user.jwt())
    })
}

/// Puts a JWT in place that the application refreshed itself.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_set_jwt(session: *const KeysteadSession, jwt: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, jwt) = unsafe { (handle(session)?, utf8(jwt)?) };
        session.user.set_jwt(jwt.to_owned());
        Ok(())
    })
}

/// The refresh token of the login.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_refresh_token(session: *const KeysteadSession, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, session) = unsafe { (result_at(out)?, handle(session)?) };
        out.text(session.user.refresh_token().to_owned())
    })
}

/// Refreshes the JWT at the server. Calls back with the new JWT as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_refresh_jwt(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.refresh_jwt().await?;
            Ok(Reply::text(session.user.jwt()))
        })
    })
}

/// Asks for waiting invites and refreshes the JWT. Calls back with a JSON list as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_init(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(json(&session.user.init().await?))) })
    })
}

/// Ends the session at the server. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_logout(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.logout().await?;
            Ok(Reply::none())
        })
    })
}

/// Logs in again, for calls that want a fresh JWT. `code`: of the second factor, or null. Calls back with the fresh JWT
/// as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_fresh_jwt(
    session: *const KeysteadSession,
    password: *const c_char,
    code: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, password, code) =
            unsafe { (handle(session)?.clone(), utf8(password)?.to_owned(), utf8_or_null(code)?.map(str::to_owned)) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            Ok(Reply::text(session.user.fresh_jwt(&password, code.as_deref().map(SecondFactor::Code)).await?))
        })
    })
}

/// Changes the password. `code`: of the second factor, or null. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_change_password(
    session: *const KeysteadSession,
    old_password: *const c_char,
    new_password: *const c_char,
    code: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, old_password, new_password, code) = unsafe {
            (
                handle(session)?.clone(),
                utf8(old_password)?.to_owned(),
                utf8(new_password)?.to_owned(),
                utf8_or_null(code)?.map(str::to_owned),
            )
        };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.change_password(&old_password, &new_password, code.as_deref().map(SecondFactor::Code)).await?;
            Ok(Reply::none())
        })
    })
}

/// Gives a new password to the logged-in user. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_reset_password(
    session: *const KeysteadSession,
    new_password: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, new_password) = unsafe { (handle(session)?.clone(), utf8(new_password)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.reset_password(&new_password).await?;
            Ok(Reply::none())
        })
    })
}

/// Deletes the account. `code`: of the second factor, or null. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_delete_user(
    session: *const KeysteadSession,
    password: *const c_char,
    code: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, password, code) =
            unsafe { (handle(session)?.clone(), utf8(password)?.to_owned(), utf8_or_null(code)?.map(str::to_owned)) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.delete_user(&password, code.as_deref().map(SecondFactor::Code)).await?;
            Ok(Reply::none())
        })
    })
}

/// Lets a new device in, with the text it got. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_register_device(
    session: *const KeysteadSession,
    answer: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, answer) = unsafe { (handle(session)?.clone(), utf8(answer)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.register_device(&answer).await?;
            Ok(Reply::none())
        })
    })
}

/// The first page of the user's devices. Calls back with a JSON list as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_get_devices(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(json(&session.user.get_devices(None).await?))) })
    })
}

/// Turns a second factor on. Calls back with JSON with `url` and `recover` as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_register_otp(
    session: *const KeysteadSession,
    password: *const c_char,
    issuer: *const c_char,
    audience: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, password, issuer, audience) = unsafe {
            (handle(session)?.clone(), utf8(password)?.to_owned(), utf8(issuer)?.to_owned(), utf8(audience)?.to_owned())
        };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            let otp = session.user.register_otp(&password, &issuer, &audience).await?;
            Ok(Reply::text(json(&OtpShown { url: otp.url, recover: otp.recover })))
        })
    })
}

/// Makes a group. Calls back with its id as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_create_group(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(session.user.create_group().await?)) })
    })
}

/// Opens a group. Calls back with a KeysteadNetGroup as handle.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_get_group(
    session: *const KeysteadSession,
    group_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, group_id) = unsafe { (handle(session)?.clone(), utf8(group_id)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            let group = session.user.get_group(&group_id).await?;
            Ok(Reply::handle("group", KeysteadNetGroup { runtime: session.runtime.clone(), group }))
        })
    })
}

/// The first page of the user's groups. Calls back with a JSON list as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_get_groups(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(json(&session.user.get_groups(None).await?))) })
    })
}

/// The first page of waiting invites. Calls back with a JSON list as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_get_group_invites(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(
            callback,
            context,
            async move { Ok(Reply::text(json(&session.user.get_group_invites(None).await?))) },
        )
    })
}

/// Accepts an invite. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_accept_group_invite(
    session: *const KeysteadSession,
    group_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, group_id) = unsafe { (handle(session)?.clone(), utf8(group_id)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.accept_group_invite(&group_id).await?;
            Ok(Reply::none())
        })
    })
}

/// Rejects an invite. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_reject_group_invite(
    session: *const KeysteadSession,
    group_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, group_id) = unsafe { (handle(session)?.clone(), utf8(group_id)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.reject_group_invite(&group_id).await?;
            Ok(Reply::none())
        })
    })
}

/// Asks to join a group. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_group_join_request(
    session: *const KeysteadSession,
    group_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, group_id) = unsafe { (handle(session)?.clone(), utf8(group_id)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            session.user.group_join_request(&group_id).await?;
            Ok(Reply::none())
        })
    })
}

/// Encrypts a text for another user, whose key is checked. Calls back with the base64 as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_encrypt_string_for(
    session: *const KeysteadSession,
    user_id: *const c_char,
    plain: *const c_char,
    sign: bool,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, user_id, plain) =
            unsafe { (handle(session)?.clone(), utf8(user_id)?.to_owned(), utf8(plain)?.to_owned()) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            Ok(Reply::text(session.user.encrypt_string_for(&user_id, &plain, sign).await?))
        })
    })
}

/// Opens a text that was encrypted for this user. `from`: demands that user's signature, or null. Calls back with the
/// text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_decrypt_string_for_me(
    session: *const KeysteadSession,
    content: *const c_char,
    from: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (session, content, from) =
            unsafe { (handle(session)?.clone(), utf8(content)?.to_owned(), utf8_or_null(from)?.map(str::to_owned)) };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move {
            Ok(Reply::text(session.user.decrypt_string_for_me(&content, from.as_deref()).await?))
        })
    })
}

/// Gives the user new keys. Calls back with the new key's id as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_key_rotation(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(session.user.key_rotation().await?)) })
    })
}

/// Takes waiting keys of the user. Calls back with their number as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_finish_key_rotation(
    session: *const KeysteadSession,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let session = unsafe { handle(session)?.clone() };
        let runtime = session.runtime.clone();
        runtime.run(
            callback,
            context,
            async move { Ok(Reply::text(session.user.finish_key_rotation().await?.to_string())) },
        )
    })
}

/// What the application shows of a new second factor.
#[derive(serde::Serialize)]
struct OtpShown {
    url: String,
    recover: Vec<String>,
}
