//! Who enters which group, and how: hierarchies, groups as members, and both, against a model.

use std::cell::RefCell;

use keystead_protocol::groups::AccessBy;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::db::schema::{group_members, groups};
use crate::db::testing::db_test;
use crate::rooms::groups::members::rules as members;
use crate::rooms::groups::store::MAX_LEVELS;
use crate::web::call::Page;

const GROUPS: usize = 7;
const USERS: usize = 3;

/// A made-up app: groups by number, the parent of each among those before it; members by group.
#[derive(Debug, Clone)]
struct Graph {
    parents: Vec<Option<usize>>,
    users: Vec<(usize, usize, i32)>,
    guests: Vec<(usize, usize, i32)>,
}

fn graphs() -> impl Strategy<Value = Graph> {
    let parents = (0..GROUPS).map(|i| prop::option::of(0..i.max(1)).prop_map(move |p| p.filter(|p| *p < i)));
    let users = prop::collection::btree_map((0..GROUPS, 0..USERS), 0..=4_i32, 0..8);
    let guests = prop::collection::btree_map((0..GROUPS, 0..GROUPS), 0..=4_i32, 0..8);
    (parents.collect::<Vec<_>>(), users, guests).prop_map(|(parents, users, guests)| Graph {
        parents,
        users: users.into_iter().map(|((group, user), rank)| (group, user, rank)).collect(),
        guests: guests.into_iter().map(|((group, guest), rank)| (group, guest, rank)).collect(),
    })
}

impl Graph {
    /// The nearest membership above: levels up, and the rank there.
    fn nearest(&self, list: &[(usize, usize, i32)], mut group: usize, member: usize) -> Option<(usize, i32)> {
        for levels in 0.. {
            if let Some((.., rank)) = list.iter().find(|(g, m, _)| (*g, *m) == (group, member)) {
                return Some((levels, *rank));
            }
            group = self.parents[group]?;
        }
        None
    }

    fn expected(&self, group: usize, user: usize, via: Option<usize>) -> Option<(i32, AccessBy)> {
        let parent = || group_id(self.parents[group].expect("a parent"));
        if let Some(via) = via
            && let Some((levels, rank)) = self.nearest(&self.guests, group, via)
            && let Some((_, own)) = self.nearest(&self.users, via, user)
        {
            let by = match levels {
                0 => AccessBy::GroupAsUser(group_id(via)),
                _ => AccessBy::GroupAsUserAsParent { parent: parent(), group_as_user: group_id(via) },
            };
            return Some((rank.max(own), by));
        }
        let (levels, rank) = self.nearest(&self.users, group, user)?;
        Some((rank, if levels == 0 { AccessBy::User } else { AccessBy::Parent(parent()) }))
    }

    /// The best rank that the weakest link of any way in allows: a law that does not say which way is taken.
    fn best_possible(&self, group: usize, user: usize, via: Option<usize>) -> Option<i32> {
        let own = self.nearest(&self.users, group, user).map(|(_, rank)| rank);
        let by_guest = via.and_then(|via| {
            let links = [self.nearest(&self.guests, group, via)?.1, self.nearest(&self.users, via, user)?.1];
            links.into_iter().max()
        });
        own.into_iter().chain(by_guest).min()
    }

    fn insert(&self, conn: &mut Conn, app_id: &str) {
        for (i, parent) in self.parents.iter().enumerate() {
            insert_group(conn, app_id, &group_id(i), parent.map(group_id).as_deref(), i64::try_from(i).expect("small"));
        }
        for (group, user, rank) in &self.users {
            insert_member(conn, &group_id(*group), &user_id(*user), 0, *rank);
        }
        for (group, guest, rank) in &self.guests {
            insert_member(conn, &group_id(*group), &group_id(*guest), 2, *rank);
        }
    }
}

fn group_id(i: usize) -> String {
    format!("group-{i}")
}

fn user_id(i: usize) -> String {
    format!("user-{i}")
}

fn insert_group(conn: &mut Conn, app_id: &str, id: &str, parent: Option<&str>, created_ms: i64) {
    diesel::insert_into(groups::table)
        .values((
            groups::id.eq(id),
            groups::app_id.eq(app_id),
            groups::kind.eq(0),
            groups::parent_id.eq(parent),
            groups::is_connected.eq(false),
            groups::invites_open.eq(true),
            groups::created_ms.eq(created_ms),
        ))
        .execute(conn)
        .expect("group");
}

fn insert_member(conn: &mut Conn, group_id: &str, member_id: &str, kind: i32, rank: i32) {
    diesel::insert_into(group_members::table)
        .values((
            group_members::group_id.eq(group_id),
            group_members::member_id.eq(member_id),
            group_members::member_type.eq(kind),
            group_members::rank.eq(rank),
            group_members::joined_ms.eq(i64::from(rank)),
            group_members::group_created_ms.eq(0_i64),
        ))
        .execute(conn)
        .expect("member");
}

db_test! {
    fn every_way_in_is_as_the_model_says(db) {
        let mut w = World::new(db);
        let app_id = w.app_id.clone();
        let conn = RefCell::new(&mut w.db.conn);
        let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        let checked = runner.run(&graphs(), |graph| {
            let outcome = conn.borrow_mut().transaction(|c| {
                graph.insert(c, &app_id);
                let vias: Vec<Option<usize>> = std::iter::once(None).chain((0..GROUPS).map(Some)).collect();
                for (group, user) in (0..GROUPS).flat_map(|g| (0..USERS).map(move |u| (g, u))) {
                    for via in &vias {
                        let (group_name, via_name) = (group_id(group), via.map(group_id));
                        let found = rules::access(c, &app_id, &group_name, &user_id(user), via_name.as_deref());
                        let expected = graph.expected(group, user, *via);
                        let Ok(found) = found else {
                            assert_eq!(found.map_err(|e| e.code).err(), Some(ErrorCode::GroupAccess));
                            assert_eq!(expected, None, "{group} {user} {via:?}");
                            continue;
                        };
                        assert_eq!(expected, Some((found.rank, found.access_by.clone())), "{group} {user} {via:?}");
                        assert!(Some(found.rank) >= graph.best_possible(group, user, *via), "no rank out of nothing");
                        assert_eq!(found.parent_group_id, graph.parents[group].map(group_id));
                        assert_eq!(found.created_ms, i64::try_from(group).expect("small"));
                        let keys_for = match &found.access_by {
                            AccessBy::User => user_id(user),
                            AccessBy::Parent(id) | AccessBy::GroupAsUser(id) => id.clone(),
                            AccessBy::GroupAsUserAsParent { parent, .. } => parent.clone(),
                        };
                        assert_eq!(found.member_id, keys_for);
                    }
                }
                Err::<(), _>(diesel::result::Error::RollbackTransaction)
            });
            prop_assert_eq!(outcome, Err(diesel::result::Error::RollbackTransaction));
            Ok(())
        });
        checked.expect("the model");
    }

    fn a_line_of_parents_ends(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let mut line = vec![w.group(&alice)];
        for _ in 1..MAX_LEVELS {
            let actor = w.actor(&alice, &line[line.len() - 1]);
            let id = w.tx(|app, tx| rules::create_child(app, tx, &actor, None)).expect("child");
            line.push(Group { id, key_id: String::new() });
        }
        let last = &line[line.len() - 1].clone();
        assert_eq!(w.rank(&alice, last), Some(0), "the deepest is reached");
        let actor = w.actor(&alice, last);
        assert_eq!(code(w.tx(|app, tx| rules::create_child(app, tx, &actor, None))), Some(ErrorCode::JsonParse));
        let middle = w.actor(&alice, &line[1]);
        w.tx(|_, tx| rules::delete(tx, &middle)).expect("deleted");
        assert_eq!(w.rank(&alice, last), None);
        let left: i64 = groups::table.filter(groups::kind.eq(0)).count().get_result(&mut w.db.conn).expect("count");
        assert_eq!(left, 1);
    }

    fn pages_of_members_have_the_parent_in_its_place(db) {
        let mut w = World::new(db);
        let app_id = w.app_id.clone();
        let conn = &mut w.db.conn;
        insert_group(conn, &app_id, "parent", None, 1);
        insert_group(conn, &app_id, "child", Some("parent"), 100);
        insert_member(conn, "parent", "above", 0, 1);
        insert_member(conn, "child", "inside", 0, 2);
        let now = |i: i64| 98 + i / 40;
        for i in 0..120 {
            insert_member(conn, "child", &format!("m{i:03}"), 0, 4);
            diesel::update(group_members::table.find(("child", format!("m{i:03}"))))
                .set(group_members::joined_ms.eq(now(i)))
                .execute(conn)
                .expect("time");
        }
        for (user, expected) in [("inside", 121), ("above", 121)] {
            let access = rules::access(conn, &app_id, "child", user, None).expect("member");
            let (mut page, mut seen) = (Page::first(), Vec::new());
            loop {
                let items = members::list(conn, &access, user, &page).expect("page");
                let Some(last) = items.last() else { break };
                assert!(items.len() <= 50);
                page = Page { time: last.joined_time, id: last.user_id.clone() };
                seen.extend(items.into_iter().map(|m| (m.joined_time, m.user_id, m.user_type)));
            }
            assert!(seen.windows(2).all(|p| p[0] < p[1]), "ascending, each once");
            assert_eq!(seen.len(), expected, "{user}");
            // Who is in by the parent, is the parent: the caller is not listed.
            let parent = (100, "parent".to_owned(), 1);
            assert_eq!(seen.contains(&parent), user == "inside");
        }
    }
}
