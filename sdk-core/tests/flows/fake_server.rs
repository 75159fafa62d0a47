//! A server in a few lines: no checks but those the flows must meet, answers built from the stored requests.

use std::collections::BTreeMap;

use keystead_sdk_core::crypto::asym::PublicKey;
use keystead_sdk_core::crypto::encoding::{b64_decode, b64_encode, b64url_encode};
use keystead_sdk_core::crypto::password::{self, AuthKey};
use keystead_sdk_core::protocol::devices::RegisterDeviceOutput;
use keystead_sdk_core::protocol::groups::{
    AccessBy, GroupCreateData, GroupData, GroupKey, HmacKey, MemberKey, NewMemberKeys, SortableKey,
};
use keystead_sdk_core::protocol::keys::{
    DeviceKeys, DoneLoginG03, DoneLoginInput, DoneLoginOutput, DoneLoginServerReturn, PrepareLoginOutput,
    PublicKeyData, RegisterData, RegisterOutput, UserDeviceRegisterInput, UserIdentifierInput, VerifyKeyData,
    VerifyLoginInput, VerifyLoginOutput,
};
use keystead_sdk_core::rng;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::seeded::Seeded;

/// A success envelope around anything.
pub(crate) fn ok(result: impl serde::Serialize) -> String {
    json!({ "status": true, "result": result }).to_string()
}

/// A failure envelope.
pub(crate) fn refused(code: u32) -> String {
    json!({ "status": false, "err_code": code, "err_msg": "no" }).to_string()
}

pub(crate) struct FakeServer {
    rng: Seeded,
    ids: u32,
    devices: Vec<Device>,
    groups: BTreeMap<String, Group>,
}

struct Device {
    input: UserDeviceRegisterInput,
    id: String,
    user_id: String,
    user_group_id: String,
    challenge: String,
}

struct Group {
    data: GroupCreateData,
    key_id: String,
    // Member (user or device id) to its keys.
    keys: BTreeMap<String, Vec<MemberKey>>,
}

fn read<T: DeserializeOwned>(body: &str) -> T {
    serde_json::from_str(body).unwrap()
}

impl FakeServer {
    pub(crate) fn new() -> Self {
        Self { rng: Seeded::new(99), ids: 0, devices: Vec::new(), groups: BTreeMap::new() }
    }

    pub(crate) fn register(&mut self, body: &str) -> String {
        let RegisterData { device, mut group } = read(body);
        assert_eq!(group.creator_public_key_id, "non_registered");
        let (user_id, id, user_group_id) = (self.id("user"), self.id("device"), self.id("group"));
        group.creator_public_key_id.clone_from(&id);
        let out = RegisterOutput {
            user_id: user_id.clone(),
            device_id: id.clone(),
            device_identifier: device.device_identifier.clone(),
        };
        self.add_group(user_group_id.clone(), &id, group);
        self.devices.push(Device { input: device, id, user_id, user_group_id, challenge: String::new() });
        ok(out)
    }

    pub(crate) fn register_light(&mut self, body: &str) -> String {
        let input: UserDeviceRegisterInput = read(body);
        let (user_id, id, user_group_id) = (self.id("user"), self.id("device"), self.id("group"));
        let out = RegisterOutput {
            user_id: user_id.clone(),
            device_id: id.clone(),
            device_identifier: input.device_identifier.clone(),
        };
        self.devices.push(Device { input, id, user_id, user_group_id, challenge: String::new() });
        ok(out)
    }

    /// Takes the fields of `update_pw` or `reset_pw` over, unchecked.
    pub(crate) fn set_password(&mut self, identifier: &str, body: &str) {
        let body: Value = read(body);
        let device = self.devices.iter_mut().find(|d| d.input.device_identifier == identifier).unwrap();
        let field = |name: &str| body.get(name).or(body.get(format!("new_{name}"))).and_then(Value::as_str);
        let (derived, master) = (&mut device.input.derived, &mut device.input.master_key);
        derived.client_random_value = field("client_random_value").unwrap().into();
        derived.hashed_authentication_key = field("hashed_authentication_key").unwrap().into();
        let wrapped = body.pointer("/master_key/encrypted_master_key").and_then(Value::as_str);
        master.encrypted_master_key = wrapped.or(field("encrypted_master_key")).unwrap().into();
        if let (Some(private), Some(sign)) = (field("encrypted_private_key"), field("encrypted_sign_key")) {
            derived.encrypted_private_key = private.into();
            derived.encrypted_sign_key = sign.into();
        }
    }

    pub(crate) fn prepare_login(&self, body: &str) -> String {
        let UserIdentifierInput { user_identifier } = read(body);
        let derived = &self.device(&user_identifier).input.derived;
        let crv = b64_decode(&derived.client_random_value).unwrap().try_into().unwrap();
        ok(PrepareLoginOutput {
            salt_string: b64_encode(&password::salt(&crv)),
            derived_encryption_key_alg: derived.derived_alg.clone(),
        })
    }

    pub(crate) fn done_login(&mut self, body: &str) -> String {
        let DoneLoginInput { auth_key, device_identifier } = read(body);
        if !self.check(&device_identifier, &auth_key) {
            return refused(112);
        }
        let token = b64url_encode(&rng::bytes::<50>(&mut self.rng));
        let device = self.device(&device_identifier);
        let derived = &device.input.derived;
        let public = PublicKey::from_wire(&derived.keypair_encrypt_alg, &derived.public_key).unwrap();
        let device_keys = DeviceKeys {
            encrypted_master_key: device.input.master_key.encrypted_master_key.clone(),
            encrypted_private_key: derived.encrypted_private_key.clone(),
            public_key_string: derived.public_key.clone(),
            keypair_encrypt_alg: derived.keypair_encrypt_alg.clone(),
            encrypted_sign_key: derived.encrypted_sign_key.clone(),
            verify_key_string: derived.verify_key.clone(),
            keypair_sign_alg: derived.keypair_sign_alg.clone(),
            keypair_encrypt_id: device.id.clone(),
            keypair_sign_id: device.id.clone(),
            user_id: device.user_id.clone(),
            device_id: device.id.clone(),
            user_group_id: device.user_group_id.clone(),
        };
        let group = self.groups.get(&device.user_group_id);
        if group.is_some_and(|g| g.data.public_key_sig.is_none()) {
            let user_keys = self.keys_of(&device.user_group_id, &device.id);
            return ok(DoneLoginG03 { device_keys, jwt: "a.b.c".into(), refresh_token: "r".into(), user_keys });
        }
        let challenge = b64_encode(&public.encrypt(&mut self.rng, token.as_bytes()).unwrap());
        self.devices.iter_mut().find(|d| d.input.device_identifier == device_identifier).unwrap().challenge = token;
        ok(DoneLoginServerReturn::Direct(Box::new(DoneLoginOutput { device_keys, challenge })))
    }

    pub(crate) fn verify_login(&self, body: &str) -> String {
        let VerifyLoginInput { auth_key, device_identifier, challenge } = read(body);
        let device = self.device(&device_identifier);
        if !self.check(&device_identifier, &auth_key) || challenge != device.challenge {
            return refused(112);
        }
        ok(VerifyLoginOutput {
            user_keys: self.keys_of(&device.user_group_id, &device.id),
            hmac_keys: self.hmac_keys(&device.user_group_id),
            jwt: "a.b.c".into(),
            refresh_token: "r".into(),
        })
    }

    pub(crate) fn prepare_register_device(&mut self, body: &str) -> String {
        let input: UserDeviceRegisterInput = read(body);
        let id = self.id("device");
        let out = RegisterDeviceOutput {
            device_id: id.clone(),
            token: "t".into(),
            device_identifier: input.device_identifier.clone(),
            public_key_string: input.derived.public_key.clone(),
            keypair_encrypt_alg: input.derived.keypair_encrypt_alg.clone(),
        };
        let none = String::new;
        self.devices.push(Device { input, id, user_id: none(), user_group_id: none(), challenge: none() });
        ok(out)
    }

    pub(crate) fn done_register_device(&mut self, by_user: &str, body: &str) -> String {
        let body: Value = read(body);
        let keys: NewMemberKeys = serde_json::from_value(body["user_keys"].clone()).unwrap();
        let group_id = self.devices.iter().find(|d| d.user_id == by_user).unwrap().user_group_id.clone();
        let new = self.devices.iter_mut().find(|d| d.user_id.is_empty()).unwrap();
        by_user.clone_into(&mut new.user_id);
        new.user_group_id.clone_from(&group_id);
        let id = new.id.clone();
        self.groups.get_mut(&group_id).unwrap().keys.insert(id, keys.keys);
        ok(json!({ "message": "done" }))
    }

    pub(crate) fn public_key(&self, user_id: &str) -> String {
        let group = self.user_group(user_id);
        ok(PublicKeyData {
            public_key_id: group.key_id.clone(),
            public_key: group.data.public_group_key.clone(),
            public_key_alg: group.data.keypair_encrypt_alg.clone(),
            public_key_sig: group.data.public_key_sig.clone(),
            public_key_sig_key_id: group.data.public_key_sig.as_ref().map(|_| group.key_id.clone()),
        })
    }

    pub(crate) fn verify_key(&self, user_id: &str) -> String {
        let group = self.user_group(user_id);
        ok(VerifyKeyData {
            verify_key_id: group.key_id.clone(),
            verify_key: group.data.verify_key.clone().unwrap(),
            verify_key_alg: group.data.keypair_sign_alg.clone().unwrap(),
        })
    }

    pub(crate) fn create_group(&mut self, user_id: &str, body: &str) -> String {
        let id = self.id("group");
        self.add_group(id.clone(), user_id, read(body));
        ok(json!({ "group_id": id }))
    }

    pub(crate) fn get_group(&self, group_id: &str, user_id: &str) -> String {
        let group = &self.groups[group_id];
        if !group.keys.contains_key(user_id) {
            return refused(310);
        }
        let sortable_keys = group.data.encrypted_sortable_key.iter().map(|key| SortableKey {
            id: "sort".into(),
            encrypted_sortable_key: key.clone(),
            encrypted_sortable_alg: group.data.encrypted_sortable_alg.clone().unwrap(),
            encrypted_sortable_encryption_key_id: group.key_id.clone(),
            time: 1,
        });
        ok(GroupData {
            group_id: group_id.to_owned(),
            parent_group_id: None,
            keys: self.keys_of(group_id, user_id),
            hmac_keys: self.hmac_keys(group_id),
            sortable_keys: sortable_keys.collect(),
            key_update: false,
            rank: 0,
            created_time: 1,
            joined_time: 1,
            access_by: AccessBy::User,
            is_connected_group: false,
        })
    }

    pub(crate) fn invite_auto(&mut self, group_id: &str, user_id: &str, body: &str) -> String {
        let keys: NewMemberKeys = read(body);
        let session = keys.key_session.then_some("s");
        self.groups.get_mut(group_id).unwrap().keys.insert(user_id.to_owned(), keys.keys);
        ok(json!({ "session_id": session, "message": "done" }))
    }

    pub(crate) fn user_id_of(&self, identifier: &str) -> String {
        self.device(identifier).user_id.clone()
    }

    fn id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}-{}", self.ids)
    }

    fn add_group(&mut self, id: String, member: &str, data: GroupCreateData) {
        let key_id = self.id("key");
        let key = MemberKey {
            encrypted_group_key: data.encrypted_group_key.clone(),
            alg: data.group_key_alg.clone(),
            encrypted_alg: data.encrypted_group_key_alg.clone(),
            key_id: key_id.clone(),
            user_public_key_id: data.creator_public_key_id.clone(),
        };
        self.groups.insert(id, Group { data, key_id, keys: BTreeMap::from([(member.to_owned(), vec![key])]) });
    }

    fn device(&self, identifier: &str) -> &Device {
        self.devices.iter().find(|d| d.input.device_identifier == identifier).unwrap()
    }

    fn user_group(&self, user_id: &str) -> &Group {
        &self.groups[&self.devices.iter().find(|d| d.user_id == user_id).unwrap().user_group_id]
    }

    fn check(&self, identifier: &str, auth_key: &str) -> bool {
        let stored = b64_decode(&self.device(identifier).input.derived.hashed_authentication_key).unwrap();
        AuthKey::from_b64(auth_key).unwrap().verify(&stored.try_into().unwrap())
    }

    fn hmac_keys(&self, group_id: &str) -> Vec<HmacKey> {
        let group = &self.groups[group_id];
        let keys = group.data.encrypted_hmac_key.iter().map(|key| HmacKey {
            id: "hmac".into(),
            encrypted_hmac_key: key.clone(),
            encrypted_hmac_alg: group.data.encrypted_hmac_alg.clone().unwrap(),
            encrypted_hmac_encryption_key_id: group.key_id.clone(),
            time: 1,
        });
        keys.collect()
    }

    fn keys_of(&self, group_id: &str, member: &str) -> Vec<GroupKey> {
        let group = &self.groups[group_id];
        let data = &group.data;
        let same_id = |present: bool| present.then(|| group.key_id.clone());
        let keys = group.keys[member].iter().map(|key| GroupKey {
            key_pair_id: key.key_id.clone(),
            group_key_id: key.key_id.clone(),
            encrypted_group_key: key.encrypted_group_key.clone(),
            group_key_alg: key.alg.clone(),
            encrypted_private_group_key: data.encrypted_private_group_key.clone(),
            public_group_key: data.public_group_key.clone(),
            keypair_encrypt_alg: data.keypair_encrypt_alg.clone(),
            user_public_key_id: key.user_public_key_id.clone(),
            time: 1,
            signed_by_user_id: data.signed_by_user_id.clone(),
            signed_by_user_sign_key_id: data.signed_by_user_sign_key_id.clone(),
            group_key_sig: data.group_key_sig.clone(),
            encrypted_sign_key: data.encrypted_sign_key.clone(),
            verify_key: data.verify_key.clone(),
            keypair_sign_alg: data.keypair_sign_alg.clone(),
            keypair_sign_id: same_id(data.verify_key.is_some()),
            public_key_sig: data.public_key_sig.clone(),
            public_key_sig_key_id: same_id(data.public_key_sig.is_some()),
        });
        keys.collect()
    }
}
