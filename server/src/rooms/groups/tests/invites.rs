//! Invites, re-invites and upload sessions.

use keystead_protocol::groups::LightInvite;

use super::*;
use crate::db::schema::group_invites;
use crate::db::testing::db_test;
use crate::rooms::groups::keys::{self, Order};
use crate::rooms::groups::members::rules as members;
use crate::web::call::Page;

/// Three users, and a group of the first.
struct Cast {
    w: World,
    alice: User,
    bob: User,
    carol: User,
    group: Group,
}

impl Cast {
    fn new(db: TestDb) -> Self {
        let mut w = World::new(db);
        let (alice, bob, carol) = (w.user("alice"), w.user("bob"), w.user("carol"));
        let group = w.group(&alice);
        Self { w, alice, bob, carol, group }
    }

    fn invite(&mut self, actor: &User, target: &User, input: &NewMemberKeys) -> KeyResult<Option<String>> {
        let actor = self.w.actor(actor, &self.group);
        let invite = |app: &_, tx: &mut _| {
            invites_rules::invite(app, tx, &actor, &Guest::User(target.id.clone()), input, Entry::Invited)
        };
        Ok(self.w.tx(invite)?.session_id)
    }

    fn re_invite(&mut self, actor: &User, target: &User, input: &NewMemberKeys) -> KeyResult<Option<String>> {
        let actor = self.w.actor(actor, &self.group);
        let again =
            |app: &_, tx: &mut _| invites_rules::re_invite(app, tx, &actor, &Guest::User(target.id.clone()), input);
        Ok(self.w.tx(again)?.session_id)
    }

    fn upload(&mut self, actor: &User, session: &str, keys: &[MemberKey]) -> Option<ErrorCode> {
        let actor = self.w.actor(actor, &self.group);
        code(self.w.tx(|app, tx| invites_rules::upload_keys(app, tx, &actor, session, keys)))
    }

    fn accept(&mut self, user: &User) -> Option<ErrorCode> {
        let (app_id, group_id) = (self.w.app_id.clone(), self.group.id.clone());
        code(self.w.tx(|app, tx| invites_rules::accept(app, tx, &app_id, &group_id, &user.id)))
    }

    fn reject(&mut self, user: &User) -> Option<ErrorCode> {
        let (app_id, group_id) = (self.w.app_id.clone(), self.group.id.clone());
        code(self.w.tx(|_, tx| invites_rules::reject(tx, &app_id, &group_id, &user.id)))
    }

    fn invites_of(&mut self, user: &User) -> Vec<String> {
        let page = self.w.read(|c| invites_rules::invites_of(c, &user.id, &Page::first())).expect("list");
        page.into_iter().map(|i| i.group_id).collect()
    }

    /// Wrapped texts of a user's keys, by key id.
    fn wrapped(&mut self, user: &User) -> Vec<(String, String)> {
        let group_id = self.group.id.clone();
        let page = self.w.read(|c| keys::page(c, &group_id, &user.id, &Page::first(), Order::OldestFirst));
        page.expect("keys").into_iter().map(|k| (k.group_key_id, k.encrypted_group_key)).collect()
    }
}

db_test! {
    fn invite_and_accept(db) {
        let mut t = Cast::new(db);
        let (alice, bob) = (t.alice.clone(), t.bob.clone());
        let input = NewMemberKeys { rank: Some(3), ..keys_for(&t.group, &bob) };
        assert_eq!(t.invite(&alice, &bob, &input).expect("invited"), None);
        assert_eq!(t.invites_of(&bob), [t.group.id.clone()]);
        assert_eq!(t.w.rank(&bob, &t.group.clone()), None, "not a member before accepting");
        assert_eq!(code(t.invite(&alice, &bob, &input)), Some(ErrorCode::GroupAlreadyMember));

        assert_eq!(t.accept(&bob), None);
        assert_eq!(t.invites_of(&bob), [""; 0]);
        assert_eq!(t.w.rank(&bob, &t.group.clone()), Some(3));
        assert_eq!(t.wrapped(&bob), [(t.group.key_id.clone(), input.keys[0].encrypted_group_key.clone())]);
        assert_eq!(t.accept(&bob), Some(ErrorCode::GroupInviteNotFound));
        assert_eq!(code(t.invite(&alice, &bob, &input)), Some(ErrorCode::GroupAlreadyMember));
    }

    fn reject_leaves_nothing(db) {
        let mut t = Cast::new(db);
        let (alice, bob) = (t.alice.clone(), t.bob.clone());
        let input = NewMemberKeys { key_session: true, ..keys_for(&t.group, &bob) };
        let session = t.invite(&alice, &bob, &input).expect("invited").expect("session");
        assert_eq!(t.reject(&bob), None);
        assert_eq!((t.invites_of(&bob), t.wrapped(&bob)), (vec![], vec![]));
        assert_eq!(t.upload(&alice, &session, &input.keys), Some(ErrorCode::GroupKeySession));
        assert_eq!(t.reject(&bob), Some(ErrorCode::GroupInviteNotFound));
        assert_eq!(t.accept(&bob), Some(ErrorCode::GroupInviteNotFound));
        t.invite(&alice, &bob, &input).expect("invited again");
    }

    fn accept_needs_an_invite_to_a_group_of_the_app(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol) = (t.alice.clone(), t.bob.clone(), t.carol.clone());
        let input = keys_for(&t.group, &bob);
        t.invite(&alice, &bob, &input).expect("invited");
        assert_eq!(t.accept(&carol), Some(ErrorCode::GroupInviteNotFound));
        let app_id = std::mem::replace(&mut t.w.app_id, make_app(&mut t.w.db, "other"));
        assert_eq!(t.accept(&bob), Some(ErrorCode::GroupInviteNotFound));
        assert_eq!(t.reject(&bob), Some(ErrorCode::GroupInviteNotFound));
        t.w.app_id = app_id;
        for id in ["", "\0", "00000000-0000-4000-8000-000000000000"] {
            let app_id = t.w.app_id.clone();
            let done = t.w.tx(|app, tx| invites_rules::accept(app, tx, &app_id, id, &bob.id));
            assert_eq!(code(done), Some(ErrorCode::GroupInviteNotFound));
        }
        assert_eq!(t.accept(&bob), None);
    }

    fn who_may_be_invited_by_whom(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol) = (t.alice.clone(), t.bob.clone(), t.carol.clone());
        let group = t.group.clone();
        t.w.add(&alice, &group, &[(&bob, 3)]);
        let ranked = |rank| NewMemberKeys { rank: Some(rank), ..keys_for(&group, &carol) };
        assert_eq!(code(t.invite(&bob, &carol, &keys_for(&group, &carol))), Some(ErrorCode::GroupRank));
        assert_eq!(code(t.invite(&carol, &carol, &keys_for(&group, &carol))), Some(ErrorCode::GroupAccess));
        for rank in [-1, 0, 5, i32::MAX] {
            assert_eq!(code(t.invite(&alice, &carol, &ranked(rank))), Some(ErrorCode::GroupRank));
        }
        let actor = t.w.actor(&alice, &group);
        t.w.tx(|_, tx| members::change_rank(tx, &actor, &bob.id, 2)).expect("promoted");
        assert_eq!(code(t.invite(&bob, &carol, &ranked(1))), Some(ErrorCode::GroupRank));

        let foreign_app = make_app(&mut t.w.db, "other");
        let foreigner = t.w.user_of(&foreign_app, "eve");
        let gone = t.w.user("gone");
        let app_id = t.w.app_id.clone();
        t.w.tx(|_, tx| users::delete_user(tx, &app_id, &gone.id)).expect("deleted");
        let nobody = User { id: "00000000-0000-4000-8000-000000000000".into(), ..carol.clone() };
        let nonsense = User { id: "\0".into(), ..carol.clone() };
        for target in [&foreigner, &gone, &nobody, &nonsense] {
            let input = keys_for(&group, target);
            assert_eq!(code(t.invite(&alice, target, &input)), Some(ErrorCode::UserNotFound));
            assert_eq!(code(t.w.auto(&alice, &group, target, &input)), Some(ErrorCode::UserNotFound));
        }
        t.invite(&bob, &carol, &ranked(2)).expect("invited");
        assert_eq!(t.accept(&carol), None);
        assert_eq!(t.w.rank(&carol, &group), Some(2));
    }

    fn keys_must_be_of_the_group_and_for_the_user(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        let other = t.w.group(&alice);
        let for_carol = NewMemberKeys { keys: vec![member_key(&group.key_id, &carol)], ..keys_for(&group, &bob) };
        for wrong in [keys_for(&other, &bob), for_carol] {
            assert_eq!(code(t.invite(&alice, &bob, &wrong)), Some(ErrorCode::GroupKeyNotFound));
            assert_eq!(code(t.w.auto(&alice, &group, &bob, &wrong)), Some(ErrorCode::GroupKeyNotFound));
        }
        assert_eq!((t.invites_of(&bob), t.wrapped(&bob)), (vec![], vec![]), "nothing is left of a refused invite");
        assert_eq!(t.w.rank(&bob, &group), None);
    }

    fn invites_can_be_stopped(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        t.w.add(&alice, &group, &[(&carol, 2)]);
        let toggle = |t: &mut Cast, user: &User| {
            let actor = t.w.actor(user, &group);
            code(t.w.tx(|_, tx| invites_rules::toggle(tx, &actor)))
        };
        let input = keys_for(&group, &bob);
        assert_eq!(toggle(&mut t, &carol), Some(ErrorCode::GroupRank));
        assert_eq!(toggle(&mut t, &alice), None);
        assert_eq!(code(t.invite(&alice, &bob, &input)), Some(ErrorCode::GroupInvitesStopped));
        assert_eq!(code(t.w.auto(&alice, &group, &bob, &input)), Some(ErrorCode::GroupInvitesStopped));
        assert_eq!(toggle(&mut t, &alice), None);
        t.invite(&alice, &bob, &input).expect("invited");
        assert_eq!(toggle(&mut t, &alice), None);
        assert_eq!(t.accept(&bob), None, "an open invite stays good");
    }

    fn an_auto_invite_overtakes_invite_and_join_request(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        diesel::insert_into(group_invites::table)
            .values((
                group_invites::group_id.eq(&group.id),
                group_invites::member_id.eq(&bob.id),
                group_invites::kind.eq(1),
                group_invites::member_type.eq(0),
                group_invites::rank.eq(4),
                group_invites::created_ms.eq(1_i64),
            ))
            .execute(&mut t.w.db.conn)
            .expect("join request");
        assert_eq!(t.accept(&bob), Some(ErrorCode::GroupInviteNotFound), "a join request is no invite");
        assert_eq!(t.invites_of(&bob), [""; 0]);
        t.invite(&alice, &bob, &keys_for(&group, &bob)).expect("invited all the same");
        assert_eq!(t.reject(&bob), None);
        t.invite(&alice, &bob, &keys_for(&group, &bob)).expect("invited");
        t.invite(&alice, &carol, &keys_for(&group, &carol)).expect("invited");

        let input = keys_for(&group, &bob);
        t.w.auto(&alice, &group, &bob, &input).expect("member");
        assert_eq!(t.wrapped(&bob), [(group.key_id.clone(), input.keys[0].encrypted_group_key.clone())]);
        let left: Vec<String> =
            group_invites::table.select(group_invites::member_id).load(&mut t.w.db.conn).unwrap();
        assert_eq!(left, [carol.id.as_str()]);
        assert_eq!(code(t.w.auto(&alice, &group, &bob, &input)), Some(ErrorCode::GroupAlreadyMember));
    }

    fn light_invites_bring_no_keys(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        let actor = t.w.actor(&alice, &group);
        let light = |t: &mut Cast, target: &User, rank, entry| {
            let input = LightInvite { rank };
            code(t.w.tx(|app, tx| invites_rules::invite_light(app, tx, &actor, &Guest::User(target.id.clone()), &input, entry)))
        };
        assert_eq!(light(&mut t, &bob, Some(5), Entry::Invited), Some(ErrorCode::GroupRank));
        assert_eq!(light(&mut t, &bob, Some(2), Entry::Invited), None);
        assert_eq!(light(&mut t, &bob, None, Entry::Invited), Some(ErrorCode::GroupAlreadyMember));
        assert_eq!(t.accept(&bob), None);
        assert_eq!(light(&mut t, &carol, None, Entry::Member), None);
        assert_eq!((t.w.rank(&bob, &group), t.w.rank(&carol, &group)), (Some(2), Some(4)));
        assert_eq!((t.wrapped(&bob), t.wrapped(&carol)), (vec![], vec![]));

        let again = |t: &mut Cast, actor: &User, target: &User| {
            let actor = t.w.actor(actor, &group);
            code(t.w.tx(|_, tx| invites_rules::re_invite_light(tx, &actor, &Guest::User(target.id.clone()))))
        };
        assert_eq!(again(&mut t, &alice, &bob), None);
        assert_eq!(again(&mut t, &carol, &bob), Some(ErrorCode::GroupRank));
        assert_eq!(t.w.rank(&bob, &group), Some(2));
    }

    fn a_re_invite_changes_keys_and_nothing_else(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        t.w.add(&alice, &group, &[(&bob, 3), (&carol, 2)]);
        let before = t.w.access(&bob, &group).expect("member");
        t.w.db.set_clock_offset(60);
        let input = NewMemberKeys { rank: Some(1), ..keys_for(&group, &bob) };
        t.re_invite(&alice, &bob, &input).expect("again");
        let after = t.w.access(&bob, &group).expect("member");
        assert_eq!((after.rank, after.joined_ms), (3, before.joined_ms));
        assert_eq!(t.wrapped(&bob), [(group.key_id.clone(), input.keys[0].encrypted_group_key.clone())]);

        let outsider = t.w.user("dave");
        let input = keys_for(&group, &outsider);
        assert_eq!(code(t.re_invite(&alice, &outsider, &input)), Some(ErrorCode::GroupReInviteNotMember));
        t.invite(&alice, &outsider, &input).expect("invited");
        assert_eq!(code(t.re_invite(&alice, &outsider, &input)), Some(ErrorCode::GroupReInviteNotMember));
    }

    fn a_re_invite_does_not_harm_higher_members(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        t.w.add(&alice, &group, &[(&bob, 4), (&carol, 2)]);
        let kept = t.wrapped(&alice);
        for actor in [&bob, &carol] {
            let input = keys_for(&group, &alice);
            assert_eq!(code(t.re_invite(actor, &alice, &input)), Some(ErrorCode::GroupRank));
            assert_eq!((t.w.rank(&alice, &group), t.wrapped(&alice)), (Some(0), kept.clone()));
        }
        // The creator makes his account anew: none of his wrapped keys is of use to him any more.
        diesel::update(group_member_keys::table.filter(group_member_keys::member_id.eq(&alice.id)))
            .set(group_member_keys::user_public_key_id.eq("a-key-of-the-old-account"))
            .execute(&mut t.w.db.conn)
            .expect("made stale");
        let input = keys_for(&group, &alice);
        assert_eq!(code(t.re_invite(&bob, &alice, &input)), Some(ErrorCode::GroupRank), "rank 4 never may");
        t.re_invite(&carol, &alice, &input).expect("new keys for the creator");
        assert_eq!(t.w.rank(&alice, &group), Some(0));
        assert_ne!(t.wrapped(&alice), kept);
        assert_eq!(code(t.re_invite(&carol, &alice, &input)), Some(ErrorCode::GroupRank), "they work again");
    }

    fn further_keys_come_by_session(db) {
        let mut t = Cast::new(db);
        let (alice, bob, carol, group) = (t.alice.clone(), t.bob.clone(), t.carol.clone(), t.group.clone());
        for i in 0..60 {
            let (time, id) = (1_000 + i64::from(i), format!("generation-{i}"));
            add_generation(&mut t.w.db.conn, &group.id, &alice.id, &alice.key_id, &id, time);
        }
        let all: Vec<MemberKey> = (0..60).map(|i| member_key(&format!("generation-{i}"), &bob)).collect();
        let first = NewMemberKeys { keys: all[..50].to_vec(), rank: None, key_session: true };
        let session = t.invite(&alice, &bob, &first).expect("invited").expect("a session whenever asked for");
        assert_eq!(t.accept(&bob), None);

        assert_eq!(t.upload(&alice, &session, &all[50..55]), None, "the session outlives the accept");
        let repeated = [member_key("generation-0", &bob), all[58].clone()];
        assert_eq!(t.upload(&alice, &session, &repeated), None);
        assert_eq!(t.upload(&alice, &session, &all[50..]), None, "what is there already does no harm");
        let mut expected: Vec<_> = all.iter().map(|k| (k.key_id.clone(), k.encrypted_group_key.clone())).collect();
        let group_id = group.id.clone();
        let second = Page { time: 1_049, id: "generation-49".into() };
        let rest = t.w.read(|c| keys::page(c, &group_id, &bob.id, &second, Order::OldestFirst)).expect("page");
        let rest: Vec<_> = rest.into_iter().map(|k| (k.group_key_id, k.encrypted_group_key)).collect();
        assert_eq!(rest, expected.split_off(50));
        assert_eq!(t.wrapped(&bob), expected, "a key that was there is not replaced");

        let unknown = [member_key("generation-60", &bob)];
        assert_eq!(t.upload(&alice, &session, &unknown), Some(ErrorCode::GroupKeyNotFound));
        let for_carol = [member_key("generation-1", &carol)];
        assert_eq!(t.upload(&alice, &session, &for_carol), Some(ErrorCode::GroupKeyNotFound));
        assert_eq!(t.upload(&bob, &session, &all[..1]), Some(ErrorCode::GroupRank));
        assert_eq!(t.upload(&carol, &session, &all[..1]), Some(ErrorCode::GroupAccess));
        for id in ["", "none", "\0", "00000000-0000-4000-8000-000000000000"] {
            assert_eq!(t.upload(&alice, id, &all[..1]), Some(ErrorCode::GroupKeySession));
        }
        let other = t.w.group(&alice);
        let own = std::mem::replace(&mut t.group, other);
        assert_eq!(t.upload(&alice, &session, &all[..1]), Some(ErrorCode::GroupKeySession), "another group's");
        t.group = own;
        t.w.db.set_clock_offset(24 * 3600 + 5);
        assert_eq!(t.upload(&alice, &session, &all[..1]), Some(ErrorCode::GroupKeySession), "too old");
    }

    fn pages_of_invites_give_each_once_newest_first(db) {
        let mut t = Cast::new(db);
        let (alice, bob) = (t.alice.clone(), t.bob.clone());
        let app_id = t.w.app_id.clone();
        for i in 0..73 {
            let id = t.w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, None)).expect("group");
            let invite = (
                group_invites::group_id.eq(id),
                group_invites::member_id.eq(&bob.id),
                group_invites::kind.eq(0),
                group_invites::member_type.eq(0),
                group_invites::rank.eq(4),
                group_invites::created_ms.eq(1_000 + i64::from(i / 30)),
            );
            diesel::insert_into(group_invites::table).values(invite).execute(&mut t.w.db.conn).expect("invite");
        }
        let (mut page, mut seen, mut sizes) = (Page::first(), Vec::new(), Vec::new());
        loop {
            let items = t.w.read(|c| invites_rules::invites_of(c, &bob.id, &page)).expect("page");
            sizes.push(items.len());
            let Some(last) = items.last() else { break };
            page = Page { time: last.time, id: last.group_id.clone() };
            seen.extend(items.into_iter().map(|i| (-i.time, i.group_id)));
        }
        assert_eq!(sizes, [50, 23, 0]);
        assert!(seen.windows(2).all(|p| p[0] < p[1]), "newest first, at one time by id, each once");
    }
}
