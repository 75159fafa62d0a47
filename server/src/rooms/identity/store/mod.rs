//! The tables `iam_*`. What every request runs has a body per backend (`each!`), so that it is found prepared.

pub(super) mod one_time_tokens;
pub(super) mod refresh_tokens;
pub(super) mod secrets;
pub(super) mod sessions;
pub(super) mod users;
