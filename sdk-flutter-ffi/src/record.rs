//! Values of records of the data API, bound to their place.

use std::ffi::c_char;

use crate::boundary::{Failure, by_id, call, handle_or_null, newest, result_at, rng, utf8};
use crate::handles::{KeysteadGroup, KeysteadUser};
use keystead_sdk_core::record::{self, Place};
use keystead_sdk_core::search;

/// Seals the JSON text of a value, at most 1 MiB, with the newest key of the group (or of `user`, when `group` is null): text that opens as
/// this attribute of this record of this namespace only. `entity_id` is a UUID.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_seal_value(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    namespace_name: *const c_char,
    entity_id: *const c_char,
    attribute: *const c_char,
    json: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, place, json) = unsafe {
            (
                result_at(out)?,
                handle_or_null(group),
                handle_or_null(user),
                place(namespace_name, entity_id, attribute)?,
                utf8(json)?,
            )
        };
        out.text(record::seal_value(&mut *rng(), newest(group, user)?.into(), &place, json)?)
    })
}

/// Opens a sealed value in its place: its JSON text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_open_value(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    namespace_name: *const c_char,
    entity_id: *const c_char,
    attribute: *const c_char,
    sealed: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, place, sealed) = unsafe {
            (
                result_at(out)?,
                handle_or_null(group),
                handle_or_null(user),
                place(namespace_name, entity_id, attribute)?,
                utf8(sealed)?,
            )
        };
        let key = by_id(group, user, record::sealed_key_id(sealed)?)?;
        out.text(record::open_value(key.key(), &place, sealed)?)
    })
}

/// Id of the key that opens a sealed value.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_sealed_key_id(sealed: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, sealed) = unsafe { (result_at(out)?, utf8(sealed)?) };
        out.text(record::sealed_key_id(sealed)?.to_owned())
    })
}

/// The token of a text, to be stored beside its sealed value and looked for, of the group (or of `user`, when `group` is null).
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_search_value(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    namespace_name: *const c_char,
    attribute: *const c_char,
    text: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, namespace, attribute, text) = unsafe {
            (
                result_at(out)?,
                handle_or_null(group),
                handle_or_null(user),
                utf8(namespace_name)?,
                utf8(attribute)?,
                utf8(text)?,
            )
        };
        let keys = match (group, user) {
            (Some(group), _) => group.search_keys(),
            (None, Some(user)) => user.search_keys(),
            (None, None) => return Err(Failure::argument()),
        };
        out.text(record::search_value(&search::newest(keys)?.key, namespace, attribute, text)?)
    })
}

/// # Safety
/// All three are texts of the caller that outlive the result.
unsafe fn place<'a>(
    namespace: *const c_char,
    entity_id: *const c_char,
    attribute: *const c_char,
) -> Result<Place<'a>, Failure> {
    // SAFETY: the caller of this function keeps the contract.
    unsafe { Ok(Place { namespace: utf8(namespace)?, entity_id: utf8(entity_id)?, attribute: utf8(attribute)? }) }
}
