//! Groups: creation, keys, members, rotation.

use std::sync::Arc;

use std::ffi::c_char;

use crate::boundary::{Failure, call, handle, handle_mut, handle_or_null, json, parse, result_at, rng, utf8};
use crate::handles::{KeysteadGroup, KeysteadPins, KeysteadPublicKey, KeysteadUser};
use keystead_sdk_core::group::{self, CreateGroup};

/// Body of `POST /group`. `sign`: the user vouches for the group key; say yes.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_create_group(
    user: *const KeysteadUser,
    sign: bool,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user) = unsafe { (result_at(out)?, handle(user)?) };
        out.text(group::prepare_create_group(&mut *rng(), user, CreateGroup { sign, ..CreateGroup::default() })?)
    })
}

/// Body of `POST /group/:parent/child` (and `/connected`).
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_create_child_group(
    parent: *const KeysteadGroup,
    user: *const KeysteadUser,
    sign: bool,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, parent, user) = unsafe { (result_at(out)?, handle(parent)?, handle(user)?) };
        out.text({
            let options = CreateGroup { sign, ..CreateGroup::default() };
            group::prepare_create_child_group(&mut *rng(), parent.keys(), user, options)?
        })
    })
}

/// Reads the answer: the new group's id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_create_group(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(group::done_create_group(answer)?)
    })
}

/// Users and verify keys that should be pinned before the group is opened: JSON list of pairs.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_key_signers(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::group_key_signers(answer)?))
    })
}

/// Opens a group for its member `user`, or, when `user` is null, for a member of the group `through`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_group(
    answer: *const c_char,
    user: *const KeysteadUser,
    through: *const KeysteadGroup,
    pins: *const KeysteadPins,
    out: *mut *mut KeysteadGroup,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer, user, through, pins) =
            unsafe { (result_at(out)?, utf8(answer)?, handle_or_null(user), handle_or_null(through), handle(pins)?) };
        out.handle({
            let data = match (user, through) {
                (Some(user), None) => group::done_get_group(answer, &*user.0, &pins.0)?,
                (None, Some(through)) => group::done_get_group(answer, &*through.0, &pins.0)?,
                _ => return Err(Failure::argument()),
            };
            KeysteadGroup(Arc::new(data))
        });
        Ok(())
    })
}

/// As keystead_group_key_signers, of a page of `GET /group/:g/keys/…`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_keys_page_signers(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::group_keys_page_signers(answer)?))
    })
}

/// Reads a page of `GET /group/:g/keys/…` into the group. `user` and `through` as in keystead_done_get_group.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_add_keys(
    group: *mut KeysteadGroup,
    answer: *const c_char,
    user: *const KeysteadUser,
    through: *const KeysteadGroup,
    pins: *const KeysteadPins,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (group, answer, user, through, pins) = unsafe {
            (handle_mut(group)?, utf8(answer)?, handle_or_null(user), handle_or_null(through), handle(pins)?)
        };
        let page = match (user, through) {
            (Some(user), None) => group::done_get_group_keys(answer, &*user.0, &pins.0)?,
            (None, Some(through)) => group::done_get_group_keys(answer, &*through.0, &pins.0)?,
            _ => return Err(Failure::argument()),
        };
        Arc::make_mut(&mut group.0).add_keys(page)?;
        Ok(())
    })
}

/// The group's id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_id(group: *const KeysteadGroup, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.text(group.group_id.clone())
    })
}

/// The caller's rank in it, 0 to 4.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_rank(group: *const KeysteadGroup, out: *mut i32) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.put(group.rank);
        Ok(())
    })
}

/// True when a rotated key waits for the caller.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_key_update(group: *const KeysteadGroup, out: *mut bool) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.put(group.key_update);
        Ok(())
    })
}

/// Ids of the keys that are here, newest first: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_key_ids(group: *const KeysteadGroup, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group) = unsafe { (result_at(out)?, handle(group)?) };
        out.text(json(&group.keys().iter().map(group::GroupKey::id).collect::<Vec<_>>()))
    })
}

/// Error 136 when a key of the group is not signed by somebody known.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_require_signed_keys(group: *const KeysteadGroup) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let group = unsafe { handle(group)? };
        group.require_signed_keys()?;
        Ok(())
    })
}

/// Reads the answer of `GET /group/:g/light`: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_group_light(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_get_group_light(answer)?))
    })
}

/// Reads a page of the members: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_members(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_get_members(answer)?))
    })
}

/// Reads a page of invites or of sent join requests: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_invites(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_get_invites(answer)?))
    })
}

/// Reads a page of join requests: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_join_requests(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_get_join_requests(answer)?))
    })
}

/// Reads a page of child groups: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_children(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_get_children(answer)?))
    })
}

/// Reads a page of groups: JSON list.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_get_groups(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_get_groups(answer)?))
    })
}

/// Reads the answer of `GET /group/:g/update_check`: JSON.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_group_update_check(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::done_group_update_check(answer)?))
    })
}

/// Body that invites the holder of `member` (or accepts his request), all keys of the group wrapped for him. `rank`:
/// his, or negative for the usual one. `further`: JSON list of bodies for the session that the answer names.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_group_keys_for_new_member(
    group: *const KeysteadGroup,
    member: *const KeysteadPublicKey,
    rank: i32,
    out: *mut *mut c_char,
    further: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, further, group, member) =
            unsafe { (result_at(out)?, result_at(further)?, handle(group)?, handle(member)?) };
        let rank = (rank >= 0).then_some(rank);
        let pages = group::prepare_group_keys_for_new_member(&mut *rng(), group.keys(), &member.0, rank, group.rank)?;
        out.text(pages.first)?;
        further.text(json(&pages.further))
    })
}

/// Body of an invite to a light group. `rank`: negative for the usual one.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_light_invite(rank: i32, own_rank: i32, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let out = unsafe { result_at(out)? };
        out.text(group::prepare_light_invite((rank >= 0).then_some(rank), own_rank)?)
    })
}

/// Reads the answer to an invite: the session for the further keys, or null.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_invite(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text_or_null(group::done_invite(answer)?)
    })
}

/// Body of `PUT /group/:g/change_rank`.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_change_rank(
    user_id: *const c_char,
    new_rank: i32,
    own_rank: i32,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, user_id) = unsafe { (result_at(out)?, utf8(user_id)?) };
        out.text(group::prepare_change_rank(user_id, new_rank, own_rank)?)
    })
}

/// Body of `POST /group/:g/key_rotation`. `through`: the group by which the caller is a member, or null for himself.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_prepare_key_rotation(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    through: *const KeysteadGroup,
    sign: bool,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, through) =
            unsafe { (result_at(out)?, handle(group)?, handle(user)?, handle_or_null(through)) };
        out.text({
            let own = match through {
                Some(through) => through.newest_key()?,
                None => user.newest_key()?.group_key(),
            };
            group::prepare_key_rotation(&mut *rng(), group.keys(), own, user, sign)?
        })
    })
}

/// Reads the answer to the start of a rotation: the new key's id.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_key_rotation_start(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(group::done_key_rotation_start(answer)?)
    })
}

/// Reads the waiting keys of `GET …/key_rotation`: JSON list, oldest first.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_rotations(answer: *const c_char, out: *mut *mut c_char) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, answer) = unsafe { (result_at(out)?, utf8(answer)?) };
        out.text(json(&group::get_done_key_rotation_server_input(answer)?))
    })
}

/// Body of `PUT /group/:g/key_rotation/:id` for one item of keystead_key_rotations. `through` as in
/// keystead_prepare_key_rotation.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_done_key_rotation(
    group: *const KeysteadGroup,
    user: *const KeysteadUser,
    through: *const KeysteadGroup,
    item: *const c_char,
    out: *mut *mut c_char,
) -> i32 {
    call(|| {
        // SAFETY: the caller keeps the contract for every argument.
        let (out, group, user, through, item) =
            unsafe { (result_at(out)?, handle(group)?, handle(user)?, handle_or_null(through), utf8(item)?) };
        out.text({
            let item: group::KeyRotationInput = parse(item)?;
            let previous = group.key(&item.previous_group_key_id)?;
            match through {
                Some(by) => group::done_key_rotation(&mut *rng(), &item, previous, &*by.0, by.newest_key()?)?,
                None => {
                    group::done_key_rotation(&mut *rng(), &item, previous, &*user.0, user.newest_key()?.group_key())?
                }
            }
        })
    })
}
