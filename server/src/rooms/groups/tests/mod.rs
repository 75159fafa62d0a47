//! The rules of groups on both databases, with real keys. Users come from the rules of the room `keys`.

mod access;
mod groups;
mod invites;
mod key_lists;
mod members;
mod pages;
mod parallel;
mod rotation;
mod validation;

use diesel::prelude::*;
use keystead_crypto::asym::{self, PublicKey};
use keystead_crypto::encoding::b64_encode;
use keystead_crypto::sym::SymKey;
use keystead_crypto::{password, rng, search, sign, sort};
use keystead_protocol::ErrorCode;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::{GroupCreateData, MemberKey, NewMemberKeys};
use keystead_protocol::keys::{KeyDerivedData, MasterKey, RegisterData, UserDeviceRegisterInput};

use super::Guest;
use super::invites::rules::{self as invites_rules, Entry};
use super::rules::{self, Actor, GroupAccess};
use crate::db::Conn;
use crate::db::schema::{group_keys, group_member_keys};
use crate::db::testing::TestDb;
use crate::error::{KeyError, KeyResult};
use crate::rooms::apps::rules as apps;
use crate::rooms::keys::rules as users;

/// One app in a database of its own.
struct World {
    db: TestDb,
    app_id: String,
}

/// A registered user with the newest key of his user group.
#[derive(Clone)]
struct User {
    id: String,
    device_id: String,
    group_id: String,
    key_id: String,
    public: PublicKey,
}

/// A group with the id of its only key.
#[derive(Clone)]
struct Group {
    id: String,
    key_id: String,
}

impl World {
    fn new(mut db: TestDb) -> Self {
        let app_id = make_app(&mut db, "tests");
        Self { db, app_id }
    }

    fn user(&mut self, name: &str) -> User {
        let app_id = self.app_id.clone();
        self.user_of(&app_id, name)
    }

    fn user_of(&mut self, app_id: &str, name: &str) -> User {
        let registration = users::validate_registration(registration(name)).expect("valid registration");
        let made = self.tx(|app, tx| users::register(app, tx, app_id, &registration)).expect("registered");
        let group_id = self.read(|c| users::user_group_of(c, app_id, &made.user_id)).expect("read").expect("there");
        let key = self.read(|c| super::keys::newest_public_key(c, &group_id)).expect("read").expect("there");
        User {
            id: made.user_id,
            device_id: made.device_id,
            group_id,
            public: PublicKey::from_wire(&key.public_key_alg, &key.public_key).expect("public key"),
            key_id: key.public_key_id,
        }
    }

    fn group(&mut self, creator: &User) -> Group {
        let (app_id, data) = (self.app_id.clone(), group_data(creator));
        let id = self.tx(|app, tx| rules::create(app, tx, &app_id, &creator.id, Some(&data))).expect("created");
        let key_id = self.read(|c| super::keys::key_ids(c, &id)).expect("read").remove(0);
        Group { id, key_id }
    }

    /// Makes members at once, with these ranks.
    fn add(&mut self, creator: &User, group: &Group, new: &[(&User, i32)]) {
        for (user, rank) in new {
            let input = NewMemberKeys { rank: Some(*rank), ..keys_for(group, user) };
            self.auto(creator, group, user, &input).expect("added");
        }
    }

    fn auto(&mut self, actor: &User, group: &Group, target: &User, input: &NewMemberKeys) -> KeyResult<Option<String>> {
        let actor = self.actor(actor, group);
        let invite = |app: &_, tx: &mut _| {
            invites_rules::invite(app, tx, &actor, &Guest::User(target.id.clone()), input, Entry::Member)
        };
        Ok(self.tx(invite)?.session_id)
    }

    fn actor(&self, user: &User, group: &Group) -> Actor {
        Actor { app_id: self.app_id.clone(), group_id: group.id.clone(), user_id: user.id.clone(), via: None }
    }

    fn access(&mut self, user: &User, group: &Group) -> KeyResult<GroupAccess> {
        let app_id = self.app_id.clone();
        self.read(|c| rules::access(c, &app_id, &group.id, &user.id, None))
    }

    fn rank(&mut self, user: &User, group: &Group) -> Option<i32> {
        self.access(user, group).ok().map(|a| a.rank)
    }

    fn tx<T>(&mut self, f: impl FnOnce(&crate::app::App, &mut Conn) -> KeyResult<T>) -> KeyResult<T> {
        self.db.tx(f)
    }

    fn read<T>(&mut self, f: impl FnOnce(&mut Conn) -> KeyResult<T>) -> KeyResult<T> {
        f(&mut self.db.conn)
    }

    /// The time now, as the server sees it.
    fn now_ms(&self) -> i64 {
        self.db.app.clock.now_ms()
    }
}

fn make_app(db: &mut TestDb, name: &str) -> String {
    let make = |app: &_, tx: &mut _| apps::create(app, tx, name, &EndpointOptions::preset_lax());
    db.tx(make).expect("app").tokens.app_id
}

fn code<T>(result: KeyResult<T>) -> Option<ErrorCode> {
    result.err().map(|e: KeyError| e.code)
}

/// What a group is made with when its key is wrapped for this user: ECIES only, which is quick.
fn group_data(creator: &User) -> GroupCreateData {
    let data = new_group(&creator.public, asym::ECIES_ED25519);
    GroupCreateData { creator_public_key_id: creator.key_id.clone(), ..data }
}

/// The group's key, wrapped for a user. The server cannot tell that it is another key each time.
fn keys_for(group: &Group, user: &User) -> NewMemberKeys {
    NewMemberKeys { keys: vec![member_key(&group.key_id, user)], rank: None, key_session: false }
}

fn member_key(key_id: &str, user: &User) -> MemberKey {
    let key = SymKey::generate(&mut rng::os());
    MemberKey {
        encrypted_group_key: seal(&user.public, key.as_bytes()),
        alg: key.alg().into(),
        encrypted_alg: user.public.alg().into(),
        key_id: key_id.into(),
        user_public_key_id: user.key_id.clone(),
    }
}

fn new_group(creator: &PublicKey, alg: &str) -> GroupCreateData {
    let key = SymKey::generate(&mut rng::os());
    let (secret, public) = asym::generate(alg, &mut rng::os()).expect("key pair");
    GroupCreateData {
        encrypted_group_key: seal(creator, key.as_bytes()),
        group_key_alg: key.alg().into(),
        encrypted_group_key_alg: creator.alg().into(),
        encrypted_private_group_key: wrap(&key, &secret.to_bytes()),
        public_group_key: public.to_wire(),
        keypair_encrypt_alg: alg.into(),
        creator_public_key_id: "non_registered".into(),
        encrypted_hmac_key: Some(wrap(&key, &[1; 32])),
        encrypted_hmac_alg: Some(search::HMAC_SHA256.into()),
        encrypted_sortable_key: Some(wrap(&key, &[1; 16])),
        encrypted_sortable_alg: Some(sort::OPE_16.into()),
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
    }
}

fn new_user_group(device: &PublicKey, alg: &str, sign_alg: &str) -> GroupCreateData {
    let data = new_group(device, alg);
    let (sign_key, verify_key) = sign::generate(sign_alg, &mut rng::os()).expect("sign keys");
    let sig = sign_key.sign(&mut rng::os(), data.public_group_key.as_bytes()).expect("signature");
    GroupCreateData {
        encrypted_sign_key: Some(wrap(&SymKey::generate(&mut rng::os()), &sign_key.to_bytes())),
        verify_key: Some(verify_key.to_wire()),
        keypair_sign_alg: Some(sign_alg.into()),
        public_key_sig: Some(sig.to_wire()),
        ..data
    }
}

fn registration(identifier: &str) -> RegisterData {
    let master = SymKey::generate(&mut rng::os());
    let (secret, public) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).expect("key pair");
    let (sign_key, verify_key) = sign::generate(sign::ED25519, &mut rng::os()).expect("sign keys");
    let device = UserDeviceRegisterInput {
        master_key: MasterKey {
            master_key_alg: master.alg().into(),
            encrypted_master_key: wrap(&master, master.as_bytes()),
            encrypted_master_key_alg: master.alg().into(),
        },
        derived: KeyDerivedData {
            derived_alg: password::ARGON_2_SHA256.into(),
            client_random_value: b64_encode(&[1; 16]),
            hashed_authentication_key: b64_encode(&[2; 16]),
            public_key: public.to_wire(),
            encrypted_private_key: wrap(&master, &secret.to_bytes()),
            keypair_encrypt_alg: asym::ECIES_ED25519.into(),
            verify_key: verify_key.to_wire(),
            encrypted_sign_key: wrap(&master, &sign_key.to_bytes()),
            keypair_sign_alg: sign::ED25519.into(),
        },
        device_identifier: identifier.into(),
    };
    RegisterData { device, group: new_user_group(&public, asym::ECIES_ED25519, sign::ED25519) }
}

fn seal(public: &PublicKey, data: &[u8]) -> String {
    b64_encode(&public.encrypt(&mut rng::os(), data).expect("encrypted"))
}

fn wrap(key: &SymKey, data: &[u8]) -> String {
    b64_encode(&key.encrypt(&mut rng::os(), data, b"").expect("encrypted"))
}

/// A further generation of a group's keys, wrapped for a member, as a rotation will make it.
fn add_generation(conn: &mut Conn, group_id: &str, member_id: &str, wrapped_by: &str, id: &str, time: i64) {
    diesel::insert_into(group_keys::table)
        .values((
            group_keys::id.eq(id),
            group_keys::group_id.eq(group_id),
            group_keys::created_ms.eq(time),
            group_keys::group_key_alg.eq("AES-GCM-256"),
            group_keys::keypair_encrypt_alg.eq("ECIES-ed25519"),
            group_keys::public_group_key.eq("public"),
            group_keys::encrypted_private_group_key.eq("private"),
        ))
        .execute(conn)
        .expect("group key");
    diesel::insert_into(group_member_keys::table)
        .values((
            group_member_keys::member_id.eq(member_id),
            group_member_keys::group_id.eq(group_id),
            group_member_keys::key_created_ms.eq(time),
            group_member_keys::key_id.eq(id),
            group_member_keys::encrypted_group_key_alg.eq("ECIES-ed25519"),
            group_member_keys::user_public_key_id.eq(wrapped_by),
            group_member_keys::encrypted_group_key.eq("wrapped"),
        ))
        .execute(conn)
        .expect("wrapped key");
}
