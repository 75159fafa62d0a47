//! Accounts and devices: what is sent, and how the answer is read.

use std::ffi::c_char;

use crate::boundary::{call, handle, json, result_at, rng, utf8, utf8_or_null};
use crate::handles::{KeysteadLightUser, KeysteadUser};
use keystead_sdk_core::{Suite, user};

/// Body of `POST /register` with the hybrid suite. The answer goes to keystead_done_register.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register(
    identifier: *const c_char,
    password: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, identifier, password) = unsafe { (result_at(out)?, utf8(identifier)?, utf8(password)?) };
        out.text(user::prepare_register(&mut *rng(), identifier, password)?)
    })
}

/// As keystead_prepare_register, with the algorithms `asym` and `sign`, such as "ECIES-ed25519" and "ED25519".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_with(
    asym: *const c_char,
    sign: *const c_char,
    identifier: *const c_char,
    password: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, asym, sign, identifier, password) =
            unsafe { (result_at(out)?, utf8(asym)?, utf8(sign)?, utf8(identifier)?, utf8(password)?) };
        out.text(user::prepare_register_with(&mut *rng(), Suite::of(asym, sign)?, identifier, password)?)
    })
}

/// Body of `POST /register_light`: a user without keys of a user group. The answer goes to keystead_done_register.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_light(
    identifier: *const c_char,
    password: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, identifier, password) = unsafe { (result_at(out)?, utf8(identifier)?, utf8(password)?) };
        out.text(user::prepare_register_light(&mut *rng(), Suite::HYBRID, identifier, password)?)
    })
}

/// Reads the answer to a registration: the new user's id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_register(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(user::done_register(answer)?)
    })
}

/// Random credentials for a device that no person types in.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_generate_user_register_data(
    identifier: *mut *mut c_char,
    password: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (identifier, password) = unsafe { (result_at(identifier)?, result_at(password)?) };
        let (name, secret) = user::generate_user_register_data(&mut *rng());
        identifier.text(name)?;
        password.text(secret)
    })
}

/// Body of `POST /exists`. The answer goes to keystead_done_check_identifier.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_check_identifier(identifier: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, identifier) = unsafe { (result_at(out)?, utf8(identifier)?) };
        out.text(user::prepare_check_identifier(identifier))
    })
}

/// Reads the answer: true when the identifier is free.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_check_identifier(answer: *const c_char, out: *mut bool) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.put(user::done_check_identifier(answer)?);
        Ok(())
    })
}

/// Body of `PUT /user`. The answer goes to keystead_done_success.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_user_identifier_update(
    identifier: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, identifier) = unsafe { (result_at(out)?, utf8(identifier)?) };
        out.text(user::prepare_user_identifier_update(identifier))
    })
}

/// Body of `PUT /refresh`, sent with the old JWT. The answer goes to keystead_done_refresh.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_refresh(refresh_token: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, refresh_token) = unsafe { (result_at(out)?, utf8(refresh_token)?) };
        out.text(user::prepare_refresh(refresh_token))
    })
}

/// Reads the answer to a refresh: JSON with the field `jwt`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_refresh(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_refresh(answer)?))
    })
}

/// Body of `POST /init`, sent with the old JWT. The answer goes to keystead_done_init.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_init(refresh_token: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, refresh_token) = unsafe { (result_at(out)?, utf8(refresh_token)?) };
        out.text(user::prepare_init(refresh_token))
    })
}

/// Reads the answer: JSON with `jwt` and `invites`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_init(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_init(answer)?))
    })
}

/// Reads an answer that says nothing but that it worked.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_success(answer: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let answer = unsafe { utf8(answer)? };
        user::done_success(answer)?;
        Ok(())
    })
}

/// On the new device: body of `POST /user/prepare_register_device`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_device_start(
    identifier: *const c_char,
    password: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, identifier, password) = unsafe { (result_at(out)?, utf8(identifier)?, utf8(password)?) };
        out.text(user::prepare_register_device_start(&mut *rng(), Suite::HYBRID, identifier, password)?)
    })
}

/// On the new device: reads the answer as JSON. The answer itself is what the logged-in device needs.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_register_device_start(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_register_device_start(answer)?))
    })
}

/// On the logged-in device: body of `PUT /user/done_register_device` for the text of the new one. `further`: JSON list
/// of bodies for the session that the answer names, mostly empty.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_device(
    user: *const KeysteadUser,
    answer: *const c_char,
    out: *mut *mut c_char,
    further: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, further, user, answer) =
            unsafe { (result_at(out)?, result_at(further)?, handle(user)?, utf8(answer)?) };
        let pages = user::prepare_register_device(&mut *rng(), answer, user)?;
        out.text(pages.first)?;
        further.text(json(&pages.further))
    })
}

/// On the logged-in device of a light user: body of `PUT /user/done_register_device_light`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_device_light(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(user::prepare_register_device_light(answer)?)
    })
}

/// Reads a page of `GET /user/device/…`: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_device_list(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_device_list(answer)?))
    })
}

/// Reads a page of the list of sessions: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_session_list(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_session_list(answer)?))
    })
}

/// Reads the answer to the registration of a second factor: JSON with `secret`, `alg`, `recover`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_register_otp(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_register_otp(answer)?))
    })
}

/// The `otpauth://` address of an answer to the registration of a second factor, for a QR code.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_otp_url(
    answer: *const c_char,
    issuer: *const c_char,
    audience: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer, issuer, audience) =
            unsafe { (result_at(out)?, utf8(answer)?, utf8(issuer)?, utf8(audience)?) };
        out.text(user::otp_url(&user::done_register_otp(answer)?, issuer, audience))
    })
}

/// Body that confirms a second factor with a code. The answer goes to keystead_done_success.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_confirm_otp(code: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, code) = unsafe { (result_at(out)?, utf8(code)?) };
        out.text(user::prepare_confirm_otp(code))
    })
}

/// Reads the list of recovery keys: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_otp_recovery_keys(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_otp_recovery_keys(answer)?))
    })
}

/// Body of `PUT /user/reset_pw`, for a user who is logged in. `refresh_token` may be null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_reset_password(
    user: *const KeysteadUser,
    new_password: *const c_char,
    refresh_token: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user, new_password, refresh_token) =
            unsafe { (result_at(out)?, handle(user)?, utf8(new_password)?, utf8_or_null(refresh_token)?) };
        out.text(user::prepare_reset_password(&mut *rng(), new_password, user.device(), refresh_token)?)
    })
}

/// As keystead_prepare_reset_password, for a light user.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_reset_password_light(
    user: *const KeysteadLightUser,
    new_password: *const c_char,
    refresh_token: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user, new_password, refresh_token) =
            unsafe { (result_at(out)?, handle(user)?, utf8(new_password)?, utf8_or_null(refresh_token)?) };
        out.text(user::prepare_reset_password(&mut *rng(), new_password, user.0.device(), refresh_token)?)
    })
}
