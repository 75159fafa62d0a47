//! What files and registered keys on the wire must look like. Every failure is code 11 and names the field.

use keystead_protocol::files::{BelongsToType, FileRegisterInput};

use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::validate::{MAX_TEXT, b64_field, id_field};

/// A symmetric key of 32 bytes, wrapped by a symmetric key or encrypted for a public key of any suite.
const WRAPPED: [usize; 4] = [60, 92, 1148, 1208];
/// A long name, encrypted, signed with the largest signature, in base64.
const MAX_NAME: usize = 16 * 1024;

/// A wrapped symmetric key.
///
/// # Errors
/// Code 11.
pub(super) fn wrapped_key(name: &str, text: &str) -> KeyResult<()> {
    let fits = WRAPPED.iter().any(|length| b64_field(name, text, *length..=*length).is_ok());
    if fits { Ok(()) } else { b64_field(name, text, WRAPPED[0]..=WRAPPED[0]) }
}

/// Today's clients send the file's key wrapped as they keep it (JSON text or base64), those of 2022 the id of a
/// registered key: one of both, no more is known about it here.
///
/// # Errors
/// Code 11.
pub(super) fn registration(input: &FileRegisterInput) -> KeyResult<()> {
    match (&input.encrypted_key, &input.encrypted_key_alg, &input.master_key_id, &input.key_id) {
        (Some(key), Some(alg), Some(master_key_id), _) => {
            text("encrypted_key", key, MAX_TEXT)?;
            text("encrypted_key_alg", alg, 64)?;
            id_field("master_key_id", master_key_id)?;
        }
        (None, None, None, Some(key_id)) => id_field("key_id", key_id)?,
        _ => return Err(KeyError::input("encrypted_key, encrypted_key_alg and master_key_id belong together")),
    }
    if let (BelongsToType::Group, None) = (input.belongs_to_type, target(input)) {
        return Err(KeyError::input("belongs_to_id: a group's file needs the group"));
    }
    file_name(input.encrypted_file_name.as_deref())
}

/// # Errors
/// Code 11.
pub(super) fn file_name(name: Option<&str>) -> KeyResult<()> {
    match name {
        Some(name) if name.len() > MAX_NAME => Err(KeyError::input("encrypted_file_name: is too long")),
        Some(name) => no_nul("encrypted_file_name", name),
        None => Ok(()),
    }
}

/// Clients of 2022 send an empty id for none.
pub(super) fn target(input: &FileRegisterInput) -> Option<&str> {
    input.belongs_to_id.as_deref().filter(|id| !id.is_empty())
}

fn text(name: &str, text: &str, most: usize) -> KeyResult<()> {
    if !(1..=most).contains(&text.len()) {
        return Err(KeyError::input(format_args!("{name}: has the wrong length")));
    }
    no_nul(name, text)
}

/// PostgreSQL keeps no NUL in texts.
fn no_nul(name: &str, text: &str) -> KeyResult<()> {
    if text.contains('\0') { Err(KeyError::input(format_args!("{name}: has a NUL"))) } else { Ok(()) }
}
