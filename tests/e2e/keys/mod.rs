//! Users: registration, login, devices, passwords, second factors, sessions, JWTs, public data, deletion.

mod deletion;
mod devices;
mod flow;
mod forced;
mod jwt;
mod light;
mod login;
mod mfa;
mod own_sessions;
mod password;
mod public_data;
mod register;
mod sdk_account;
mod sessions;
