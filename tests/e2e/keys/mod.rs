//! Users: registration, login, sessions, JWTs, public data, deletion.

mod deletion;
mod flow;
mod forced;
mod jwt;
mod login;
mod public_data;
mod register;
mod sessions;
