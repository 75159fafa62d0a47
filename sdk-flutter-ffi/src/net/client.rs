//! The client of one server and app, and what needs no login.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::{KeysteadCallback, KeysteadClient, KeysteadPending, KeysteadSession, Reply, Runtime};
use crate::boundary::{call, handle, result_at, utf8};
use keystead::{Client, Login};

/// A client of the server at `base_url` for the app with this public token. Starts the threads of its calls. Free it
/// last: what still runs then is called back with KEYSTEAD_CANCELLED.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_new(
    base_url: *const c_char,
    app_token: *const c_char,
    out: *mut *mut KeysteadClient,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, base_url, app_token) = unsafe { (result_at(out)?, utf8(base_url)?, utf8(app_token)?) };
        out.handle(KeysteadClient { runtime: Runtime::start()?, client: Client::new(base_url, app_token)? });
        Ok(())
    })
}

/// All verify keys that were seen, as JSON, for storage on the device.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_export_pins(client: *const KeysteadClient, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, client) = unsafe { (result_at(out)?, handle(client)?) };
        out.text(client.client.export_pins())
    })
}

/// Reads what keystead_client_export_pins wrote.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_import_pins(client: *const KeysteadClient, pins: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (client, pins) = unsafe { (handle(client)?, utf8(pins)?) };
        client.client.import_pins(pins)?;
        Ok(())
    })
}

/// Asks whether an identifier is free. Calls back with the text "true" or "false".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_check_identifier(
    client: *const KeysteadClient,
    identifier: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (client, identifier) = unsafe { (handle(client)?.clone(), utf8(identifier)?.to_owned()) };
        let runtime = client.runtime.clone();
        runtime.run(callback, context, async move {
            Ok(Reply::text(client.client.check_identifier(&identifier).await?.to_string()))
        })
    })
}

/// Registers a user. Calls back with the user's id as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_register(
    client: *const KeysteadClient,
    identifier: *const c_char,
    password: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (client, identifier, password) =
            unsafe { (handle(client)?.clone(), utf8(identifier)?.to_owned(), utf8(password)?.to_owned()) };
        let runtime = client.runtime.clone();
        runtime.run(
            callback,
            context,
            async move { Ok(Reply::text(client.client.register(&identifier, &password).await?)) },
        )
    })
}

/// Logs a user in. Calls back with a KeysteadSession as handle and the text "session", or with a KeysteadPending and
/// the text "second_factor".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_login(
    client: *const KeysteadClient,
    identifier: *const c_char,
    password: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (client, identifier, password) =
            unsafe { (handle(client)?.clone(), utf8(identifier)?.to_owned(), utf8(password)?.to_owned()) };
        let runtime = client.runtime.clone();
        runtime.run(callback, context, async move {
            let runtime = client.runtime.clone();
            Ok(match client.client.begin_login(&identifier, &password).await? {
                Login::Done(user) => Reply::handle("session", KeysteadSession { runtime, user: *user }),
                Login::SecondFactor(login) => {
                    Reply::handle("second_factor", KeysteadPending { runtime, login: Arc::new(*login) })
                }
            })
        })
    })
}

/// Logs a user of the clients of 2022 in. Calls back with a KeysteadSession as handle and the text "session".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_login_g03(
    client: *const KeysteadClient,
    identifier: *const c_char,
    password: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (client, identifier, password) =
            unsafe { (handle(client)?.clone(), utf8(identifier)?.to_owned(), utf8(password)?.to_owned()) };
        let runtime = client.runtime.clone();
        runtime.run(callback, context, async move {
            let user = client.client.login_g03(&identifier, &password).await?;
            Ok(Reply::handle("session", KeysteadSession { runtime: client.runtime.clone(), user }))
        })
    })
}

/// Answers the second factor with a code. Calls back with a KeysteadSession as handle and the text "session".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pending_mfa_login(
    pending: *const KeysteadPending,
    code: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pending, code) = unsafe { (handle(pending)?.clone(), utf8(code)?.to_owned()) };
        let runtime = pending.runtime.clone();
        runtime.run(callback, context, async move {
            let user = pending.login.mfa_login(&code).await?;
            Ok(Reply::handle("session", KeysteadSession { runtime: pending.runtime.clone(), user }))
        })
    })
}

/// Answers the second factor with a recovery key. Calls back with a KeysteadSession as handle and the text "session".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pending_mfa_recovery_login(
    pending: *const KeysteadPending,
    key: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pending, key) = unsafe { (handle(pending)?.clone(), utf8(key)?.to_owned()) };
        let runtime = pending.runtime.clone();
        runtime.run(callback, context, async move {
            let user = pending.login.mfa_recovery_login(&key).await?;
            Ok(Reply::handle("session", KeysteadSession { runtime: pending.runtime.clone(), user }))
        })
    })
}

/// On the new device: registers it. Calls back with the text for the logged-in device.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_register_device_start(
    client: *const KeysteadClient,
    identifier: *const c_char,
    password: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (client, identifier, password) =
            unsafe { (handle(client)?.clone(), utf8(identifier)?.to_owned(), utf8(password)?.to_owned()) };
        let runtime = client.runtime.clone();
        runtime.run(callback, context, async move {
            Ok(Reply::text(client.client.register_device_start(&identifier, &password).await?))
        })
    })
}
