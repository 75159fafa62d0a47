//! Files (sentc.md sections 10 and 12.5): registration, the file's key, parts.
//!
//! A file has a key of its own, wrapped by a group key or for a public key. Each part is encrypted with a key of its own,
//! which is wrapped by the key of the part before; the first one's by the file's key. So the parts can only be read in the
//! order in which they were written. The caller moves the bytes: parts of [`PART_SIZE`] plain bytes, the last one shorter.
//!
//! Files of 2022 (npm 0.3.1) have a registered key (see [`crate::sym_key`]) that encrypts every part by itself; they are read
//! by the same functions. In neither form does a part say whether another one follows: who must notice that a server keeps
//! the end of a file back puts the length into what he signs or encrypts elsewhere.
//!
//! ```
//! use keystead_sdk_core::crypto::sym::SymKey;
//! use keystead_sdk_core::{file, rng};
//!
//! let key = SymKey::generate(&mut rng::os());
//! let (first, next) = file::encrypt_file_part_start(&mut rng::os(), &key, b"first ", None)?;
//! let (second, _) = file::encrypt_file_part(&mut rng::os(), &next, b"second", None)?;
//!
//! let (plain, next) = file::decrypt_file_part_start(&key, &first, None)?;
//! assert_eq!(plain.as_slice(), b"first ");
//! assert_eq!(file::decrypt_file_part(&next, &second, None)?.0.as_slice(), b"second");
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

mod part;
mod register;

pub use part::{
    decrypt_file_part, decrypt_file_part_start, encrypt_file_part, encrypt_file_part_start, part_sign_key_id,
};
pub(crate) use part::{open_part_head, part_head};
pub use register::{
    BelongsTo, FileKey, decrypt_file_name, done_file_session, done_get_file, done_part_list, done_register_file,
    encrypt_file_name, file_key, open_file_key, prepare_file_name_update, prepare_register_file,
};

#[doc(no_inline)]
pub use keystead_protocol::files::{
    BelongsToType, FileData, FileRegisterOutput, FileSessionOutput, PART_PAGE, PART_SIZE, PartListItem,
};
