//! The boundary itself: arguments in, results out, errors kept, panics stopped.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use keystead_sdk_core::crypto::sign::VerifyKey;
use keystead_sdk_core::group::{GroupKey, Signer};
use keystead_sdk_core::rng::CryptoRng;
use keystead_sdk_core::{SdkError, user};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handles::{KeysteadGroup, KeysteadUser};
use crate::{KEYSTEAD_ARGUMENT, KEYSTEAD_OK, KEYSTEAD_PANIC, KEYSTEAD_SERVER};

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Why a call fails: its number, and `{"status":s,"error_message":s}`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) number: i32,
    pub(crate) json: String,
}

impl Failure {
    pub(crate) fn argument() -> Self {
        Self::of_shell("client_argument", "an argument is null, no UTF-8 or used up", KEYSTEAD_ARGUMENT)
    }

    /// An error of this shell; both texts are plain ASCII without quotes.
    pub(crate) fn of_shell(status: &str, message: &str, number: i32) -> Self {
        Self { number, json: format!(r#"{{"status":"{status}","error_message":"{message}"}}"#) }
    }
}

impl From<SdkError> for Failure {
    fn from(e: SdkError) -> Self {
        let code = i32::try_from(e.code()).unwrap_or(i32::MAX);
        let number = if matches!(e, SdkError::Server { .. }) { KEYSTEAD_SERVER.saturating_add(code) } else { code };
        Self { number, json: e.to_json() }
    }
}

/// Runs a flow, keeps its error and gives its number.
pub(crate) fn call(flow: impl FnOnce() -> Result<(), Failure>) -> i32 {
    // What a flow changes is a handle of the caller; after a panic he is told and only frees it.
    let failure = match catch_unwind(AssertUnwindSafe(flow)) {
        Ok(Ok(())) => {
            LAST_ERROR.set(CString::default());
            return KEYSTEAD_OK;
        }
        Ok(Err(failure)) => failure,
        Err(_panic) => Failure::of_shell("client_panic", "internal error", KEYSTEAD_PANIC),
    };
    // JSON writes a NUL as an escape, so the text has none.
    LAST_ERROR.set(CString::new(failure.json).unwrap_or_default());
    failure.number
}

/// The text of the last error of this thread.
pub(crate) fn last_error() -> *const c_char {
    LAST_ERROR.with_borrow(|e| e.as_ptr())
}

/// Where a result goes. It holds nothing until the call succeeds.
pub(crate) struct Out<T>(NonNull<T>);

/// # Safety
/// `to` is null or points to a writable `T`.
pub(crate) unsafe fn result_at<T: Empty>(to: *mut T) -> Result<Out<T>, Failure> {
    let to = NonNull::new(to).ok_or_else(Failure::argument)?;
    // SAFETY: not null, and the caller promises that it is writable.
    unsafe { to.write(T::EMPTY) };
    Ok(Out(to))
}

/// What stands in a result before it is known.
pub(crate) trait Empty {
    const EMPTY: Self;
}

impl<T> Empty for *mut T {
    const EMPTY: Self = ptr::null_mut();
}

impl Empty for i32 {
    const EMPTY: Self = 0;
}

impl Empty for u64 {
    const EMPTY: Self = 0;
}

impl Empty for usize {
    const EMPTY: Self = 0;
}

impl Empty for bool {
    const EMPTY: Self = false;
}

impl<T> Out<T> {
    pub(crate) fn put(self, value: T) {
        // SAFETY: `result_at` has checked the pointer, whose owner waits for the end of this call.
        unsafe { self.0.write(value) };
    }
}

impl<T> Out<*mut T> {
    /// Hands a handle out; the caller frees it.
    pub(crate) fn handle(self, value: T) {
        self.put(Box::into_raw(Box::new(value)));
    }
}

impl Out<*mut c_char> {
    /// Hands a text out; the caller frees it with `keystead_string_free`.
    pub(crate) fn text(self, text: String) -> Result<(), Failure> {
        self.put(owned_text(text)?);
        Ok(())
    }

    pub(crate) fn text_or_null(self, text: Option<String>) -> Result<(), Failure> {
        text.map_or(Ok(()), |text| self.text(text))
    }
}

/// A text that the caller frees with `keystead_string_free`.
pub(crate) fn owned_text(text: String) -> Result<*mut c_char, Failure> {
    let text = CString::new(text).map_err(|_nul| {
        Failure::of_shell("client_argument", "the text has a NUL in it: use the call for bytes", KEYSTEAD_ARGUMENT)
    })?;
    Ok(text.into_raw())
}

/// Where bytes go.
pub(crate) struct BytesOut(Out<*mut u8>, Out<usize>);

/// # Safety
/// Both are null or writable.
pub(crate) unsafe fn bytes_out(to: *mut *mut u8, len: *mut usize) -> Result<BytesOut, Failure> {
    // SAFETY: the caller promises it for both.
    unsafe { Ok(BytesOut(result_at(to)?, result_at(len)?)) }
}

impl BytesOut {
    /// Hands bytes out; the caller frees them with `keystead_bytes_free`. Never null, also when there are none.
    pub(crate) fn bytes(self, bytes: Vec<u8>) {
        self.1.put(bytes.len());
        self.0.put(Box::into_raw(bytes.into_boxed_slice()).cast());
    }
}

/// # Safety
/// `string` is null or NUL-terminated and lives as long as the call.
pub(crate) unsafe fn utf8<'a>(string: *const c_char) -> Result<&'a str, Failure> {
    if string.is_null() {
        return Err(Failure::argument());
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { CStr::from_ptr(string) }.to_str().map_err(|_no_utf8| Failure::argument())
}

/// # Safety
/// As [`utf8`].
pub(crate) unsafe fn utf8_or_null<'a>(string: *const c_char) -> Result<Option<&'a str>, Failure> {
    // SAFETY: as above.
    if string.is_null() { Ok(None) } else { unsafe { utf8(string) }.map(Some) }
}

/// # Safety
/// `bytes` is null, and then there are none, or has `len` readable bytes for as long as the call.
pub(crate) unsafe fn raw_bytes<'a>(bytes: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    match (bytes.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::argument()),
        // SAFETY: not null, and the caller promises the rest.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(bytes, len) }),
    }
}

/// # Safety
/// `handle` is null or came from this library, is not freed, and nobody changes it during the call.
pub(crate) unsafe fn handle<'a, T>(handle: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller promises it.
    unsafe { handle.as_ref() }.ok_or_else(Failure::argument)
}

/// # Safety
/// As [`handle`].
pub(crate) unsafe fn handle_or_null<'a, T>(handle: *const T) -> Option<&'a T> {
    // SAFETY: the caller promises it.
    unsafe { handle.as_ref() }
}

/// # Safety
/// As [`handle`], and nobody else uses it during the call.
pub(crate) unsafe fn handle_mut<'a, T>(handle: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller promises it.
    unsafe { handle.as_mut() }.ok_or_else(Failure::argument)
}

/// Takes a handle back. Null is allowed.
///
/// # Safety
/// `handle` is null or came from this library, and is given back once.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it came from `Box::into_raw`.
        let owned = unsafe { Box::from_raw(handle) };
        call(|| {
            drop(owned);
            Ok(())
        });
    }
}

/// The random generator of this thread: the operating system's, or that of the cross vectors.
pub(crate) fn rng() -> Box<dyn CryptoRng> {
    #[cfg(feature = "vectors")]
    if let Some(seeded) = crate::vectors::seeded() {
        return seeded;
    }
    Box::new(keystead_sdk_core::rng::os())
}

/// JSON of what the protocol knows.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs have string keys")
}

/// Reads JSON that an earlier call gave.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|_json| SdkError::Input.into())
}

/// The verify key in the JSON of `keystead_user_verify_key` or `keystead_done_fetch_verify_key`.
pub(crate) fn read_key(json: &str) -> Result<VerifyKey, Failure> {
    Ok(user::read_verify_key(&parse(json)?)?)
}

pub(crate) fn signer_of(user: Option<&KeysteadUser>) -> Result<Option<Signer<'_>>, Failure> {
    Ok(user.map(|user| user.signer()).transpose()?)
}

/// The newest key of the group, or of the user when there is no group.
pub(crate) fn newest<'a>(
    group: Option<&'a KeysteadGroup>,
    user: Option<&'a KeysteadUser>,
) -> Result<&'a GroupKey, Failure> {
    match (group, user) {
        (Some(group), _) => Ok(group.newest_key()?),
        (None, Some(user)) => Ok(user.newest_key()?.group_key()),
        (None, None) => Err(Failure::argument()),
    }
}

/// The key with this id, of the group, or of the user when there is no group.
pub(crate) fn by_id<'a>(
    group: Option<&'a KeysteadGroup>,
    user: Option<&'a KeysteadUser>,
    id: &str,
) -> Result<&'a GroupKey, Failure> {
    match (group, user) {
        (Some(group), _) => Ok(group.key(id)?),
        (None, Some(user)) => Ok(user.key(id)?.group_key()),
        (None, None) => Err(Failure::argument()),
    }
}
