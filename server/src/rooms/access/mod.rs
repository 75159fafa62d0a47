//! The one look at the database that most requests need: app unchanged, device there, member of the group.
//!
//! It reads tables of three rooms in one statement, because it runs at every request. It only ever says yes: whatever is not plainly
//! right is left to the rooms themselves, which know the codes.

pub mod rules;
mod store;
