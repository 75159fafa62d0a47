//! Groups (sentc.md section 8): the group itself and its hierarchy here; its keys, members, invites and join requests in
//! folders of their own.
//!
//! A user's own keys are a group too: a *user group* (kind 1), whose members are the user's devices. No group route
//! reaches it; the room `keys` makes it and reads it through `rules` and `keys`.

mod deserted;
pub mod devices;
pub mod guests;
pub mod http;
pub mod invites;
pub mod joins;
pub mod keys;
pub mod members;
mod rank;
pub mod rotation;
pub mod rules;
mod store;
pub mod validate;

pub use deserted::forget_user;
pub use guests::Guest;

#[cfg(test)]
mod tests;
