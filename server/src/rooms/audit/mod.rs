//! The audit log: what happened to accounts, and who did it. Every room writes into it, in the transaction of what it tells
//! about. It holds ids and addresses, never names, e-mail addresses, tokens or passwords.

mod entry;
pub mod rules;
mod store;
