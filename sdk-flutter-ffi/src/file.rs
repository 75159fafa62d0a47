//! Symmetric keys beside the group keys, and files with their parts.

use std::ffi::c_char;

use crate::boundary::{
    Failure, by_id, bytes_out, call, handle, handle_mut, handle_or_null, json, newest, raw_bytes, read_key, result_at,
    rng, signer_of, utf8, utf8_or_null,
};
use crate::handles::{KeysteadGroup, KeysteadKey, KeysteadPublicKey, KeysteadUser};
use keystead_sdk_core::protocol::devices::NON_REGISTERED;
use keystead_sdk_core::{
    content::{self, DecryptOptions, EncryptOptions},
    file::{self, BelongsTo, FileKey},
    handle::KeyHandle,
    sym_key,
};

/// Body of `POST /keys/sym_key`, wrapped by the newest key of the group (or of `user`, when `group` is null), and the
/// key, which keystead_done_register_sym_key completes.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_sym_key(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    out: *mut *mut c_char,
    key: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, group, user) =
            unsafe { (result_at(out)?, result_at(key)?, handle_or_null(group), handle_or_null(user)) };
        let master = newest(group, user)?;
        let (body, made) = sym_key::prepare_register_sym_key(&mut *rng(), master)?;
        out.text(body)?;
        key.handle(KeysteadKey(sym_key::SymmetricKey {
            id: NON_REGISTERED.into(),
            master_key_id: master.id().to_owned(),
            key: made,
        }));
        Ok(())
    })
}

/// Reads the answer: gives the key its id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_register_sym_key(
    key: *mut KeysteadKey,
    answer: *const c_char,
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (key, answer, group, user) =
            unsafe { (handle_mut(key)?, utf8(answer)?, handle_or_null(group), handle_or_null(user)) };
        let master = by_id(group, user, &key.0.master_key_id)?;
        key.0 = sym_key::done_register_sym_key(answer, key.0.key.clone(), master)?;
        Ok(())
    })
}

/// Opens the key in the answer of `GET /keys/sym_key/:id`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_fetch_sym_key(
    answer: *const c_char,
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    out: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer, group, user) =
            unsafe { (result_at(out)?, utf8(answer)?, handle_or_null(group), handle_or_null(user)) };
        out.handle({
            let data = sym_key::done_fetch_sym_key(answer)?;
            KeysteadKey(sym_key::open_sym_key(&data, by_id(group, user, &data.master_key_id)?)?)
        });
        Ok(())
    })
}

/// Reads a page of keys: JSON list; each item opens with keystead_open_sym_key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_fetch_sym_keys(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&sym_key::done_fetch_sym_keys(answer)?))
    })
}

/// A key that the server does not keep: its wrapped form (JSON) and the key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_make_non_registered_sym_key(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    out: *mut *mut c_char,
    key: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, group, user) =
            unsafe { (result_at(out)?, result_at(key)?, handle_or_null(group), handle_or_null(user)) };
        let (wrapped, made) = sym_key::make_non_registered_sym_key(&mut *rng(), newest(group, user)?)?;
        out.text(wrapped)?;
        key.handle(KeysteadKey(made));
        Ok(())
    })
}

/// As keystead_make_non_registered_sym_key, for the holder of a public key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_make_non_registered_sym_key_by_public_key(
    to: *const KeysteadPublicKey,
    out: *mut *mut c_char,
    key: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, to) = unsafe { (result_at(out)?, result_at(key)?, handle(to)?) };
        let (wrapped, made) = sym_key::make_non_registered_sym_key_by_public_key(&mut *rng(), &to.0)?;
        out.text(wrapped)?;
        key.handle(KeysteadKey(made));
        Ok(())
    })
}

/// Opens a wrapped key (JSON), whether the group key itself wraps it or its public key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_open_sym_key(
    wrapped: *const c_char,
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    out: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, wrapped, group, user) =
            unsafe { (result_at(out)?, utf8(wrapped)?, handle_or_null(group), handle_or_null(user)) };
        out.handle({
            let data = sym_key::read_sym_key(wrapped)?;
            KeysteadKey(file::open_file_key(&data, by_id(group, user, &data.master_key_id)?)?)
        });
        Ok(())
    })
}

/// Id of the key, or "non_registered".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_id(key: *const KeysteadKey, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key) = unsafe { (result_at(out)?, handle(key)?) };
        out.text(key.0.id.clone())
    })
}

/// The key in clear, as JSON, for the platform's store of secrets.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_export(key: *const KeysteadKey, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key) = unsafe { (result_at(out)?, handle(key)?) };
        out.text(KeyHandle::from_sym_key(&key.0.key, &key.0.id).to_json())
    })
}

/// Reads what keystead_key_export wrote.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_import(text: *const c_char, out: *mut *mut KeysteadKey) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, text) = unsafe { (result_at(out)?, utf8(text)?) };
        out.handle({
            let (key, id) = KeyHandle::from_json(text)?.sym_key()?;
            KeysteadKey(sym_key::SymmetricKey { id, master_key_id: String::new(), key })
        });
        Ok(())
    })
}

/// Encrypts text with a symmetric key: base64.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_encrypt_string(
    key: *const KeysteadKey,
    plain: *const c_char,
    aad: *const c_char,
    signer: *const KeysteadUser,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, plain, aad, signer) =
            unsafe { (result_at(out)?, handle(key)?, utf8(plain)?, utf8_or_null(aad)?, handle_or_null(signer)) };
        out.text({
            let options = EncryptOptions { aad: aad.unwrap_or_default().as_bytes(), signer: signer_of(signer)? };
            content::encrypt_string(&mut *rng(), (&key.0).into(), plain, &options)?
        })
    })
}

/// Decrypts text with a symmetric key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_decrypt_string(
    key: *const KeysteadKey,
    content: *const c_char,
    aad: *const c_char,
    verify_key: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, content, aad, verify_key) =
            unsafe { (result_at(out)?, handle(key)?, utf8(content)?, utf8_or_null(aad)?, utf8_or_null(verify_key)?) };
        out.text({
            let verify = verify_key.map(read_key).transpose()?;
            let options = DecryptOptions { aad: aad.unwrap_or_default().as_bytes(), verify: verify.as_ref() };
            content::decrypt_string(&key.0.key, content, &options)?
        })
    })
}

/// Encrypts bytes with a symmetric key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_encrypt(
    key: *const KeysteadKey,
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
        let (out, key, plain, aad, signer) = unsafe {
            (
                bytes_out(out, out_len)?,
                handle(key)?,
                raw_bytes(plain, plain_len)?,
                raw_bytes(aad, aad_len)?,
                handle_or_null(signer),
            )
        };
        out.bytes({
            let options = EncryptOptions { aad, signer: signer_of(signer)? };
            content::encrypt(&mut *rng(), (&key.0).into(), plain, &options)?
        });
        Ok(())
    })
}

/// Decrypts bytes with a symmetric key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_decrypt(
    key: *const KeysteadKey,
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
        let (out, key, content, aad, verify_key) = unsafe {
            (
                bytes_out(out, out_len)?,
                handle(key)?,
                raw_bytes(content, content_len)?,
                raw_bytes(aad, aad_len)?,
                utf8_or_null(verify_key)?,
            )
        };
        out.bytes({
            let verify = verify_key.map(read_key).transpose()?;
            let options = DecryptOptions { aad, verify: verify.as_ref() };
            content::into_vec(content::decrypt(&key.0.key, content, &options)?)
        });
        Ok(())
    })
}

/// Body of `POST /file` and `POST /group/:g/file`. `wrapped` and `key` are those of
/// keystead_make_non_registered_sym_key. At most one of `user_id` and `group_id` says whose it is; the others, and
/// `name`, may be null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_register_file(
    wrapped: *const c_char,
    key: *const KeysteadKey,
    user_id: *const c_char,
    group_id: *const c_char,
    name: *const c_char,
    signer: *const KeysteadUser,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, wrapped, key, user_id, group_id, name, signer) = unsafe {
            (
                result_at(out)?,
                utf8(wrapped)?,
                handle(key)?,
                utf8_or_null(user_id)?,
                utf8_or_null(group_id)?,
                utf8_or_null(name)?,
                handle_or_null(signer),
            )
        };
        out.text({
            let place = match (user_id, group_id) {
                (None, None) => BelongsTo::Nobody,
                (Some(id), None) => BelongsTo::User(id),
                (None, Some(id)) => BelongsTo::Group(id),
                _ => return Err(Failure::argument()),
            };
            file::prepare_register_file(&mut *rng(), wrapped, &key.0, place, name, signer_of(signer)?)?
        })
    })
}

/// Reads the answer: JSON with `file_id` and `session_id`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_register_file(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&file::done_register_file(answer)?))
    })
}

/// Body of `PUT /file/:id`. `name` null takes it away.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_file_name_update(
    key: *const KeysteadKey,
    name: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, name) = unsafe { (result_at(out)?, handle(key)?, utf8_or_null(name)?) };
        out.text(file::prepare_file_name_update(&mut *rng(), &key.0, name)?)
    })
}

/// Reads the answer of `GET /file/:id`: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_file(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&file::done_get_file(answer)?))
    })
}

/// Opens the key of a file, out of the answer of `GET /file/:id`. Where the key is registered apart (2022), `key` stays
/// null and `registered` is its id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_file_key(
    answer: *const c_char,
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    key: *mut *mut KeysteadKey,
    registered: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (key, registered, answer, group, user) = unsafe {
            (result_at(key)?, result_at(registered)?, utf8(answer)?, handle_or_null(group), handle_or_null(user))
        };
        match file::file_key(&file::done_get_file(answer)?)? {
            FileKey::Wrapped(data) => {
                key.handle(KeysteadKey(file::open_file_key(&data, by_id(group, user, &data.master_key_id)?)?));
                Ok(())
            }
            FileKey::Registered(id) => registered.text(id),
        }
    })
}

/// Reads a page of a file's parts: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_part_list(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&file::done_part_list(answer)?))
    })
}

/// Reads the state of an upload: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_file_session(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&file::done_file_session(answer)?))
    })
}

/// Encrypts a file's name with its key.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_file_name(
    key: *const KeysteadKey,
    name: *const c_char,
    signer: *const KeysteadUser,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, name, signer) = unsafe { (result_at(out)?, handle(key)?, utf8(name)?, handle_or_null(signer)) };
        out.text(file::encrypt_file_name(&mut *rng(), &key.0, name, signer_of(signer)?)?)
    })
}

/// Opens a file's name.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt_file_name(
    key: *const KeysteadKey,
    name: *const c_char,
    verify_key: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, key, name, verify_key) =
            unsafe { (result_at(out)?, handle(key)?, utf8(name)?, utf8_or_null(verify_key)?) };
        out.text({
            let verify = verify_key.map(read_key).transpose()?;
            file::decrypt_file_name(&key.0.key, name, verify.as_ref())?
        })
    })
}

/// Encrypts a part. `previous`: the file's key for the first part, then the one that the part before gave in `next`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_encrypt_file_part(
    previous: *const KeysteadKey,
    plain: *const u8,
    plain_len: usize,
    signer: *const KeysteadUser,
    part: *mut *mut u8,
    part_len: *mut usize,
    next: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (part, next, previous, plain, signer) = unsafe {
            (
                bytes_out(part, part_len)?,
                result_at(next)?,
                handle(previous)?,
                raw_bytes(plain, plain_len)?,
                handle_or_null(signer),
            )
        };
        let (sealed, key) = file::encrypt_file_part(&mut *rng(), &previous.0.key, plain, signer_of(signer)?)?;
        part.bytes(sealed);
        next.handle(KeysteadKey(sym_key::SymmetricKey { key, ..previous.0.clone() }));
        Ok(())
    })
}

/// Opens a part. `previous` and `next` as in keystead_encrypt_file_part.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_decrypt_file_part(
    previous: *const KeysteadKey,
    part: *const u8,
    part_len: usize,
    verify_key: *const c_char,
    plain: *mut *mut u8,
    plain_len: *mut usize,
    next: *mut *mut KeysteadKey,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (plain, next, previous, part, verify_key) = unsafe {
            (
                bytes_out(plain, plain_len)?,
                result_at(next)?,
                handle(previous)?,
                raw_bytes(part, part_len)?,
                utf8_or_null(verify_key)?,
            )
        };
        let verify = verify_key.map(read_key).transpose()?;
        let (opened, key) = file::decrypt_file_part(&previous.0.key, part, verify.as_ref())?;
        plain.bytes(content::into_vec(opened));
        next.handle(KeysteadKey(sym_key::SymmetricKey { key, ..previous.0.clone() }));
        Ok(())
    })
}

/// Id of the verify key that a part's signature needs; null when it is not signed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_part_sign_key_id(part: *const u8, part_len: usize, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, part) = unsafe { (result_at(out)?, raw_bytes(part, part_len)?) };
        out.text_or_null(file::part_sign_key_id(part)?)
    })
}
