//! Login of both client generations, and the second factor.

use std::sync::Arc;

use std::ffi::c_char;

use crate::boundary::{call, handle, handle_mut, result_at, rng, utf8, utf8_or_null};
use crate::handles::{
    KEYSTEAD_LOGIN_CHALLENGE, KEYSTEAD_LOGIN_DONE, KEYSTEAD_LOGIN_SECOND_FACTOR, KeysteadChallenges, KeysteadLightUser,
    KeysteadLogin, KeysteadLoginStart, KeysteadUser,
};
use keystead_sdk_core::user::{self, LoginStep};

/// Body of `POST /prepare_login`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_login_start(identifier: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, identifier) = unsafe { (result_at(out)?, utf8(identifier)?) };
        out.text(user::prepare_login_start(identifier))
    })
}

/// Reads the salt of the login; body of `POST /done_login`, and the begun login. Takes one Argon2id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_login(
    identifier: *const c_char,
    password: *const c_char,
    answer: *const c_char,
    out: *mut *mut c_char,
    start: *mut *mut KeysteadLoginStart,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, start, identifier, password, answer) =
            unsafe { (result_at(out)?, result_at(start)?, utf8(identifier)?, utf8(password)?, utf8(answer)?) };
        let (body, begun) = user::prepare_login(identifier, password, answer)?;
        out.text(body)?;
        start.handle(KeysteadLoginStart(begun));
        Ok(())
    })
}

/// As keystead_prepare_login, for accounts of the clients of 2022.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_login_g03(
    identifier: *const c_char,
    password: *const c_char,
    answer: *const c_char,
    out: *mut *mut c_char,
    start: *mut *mut KeysteadLoginStart,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, start, identifier, password, answer) =
            unsafe { (result_at(out)?, result_at(start)?, utf8(identifier)?, utf8(password)?, utf8(answer)?) };
        let (body, begun) = user::prepare_login_g03(identifier, password, answer)?;
        out.text(body)?;
        start.handle(KeysteadLoginStart(begun));
        Ok(())
    })
}

/// Reads the answer of `POST /done_login`. `step`: 0, the challenge waits (`login` is set); 1, the second factor is
/// wanted; 2, an account of 2022 is logged in (`user` is set).
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_login(
    start: *const KeysteadLoginStart,
    answer: *const c_char,
    step: *mut i32,
    login: *mut *mut KeysteadLogin,
    user: *mut *mut KeysteadUser,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (step, login, user, start, answer) =
            unsafe { (result_at(step)?, result_at(login)?, result_at(user)?, handle(start)?, utf8(answer)?) };
        match user::done_login(&start.0, answer)? {
            LoginStep::Direct(direct) => {
                step.put(KEYSTEAD_LOGIN_CHALLENGE);
                login.handle(KeysteadLogin(Some(*direct)));
            }
            LoginStep::Otp => step.put(KEYSTEAD_LOGIN_SECOND_FACTOR),
            LoginStep::Done(data) => {
                step.put(KEYSTEAD_LOGIN_DONE);
                user.handle(KeysteadUser(Arc::new(*data)));
            }
        }
        Ok(())
    })
}

/// Body of `POST /validate_mfa` (a code) and of `POST /validate_recovery_otp` (a recovery key).
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_validate_mfa(
    start: *const KeysteadLoginStart,
    token: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, start, token) = unsafe { (result_at(out)?, handle(start)?, utf8(token)?) };
        out.text(user::prepare_validate_mfa(&start.0, token))
    })
}

/// Reads the answer to the second factor.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_validate_mfa(
    start: *const KeysteadLoginStart,
    answer: *const c_char,
    out: *mut *mut KeysteadLogin,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, start, answer) = unsafe { (result_at(out)?, handle(start)?, utf8(answer)?) };
        out.handle(KeysteadLogin(Some(user::done_validate_mfa(&start.0, answer)?)));
        Ok(())
    })
}

/// Body of `POST /verify_login` (and `/verify_login_light`): the opened challenge.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_verify_login(
    start: *const KeysteadLoginStart,
    login: *const KeysteadLogin,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, start, login) = unsafe { (result_at(out)?, handle(start)?, handle(login)?) };
        out.text(user::prepare_verify_login(&start.0, login.get()?))
    })
}

/// Reads the last answer: the user with his keys. Uses `login` up, which is freed as before.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_verify_login(
    login: *mut KeysteadLogin,
    answer: *const c_char,
    out: *mut *mut KeysteadUser,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, login, answer) = unsafe { (result_at(out)?, handle_mut(login)?, utf8(answer)?) };
        out.handle(KeysteadUser(Arc::new(user::done_verify_login(login.take()?, answer)?)));
        Ok(())
    })
}

/// Reads the last answer of a light user's login. Uses `login` up, which is freed as before.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_verify_login_light(
    login: *mut KeysteadLogin,
    answer: *const c_char,
    out: *mut *mut KeysteadLightUser,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, login, answer) = unsafe { (result_at(out)?, handle_mut(login)?, utf8(answer)?) };
        out.handle(KeysteadLightUser(user::done_verify_login_light(login.take()?, answer)?));
        Ok(())
    })
}

/// Body of `PUT /user/update_pw`: `start` and `login` are those of a login with the old password. `refresh_token` may
/// be null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_change_password(
    start: *const KeysteadLoginStart,
    login: *const KeysteadLogin,
    new_password: *const c_char,
    refresh_token: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, start, login, new_password, refresh_token) = unsafe {
            (result_at(out)?, handle(start)?, handle(login)?, utf8(new_password)?, utf8_or_null(refresh_token)?)
        };
        out.text(user::prepare_change_password(&mut *rng(), &start.0, login.get()?, new_password, refresh_token)?)
    })
}

/// A memory of the challenges that were answered, so that none is answered twice.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_challenges_new(out: *mut *mut KeysteadChallenges) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let out = unsafe { result_at(out)? };
        out.handle(KeysteadChallenges(user::Challenges::new()));
        Ok(())
    })
}

/// Remembers the challenge of `login`, right before keystead_prepare_verify_login. Error 117 the second time.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_challenges_answer(
    challenges: *mut KeysteadChallenges,
    login: *const KeysteadLogin,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (challenges, login) = unsafe { (handle_mut(challenges)?, handle(login)?) };
        challenges.0.answer(login.get()?)?;
        Ok(())
    })
}
