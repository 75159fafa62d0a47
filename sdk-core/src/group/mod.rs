//! Groups: a symmetric key and a key pair per generation, shared by wrapping the symmetric key for each member.
//!
//! The caller holds [`GroupData`]: the group keys newest first (index 0 encrypts) and what the server says about his
//! membership. A rotation adds a generation; all are kept.

mod create;
mod done;
mod keys;
mod members;
mod pages;
mod rotation;
mod trust;

pub(crate) use create::make_user_group;
pub use create::{CreateGroup, Signer, prepare_create_child_group, prepare_create_group};
pub use done::{
    GroupData, KeyWarning, PageCursor, done_create_group, done_get_children, done_get_group, done_get_group_keys,
    done_get_group_light, done_get_groups, done_get_invites, done_get_join_requests, done_get_members,
    done_group_update_check, get_access_by, group_key_signers, group_keys_page_signers, next_page,
};
pub(crate) use keys::open_group_key;
pub(crate) use keys::open_search_keys;
pub(crate) use keys::wrap_for_self;
pub use keys::{GroupKey, KeySignature, PrivateKeys, SearchKeyEntry, SortKeyEntry};
pub use members::{
    NewMemberPages, SESSION_PAGE, done_invite, prepare_change_rank, prepare_group_keys_for_new_member,
    prepare_light_invite, wrap_member_keys,
};

pub use pages::Pages;
pub use rotation::{
    done_key_rotation, done_key_rotation_start, get_done_key_rotation_server_input, prepare_key_rotation,
};
pub(crate) use rotation::{open_waiting, rotate};
pub use trust::check_member_page;
pub(crate) use trust::{PinnedGroup, PinnedPublicKey, check_newest};

#[doc(no_inline)]
pub use keystead_protocol::groups::{
    AccessBy, GroupChildListItem, GroupLightData, GroupListItem, GroupUserListItem, InviteListItem, JoinRequestListItem,
};
#[doc(no_inline)]
pub use keystead_protocol::rotation::KeyRotationInput;
