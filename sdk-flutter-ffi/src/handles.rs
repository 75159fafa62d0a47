//! The handles: opaque to the caller, who gives each back with its own function.

use std::ops::Deref;
use std::sync::Arc;

use keystead_sdk_core::group::GroupData;
use keystead_sdk_core::sym_key::SymmetricKey;
use keystead_sdk_core::user::{
    Challenges, DirectLogin, LightUserData, LoginStart, UserData, UserPublicKey, VerifyKeys,
};

use crate::boundary::{Failure, free};

/// `step` of keystead_done_login: the challenge waits.
pub const KEYSTEAD_LOGIN_CHALLENGE: i32 = 0;
/// `step` of keystead_done_login: the second factor is wanted.
pub const KEYSTEAD_LOGIN_SECOND_FACTOR: i32 = 1;
/// `step` of keystead_done_login: an account of 2022 is logged in.
pub const KEYSTEAD_LOGIN_DONE: i32 = 2;

/// A logged-in user with his keys.
pub struct KeysteadUser(pub(crate) Arc<UserData>);

/// A logged-in light user.
pub struct KeysteadLightUser(pub(crate) LightUserData);

/// A begun login.
pub struct KeysteadLoginStart(pub(crate) LoginStart);

/// A login whose challenge waits.
pub struct KeysteadLogin(pub(crate) Option<DirectLogin>);

/// The challenges that were answered.
pub struct KeysteadChallenges(pub(crate) Challenges);

/// Verify keys of other users, as they were first seen.
pub struct KeysteadPins(pub(crate) VerifyKeys);

/// A public key of another user or of a group, checked.
pub struct KeysteadPublicKey(pub(crate) UserPublicKey);

/// An opened group.
pub struct KeysteadGroup(pub(crate) Arc<GroupData>);

/// A symmetric key.
pub struct KeysteadKey(pub(crate) SymmetricKey);

impl Deref for KeysteadUser {
    type Target = UserData;

    fn deref(&self) -> &UserData {
        &self.0
    }
}

impl Deref for KeysteadGroup {
    type Target = GroupData;

    fn deref(&self) -> &GroupData {
        &self.0
    }
}

impl KeysteadLogin {
    pub(crate) fn get(&self) -> Result<&DirectLogin, Failure> {
        self.0.as_ref().ok_or_else(Failure::argument)
    }

    pub(crate) fn take(&mut self) -> Result<DirectLogin, Failure> {
        self.0.take().ok_or_else(Failure::argument)
    }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_user_free(handle: *mut KeysteadUser) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_light_user_free(handle: *mut KeysteadLightUser) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_login_start_free(handle: *mut KeysteadLoginStart) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_login_free(handle: *mut KeysteadLogin) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_challenges_free(handle: *mut KeysteadChallenges) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pins_free(handle: *mut KeysteadPins) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_public_key_free(handle: *mut KeysteadPublicKey) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_group_free(handle: *mut KeysteadGroup) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_key_free(handle: *mut KeysteadKey) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}
