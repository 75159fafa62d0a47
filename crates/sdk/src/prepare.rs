//! The calls of `StdUser` that need neither login nor network.

use keystead_sdk_core::{Suite, rng, user};

use crate::Result;
use crate::keys::StdUser;

impl StdUser {
    /// The body of `POST /register`: all keys of a new user. JSON text of about 34 KB; takes one Argon2id.
    /// The answer goes to [`user::done_register`](crate::user::done_register).
    ///
    /// ```
    /// use keystead::keys::StdUser;
    /// let input = StdUser::prepare_register("identifier", "password")?;
    /// assert!(input.contains(r#""device_identifier":"identifier""#));
    /// # Ok::<(), keystead::Error>(())
    /// ```
    pub fn prepare_register(identifier: &str, password: &str) -> Result<String> {
        Self::prepare_register_suite(Suite::HYBRID, identifier, password)
    }

    /// As [`prepare_register`](Self::prepare_register) with other algorithms.
    pub fn prepare_register_suite(suite: Suite, identifier: &str, password: &str) -> Result<String> {
        Ok(user::prepare_register_with(&mut rng::os(), suite, identifier, password)?)
    }

    /// The body of `POST /user/prepare_register_device` (no JWT): all keys of a new device. Takes one Argon2id.
    /// The answer goes to [`user::done_register_device_start`](crate::user::done_register_device_start).
    pub fn prepare_register_device_start(device_identifier: &str, password: &str) -> Result<String> {
        Ok(user::prepare_register_device_start(&mut rng::os(), Suite::HYBRID, device_identifier, password)?)
    }

    /// The body of `POST /exists`.
    #[must_use]
    pub fn prepare_check_identifier(identifier: &str) -> String {
        user::prepare_check_identifier(identifier)
    }

    /// An identifier and a password that no person types in: 27 and 54 characters.
    #[must_use]
    pub fn generate_register_data() -> (String, String) {
        user::generate_user_register_data(&mut rng::os())
    }
}
