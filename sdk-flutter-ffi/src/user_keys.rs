//! What a logged-in user holds, and rotation of his keys.

use std::sync::Arc;

use std::ffi::c_char;

use crate::boundary::{call, handle, handle_mut, json, parse, result_at, rng, utf8};
use crate::handles::{KeysteadLightUser, KeysteadUser};
use keystead_sdk_core::{Policy, user};

/// The user's id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_id(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.user_id().to_owned())
    })
}

/// Id of the group of the user's devices.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_group_id(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.user_group_id().to_owned())
    })
}

/// Id of this device.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_device_id(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.device().device_id().to_owned())
    })
}

/// The JWT of the login, or the one put in place since.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_jwt(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.jwt().to_owned())
    })
}

/// The refresh token of the login.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_refresh_token(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.refresh_token().to_owned())
    })
}

/// Puts a refreshed JWT in place.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_set_jwt(user: *mut KeysteadUser, jwt: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (user, jwt) = unsafe { (handle_mut(user)?, utf8(jwt)?) };
        Arc::make_mut(&mut user.0).set_jwt(jwt.to_owned());
        Ok(())
    })
}

/// Id of the newest user key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_newest_key_id(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.newest_key()?.id().to_owned())
    })
}

/// The newest verify key as others get it: JSON, for keystead_create_safety_number and the `verify_key` of the calls
/// that decrypt.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_verify_key(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(json(&user.newest_key()?.exported_verify_key()))
    })
}

/// Reads a page of `GET /user/user_keys/keys/…` into the user.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_add_keys(user: *mut KeysteadUser, answer: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (user, answer) = unsafe { (handle_mut(user)?, utf8(answer)?) };
        let page = user::done_fetch_user_keys(answer, user.0.device())?;
        Arc::make_mut(&mut user.0).add_keys(page)?;
        Ok(())
    })
}

/// The user with all keys as text, for the platform's store of secrets: with it he stays logged in over the end of the
/// program.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_save_user(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user::save_user(user).to_string())
    })
}

/// Reads what keystead_save_user wrote.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_restore_user(text: *const c_char, out: *mut *mut KeysteadUser) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, text) = unsafe { (result_at(out)?, utf8(text)?) };
        out.handle(KeysteadUser(Arc::new(user::restore_user(text, Policy::default())?)));
        Ok(())
    })
}

/// The light user's id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_light_user_id(user: *const KeysteadLightUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.0.user_id().to_owned())
    })
}

/// The JWT of the login.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_light_user_jwt(user: *const KeysteadLightUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.0.jwt().to_owned())
    })
}

/// The refresh token of the login.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_light_user_refresh_token(
    user: *const KeysteadLightUser,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user.0.refresh_token().to_owned())
    })
}

/// Body of `POST /user/user_keys/rotation`. The answer goes to keystead_done_key_rotation_start.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_user_key_rotation(user: *const KeysteadUser, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(user::prepare_user_key_rotation(&mut *rng(), user)?)
    })
}

/// Body of `PUT /user/user_keys/rotation/:id` for one item of keystead_key_rotations.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_user_key_rotation(
    user: *const KeysteadUser,
    item: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user, item) = unsafe { (result_at(out)?, handle(user)?, utf8(item)?) };
        out.text(user::done_user_key_rotation(&mut *rng(), &parse(item)?, user)?)
    })
}

/// The unverified claims of a JWT: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_jwt_claims(jwt: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, jwt) = unsafe { (result_at(out)?, utf8(jwt)?) };
        out.text(json(&keystead_sdk_core::jwt::claims(jwt)?))
    })
}

/// True when the JWT ends within 30 seconds of `now`, in seconds since 1970.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_jwt_needs_refresh(jwt: *const c_char, now: i64, out: *mut bool) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, jwt) = unsafe { (result_at(out)?, utf8(jwt)?) };
        out.put(keystead_sdk_core::jwt::needs_refresh(jwt, now)?);
        Ok(())
    })
}
