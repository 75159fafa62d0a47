//! Files and registered keys (sentc.md sections 9 and 10).

mod access;
mod deletion;
mod own_storage;
mod sdk;
mod storage;
mod sym_keys;
mod upload;
