//! Key rotation: who is served, when, and how often.

use diesel::connection::SimpleConnection;
use keystead_protocol::apps::GroupOptions;
use keystead_protocol::keys::PublicKeyData;
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData, KeyRotationInput};

use super::*;
use crate::db::schema::{group_rotation_jobs, group_rotation_keys};
use crate::db::testing::db_test;
use crate::rooms::groups::keys::{self, Order};
use crate::rooms::groups::members::rules as members;
use crate::rooms::groups::rotation::rounds::{self, Ended, ROUND};
use crate::rooms::groups::rotation::rules as rotation;
use crate::rooms::keys::rules::Session;
use crate::web::call::Page;

/// What starts a rotation: real lengths, and keys that nobody knows.
pub(super) fn rotation_data(starter: &PublicKey, invoker: &str, previous: &str) -> KeyRotationData {
    let user_group = new_user_group(starter, asym::ECIES_ED25519, sign::ED25519);
    KeyRotationData {
        encrypted_group_key_by_user: user_group.encrypted_group_key,
        group_key_alg: user_group.group_key_alg,
        encrypted_group_key_alg: user_group.encrypted_group_key_alg,
        encrypted_private_group_key: user_group.encrypted_private_group_key,
        public_group_key: user_group.public_group_key,
        keypair_encrypt_alg: user_group.keypair_encrypt_alg,
        encrypted_group_key_by_ephemeral: wrap(&SymKey::generate(&mut rng::os()), &[3; 32]),
        ephemeral_alg: "AES-GCM-256".into(),
        encrypted_ephemeral_key: wrap(&SymKey::generate(&mut rng::os()), &[4; 32]),
        previous_group_key_id: previous.into(),
        invoker_public_key_id: invoker.into(),
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: user_group.encrypted_sign_key,
        verify_key: user_group.verify_key,
        keypair_sign_alg: user_group.keypair_sign_alg,
        public_key_sig: user_group.public_key_sig,
    }
}

fn done_data(user: &User) -> DoneKeyRotationData {
    DoneKeyRotationData {
        encrypted_new_group_key: seal(&user.public, &[5; 32]),
        public_key_id: user.key_id.clone(),
        encrypted_alg: user.public.alg().into(),
    }
}

impl World {
    fn start(&mut self, starter: &User, group: &Group) -> KeyResult<String> {
        let data = rotation_data(&starter.public, &starter.key_id, &group.key_id);
        self.start_with(starter, group, &GroupOptions::default(), &data)
    }

    fn start_with(
        &mut self,
        starter: &User,
        group: &Group,
        options: &GroupOptions,
        data: &KeyRotationData,
    ) -> KeyResult<String> {
        let actor = self.actor(starter, group);
        self.tx(|app, tx| rotation::start(app, tx, &actor, options, data)).map(|out| out.key_id)
    }

    /// One round; `between` runs after the members have been read.
    fn round_with(&mut self, key_id: &str, between: impl FnOnce(&mut Self)) -> Option<Ended> {
        let round = self.read(|c| rounds::next(c, key_id)).expect("read")?;
        between(self);
        let sealed = round.seal();
        Some(self.tx(|app, tx| rounds::write(app, tx, &sealed)).expect("written"))
    }

    /// Runs a rotation to its end; gives the number of rounds.
    fn serve(&mut self, key_id: &str) -> usize {
        for round in 1.. {
            match self.round_with(key_id, |_| ()) {
                Some(Ended::Served) => assert!(round < 1000, "no end"),
                Some(Ended::Complete) | None => return round,
                Some(Ended::Lost) => panic!("nobody else is there"),
            }
        }
        0
    }

    fn waiting(&mut self, group_id: &str, member_id: &str) -> Vec<KeyRotationInput> {
        self.read(|c| rotation::waiting(c, group_id, member_id, true)).expect("read")
    }

    fn waits(&mut self, user: &User, group: &Group) -> Vec<String> {
        self.waiting(&group.id, &user.id).into_iter().map(|w| w.new_group_key_id).collect()
    }

    fn key_update(&mut self, user: &User, group: &Group) -> bool {
        let access = self.access(user, group).expect("access");
        let check = self.read(|c| rules::update_check(c, &access)).expect("read").key_update;
        let data = self.read(|c| rules::group_data(c, access, Order::NewestFirst)).expect("read").key_update;
        assert_eq!(check, data);
        check
    }

    fn finish(&mut self, user: &User, group: &Group, key_id: &str) -> KeyResult<()> {
        let (actor, data) = (self.actor(user, group), done_data(user));
        self.tx(|_, tx| rotation::finish(tx, &actor, key_id, &data))
    }

    fn keys_of(&mut self, user: &User, group: &Group) -> Vec<String> {
        let page = self.read(|c| keys::page(c, &group.id, &user.id, &Page::first(), Order::NewestFirst));
        page.expect("read").into_iter().map(|k| k.group_key_id).collect()
    }

    fn open_jobs(&mut self) -> i64 {
        group_rotation_jobs::table.count().get_result(&mut self.db.conn).expect("count")
    }

    fn sql(&mut self, sql: &str) {
        self.db.conn.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Members who are clones of a user: users of their own with his keys.
    fn add_clones(&mut self, of: &User, group: &Group, count: usize) {
        let (user_group, app_id, group_id) = (&of.group_id, &self.app_id, &group.id);
        let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
        let sql = format!(
            "{numbers} INSERT INTO directory_users (id, app_id, created_ms) \
             SELECT 'clone-' || i, '{app_id}', 1 FROM n; \
             {numbers} INSERT INTO key_users (id, app_id, user_group_id, created_ms) \
             SELECT 'clone-' || i, '{app_id}', '{user_group}', 1 FROM n; \
             {numbers} INSERT INTO group_members \
             (group_id, member_id, member_type, rank, joined_ms, group_created_ms) \
             SELECT '{group_id}', 'clone-' || i, 0, 4, 5 + i / 7, 1 FROM n;"
        );
        self.sql(&sql);
    }

    fn waiting_rows(&mut self, key_id: &str) -> i64 {
        let of_key = group_rotation_keys::table.filter(group_rotation_keys::key_id.eq(key_id));
        of_key.count().get_result(&mut self.db.conn).expect("count")
    }
}

db_test! {
    fn everybody_else_is_served_and_takes_the_key(db) {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 4), (&carol, 1)]);
        let key_id = w.start(&bob, &group).expect("started");
        // The starter has it at once; the others not before the job has run.
        assert_eq!(w.keys_of(&bob, &group), [key_id.as_str(), &group.key_id]);
        assert_eq!(w.keys_of(&alice, &group), [group.key_id.as_str()]);
        assert!(!w.key_update(&alice, &group));
        assert_eq!(w.read(|c| keys::newest_public_key(c, &group.id)).unwrap().expect("key").public_key_id, key_id);
        w.serve(&key_id);
        assert_eq!(w.open_jobs(), 0, "the ephemeral key is gone");
        assert!(w.key_update(&alice, &group) && w.key_update(&carol, &group) && !w.key_update(&bob, &group));
        let waiting = w.waiting(&group.id, &alice.id).remove(0);
        assert_eq!((waiting.new_group_key_id.as_str(), waiting.error), (key_id.as_str(), None));
        assert_eq!((&waiting.previous_group_key_id, &waiting.encrypted_eph_key_key_id), (&group.key_id, &alice.key_id));
        assert!(w.waits(&bob, &group).is_empty());

        assert_eq!(code(w.finish(&alice, &group, &group.id)), Some(ErrorCode::GroupRotationKeysNotFound));
        assert_eq!(code(w.finish(&alice, &group, "\0")), Some(ErrorCode::GroupRotationKeysNotFound));
        let (actor, foreign) = (w.actor(&alice, &group), done_data(&bob));
        let with_foreign_key = w.tx(|_, tx| rotation::finish(tx, &actor, &key_id, &foreign));
        assert_eq!(code(with_foreign_key), Some(ErrorCode::GroupKeyNotFound));
        w.finish(&alice, &group, &key_id).expect("taken");
        assert_eq!(w.keys_of(&alice, &group), [key_id.as_str(), &group.key_id]);
        assert!(!w.key_update(&alice, &group) && w.waits(&alice, &group).is_empty());
        w.finish(&alice, &group, &key_id).expect("again, after a lost answer");
        w.finish(&bob, &group, &key_id).expect("the starter has it");
        assert_eq!(w.keys_of(&alice, &group).len(), 2);
    }

    fn a_rotation_needs_rank_keys_and_a_month_with_room(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let (group, other) = (w.group(&alice), w.group(&alice));
        w.add(&alice, &group, &[(&bob, 3)]);
        let data = rotation_data(&bob.public, &bob.key_id, &group.key_id);
        let options = GroupOptions { max_key_rotation_month: 2, min_rank_key_rotation: 2 };
        assert_eq!(code(w.start_with(&bob, &group, &options, &data)), Some(ErrorCode::GroupRank));
        let options = GroupOptions { min_rank_key_rotation: 3, ..options };
        for bad in [
            KeyRotationData { previous_group_key_id: other.key_id.clone(), ..data.clone() },
            KeyRotationData { invoker_public_key_id: alice.key_id.clone(), ..data.clone() },
        ] {
            assert_eq!(code(w.start_with(&bob, &group, &options, &bad)), Some(ErrorCode::GroupKeyNotFound));
        }
        let stranger = w.user("stranger");
        assert_eq!(code(w.start_with(&stranger, &group, &options, &data)), Some(ErrorCode::GroupAccess));
        for _ in 0..2 {
            w.start_with(&bob, &group, &options, &data).expect("started");
        }
        assert_eq!(code(w.start_with(&bob, &group, &options, &data)), Some(ErrorCode::GroupRotationLimit));
        // Another group has a limit of its own, and so has the next month.
        let of_other = rotation_data(&alice.public, &alice.key_id, &other.key_id);
        w.start_with(&alice, &other, &options, &of_other).expect("started");
        w.db.set_clock_offset(32 * 86_400);
        w.start_with(&bob, &group, &options, &data).expect("started");
        // A light group has no key to rotate.
        let app_id = w.app_id.clone();
        let id = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, None)).expect("created");
        let light = Group { id, key_id: group.key_id.clone() };
        assert_eq!(code(w.start(&alice, &light)), Some(ErrorCode::GroupKeyNotFound));
    }

    fn the_new_key_is_the_newest_whatever_the_clock_says(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let group = w.group(&alice);
        let mut made = vec![group.key_id.clone()];
        for offset in [0, 0, -3600, -7200] {
            w.db.set_clock_offset(offset);
            made.insert(0, w.start(&alice, &group).expect("started"));
        }
        assert_eq!(w.keys_of(&alice, &group), made);
    }

    fn ten_thousand_are_served_a_hundred_at_a_time(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        w.add_clones(&bob, &group, 10_000);
        let key_id = w.start(&alice, &group).expect("started");
        let rounds = w.serve(&key_id);
        assert_eq!(w.waiting_rows(&key_id), 10_000);
        // One more for the creator among them, one that finds nobody.
        let least = 10_000 / usize::try_from(ROUND).unwrap();
        assert!((least..=least + 3).contains(&rounds), "{rounds} rounds");
        let failed = group_rotation_keys::table.filter(group_rotation_keys::error.is_not_null());
        assert_eq!(failed.count().get_result::<i64>(&mut w.db.conn).expect("count"), 0);
        let last = w.waiting(&group.id, "clone-10000").remove(0);
        assert_eq!((last.error, last.encrypted_eph_key_key_id), (None, bob.key_id));
    }

    fn two_nodes_at_the_same_round_serve_once(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        w.add_clones(&bob, &group, 250);
        let key_id = w.start(&alice, &group).expect("started");
        for _ in 0..4 {
            let other = w.read(|c| rounds::next(c, &key_id)).expect("read").expect("open").seal();
            let mine = w.round_with(&key_id, |_| ()).expect("open");
            assert_ne!(mine, Ended::Lost);
            let ended = w.tx(|app, tx| rounds::write(app, tx, &other)).expect("written");
            assert_eq!(ended, Ended::Lost, "that round is over");
        }
        assert_eq!(w.waiting_rows(&key_id), 250);
        assert!(w.read(|c| rounds::next(c, &key_id)).expect("read").is_none());
    }

    fn who_comes_and_goes_meanwhile(db) {
        let mut w = World::new(db);
        let (alice, bob, carol, dora) = (w.user("alice"), w.user("bob"), w.user("carol"), w.user("dora"));
        let (eve, late) = (w.user("eve"), w.user("late"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 4), (&carol, 4), (&dora, 4)]);
        // Bob will be kicked, Carol deleted, Dora leave and come back with the new key.
        let key_id = w.start(&alice, &group).expect("started");
        let app_id = w.app_id.clone();
        let ended = w.round_with(&key_id, |w| {
            let (actor, dora_acts) = (w.actor(&alice, &group), w.actor(&dora, &group));
            w.tx(|_, tx| members::kick(tx, &actor, &bob.id)).expect("kicked");
            w.tx(|_, tx| users::delete_user(tx, &app_id, &carol.id)).expect("deleted");
            w.tx(|_, tx| members::leave(tx, &dora_acts)).expect("left");
            let newest = Group { key_id: key_id.clone(), ..group.clone() };
            w.auto(&alice, &newest, &dora, &keys_for(&newest, &dora)).expect("back");
        });
        assert_eq!(ended, Some(Ended::Served));
        assert_eq!(w.waiting_rows(&key_id), 0);
        // Eve joins with the old key, at a time that the position has passed: another node's clock.
        w.auto(&alice, &group, &eve, &keys_for(&group, &eve)).expect("joined");
        w.sql(&format!("UPDATE group_members SET joined_ms = 1 WHERE member_id = '{}'", eve.id));
        // Dora's turn, who has the key; then Eve's.
        for _ in 0..2 {
            assert_eq!(w.round_with(&key_id, |_| ()), Some(Ended::Served));
        }
        assert_eq!(w.waits(&eve, &group), [key_id.as_str()]);
        // The next round sees nobody, and ends nothing: one more has come between its look and its end.
        let ended = w.round_with(&key_id, |w| {
            w.auto(&alice, &group, &late, &keys_for(&group, &late)).expect("joined");
        });
        assert_eq!(ended, Some(Ended::Served));
        w.serve(&key_id);
        assert_eq!(w.waits(&late, &group), [key_id.as_str()]);
        assert!(w.waits(&dora, &group).is_empty() && w.waiting_rows(&key_id) == 2);
        // Whoever goes takes along what waits for him.
        let eve_acts = w.actor(&eve, &group);
        w.tx(|_, tx| members::leave(tx, &eve_acts)).expect("left");
        w.tx(|_, tx| users::delete_user(tx, &app_id, &late.id)).expect("deleted");
        assert_eq!(w.waiting_rows(&key_id), 0);
    }

    fn a_deleted_group_ends_its_rotation(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 4)]);
        let key_id = w.start(&alice, &group).expect("started");
        let ended = w.round_with(&key_id, |w| {
            let actor = w.actor(&alice, &group);
            w.tx(|_, tx| rules::delete(tx, &actor)).expect("deleted");
        });
        assert_eq!(ended, Some(Ended::Lost));
        assert_eq!((w.open_jobs(), w.waiting_rows(&key_id)), (0, 0));
        assert_eq!(w.round_with(&key_id, |_| ()), None);
    }

    fn rotations_may_overlap(db) {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 4), (&carol, 4)]);
        let first = w.start(&alice, &group).expect("started");
        w.round_with(&first, |_| ());
        // Bob does not know the first new key: he starts from the old one.
        let second = w.start(&bob, &group).expect("started");
        w.serve(&second);
        w.serve(&first);
        assert_eq!(w.waits(&alice, &group), [second.as_str()]);
        assert_eq!(w.waits(&bob, &group), [first.as_str()]);
        assert_eq!(w.waits(&carol, &group), [first.as_str(), &second], "oldest first");
        w.finish(&carol, &group, &second).expect("in any order");
        w.finish(&carol, &group, &first).expect("taken");
        assert_eq!(w.keys_of(&carol, &group), [second.as_str(), &first, &group.key_id]);
    }

    fn the_invited_are_served_too(db) {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        let (actor, app_id) = (w.actor(&alice, &group), w.app_id.clone());
        for user in [&bob, &carol] {
            let input = keys_for(&group, user);
            w.tx(|app, tx| invites_rules::invite(app, tx, &actor, &Guest::User(user.id.clone()), &input, Entry::Invited)).expect("invited");
        }
        let key_id = w.start(&alice, &group).expect("started");
        w.serve(&key_id);
        assert_eq!(w.waiting_rows(&key_id), 2);
        w.tx(|app, tx| invites_rules::accept(app, tx, &app_id, &group.id, &bob.id)).expect("accepted");
        assert!(w.key_update(&bob, &group));
        w.finish(&bob, &group, &key_id).expect("taken");
        w.tx(|_, tx| invites_rules::reject(tx, &app_id, &group.id, &carol.id)).expect("rejected");
        assert_eq!(w.waiting_rows(&key_id), 0);
    }

    fn new_keys_from_an_inviter_end_the_waiting(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 4)]);
        let first = w.start(&alice, &group).expect("started");
        let second = w.start(&alice, &group).expect("started");
        w.serve(&first);
        w.serve(&second);
        let actor = w.actor(&alice, &group);
        let mut input = keys_for(&group, &bob);
        input.keys.push(member_key(&first, &bob));
        w.tx(|app, tx| invites_rules::re_invite(app, tx, &actor, &Guest::User(bob.id.clone()), &input)).expect("re-invited");
        assert_eq!(w.waits(&bob, &group), [second.as_str()]);
        // Made anew, Bob's account has other keys: what was encrypted for the old ones is of no use.
        w.sql(&format!("UPDATE group_rotation_keys SET public_key_id = 'gone' WHERE member_id = '{}'", bob.id));
        w.tx(|app, tx| invites_rules::re_invite(app, tx, &actor, &Guest::User(bob.id.clone()), &input)).expect("re-invited");
        assert!(w.waits(&bob, &group).is_empty() && !w.key_update(&bob, &group));
    }

    fn who_has_no_usable_key_gets_a_text_instead(db) {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 4), (&carol, 4)]);
        w.sql(&format!("DELETE FROM group_keys WHERE group_id = '{}'", bob.group_id));
        let zero = "-----BEGIN PUBLIC KEY-----\\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\n-----END PUBLIC KEY-----\\n";
        let zero = zero.replace("\\n", "\n");
        w.sql(&format!("UPDATE group_keys SET public_group_key = '{zero}' WHERE group_id = '{}'", carol.group_id));
        let key_id = w.start(&alice, &group).expect("started");
        w.serve(&key_id);
        for (user, text) in [
            (&bob, ErrorCode::GroupRotationKeysNotFound.text()),
            (&carol, ErrorCode::GroupRotationEncrypt.text()),
        ] {
            let waiting = w.waiting(&group.id, &user.id).remove(0);
            assert_eq!(waiting.error.as_deref(), Some(text));
            assert_eq!(waiting.encrypted_ephemeral_key_by_group_key_and_public_key, "");
            // Nothing that he could take: no update is announced, and clients of 2022 see nothing.
            assert!(!w.key_update(user, &group));
            assert!(w.read(|c| rotation::waiting(c, &group.id, &user.id, false)).unwrap().is_empty());
        }
        assert_eq!(code(w.finish(&carol, &group, &key_id)), Some(ErrorCode::GroupRotationKeysNotFound));
    }

    fn the_parent_and_groups_as_members_are_served_with_their_own_keys(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let (group, parent, member) = (w.group(&alice), w.group(&alice), w.group(&bob));
        w.sql(&format!("UPDATE groups SET parent_id = '{}' WHERE id = '{}'", parent.id, group.id));
        w.sql(&format!(
            "INSERT INTO group_members (group_id, member_id, member_type, rank, joined_ms, group_created_ms) \
             VALUES ('{}', '{}', 2, 4, 1, 1)",
            group.id, member.id
        ));
        // The parent's newest key is the one that counts.
        let parents_newest = w.start(&alice, &parent).expect("started");
        let key_id = w.start(&alice, &group).expect("started");
        w.serve(&key_id);
        let waiting = w.waiting(&group.id, &parent.id).remove(0);
        assert_eq!((waiting.error, waiting.encrypted_eph_key_key_id), (None, parents_newest));
        let waiting = w.waiting(&group.id, &member.id).remove(0);
        assert_eq!((waiting.error, waiting.encrypted_eph_key_key_id), (None, member.key_id));
        assert_eq!(w.waiting_rows(&key_id), 2);
    }

    fn user_keys_are_rotated_over_the_devices(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        for device in ["tablet", "phone"] {
            w.sql(&format!(
                "INSERT INTO key_devices (id, app_id, user_id, user_group_id, generation, valid_from_ms, identifier_hash, created_ms) \
                 SELECT '{device}', app_id, user_id, user_group_id, generation, valid_from_ms, '{device}', created_ms \
                 FROM key_devices WHERE id = '{0}'; \
                 INSERT INTO key_device_keys SELECT '{device}', derived_alg, client_random_value, hashed_authentication_key, \
                 master_key_alg, encrypted_master_key, encrypted_master_key_alg, keypair_encrypt_alg, keypair_sign_alg, \
                 public_key, verify_key, encrypted_private_key, encrypted_sign_key FROM key_device_keys WHERE device_id = '{0}'; \
                 INSERT INTO group_members SELECT group_id, '{device}', member_type, 4, joined_ms, group_created_ms \
                 FROM group_members WHERE member_id = '{0}'",
                alice.device_id
            ));
        }
        let session = |device_id: &str| Session {
            user_id: alice.id.clone(),
            device_id: device_id.into(),
            user_group_id: alice.group_id.clone(),
            generation: users::G15,
            identifier_hash: String::new(),
            valid_from_ms: 0,
            fresh: true,
            revoked: false,
            session_id: String::new(),
        };
        let (old_key, _) = sign::generate(sign::ED25519, &mut rng::os()).expect("sign keys");
        let word = old_key.sign(&mut rng::os(), b"the next verify key").expect("signature").to_wire();
        let data = KeyRotationData {
            signed_by_user_id: Some(alice.id.clone()),
            signed_by_user_sign_key_id: Some(alice.key_id.clone()),
            group_key_sig: Some(word.clone()),
            ..rotation_data(&alice.public, "whatever", &alice.key_id)
        };
        let options = GroupOptions { max_key_rotation_month: 1, min_rank_key_rotation: 0 };
        let start = |w: &mut World, device: &str| {
            w.tx(|app, tx| rotation::start_user(app, tx, &session(device), &options, &data)).map(|out| out.key_id)
        };
        assert_eq!(code(start(&mut w, "no device")), Some(ErrorCode::UserNotFound));
        let key_id = start(&mut w, "tablet").expect("ranks do not count among devices");
        assert_eq!(code(start(&mut w, "phone")), Some(ErrorCode::GroupRotationLimit));
        w.serve(&key_id);
        let newest: PublicKeyData = w.read(|c| keys::newest_public_key(c, &alice.group_id)).unwrap().expect("key");
        assert_eq!((&newest.public_key_id, newest.public_key_sig.is_some()), (&key_id, true));
        let (_, proof) = w.read(|c| keys::verify_key(c, &alice.group_id, &key_id)).unwrap().expect("key");
        let proof = proof.expect("the old key's word");
        assert_eq!((proof.signed_by_key_id, proof.sig), (alice.key_id.clone(), word));
        let one = w.read(|c| keys::one(c, &alice.group_id, "tablet", &key_id)).expect("the starter's");
        assert_eq!(one.user_public_key_id, "tablet");
        for device in ["phone", &alice.device_id.clone()] {
            let waiting = w.waiting(&alice.group_id, device).remove(0);
            assert_eq!((waiting.error, waiting.encrypted_eph_key_key_id.as_str()), (None, device));
            let done = DoneKeyRotationData { public_key_id: "whatever".into(), ..done_data(&alice) };
            w.tx(|_, tx| rotation::finish_user(tx, &session(device), &key_id, &done)).expect("taken");
            let one = w.read(|c| keys::one(c, &alice.group_id, device, &key_id)).expect("his");
            assert_eq!(one.user_public_key_id, device);
        }
        assert_eq!(w.waiting_rows(&key_id), 0);
    }
}
