//! Life of a group: create, enter, list, delete.

use keystead_protocol::groups::{AccessBy, GroupCreateData};

use super::*;
use crate::db::schema::{group_invites, group_key_sessions, group_members, groups};
use crate::db::testing::db_test;
use crate::rooms::groups::keys::{self, Order};
use crate::web::call::Page;

db_test! {
    fn a_new_group_is_its_creators(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let data = group_data(&alice);
        let app_id = w.app_id.clone();
        let before = w.now_ms();
        let id = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, Some(&data))).expect("created");
        let group = Group { key_id: w.read(|c| keys::key_ids(c, &id)).unwrap().remove(0), id };

        let access = w.access(&alice, &group).expect("access");
        assert_eq!((access.rank, &access.access_by, access.is_connected), (0, &AccessBy::User, false));
        assert_eq!((&access.member_id, &access.app_id), (&alice.id, &app_id));
        assert!(access.created_ms >= before && access.joined_ms == access.created_ms);

        let out = w.read(|c| rules::group_data(c, access, Order::NewestFirst)).expect("data");
        assert_eq!((out.rank, out.key_update, out.keys.len()), (0, false, 1));
        let key = &out.keys[0];
        assert_eq!((&key.group_key_id, &key.key_pair_id), (&group.key_id, &group.key_id));
        assert_eq!((&key.user_public_key_id, key.time), (&alice.key_id, out.created_time));
        assert_eq!(key.encrypted_group_key, data.encrypted_group_key);
        assert_eq!(key.encrypted_private_group_key, data.encrypted_private_group_key);
        assert_eq!(key.public_group_key, data.public_group_key);
        assert_eq!((&key.keypair_sign_id, &key.public_key_sig_key_id), (&None, &None));
        let (hmac, sortable) = (&out.hmac_keys[0], &out.sortable_keys[0]);
        assert_eq!(Some(&hmac.encrypted_hmac_key), data.encrypted_hmac_key.as_ref());
        assert_eq!(Some(&sortable.encrypted_sortable_key), data.encrypted_sortable_key.as_ref());
        assert_eq!(hmac.encrypted_hmac_encryption_key_id, group.key_id);
        assert_eq!(sortable.encrypted_sortable_encryption_key_id, group.key_id);

        let listed = w.read(|c| rules::list(c, &app_id, &alice.id, &Page::first())).expect("list");
        assert_eq!(listed.iter().map(|g| (&g.group_id, g.rank)).collect::<Vec<_>>(), [(&group.id, 0)]);
        let public = w.read(|c| rules::public_key(c, &app_id, &group.id)).expect("public key");
        assert_eq!((public.public_key_id, public.public_key), (group.key_id, data.public_group_key));
    }

    fn a_plain_group_keeps_no_sign_keys_and_needs_no_search_keys(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let mut data = new_user_group(&alice.public, asym::ECIES_ED25519, sign::ED25519);
        data.creator_public_key_id = alice.key_id.clone();
        (data.encrypted_hmac_key, data.encrypted_hmac_alg) = (None, None);
        (data.encrypted_sortable_key, data.encrypted_sortable_alg) = (None, None);
        let app_id = w.app_id.clone();
        let id = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, Some(&data))).expect("created");
        let access = w.access(&alice, &Group { id, key_id: String::new() }).expect("access");
        let out = w.read(|c| rules::group_data(c, access, Order::OldestFirst)).expect("data");
        assert!(out.hmac_keys.is_empty() && out.sortable_keys.is_empty());
        assert_eq!((&out.keys[0].verify_key, &out.keys[0].keypair_sign_alg), (&None, &None));
    }

    fn a_user_group_has_sign_keys_and_no_group_route(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let (app_id, group) = (w.app_id.clone(), Group { id: alice.group_id.clone(), key_id: alice.key_id.clone() });
        let page = w.read(|c| keys::page(c, &group.id, &alice.device_id, &Page::first(), Order::NewestFirst)).unwrap();
        let key = &page[0];
        assert_eq!(key.user_public_key_id, alice.device_id);
        assert_eq!(key.keypair_sign_id.as_deref(), Some(alice.key_id.as_str()));
        assert_eq!(key.public_key_sig_key_id.as_deref(), Some(alice.key_id.as_str()));
        let verify = w.read(|c| keys::newest_verify_key(c, &group.id)).unwrap().expect("verify key");
        assert_eq!(w.read(|c| keys::verify_key(c, &group.id, &alice.key_id)).unwrap(), Some((verify, None)));

        for member in [&alice.id, &alice.device_id] {
            let found = w.read(|c| rules::access(c, &app_id, &group.id, member, None));
            assert_eq!(code(found), Some(ErrorCode::GroupAccess));
        }
        assert_eq!(w.read(|c| rules::list(c, &app_id, &alice.device_id, &Page::first())).unwrap(), []);
        let public = w.read(|c| rules::public_key(c, &app_id, &group.id));
        assert_eq!(code(public), Some(ErrorCode::GroupKeyNotFound));
    }

    fn light_groups_have_no_keys(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let app_id = w.app_id.clone();
        let id = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, None)).expect("created");
        let group = Group { id, key_id: String::new() };
        let access = w.access(&alice, &group).expect("access");
        let light = rules::light_data(&access);
        assert_eq!((light.rank, light.joined_time, light.parent_group_id), (0, access.joined_ms, None));
        assert_eq!(w.read(|c| rules::group_data(c, access, Order::NewestFirst)).unwrap().keys, []);
        let public = w.read(|c| rules::public_key(c, &app_id, &group.id));
        assert_eq!(code(public), Some(ErrorCode::GroupKeyNotFound));
    }

    fn the_creators_key_must_be_his(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let app_id = w.app_id.clone();
        for foreign in [bob.key_id.as_str(), alice.device_id.as_str(), "non_registered"] {
            let data = GroupCreateData { creator_public_key_id: foreign.into(), ..group_data(&alice) };
            let made = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, Some(&data)));
            assert_eq!(code(made), Some(ErrorCode::GroupKeyNotFound));
        }
        assert_eq!(w.read(|c| rules::list(c, &app_id, &alice.id, &Page::first())).unwrap(), []);
        let data = group_data(&alice);
        w.tx(|_, tx| users::delete_user(tx, &app_id, &alice.id)).expect("deleted");
        let made = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, Some(&data)));
        assert_eq!(code(made), Some(ErrorCode::UserNotFound));
        let made = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, None));
        assert_eq!(code(made), Some(ErrorCode::UserNotFound));
    }

    fn strangers_and_other_apps_stay_outside(db) {
        let mut w = World::new(db);
        let (alice, carol) = (w.user("alice"), w.user("carol"));
        let group = w.group(&alice);
        let other_app = make_app(&mut w.db, "other");
        assert_eq!(code(w.access(&carol, &group)), Some(ErrorCode::GroupAccess));
        let elsewhere = w.read(|c| rules::access(c, &other_app, &group.id, &alice.id, None));
        assert_eq!(code(elsewhere), Some(ErrorCode::GroupAccess));
        for id in ["", "none", "\0", "a'b", &"x".repeat(65), "00000000-0000-4000-8000-000000000000"] {
            let found = w.access(&alice, &Group { id: id.into(), key_id: String::new() });
            assert_eq!(code(found), Some(ErrorCode::GroupAccess), "{id:?}");
        }
        let app_id = w.app_id.clone();
        for (app_id, id) in [(&other_app, group.id.as_str()), (&app_id, "\0")] {
            let key = w.read(|c| rules::public_key(c, app_id, id));
            assert_eq!(code(key), Some(ErrorCode::GroupKeyNotFound));
        }
        assert_eq!(w.read(|c| rules::list(c, &other_app, &alice.id, &Page::first())).unwrap(), []);
    }

    fn delete_takes_children_and_everything_in_them(db) {
        let mut w = World::new(db);
        let (alice, bob, carol, dave) = (w.user("alice"), w.user("bob"), w.user("carol"), w.user("dave"));
        let (top, middle, leaf, other) = (w.group(&alice), w.group(&bob), w.group(&bob), w.group(&alice));
        for (child, parent) in [(&middle, &top), (&leaf, &middle)] {
            diesel::update(groups::table.find(&child.id))
                .set(groups::parent_id.eq(Some(&parent.id)))
                .execute(&mut w.db.conn)
                .expect("child");
        }
        w.add(&alice, &top, &[(&bob, 1), (&carol, 2)]);
        let actor = w.actor(&alice, &top);
        let input = NewMemberKeys { key_session: true, ..keys_for(&top, &dave) };
        w.tx(|app, tx| invites_rules::invite(app, tx, &actor, &Guest::User(dave.id.clone()), &input, Entry::Invited)).expect("invited");

        for (user, expected) in [(&carol, ErrorCode::GroupRank), (&dave, ErrorCode::GroupAccess)] {
            let actor = w.actor(user, &top);
            assert_eq!(code(w.tx(|_, tx| rules::delete(tx, &actor))), Some(expected));
        }
        let admin = w.actor(&bob, &top);
        w.tx(|_, tx| rules::delete(tx, &admin)).expect("deleted");
        for (user, group) in [(&alice, &top), (&bob, &top), (&bob, &middle), (&bob, &leaf)] {
            assert_eq!(code(w.access(user, group)), Some(ErrorCode::GroupAccess));
        }
        assert_eq!(w.rank(&alice, &other), Some(0));
        assert_eq!(code(w.tx(|_, tx| rules::delete(tx, &admin))), Some(ErrorCode::GroupAccess));
        let c = &mut w.db.conn;
        let left: Vec<String> = group_member_keys::table
            .filter(group_member_keys::group_id.eq_any([&top.id, &middle.id, &leaf.id]))
            .select(group_member_keys::key_id)
            .load(c)
            .unwrap();
        assert_eq!(left, [""; 0]);
        assert!(group_invites::table.select(group_invites::rank).load::<i32>(c).unwrap().is_empty());
        assert!(group_key_sessions::table.select(group_key_sessions::id).load::<String>(c).unwrap().is_empty());
    }

    fn a_deleted_user_leaves_nothing(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let (joined, invited) = (w.group(&alice), w.group(&alice));
        let session = NewMemberKeys { key_session: true, ..keys_for(&joined, &bob) };
        w.auto(&alice, &joined, &bob, &session).expect("joined");
        let actor = w.actor(&alice, &invited);
        let session = NewMemberKeys { key_session: true, ..keys_for(&invited, &bob) };
        w.tx(|app, tx| invites_rules::invite(app, tx, &actor, &Guest::User(bob.id.clone()), &session, Entry::Invited)).expect("invited");
        let app_id = w.app_id.clone();
        w.tx(|_, tx| users::delete_user(tx, &app_id, &bob.id)).expect("deleted");

        let c = &mut w.db.conn;
        let bobs = [&bob.id, &bob.device_id];
        let members: Vec<String> =
            group_members::table.filter(group_members::member_id.eq_any(bobs)).select(group_members::group_id).load(c).unwrap();
        let wrapped: Vec<String> = group_member_keys::table
            .filter(group_member_keys::member_id.eq_any(bobs))
            .select(group_member_keys::group_id)
            .load(c)
            .unwrap();
        let generations: Vec<String> =
            group_keys::table.filter(group_keys::group_id.eq(&bob.group_id)).select(group_keys::id).load(c).unwrap();
        assert_eq!((members.len(), wrapped.len(), generations.len()), (0, 0, 0));
        assert!(group_invites::table.select(group_invites::rank).load::<i32>(c).unwrap().is_empty());
        assert!(group_key_sessions::table.select(group_key_sessions::id).load::<String>(c).unwrap().is_empty());
        assert_eq!(w.rank(&alice, &joined), Some(0));
    }
}
