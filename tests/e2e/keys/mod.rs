//! Users: registration, login, devices, passwords, second factors, sessions, JWTs, public data, deletion.

mod deletion;
mod devices;
mod flow;
mod forced;
mod jwt;
mod light;
mod login;
mod public_data;
mod register;
mod sessions;
