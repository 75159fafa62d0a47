//! What holds for users: who is logged in, who may register, which keys are public.

pub mod devices;
mod login;
pub mod mfa;
pub mod password;
mod register;
mod sessions;
mod users;

pub use login::{JudgedDevice, auth_key, challenge, device_keys, judge_secret, salt, take_challenge};
pub use register::{
    NewDevice, Registered, Registration, exists, register, reset, reset_light, validate as validate_registration,
    validate_device, validate_light,
};
pub use sessions::{
    NewTokens, Refreshable, Session, SessionTokens, end_one, end_others, end_sessions, is_fresh, issue,
    list as list_sessions, logout, new_tokens, note_use, refreshable, remember, session, sweep,
};
pub use users::{
    delete_user, device_public_keys, find_user, newest_public_keys, public_data_g03, public_key, public_key_by_id,
    rename, stored_of, user_group_of, verify_key_by_id, verify_key_g03,
};

/// Longest login identifier, bytes.
pub const MAX_IDENTIFIER: usize = 1024;

/// G03: devices that npm 0.3.1 registered. They get the older answers (sentc.md section 14).
pub const G03: i32 = 3;
/// G15: devices of today's clients.
pub const G15: i32 = 15;

/// The hash under which an identifier is stored.
///
/// # Errors
/// `JsonParse` when it is empty or too long.
pub fn identifier_hash(identifier: &str) -> crate::error::KeyResult<String> {
    if identifier.is_empty() || identifier.len() > MAX_IDENTIFIER {
        return Err(crate::error::KeyError::input(format_args!("an identifier has 1 to {MAX_IDENTIFIER} bytes")));
    }
    Ok(keystead_crypto::hash::identifier(identifier))
}
