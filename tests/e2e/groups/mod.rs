//! Groups: access, ranks, members, invites, keys (sentc.md section 8).

mod create;
mod invites;
mod keys;
mod members;
mod ranks;
mod re_invites;
