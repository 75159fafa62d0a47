//! A group with its keys.

use keystead_sdk_core::group::{self, CreateGroup, GroupData, PrivateKeys};
use keystead_sdk_core::{SdkError, rng, search, sym_key};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js};
use crate::file::NewFile;
use crate::user::path;
use crate::{Key, PublicKey, Trust, User};

/// A group with its keys.
#[wasm_bindgen]
pub struct Group {
    pub(crate) data: GroupData,
}

#[wasm_bindgen]
impl Group {
    /// Group id.
    #[wasm_bindgen(getter, js_name = groupId)]
    pub fn group_id(&self) -> String {
        self.data.group_id.clone()
    }

    /// Parent group.
    #[wasm_bindgen(getter, js_name = parentGroupId)]
    pub fn parent_group_id(&self) -> Option<String> {
        self.data.parent_group_id.clone()
    }

    /// The caller's rank: 0 creator, 1 admin, 2 member manager, 3 and 4 plain.
    #[wasm_bindgen(getter)]
    pub fn rank(&self) -> i32 {
        self.data.rank
    }

    /// True when a key rotation waits for this member.
    #[wasm_bindgen(getter, js_name = keyUpdate)]
    pub fn key_update(&self) -> bool {
        self.data.key_update
    }

    /// When the caller joined, milliseconds since 1970.
    #[wasm_bindgen(getter, js_name = joinedTime)]
    pub fn joined_time(&self) -> f64 {
        self.data.joined_time as f64
    }

    /// When the group was made, milliseconds since 1970.
    #[wasm_bindgen(getter, js_name = createdTime)]
    pub fn created_time(&self) -> f64 {
        self.data.created_time as f64
    }

    /// Reads the answer of `GET /group/:g` for a child group of this one, or one of which this is a member.
    #[wasm_bindgen(js_name = doneGetGroup)]
    pub fn done_get_group(&self, server_output: &str, group_id: &str, trust: &Trust) -> JsResult<Group> {
        let data = js(group::done_get_group(server_output, &self.data, &trust.pins))?;
        Ok(Group { data: js(data.expect_id(group_id))? })
    }

    /// The rest of the path to the next page of `GET /group/:g/keys/…`.
    #[wasm_bindgen(js_name = nextKeys)]
    pub fn next_keys(&self) -> Option<String> {
        path(group::next_page(self.data.keys()))
    }

    /// Adds a page of keys that the user's keys open; the rest of the path to the page after it.
    #[wasm_bindgen(js_name = addKeysOfUser)]
    pub fn add_keys_of_user(&mut self, server_output: &str, user: &User, trust: &Trust) -> JsResult<Option<String>> {
        self.add(server_output, &user.data, trust)
    }

    /// As `addKeysOfUser`, of a group by which the user is in.
    #[wasm_bindgen(js_name = addKeysOfGroup)]
    pub fn add_keys_of_group(&mut self, server_output: &str, by: &Group, trust: &Trust) -> JsResult<Option<String>> {
        self.add(server_output, &by.data, trust)
    }

    /// The newest key: it encrypts.
    #[wasm_bindgen(js_name = newestKey)]
    pub fn newest_key(&self) -> JsResult<Key> {
        Ok(Key::of(js(self.data.newest_key())?))
    }

    /// The key with this id.
    pub fn key(&self, key_id: &str) -> JsResult<Key> {
        Ok(Key::of(js(self.data.key(key_id))?))
    }

    /// True when the key with this id is at hand.
    #[wasm_bindgen(js_name = hasKey)]
    pub fn has_key(&self, key_id: &str) -> bool {
        self.data.private_key(key_id).is_some()
    }

    /// The bodies that give a new member all keys; the first to the invite, the others into its session.
    #[wasm_bindgen(js_name = prepareKeysForNewMember)]
    pub fn prepare_keys_for_new_member(&self, member: &PublicKey, rank: Option<i32>) -> JsResult<Vec<String>> {
        let keys = self.data.keys();
        let pages =
            js(group::prepare_group_keys_for_new_member(&mut rng::os(), keys, &member.key, rank, self.data.rank))?;
        let mut out = vec![pages.first];
        out.extend(pages.further);
        Ok(out)
    }

    /// Reads the answer of an invite: the session for further keys.
    #[wasm_bindgen(js_name = doneInvite)]
    pub fn done_invite(server_output: &str) -> JsResult<Option<String>> {
        js(group::done_invite(server_output))
    }

    /// The body of `PUT /group/:g/change_rank`.
    #[wasm_bindgen(js_name = prepareChangeRank)]
    pub fn prepare_change_rank(&self, user_id: &str, rank: i32) -> JsResult<String> {
        js(group::prepare_change_rank(user_id, rank, self.data.rank))
    }

    /// The body of `POST /group/:g/child` and `POST /group/:g/connected`.
    #[wasm_bindgen(js_name = prepareGroupCreate)]
    pub fn prepare_group_create(&self, user: &User) -> JsResult<String> {
        js(group::prepare_create_child_group(&mut rng::os(), self.data.keys(), &user.data, CreateGroup::default()))
    }

    /// The body of `POST /group/:g/key_rotation`, of a group in which the user is by himself.
    #[wasm_bindgen(js_name = prepareKeyRotation)]
    pub fn prepare_key_rotation(&self, user: &User, sign: bool) -> JsResult<String> {
        let own = js(user.data.newest_key())?.group_key();
        js(group::prepare_key_rotation(&mut rng::os(), self.data.keys(), own, &user.data, sign))
    }

    /// As `prepareKeyRotation`, of a group in which the user is by another one.
    #[wasm_bindgen(js_name = prepareKeyRotationBy)]
    pub fn prepare_key_rotation_by(&self, by: &Group, user: &User, sign: bool) -> JsResult<String> {
        let own = js(by.data.newest_key())?;
        js(group::prepare_key_rotation(&mut rng::os(), self.data.keys(), own, &user.data, sign))
    }

    /// Reads the answer of the start of a rotation: the new key's id.
    #[wasm_bindgen(js_name = doneKeyRotationStart)]
    pub fn done_key_rotation_start(server_output: &str) -> JsResult<String> {
        js(group::done_key_rotation_start(server_output))
    }

    /// Of the answer of `GET /group/:g/key_rotation`: new key id and body, key id and body …; what needs a key that is not
    /// there is left out.
    #[wasm_bindgen(js_name = doneKeyRotation)]
    pub fn done_key_rotation(&self, server_output: &str, user: &User) -> JsResult<Vec<String>> {
        let own = js(user.data.newest_key())?.group_key();
        self.rotated(server_output, &user.data, own)
    }

    /// As `doneKeyRotation`, of a group in which the user is by another one.
    #[wasm_bindgen(js_name = doneKeyRotationBy)]
    pub fn done_key_rotation_by(&self, server_output: &str, by: &Group) -> JsResult<Vec<String>> {
        self.rotated(server_output, &by.data, js(by.data.newest_key())?)
    }

    /// A new file of this group's.
    #[wasm_bindgen(js_name = newFile)]
    pub fn new_file(&self) -> JsResult<NewFile> {
        let (wrapped, key) = js(sym_key::make_non_registered_sym_key(&mut rng::os(), js(self.data.newest_key())?))?;
        Ok(NewFile { wrapped, key })
    }

    /// Opens the JSON text of a wrapped key with one of the group's keys.
    #[wasm_bindgen(js_name = openKey)]
    pub fn open_key(&self, json: &str) -> JsResult<Key> {
        let data = js(sym_key::read_sym_key(json))?;
        Ok(Key { key: js(sym_key::open_sym_key(&data, js(self.data.key(&data.master_key_id))?))? })
    }

    /// The hashes to store beside encrypted text, so that it can be found.
    #[wasm_bindgen(js_name = createSearch)]
    pub fn create_search(&self, text: &str, full: bool, limit: Option<usize>) -> JsResult<Vec<String>> {
        Ok(search::create_search(js(search::newest(self.data.search_keys()))?, text, full, limit).hashes)
    }

    /// The hash of what is looked for.
    pub fn search(&self, text: &str) -> JsResult<String> {
        js(search::search(self.data.search_keys(), text))
    }

    /// Sortable form of a number of 0 to 65532.
    #[wasm_bindgen(js_name = encryptSortableNumber)]
    pub fn encrypt_sortable_number(&self, number: u32) -> JsResult<f64> {
        let entry = js(search::newest(self.data.sort_keys()))?;
        Ok(js(search::encrypt_sortable_number(entry, number.into()))?.number as f64)
    }

    /// Sortable form of a text's first four bytes.
    #[wasm_bindgen(js_name = encryptSortableString)]
    pub fn encrypt_sortable_string(&self, text: &str) -> JsResult<f64> {
        let entry = js(search::newest(self.data.sort_keys()))?;
        Ok(js(search::encrypt_sortable_string(entry, text))?.number as f64)
    }
}

impl Group {
    fn add(&mut self, server_output: &str, own: &impl PrivateKeys, trust: &Trust) -> JsResult<Option<String>> {
        let page = js(group::done_get_group_keys(server_output, own, &trust.pins))?;
        let next = path(group::next_page(&page));
        js(self.data.add_keys(page))?;
        Ok(next)
    }

    fn rotated(&self, server_output: &str, by: &impl PrivateKeys, own: &group::GroupKey) -> JsResult<Vec<String>> {
        let mut out = Vec::new();
        for item in &js(group::get_done_key_rotation_server_input(server_output))? {
            let Ok(previous) = self.data.key(&item.previous_group_key_id) else { continue };
            match group::done_key_rotation(&mut rng::os(), item, previous, by, own) {
                Err(SdkError::KeyNotFound | SdkError::Server { .. }) => {}
                body => out.extend([item.new_group_key_id.clone(), js(body)?]),
            }
        }
        Ok(out)
    }
}
