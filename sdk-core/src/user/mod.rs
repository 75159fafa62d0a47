//! Users and devices: registration, login with challenge and second factor, further devices, refresh, public keys.
//!
//! A user is a group of devices. A device has an identifier and a password; they open its master key, and that its key
//! pairs. The *user keys* are the keys of the user group, wrapped for each device.
//!
//! Login, step by step:
//!
//! 1. [`prepare_login_start`] → `POST /prepare_login`
//! 2. [`prepare_login`] derives the keys (Argon2id, some 20 ms) → `POST /done_login`
//! 3. [`done_login`] → [`LoginStep`]: `Otp` wants [`prepare_validate_mfa`] → `POST /validate_mfa` → [`done_validate_mfa`]
//! 4. [`prepare_verify_login`] sends the opened challenge → `POST /verify_login`
//! 5. [`done_verify_login`] → [`UserData`]
//!
//! A *light* user has devices and no user keys: [`prepare_register_light`], and `POST /verify_login_light` with
//! [`done_verify_login_light`] as step 5.
//!
//! ```
//! # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
//! use keystead_sdk_core::user::{self, LoginStep};
//!
//! let body = user::prepare_login_start(&frozen("identifier"));
//! # assert_eq!(body, r#"{"user_identifier":"alice"}"#);
//! let (body, start) = user::prepare_login(&frozen("identifier"), &frozen("password"), &frozen("prepare_login"))?;
//! # assert!(body.contains(&start.auth_key().to_b64()) && start.identifier() == "alice");
//! # let _secret = start.master_wrapping_key();
//! let login = match user::done_login(&start, &frozen("done_login"))? {
//!     LoginStep::Direct(login) => *login,
//!     LoginStep::Otp => {
//!         let body = user::prepare_validate_mfa(&start, "123456");
//!         user::done_validate_mfa(&start, &format!("the answer to {body}"))?
//!     }
//!     LoginStep::Done(_) => unreachable!("only after prepare_login_g03 (or prepare_login_g03_with a policy)"),
//! };
//! let body = user::prepare_verify_login(&start, &login);
//! # assert_eq!((body, login.wire_device_keys().device_id.as_str()), (frozen("verify_login_body"), "device-2"));
//! let alice = user::done_verify_login(login, &frozen("verify_login"))?;
//! assert_eq!(alice.user_id(), "user-1");
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

mod challenge;
mod device;
mod done;
mod keys;
mod login;
mod pins;
mod prepare;
mod proof;
mod public_key;
mod rotation;
mod saved;

pub use challenge::Challenges;
pub use device::{
    NewDevicePages, done_device_list, done_register_device_start, prepare_register_device,
    prepare_register_device_light, prepare_register_device_start,
};
pub use done::{
    done_check_identifier, done_fetch_user_keys, done_init, done_otp_recovery_keys, done_refresh, done_register,
    done_register_otp, done_session_list, done_success, otp_url, prepare_confirm_otp,
};
pub use keys::{DeviceKeys, LightUserData, UserData, UserKey};
pub use login::{
    DirectLogin, LoginStart, LoginStep, done_login, done_validate_mfa, done_verify_login, done_verify_login_light,
    prepare_login, prepare_login_g03, prepare_login_g03_with, prepare_login_start, prepare_login_with,
    prepare_validate_mfa, prepare_verify_login,
};
pub use pins::{Pin, VerifyKeys};
pub use prepare::{
    generate_user_register_data, prepare_change_password, prepare_check_identifier, prepare_init, prepare_refresh,
    prepare_register, prepare_register_light, prepare_register_with, prepare_reset_password,
    prepare_user_identifier_update,
};
pub use proof::{check_verify_key_proof, done_fetch_verify_key_proof, prove_verify_key};
pub use public_key::{
    UncheckedPublicKey, UserPublicKey, create_safety_number, done_fetch_public_key, done_fetch_verify_key,
    read_verify_key,
};

pub use rotation::{done_user_key_rotation, prepare_user_key_rotation};
pub use saved::{restore_login_start, restore_user, save_login_start, save_user};

pub(crate) use prepare::device_input;

#[doc(no_inline)]
pub use keystead_protocol::devices::{DeviceListItem, OtpRegister, RegisterDeviceOutput, SessionListItem};
#[doc(no_inline)]
pub use keystead_protocol::keys::{InitOutput, RefreshOutput, VerifyKeyData, VerifyKeyProof};
