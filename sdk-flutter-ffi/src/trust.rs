//! Keys of other users: pinned at first sight, checked before use.

use std::ffi::c_char;

use crate::boundary::{Failure, call, handle, handle_mut, json, parse, result_at, utf8, utf8_or_null};
use crate::handles::{KeysteadGroup, KeysteadPins, KeysteadPublicKey, KeysteadUser};
use keystead_sdk_core::{
    Policy, group,
    user::{self, Pin, VerifyKeys},
};

/// An empty store of verify keys. `strict`: nothing unsigned, nothing weaker than the hybrids.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_new(strict: bool, out: *mut *mut KeysteadPins) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let out = unsafe { result_at(out)? };
        out.handle(KeysteadPins(if strict { VerifyKeys::with_policy(Policy::STRICT) } else { VerifyKeys::new() }));
        Ok(())
    })
}

/// Reads what keystead_pins_export wrote.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_import(text: *const c_char, out: *mut *mut KeysteadPins) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, text) = unsafe { (result_at(out)?, utf8(text)?) };
        out.handle(KeysteadPins(VerifyKeys::import(text)?));
        Ok(())
    })
}

/// All pins as JSON, for storage on the device.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_export(pins: *const KeysteadPins, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, pins) = unsafe { (result_at(out)?, handle(pins)?) };
        out.text(pins.0.export())
    })
}

/// Remembers a user's verify key (JSON of keystead_done_fetch_verify_key). `proof`: JSON of
/// keystead_done_fetch_verify_key_proof, or null. Gives 0 for the first key of a stranger, 1 for a known one, 2 for one
/// that the known key vouches for, 3 for another one that the policy lets through.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_pin(
    pins: *mut KeysteadPins,
    user_id: *const c_char,
    verify_key: *const c_char,
    proof: *const c_char,
    out: *mut i32,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, pins, user_id, verify_key, proof) =
            unsafe { (result_at(out)?, handle_mut(pins)?, utf8(user_id)?, utf8(verify_key)?, utf8_or_null(proof)?) };
        out.put({
            let proof = proof.map(parse).transpose()?;
            match pins.0.pin_proven(user_id, &parse(verify_key)?, proof.as_ref())? {
                Pin::First => 0,
                Pin::Known => 1,
                Pin::Proven => 2,
                _ => 3,
            }
        });
        Ok(())
    })
}

/// Takes a further verify key of a known user, because his safety number was compared.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_accept(
    pins: *mut KeysteadPins,
    user_id: *const c_char,
    verify_key: *const c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, user_id, verify_key) = unsafe { (handle_mut(pins)?, utf8(user_id)?, utf8(verify_key)?) };
        pins.0.accept(user_id, &parse(verify_key)?)?;
        Ok(())
    })
}

/// Takes an older verify key of a known user, which stands under content of long ago.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_accept_old(
    pins: *mut KeysteadPins,
    user_id: *const c_char,
    verify_key: *const c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, user_id, verify_key) = unsafe { (handle_mut(pins)?, utf8(user_id)?, utf8(verify_key)?) };
        pins.0.accept_old(user_id, &parse(verify_key)?)?;
        Ok(())
    })
}

/// Forgets all keys of a user.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_forget(pins: *mut KeysteadPins, user_id: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, user_id) = unsafe { (handle_mut(pins)?, utf8(user_id)?) };
        pins.0.forget(user_id);
        Ok(())
    })
}

/// True when this user showed a further key without a proof.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_changed(
    pins: *const KeysteadPins,
    user_id: *const c_char,
    out: *mut bool,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, pins, user_id) = unsafe { (result_at(out)?, handle(pins)?, utf8(user_id)?) };
        out.put(pins.0.changed(user_id));
        Ok(())
    })
}

/// Checks and remembers the user's own keys after a login.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_pin_own(pins: *mut KeysteadPins, user: *const KeysteadUser) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, user) = unsafe { (handle_mut(pins)?, handle(user)?) };
        pins.0.pin_own(user)?;
        Ok(())
    })
}

/// Takes the user's own keys as they are now.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_accept_own(pins: *mut KeysteadPins, user: *const KeysteadUser) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, user) = unsafe { (handle_mut(pins)?, handle(user)?) };
        pins.0.accept_own(user)?;
        Ok(())
    })
}

/// Checks the newest key of a group against what was seen before, and remembers it.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_check_group(
    pins: *mut KeysteadPins,
    user_id: *const c_char,
    group: *const KeysteadGroup,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, user_id, group) = unsafe { (handle_mut(pins)?, utf8(user_id)?, handle(group)?) };
        pins.0.check_group(user_id, group)?;
        Ok(())
    })
}

/// Forgets what was seen of a group.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_forget_group(pins: *mut KeysteadPins, group_id: *const c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (pins, group_id) = unsafe { (handle_mut(pins)?, utf8(group_id)?) };
        pins.0.forget_group(group_id);
        Ok(())
    })
}

/// Reads the answer of `GET /user/:id/verify_key/:key_id`: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_fetch_verify_key(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&user::done_fetch_verify_key(answer)?))
    })
}

/// Reads the proof of a further verify key: JSON, or null where there is none.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_fetch_verify_key_proof(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text_or_null(user::done_fetch_verify_key_proof(answer)?.map(|proof| json(&proof)))
    })
}

/// Id of the verify key that a user's public key (the answer of `GET /user/:id/public_key`) needs to be pinned first;
/// null for an unsigned one.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_public_key_signer(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text_or_null(user::done_fetch_public_key(answer)?.sig_key_id().map(str::to_owned))
    })
}

/// A user's public key out of the answer of `GET /user/:id/public_key`, checked with the pins. Error 102 when its
/// verify key is not pinned yet.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_public_key(
    answer: *const c_char,
    pins: *mut KeysteadPins,
    user_id: *const c_char,
    out: *mut *mut KeysteadPublicKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer, pins, user_id) =
            unsafe { (result_at(out)?, utf8(answer)?, handle_mut(pins)?, utf8(user_id)?) };
        out.handle(KeysteadPublicKey(pins.0.check_public_key(user_id, user::done_fetch_public_key(answer)?)?));
        Ok(())
    })
}

/// A group's public key out of the answer of `GET /group/:id/public_key`, checked with the pins.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_public_key(
    answer: *const c_char,
    pins: *const KeysteadPins,
    group_id: *const c_char,
    out: *mut *mut KeysteadPublicKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer, pins, group_id) = unsafe { (result_at(out)?, utf8(answer)?, handle(pins)?, utf8(group_id)?) };
        out.handle(KeysteadPublicKey(pins.0.check_group_public_key(group_id, user::done_fetch_public_key(answer)?)?));
        Ok(())
    })
}

/// Id of the key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_public_key_id(key: *const KeysteadPublicKey, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key) = unsafe { (result_at(out)?, handle(key)?) };
        out.text(key.0.id().to_owned())
    })
}

/// b64url of SHA-256 of the key, 43 characters.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_public_key_fingerprint(key: *const KeysteadPublicKey, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key) = unsafe { (result_at(out)?, handle(key)?) };
        out.text(key.0.fingerprint())
    })
}

/// False for a key of an account that never signed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_public_key_verified(key: *const KeysteadPublicKey, out: *mut bool) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key) = unsafe { (result_at(out)?, handle(key)?) };
        out.put(key.0.verified());
        Ok(())
    })
}

/// The safety number of one user, or of two: verify key (JSON) and id of each; the second pair may be null. 43
/// characters.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_create_safety_number(
    verify_key: *const c_char,
    user_id: *const c_char,
    other_verify_key: *const c_char,
    other_user_id: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, verify_key, user_id, other_verify_key, other_user_id) = unsafe {
            (
                result_at(out)?,
                utf8(verify_key)?,
                utf8(user_id)?,
                utf8_or_null(other_verify_key)?,
                utf8_or_null(other_user_id)?,
            )
        };
        out.text({
            let own = user::read_verify_key(&parse(verify_key)?)?;
            let other = match (other_verify_key, other_user_id) {
                (Some(key), Some(id)) => Some((user::read_verify_key(&parse(key)?)?, id)),
                (None, None) => None,
                _ => return Err(Failure::argument()),
            };
            user::create_safety_number((&own, user_id), other.as_ref().map(|(key, id)| (key, *id)))
        })
    })
}

/// Checks a page of `GET /group/:g/member/…` for a group: order, ranks, the caller among them. `before`: the last
/// member of the page before as JSON, or null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_check_member_page(
    answer: *const c_char,
    before: *const c_char,
    group: *const KeysteadGroup,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (answer, before, group) = unsafe { (utf8(answer)?, utf8_or_null(before)?, handle(group)?) };
        let before = before.map(parse).transpose()?;
        let page = group::done_get_members(answer)?;
        group::check_member_page(&page, before.as_ref(), &group.access_by, group.rank)?;
        Ok(())
    })
}
