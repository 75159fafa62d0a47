//! Groups: access, ranks, members, invites, keys, hierarchy, groups as members, join requests (sentc.md section 8).

mod connected;
mod create;
mod forced;
mod hierarchy;
mod invites;
mod joins;
mod keys;
mod members;
mod ranks;
mod re_invites;
mod rotated;
mod rotation;
mod shared;
