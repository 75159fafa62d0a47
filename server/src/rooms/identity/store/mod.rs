//! The tables `iam_*`. What every request runs has a body per backend (`each!`), so that it is found prepared.

pub(super) mod one_time_tokens;
pub(super) mod provider_users;
pub(super) mod refresh_tokens;
pub(super) mod sessions;
pub(super) mod settings;
pub(super) mod users;
