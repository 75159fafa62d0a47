//! The boundary: results, errors, null, panics. The flows are tested from C and Python (`tests/e2e/ffi.rs`).

use std::ptr;

use super::*;
use crate::boundary::call;

fn run(call: impl FnOnce(*mut *mut c_char) -> i32) -> (i32, Option<String>) {
    let mut out = ptr::null_mut();
    let number = call(&raw mut out);
    // SAFETY: `out` is null or a string of the library.
    let text = (!out.is_null()).then(|| unsafe { CStr::from_ptr(out) }.to_str().expect("UTF-8").to_owned());
    // SAFETY: given back once.
    unsafe { keystead_string_free(out) };
    (number, text)
}

fn last() -> String {
    // SAFETY: valid until the next call on this thread.
    unsafe { CStr::from_ptr(keystead_last_error()) }.to_str().expect("UTF-8").to_owned()
}

#[test]
fn results_errors_and_null() {
    // SAFETY: literals with NUL, and the `out` of `run`.
    let (number, text) = run(|out| unsafe { keystead_prepare_register(c"id".as_ptr(), c"pw".as_ptr(), out) });
    assert_eq!((number, last().as_str()), (KEYSTEAD_OK, ""));
    assert!(text.expect("a result").starts_with(r#"{"device":"#));

    let refused = c"{\"status\":false,\"err_code\":101,\"err_msg\":\"taken \\\"x\\\"\"}";
    // SAFETY: as above.
    assert_eq!(run(|out| unsafe { keystead_done_register(refused.as_ptr(), out) }), (KEYSTEAD_SERVER + 101, None));
    assert_eq!(last(), r#"{"status":"server_101","error_message":"server error 101: taken \"x\""}"#);

    // SAFETY: null is allowed everywhere.
    unsafe {
        assert_eq!(run(|out| keystead_prepare_login_start(ptr::null(), out)), (KEYSTEAD_ARGUMENT, None));
        assert_eq!(run(|out| keystead_prepare_login_start(c"\xff".as_ptr(), out)), (KEYSTEAD_ARGUMENT, None));
        assert_eq!(keystead_prepare_login_start(c"a".as_ptr(), ptr::null_mut()), KEYSTEAD_ARGUMENT);
        assert_eq!(run(|out| keystead_user_id(ptr::null(), out)), (KEYSTEAD_ARGUMENT, None));
        keystead_string_free(ptr::null_mut());
        keystead_bytes_free(ptr::null_mut(), 0);
        keystead_user_free(ptr::null_mut());
    }
}

#[test]
fn no_panic_leaves() {
    assert_eq!(call(|| panic!("a bug")), KEYSTEAD_PANIC);
    assert!(last().contains("client_panic"));
}

#[test]
fn every_number_has_words() {
    use keystead_sdk_core::SdkError;
    for number in [KEYSTEAD_OK, KEYSTEAD_PANIC, KEYSTEAD_ARGUMENT, KEYSTEAD_CANCELLED, KEYSTEAD_SERVER + 310, 300, 306]
    {
        // SAFETY: static.
        assert_ne!(unsafe { CStr::from_ptr(keystead_error_message(number)) }, c"unknown error", "{number}");
    }
    for error in
        [SdkError::ServerOutput, SdkError::WeakAlgorithm, SdkError::Content, SdkError::MissingKeys, SdkError::Rank]
    {
        let number = i32::try_from(error.code()).expect("small");
        // SAFETY: static.
        assert_ne!(unsafe { CStr::from_ptr(keystead_error_message(number)) }, c"unknown error", "{error}");
    }
}
