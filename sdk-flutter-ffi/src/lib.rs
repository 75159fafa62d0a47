//! The flows of `keystead-sdk-core` behind a C ABI, for `dart:ffi` and anything else that calls C. No logic here.
//!
//! The header is `include/keystead.h`. Every function `keystead_x` does what `x` does in `keystead-sdk-core`: what to send
//! (`prepare_*`) and how to read the answer (`done_*`). With the feature `network` there are also whole flows, which run on
//! threads of the library and call back ([`net`]).
//!
//! # Contract
//!
//! - Texts are NUL-terminated UTF-8. Bytes are a pointer and a length; null is none. Both are read during the call only.
//! - Results go to pointers, which are written at the beginning of each call already (null, 0, false). Texts are given
//!   back with [`keystead_string_free`], bytes with [`keystead_bytes_free`], a handle with the function of its type.
//! - A `const` handle may be used by several threads at once, another one by one thread at a time. Nothing may be used after it
//!   was given back, nor given back twice.
//! - A call gives 0 ([`KEYSTEAD_OK`]), or the number of its error: [`KEYSTEAD_SERVER`] + `err_code` for a refusal of the server,
//!   -1 to -3 for errors of this shell, else a number of `SdkError` (10 and above) or of the network client (300 and above).
//!   [`keystead_last_error`] has the text. Numbers do not change.
//! - No panic leaves the library: it becomes [`KEYSTEAD_PANIC`].
#![expect(unsafe_code, reason = "pointers of C; every block says what the caller promises")]
#![deny(clippy::undocumented_unsafe_blocks)]

mod boundary;
mod content;
mod file;
mod group;
mod handles;
mod login;
#[cfg(feature = "network")]
pub mod net;
mod record;
mod trust;
mod user;
mod user_keys;
#[cfg(feature = "vectors")]
mod vectors;

use std::ffi::{CStr, CString, c_char};

use zeroize::Zeroize;

pub use content::*;
pub use file::*;
pub use group::*;
pub use handles::*;
pub use login::*;
pub use record::*;
pub use trust::*;
pub use user::*;
pub use user_keys::*;
#[cfg(feature = "vectors")]
pub use vectors::keystead_vectors_seed;

/// Success.
pub const KEYSTEAD_OK: i32 = 0;
/// The library panicked; this is a bug in it.
pub const KEYSTEAD_PANIC: i32 = -1;
/// An argument is null, no UTF-8 or used up.
pub const KEYSTEAD_ARGUMENT: i32 = -2;
/// The client was freed before the call had ended.
pub const KEYSTEAD_CANCELLED: i32 = -3;
/// Beginning of the numbers for refusals of the server: 10101 is the server's 101.
pub const KEYSTEAD_SERVER: i32 = 10_000;

/// The last error of this thread as JSON `{"status":s,"error_message":s}`; empty when the last call succeeded. Valid
/// until the next call on this thread; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn keystead_last_error() -> *const c_char {
    boundary::last_error()
}

/// What a number means, in general words, for those that have no thread to ask. Static; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn keystead_error_message(number: i32) -> *const c_char {
    let text: &CStr = match number {
        KEYSTEAD_OK => c"success",
        KEYSTEAD_PANIC => c"internal error",
        KEYSTEAD_ARGUMENT => c"an argument is null, no UTF-8 or used up",
        KEYSTEAD_CANCELLED => c"the client was freed before the call had ended",
        10..=39 => c"a cryptographic operation failed",
        100..=104 => c"an answer or an input cannot be read, or a key is missing",
        110..=119 => c"the login or an algorithm is not as it must be",
        120..=129 => c"the content cannot be read, or is not signed",
        130..=149 => c"a key is not the one that it should be",
        200 => c"the rank does not allow this",
        300 => c"the server cannot be reached",
        301..=399 => c"the network client cannot do this",
        n if n >= KEYSTEAD_SERVER => c"the server refuses",
        _ => c"unknown error",
    };
    text.as_ptr()
}

/// Version of the library. Static; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn keystead_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Gives back a text that this library wrote or called back with. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_string_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: it came from `CString::into_raw`, and the caller gives it back once.
        let owned = unsafe { CString::from_raw(string) };
        // It may be a key or a plain text.
        owned.into_bytes().zeroize();
    }
}

/// Gives back bytes that this library wrote, with their length. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_bytes_free(bytes: *mut u8, len: usize) {
    if !bytes.is_null() {
        // SAFETY: it came from a boxed slice of this length, and the caller gives it back once.
        let mut owned = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, len)) };
        owned.zeroize();
    }
}

#[cfg(test)]
mod tests;
