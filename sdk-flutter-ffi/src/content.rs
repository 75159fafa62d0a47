//! The application's own data: encryption, signatures, searchable and sortable values.

use std::ffi::c_char;

use crate::boundary::{
    by_id, bytes_out, call, handle, handle_or_null, json, newest, parse, raw_bytes, read_key, result_at, rng,
    signer_of, utf8, utf8_or_null,
};
use crate::handles::{KeysteadGroup, KeysteadPublicKey, KeysteadUser};
use keystead_sdk_core::{
    content::{self, DecryptOptions, EncryptOptions},
    search,
};

/// Encrypts bytes with the newest key of the group (or of `user`, when `group` is null). `aad` is bound to them and
/// needed again; `signer` signs, or is null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    plain: *const u8,
    plain_len: usize,
    aad: *const u8,
    aad_len: usize,
    signer: *const KeysteadUser,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, plain, aad, signer) = unsafe {
            (
                bytes_out(out, out_len)?,
                handle_or_null(group),
                handle_or_null(user),
                raw_bytes(plain, plain_len)?,
                raw_bytes(aad, aad_len)?,
                handle_or_null(signer),
            )
        };
        out.bytes({
            let options = EncryptOptions { aad, signer: signer_of(signer)? };
            content::encrypt(&mut *rng(), newest(group, user)?.into(), plain, &options)?
        });
        Ok(())
    })
}

/// Encrypts text: base64. Else as keystead_encrypt; `aad` may be null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_string(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    plain: *const c_char,
    aad: *const c_char,
    signer: *const KeysteadUser,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, plain, aad, signer) = unsafe {
            (
                result_at(out)?,
                handle_or_null(group),
                handle_or_null(user),
                utf8(plain)?,
                utf8_or_null(aad)?,
                handle_or_null(signer),
            )
        };
        out.text({
            let options = EncryptOptions { aad: aad.unwrap_or_default().as_bytes(), signer: signer_of(signer)? };
            content::encrypt_string(&mut *rng(), newest(group, user)?.into(), plain, &options)?
        })
    })
}

/// Decrypts bytes with the key that their head names. `verify_key`: demands a signature of this key (JSON), or null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    content: *const u8,
    content_len: usize,
    aad: *const u8,
    aad_len: usize,
    verify_key: *const c_char,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, content, aad, verify_key) = unsafe {
            (
                bytes_out(out, out_len)?,
                handle_or_null(group),
                handle_or_null(user),
                raw_bytes(content, content_len)?,
                raw_bytes(aad, aad_len)?,
                utf8_or_null(verify_key)?,
            )
        };
        out.bytes({
            let verify = verify_key.map(read_key).transpose()?;
            let key = by_id(group, user, &content::head(content)?.id)?;
            let options = DecryptOptions { aad, verify: verify.as_ref() };
            content::into_vec(content::decrypt(key.key(), content, &options)?)
        });
        Ok(())
    })
}

/// Decrypts text. Else as keystead_decrypt; `aad` may be null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt_string(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    content: *const c_char,
    aad: *const c_char,
    verify_key: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, content, aad, verify_key) = unsafe {
            (
                result_at(out)?,
                handle_or_null(group),
                handle_or_null(user),
                utf8(content)?,
                utf8_or_null(aad)?,
                utf8_or_null(verify_key)?,
            )
        };
        out.text({
            let verify = verify_key.map(read_key).transpose()?;
            let key = by_id(group, user, &content::string_head(content)?.id)?;
            let options = DecryptOptions { aad: aad.unwrap_or_default().as_bytes(), verify: verify.as_ref() };
            content::decrypt_string(key.key(), content, &options)?
        })
    })
}

/// Which keys encrypted and signed these bytes: JSON with `id` and `sign`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_content_head(content: *const u8, content_len: usize, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, content) = unsafe { (result_at(out)?, raw_bytes(content, content_len)?) };
        out.text(json(&content::head(content)?))
    })
}

/// As keystead_content_head, of encrypted text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_content_string_head(content: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, content) = unsafe { (result_at(out)?, utf8(content)?) };
        out.text(json(&content::string_head(content)?))
    })
}

/// As keystead_encrypt, head (JSON) and body apart.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_raw(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    plain: *const u8,
    plain_len: usize,
    aad: *const u8,
    aad_len: usize,
    signer: *const KeysteadUser,
    head: *mut *mut c_char,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (head, out, group, user, plain, aad, signer) = unsafe {
            (
                result_at(head)?,
                bytes_out(out, out_len)?,
                handle_or_null(group),
                handle_or_null(user),
                raw_bytes(plain, plain_len)?,
                raw_bytes(aad, aad_len)?,
                handle_or_null(signer),
            )
        };
        let options = EncryptOptions { aad, signer: signer_of(signer)? };
        let (names, body) = content::encrypt_raw(&mut *rng(), newest(group, user)?.into(), plain, &options)?;
        head.text(json(&names))?;
        out.bytes(body);
        Ok(())
    })
}

/// As keystead_decrypt, for head and body apart.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt_raw(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    head: *const c_char,
    body: *const u8,
    body_len: usize,
    aad: *const u8,
    aad_len: usize,
    verify_key: *const c_char,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, head, body, aad, verify_key) = unsafe {
            (
                bytes_out(out, out_len)?,
                handle_or_null(group),
                handle_or_null(user),
                utf8(head)?,
                raw_bytes(body, body_len)?,
                raw_bytes(aad, aad_len)?,
                utf8_or_null(verify_key)?,
            )
        };
        out.bytes({
            let verify = verify_key.map(read_key).transpose()?;
            let head: content::Head = parse(head)?;
            let options = DecryptOptions { aad, verify: verify.as_ref() };
            content::into_vec(content::decrypt_raw(by_id(group, user, &head.id)?.key(), &head, body, &options)?)
        });
        Ok(())
    })
}

/// Encrypts bytes for the holder of a public key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_asymmetric(
    key: *const KeysteadPublicKey,
    plain: *const u8,
    plain_len: usize,
    signer: *const KeysteadUser,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, plain, signer) =
            unsafe { (bytes_out(out, out_len)?, handle(key)?, raw_bytes(plain, plain_len)?, handle_or_null(signer)) };
        out.bytes(content::encrypt_asymmetric(&mut *rng(), &key.0, plain, signer_of(signer)?)?);
        Ok(())
    })
}

/// Encrypts text for the holder of a public key: base64.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_string_asymmetric(
    key: *const KeysteadPublicKey,
    plain: *const c_char,
    signer: *const KeysteadUser,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, plain, signer) =
            unsafe { (result_at(out)?, handle(key)?, utf8(plain)?, handle_or_null(signer)) };
        out.text(content::encrypt_string_asymmetric(&mut *rng(), &key.0, plain, signer_of(signer)?)?)
    })
}

/// Opens what was encrypted for the user's public key, or for the group's, when `group` is not null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt_asymmetric(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    content: *const u8,
    content_len: usize,
    verify_key: *const c_char,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, content, verify_key) = unsafe {
            (
                bytes_out(out, out_len)?,
                handle_or_null(group),
                handle_or_null(user),
                raw_bytes(content, content_len)?,
                utf8_or_null(verify_key)?,
            )
        };
        out.bytes({
            let verify = verify_key.map(read_key).transpose()?;
            let key = by_id(group, user, &content::head(content)?.id)?;
            content::into_vec(content::decrypt_asymmetric(key.secret(), content, verify.as_ref())?)
        });
        Ok(())
    })
}

/// As keystead_decrypt_asymmetric, of text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt_string_asymmetric(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    content: *const c_char,
    verify_key: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, content, verify_key) = unsafe {
            (result_at(out)?, handle_or_null(group), handle_or_null(user), utf8(content)?, utf8_or_null(verify_key)?)
        };
        out.text({
            let verify = verify_key.map(read_key).transpose()?;
            let key = by_id(group, user, &content::string_head(content)?.id)?;
            content::decrypt_string_asymmetric(key.secret(), content, verify.as_ref())?
        })
    })
}

/// Searchable hashes of the prefixes of a text, or of all of it when `full`: JSON list. `limit`: prefixes at most, 0
/// for all.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_create_search_raw(
    group: *const KeysteadGroup,
    text: *const c_char,
    full: bool,
    limit: usize,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, text) = unsafe { (result_at(out)?, handle(group)?, utf8(text)?) };
        out.text({
            let entry = search::newest(group.search_keys())?;
            json(&search::create_search_raw(&entry.key, text, full, (limit > 0).then_some(limit)))
        })
    })
}

/// As keystead_create_search_raw, with the key's id: JSON with `hashes`, `alg`, `key_id`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_create_search(
    group: *const KeysteadGroup,
    text: *const c_char,
    full: bool,
    limit: usize,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, text) = unsafe { (result_at(out)?, handle(group)?, utf8(text)?) };
        out.text({
            let entry = search::newest(group.search_keys())?;
            json(&search::create_search(entry, text, full, (limit > 0).then_some(limit)))
        })
    })
}

/// The hash to look for.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_search(
    group: *const KeysteadGroup,
    text: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, text) = unsafe { (result_at(out)?, handle(group)?, utf8(text)?) };
        out.text(search::search(group.search_keys(), text)?)
    })
}

/// A number of at most 65535, encrypted so that the order stays.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_sortable_number_raw(
    group: *const KeysteadGroup,
    number: u64,
    out: *mut u64,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.put(search::encrypt_sortable_number_raw(&search::newest(group.sort_keys())?.key, number)?);
        Ok(())
    })
}

/// As keystead_encrypt_sortable_number_raw, with the key's id: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_sortable_number(
    group: *const KeysteadGroup,
    number: u64,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.text(json(&search::encrypt_sortable_number(search::newest(group.sort_keys())?, number)?))
    })
}

/// The beginning of a text as a number that keeps the order.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_sortable_string_raw(
    group: *const KeysteadGroup,
    text: *const c_char,
    out: *mut u64,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, text) = unsafe { (result_at(out)?, handle(group)?, utf8(text)?) };
        out.put(search::encrypt_sortable_string_raw(&search::newest(group.sort_keys())?.key, text)?);
        Ok(())
    })
}

/// As keystead_encrypt_sortable_string_raw, with the key's id: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_sortable_string(
    group: *const KeysteadGroup,
    text: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, text) = unsafe { (result_at(out)?, handle(group)?, utf8(text)?) };
        out.text(json(&search::encrypt_sortable_string(search::newest(group.sort_keys())?, text)?))
    })
}
