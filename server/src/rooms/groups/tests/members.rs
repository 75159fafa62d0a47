//! Members: list, leave, kick, ranks.

use super::*;
use crate::db::schema::{group_key_sessions, group_members};
use crate::db::testing::db_test;
use crate::rooms::groups::members::rules as members;
use crate::web::call::Page;

db_test! {
    fn everybody_sees_the_others(db) {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 2), (&carol, 4)]);
        let mut seen_by = |caller: &User| -> Vec<(String, i32, i32)> {
            let access = w.access(caller, &group).expect("member");
            let page = w.read(|c| members::list(c, &access, &caller.id, &Page::first())).expect("list");
            assert!(page.windows(2).all(|p| p[0].joined_time <= p[1].joined_time));
            let mut seen: Vec<_> = page.into_iter().map(|m| (m.user_id, m.rank, m.user_type)).collect();
            seen.sort();
            seen
        };
        let expect = |mut list: Vec<(String, i32, i32)>| {
            list.sort();
            list
        };
        let (a, b, c) = ((alice.id.clone(), 0, 0), (bob.id.clone(), 2, 0), (carol.id.clone(), 4, 0));
        assert_eq!(seen_by(&alice), expect(vec![b.clone(), c.clone()]));
        assert_eq!(seen_by(&bob), expect(vec![a.clone(), c]));
        assert_eq!(seen_by(&carol), expect(vec![a, b]));
    }

    fn leaving(db) {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 2), (&carol, 4)]);
        let leave = |w: &mut World, user: &User| {
            let actor = w.actor(user, &group);
            code(w.tx(|_, tx| members::leave(tx, &actor)))
        };
        assert_eq!(leave(&mut w, &alice), Some(ErrorCode::GroupOnlyOneAdmin));
        assert_eq!(leave(&mut w, &carol), None);
        assert_eq!(leave(&mut w, &carol), Some(ErrorCode::GroupAccess));
        let actor = w.actor(&alice, &group);
        w.tx(|_, tx| members::change_rank(tx, &actor, &bob.id, 1)).expect("promoted");
        assert_eq!(leave(&mut w, &alice), None, "the creator may go when an admin stays");
        assert_eq!(leave(&mut w, &bob), Some(ErrorCode::GroupOnlyOneAdmin));
    }

    fn kicking_follows_the_ranks(db) {
        let mut w = World::new(db);
        let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|n| w.user(n));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 2), (&carol, 1), (&dave, 3)]);
        let kick = |w: &mut World, actor: &User, target: &str| {
            let actor = w.actor(actor, &group);
            code(w.tx(|_, tx| members::kick(tx, &actor, target)))
        };
        assert_eq!(kick(&mut w, &dave, &bob.id), Some(ErrorCode::GroupRank));
        assert_eq!(kick(&mut w, &dave, &dave.id), Some(ErrorCode::GroupRank));
        assert_eq!(kick(&mut w, &bob, &carol.id), Some(ErrorCode::GroupKickRank));
        assert_eq!(kick(&mut w, &bob, &alice.id), Some(ErrorCode::GroupKickCreator));
        assert_eq!(kick(&mut w, &carol, &alice.id), Some(ErrorCode::GroupKickCreator));
        for nobody in ["00000000-0000-4000-8000-000000000000", "\0", ""] {
            assert_eq!(kick(&mut w, &bob, nobody), Some(ErrorCode::GroupMemberNotFound));
        }
        assert_eq!(kick(&mut w, &bob, &dave.id), None);
        assert_eq!(w.rank(&dave, &group), None);
        assert_eq!(kick(&mut w, &bob, &dave.id), Some(ErrorCode::GroupMemberNotFound));
        assert_eq!(kick(&mut w, &carol, &carol.id), None, "kicking oneself is leaving");
        assert_eq!(kick(&mut w, &alice, &alice.id), Some(ErrorCode::GroupOnlyOneAdmin));
        assert_eq!(w.rank(&alice, &group), Some(0));
    }

    fn a_kicked_members_keys_and_sessions_go(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        let input = NewMemberKeys { key_session: true, ..keys_for(&group, &bob) };
        let session = w.auto(&alice, &group, &bob, &input).expect("added").expect("session");
        let actor = w.actor(&alice, &group);
        w.tx(|_, tx| members::kick(tx, &actor, &bob.id)).expect("kicked");
        let keys: Vec<String> = group_member_keys::table
            .filter(group_member_keys::group_id.eq(&group.id))
            .select(group_member_keys::member_id)
            .load(&mut w.db.conn)
            .unwrap();
        assert_eq!(keys, [alice.id.as_str()]);
        let sessions: Vec<String> =
            group_key_sessions::table.select(group_key_sessions::id).load(&mut w.db.conn).unwrap();
        assert_eq!(sessions, [""; 0]);
        let late = w.tx(|app, tx| invites_rules::upload_keys(app, tx, &actor, &session, &input.keys));
        assert_eq!(code(late), Some(ErrorCode::GroupKeySession));
        w.add(&alice, &group, &[(&bob, 4)]);
        assert_eq!(w.rank(&bob, &group), Some(4));
    }

    fn ranks_change_by_admins_only(db) {
        let mut w = World::new(db);
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|n| w.user(n));
        let group = w.group(&alice);
        w.add(&alice, &group, &[(&bob, 2), (&carol, 4)]);
        let change = |w: &mut World, actor: &User, target: &User, rank: i32| {
            let actor = w.actor(actor, &group);
            code(w.tx(|_, tx| members::change_rank(tx, &actor, &target.id, rank)))
        };
        assert_eq!(change(&mut w, &bob, &carol, 3), Some(ErrorCode::GroupRank));
        assert_eq!(change(&mut w, &bob, &bob, 1), Some(ErrorCode::GroupRank));
        for rank in [-5, -1, 0, 5, i32::MAX, i32::MIN] {
            assert_eq!(change(&mut w, &alice, &bob, rank), Some(ErrorCode::GroupRankChange));
        }
        for rank in [1, 2, 3, 4, 1] {
            assert_eq!(change(&mut w, &alice, &bob, rank), None);
            assert_eq!(w.rank(&bob, &group), Some(rank));
        }
        assert_eq!(change(&mut w, &bob, &alice, 2), Some(ErrorCode::GroupRankChange));
        assert_eq!(change(&mut w, &alice, &alice, 1), Some(ErrorCode::GroupRankChange));
        assert_eq!(change(&mut w, &bob, &carol, 3), None);
        let stranger = User { id: alice.device_id.clone(), ..alice.clone() };
        assert_eq!(change(&mut w, &bob, &stranger, 3), Some(ErrorCode::GroupMemberNotFound));

        let actor = w.actor(&alice, &group);
        w.tx(|_, tx| members::leave(tx, &actor)).expect("the creator leaves");
        assert_eq!(change(&mut w, &bob, &bob, 2), Some(ErrorCode::GroupRankChange), "the last admin");
        assert_eq!(w.rank(&bob, &group), Some(1));
    }

    fn pages_of_members_give_each_once(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let group = w.group(&alice);
        let times: Vec<i64> = (0..123).map(|i| 1_000 + i64::from(i) / 40).collect();
        for (i, time) in times.iter().enumerate() {
            diesel::insert_into(group_members::table)
                .values((
                    group_members::group_id.eq(&group.id),
                    group_members::member_id.eq(format!("{:08x}", i * 7919 % 1000)),
                    group_members::member_type.eq(0),
                    group_members::rank.eq(4),
                    group_members::joined_ms.eq(time),
                    group_members::group_created_ms.eq(0_i64),
                ))
                .execute(&mut w.db.conn)
                .expect("member");
        }
        let access = w.access(&alice, &group).expect("member");
        let (mut page, mut seen, mut sizes) = (Page::first(), Vec::new(), Vec::new());
        loop {
            let items = w.read(|c| members::list(c, &access, &alice.id, &page)).expect("page");
            sizes.push(items.len());
            let Some(last) = items.last() else { break };
            page = Page { time: last.joined_time, id: last.user_id.clone() };
            seen.extend(items.into_iter().map(|m| (m.joined_time, m.user_id)));
        }
        assert_eq!(sizes, [50, 50, 23, 0]);
        assert!(seen.windows(2).all(|p| p[0] < p[1]), "ascending, each once");
    }
}
