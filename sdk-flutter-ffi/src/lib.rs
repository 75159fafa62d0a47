//! The flows of `keystead-sdk-core` behind a C ABI, for `dart:ffi` and anything else that calls C. No logic here.
//!
//! Every function takes NUL-terminated UTF-8 strings and gives a number: 0 for success, else [`keystead_last_error`] has
//! the details. Results are written to `out` as new strings, which the caller gives back with [`keystead_string_free`].
//! A panic in the library becomes the number -1, and nothing unwinds into the caller.
#![expect(unsafe_code, reason = "pointers of C; every block says what the caller promises")]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use keystead_sdk_core::{SdkError, rng, user};

/// Success.
pub const KEYSTEAD_OK: i32 = 0;
/// The library panicked; this is a bug in it.
pub const KEYSTEAD_PANIC: i32 = -1;
/// An argument is null or no UTF-8.
pub const KEYSTEAD_ARGUMENT: i32 = -2;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Writes the body of `POST /register` to `out`. Returns 0, or the number of the error.
///
/// # Safety
/// `identifier` and `password` are NUL-terminated strings or null; `out` points to a writable pointer or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register(
    identifier: *const c_char,
    password: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    // SAFETY: the caller promises the same for both strings and `out`.
    unsafe { call(out, || Ok(user::prepare_register(&mut rng::os(), text(identifier)?, text(password)?)?)) }
}

/// Reads the answer of `POST /register` and writes the new user id to `out`. Returns 0, or the number of the error; for
/// a refusal of the server that is its own code.
///
/// # Safety
/// As [`keystead_prepare_register`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_register(server_output: *const c_char, out: *mut *mut c_char) -> i32 {
    // SAFETY: the caller promises the same for the string and `out`.
    unsafe { call(out, || Ok(user::done_register(text(server_output)?)?)) }
}

/// Writes the body of `POST /prepare_login` to `out`. Returns 0, or the number of the error.
///
/// # Safety
/// As [`keystead_prepare_register`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_login_start(identifier: *const c_char, out: *mut *mut c_char) -> i32 {
    // SAFETY: the caller promises the same for the string and `out`.
    unsafe { call(out, || Ok(user::prepare_login_start(text(identifier)?))) }
}

/// The last error of this thread as JSON `{"status":s,"error_message":s}`; empty when there was none. Valid until the
/// next call on this thread; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn keystead_last_error() -> *const c_char {
    LAST_ERROR.with_borrow(|e| e.as_ptr())
}

/// Gives back a string that this library wrote to an `out`. Null is allowed.
///
/// # Safety
/// `string` is null or came from this library and was not given back before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_string_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: it came from `CString::into_raw` in `call` and the caller gives it back once.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// What stops a call: an argument or the flow itself.
enum Failure {
    Argument,
    Sdk(SdkError),
}

impl From<SdkError> for Failure {
    fn from(e: SdkError) -> Self {
        Self::Sdk(e)
    }
}

/// Runs a flow, hands its text out and keeps its error.
///
/// # Safety
/// `out` points to a writable pointer or is null.
unsafe fn call(out: *mut *mut c_char, flow: impl FnOnce() -> Result<String, Failure>) -> i32 {
    if out.is_null() {
        return keep("client_argument", "out is null", KEYSTEAD_ARGUMENT);
    }
    // SAFETY: not null, and the caller promises that it is writable.
    unsafe { out.write(ptr::null_mut()) };
    // The flow owns what it changes, so nothing half-changed is seen after a panic.
    let result = catch_unwind(AssertUnwindSafe(flow));
    let text = match result {
        Ok(Ok(text)) => text,
        Ok(Err(Failure::Argument)) => {
            return keep("client_argument", "an argument is null or no UTF-8", KEYSTEAD_ARGUMENT);
        }
        Ok(Err(Failure::Sdk(e))) => {
            return keep_json(e.to_json(), i32::try_from(e.code()).unwrap_or(i32::MAX));
        }
        Err(_panic) => return keep("client_panic", "internal error", KEYSTEAD_PANIC),
    };
    let Ok(text) = CString::new(text) else {
        return keep("client_argument", "the result has a NUL in it", KEYSTEAD_ARGUMENT);
    };
    LAST_ERROR.set(CString::default());
    // SAFETY: as above.
    unsafe { out.write(text.into_raw()) };
    KEYSTEAD_OK
}

/// Keeps an error of this shell; both texts are plain ASCII without quotes.
fn keep(status: &str, message: &str, number: i32) -> i32 {
    keep_json(format!(r#"{{"status":"{status}","error_message":"{message}"}}"#), number)
}

fn keep_json(json: String, number: i32) -> i32 {
    // JSON writes a NUL as an escape, so the text has none.
    LAST_ERROR.set(CString::new(json).unwrap_or_default());
    number
}

/// # Safety
/// `string` is null or NUL-terminated and lives as long as the call.
unsafe fn text<'a>(string: *const c_char) -> Result<&'a str, Failure> {
    if string.is_null() {
        return Err(Failure::Argument);
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { CStr::from_ptr(string) }.to_str().or(Err(Failure::Argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(call: impl FnOnce(*mut *mut c_char) -> i32) -> (i32, Option<String>) {
        let mut out = ptr::null_mut();
        let number = call(&raw mut out);
        // SAFETY: `out` is null or a string of the library.
        let text = (!out.is_null()).then(|| unsafe { CStr::from_ptr(out) }.to_str().expect("UTF-8").to_owned());
        // SAFETY: given back once.
        unsafe { keystead_string_free(out) };
        (number, text)
    }

    fn last_error() -> String {
        // SAFETY: valid until the next call on this thread.
        unsafe { CStr::from_ptr(keystead_last_error()) }.to_str().expect("UTF-8").to_owned()
    }

    #[test]
    fn results_errors_and_null() {
        // SAFETY: literals with NUL, and the `out` of `run`.
        let (number, text) = run(|out| unsafe { keystead_prepare_register(c"id".as_ptr(), c"pw".as_ptr(), out) });
        assert_eq!((number, last_error().as_str()), (KEYSTEAD_OK, ""));
        assert!(text.expect("a result").starts_with(r#"{"device":"#));

        let refused = c"{\"status\":false,\"err_code\":101,\"err_msg\":\"taken \\\"x\\\"\"}";
        // SAFETY: as above.
        assert_eq!(run(|out| unsafe { keystead_done_register(refused.as_ptr(), out) }), (101, None));
        assert_eq!(last_error(), r#"{"status":"server_101","error_message":"server error 101: taken \"x\""}"#);

        // SAFETY: null is allowed everywhere.
        unsafe {
            assert_eq!(run(|out| keystead_prepare_login_start(ptr::null(), out)), (KEYSTEAD_ARGUMENT, None));
            assert_eq!(run(|out| keystead_prepare_login_start(c"\xff".as_ptr(), out)), (KEYSTEAD_ARGUMENT, None));
            assert_eq!(keystead_prepare_login_start(c"a".as_ptr(), ptr::null_mut()), KEYSTEAD_ARGUMENT);
            keystead_string_free(ptr::null_mut());
        }
        // SAFETY: `out` is the one of `run`.
        let (number, _none) = run(|out| unsafe { call(out, || panic!("a bug")) });
        assert_eq!(number, KEYSTEAD_PANIC);
        assert!(last_error().contains("client_panic"));
    }
}
