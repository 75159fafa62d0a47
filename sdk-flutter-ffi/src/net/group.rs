//! An opened group: members, keys, files. Encryption needs no network: keystead_net_group_data and the calls for content.

use std::ffi::{c_char, c_void};

use super::{KeysteadCallback, KeysteadNetGroup, Reply};
use crate::boundary::{call, handle, json, result_at, utf8, utf8_or_null};
use crate::handles::KeysteadGroup;
use keystead::{CreateFile, DownloadFile, Error};
use tokio::fs::File;

/// The group's keys, for the calls that take a KeysteadGroup. They are those of this moment.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_data(group: *const KeysteadNetGroup, out: *mut *mut KeysteadGroup) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.handle(KeysteadGroup(group.group.data()));
        Ok(())
    })
}

/// Asks whether a rotated key waits. Calls back with the text "true" or "false".
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_update_check(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(group.group.update_check().await?.to_string())) })
    })
}

/// Fetches the key that some content names. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_fetch_key(
    group: *const KeysteadNetGroup,
    key_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, key_id) = unsafe { (handle(group)?.clone(), utf8(key_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.fetch_key(&key_id).await?;
            Ok(Reply::none())
        })
    })
}

/// Invites a user. `rank`: his, or negative for the usual one. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_invite(
    group: *const KeysteadNetGroup,
    user_id: *const c_char,
    rank: i32,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, user_id) = unsafe { (handle(group)?.clone(), utf8(user_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.invite(&user_id, (rank >= 0).then_some(rank)).await?;
            Ok(Reply::none())
        })
    })
}

/// Makes a user a member at once. `rank`: his, or negative for the usual one. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_invite_auto(
    group: *const KeysteadNetGroup,
    user_id: *const c_char,
    rank: i32,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, user_id) = unsafe { (handle(group)?.clone(), utf8(user_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.invite_auto(&user_id, (rank >= 0).then_some(rank)).await?;
            Ok(Reply::none())
        })
    })
}

/// The first page of the members, checked. Calls back with a JSON list as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_get_members(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(json(&group.group.get_members(None).await?))) })
    })
}

/// The first page of join requests. Calls back with a JSON list as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_get_join_requests(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(
            callback,
            context,
            async move { Ok(Reply::text(json(&group.group.get_join_requests(None).await?))) },
        )
    })
}

/// Accepts a join request. `rank`: the new member's, or negative for the usual one. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_accept_join_request(
    group: *const KeysteadNetGroup,
    user_id: *const c_char,
    rank: i32,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, user_id) = unsafe { (handle(group)?.clone(), utf8(user_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.accept_join_request(&user_id, (rank >= 0).then_some(rank)).await?;
            Ok(Reply::none())
        })
    })
}

/// Puts a member out. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_kick(
    group: *const KeysteadNetGroup,
    user_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, user_id) = unsafe { (handle(group)?.clone(), utf8(user_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.kick(&user_id).await?;
            Ok(Reply::none())
        })
    })
}

/// Gives a member another rank. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_change_rank(
    group: *const KeysteadNetGroup,
    user_id: *const c_char,
    rank: i32,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, user_id) = unsafe { (handle(group)?.clone(), utf8(user_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.change_rank(&user_id, rank).await?;
            Ok(Reply::none())
        })
    })
}

/// Leaves the group. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_leave(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.leave().await?;
            Ok(Reply::none())
        })
    })
}

/// Deletes the group. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_delete(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.delete_group().await?;
            Ok(Reply::none())
        })
    })
}

/// Makes a group below this one. Calls back with its id as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_create_child_group(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(group.group.create_child_group().await?)) })
    })
}

/// Opens a group below this one. Calls back with a KeysteadNetGroup as handle.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_get_child_group(
    group: *const KeysteadNetGroup,
    group_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, group_id) = unsafe { (handle(group)?.clone(), utf8(group_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            let child = group.group.get_child_group(&group_id).await?;
            Ok(Reply::handle("group", KeysteadNetGroup { runtime: group.runtime.clone(), group: child }))
        })
    })
}

/// Gives the group a new key. Calls back with the new key's id as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_key_rotation(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move { Ok(Reply::text(group.group.key_rotation().await?)) })
    })
}

/// Takes waiting keys of the group. Calls back with their number as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_finish_key_rotation(
    group: *const KeysteadNetGroup,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)?.clone() };
        let runtime = group.runtime.clone();
        runtime.run(
            callback,
            context,
            async move { Ok(Reply::text(group.group.finish_key_rotation().await?.to_string())) },
        )
    })
}

/// Opens a text and demands the signature of `user_id`, whose key is fetched. Calls back with the text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_decrypt_string_verified(
    group: *const KeysteadNetGroup,
    content: *const c_char,
    user_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, content, user_id) =
            unsafe { (handle(group)?.clone(), utf8(content)?.to_owned(), utf8(user_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            Ok(Reply::text(group.group.decrypt_string_verified(&content, &user_id).await?))
        })
    })
}

/// Encrypts the file at `path` and stores it for the group. `name`: stored encrypted, or null. Calls back with the
/// file's id as text.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_create_file(
    group: *const KeysteadNetGroup,
    path: *const c_char,
    name: *const c_char,
    sign: bool,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, path, name) =
            unsafe { (handle(group)?.clone(), utf8(path)?.to_owned(), utf8_or_null(name)?.map(str::to_owned)) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            let mut source = File::open(&path).await.map_err(Error::Io)?;
            let options = CreateFile { name: name.as_deref(), sign, ..CreateFile::default() };
            Ok(Reply::text(group.group.create_file(&mut source, options).await?.file_id))
        })
    })
}

/// Writes a file of the group, decrypted, to `path`. `signed_by`: demands that user's signature, or null. Calls back
/// with the file's name as text, or null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_download_file(
    group: *const KeysteadNetGroup,
    file_id: *const c_char,
    path: *const c_char,
    signed_by: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, file_id, path, signed_by) = unsafe {
            (
                handle(group)?.clone(),
                utf8(file_id)?.to_owned(),
                utf8(path)?.to_owned(),
                utf8_or_null(signed_by)?.map(str::to_owned),
            )
        };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            let mut sink = File::create(&path).await.map_err(Error::Io)?;
            let options = DownloadFile { verify: signed_by.as_deref(), ..DownloadFile::default() };
            let read = group.group.download_file(&file_id, &mut sink, options).await?;
            Ok(Reply::text_or_null(read.name))
        })
    })
}

/// Deletes a file of the group. Calls back with nothing.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_delete_file(
    group: *const KeysteadNetGroup,
    file_id: *const c_char,
    callback: KeysteadCallback,
    context: *mut c_void,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, file_id) = unsafe { (handle(group)?.clone(), utf8(file_id)?.to_owned()) };
        let runtime = group.runtime.clone();
        runtime.run(callback, context, async move {
            group.group.delete_file(&file_id).await?;
            Ok(Reply::none())
        })
    })
}
