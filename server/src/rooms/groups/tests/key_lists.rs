//! Pages of keys: whatever the times, every key comes exactly once, in either order.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::db::testing::db_test;
use crate::rooms::groups::keys::{self, Order};
use crate::web::call::Page;

db_test! {
    fn pages_give_every_key_once_in_both_orders(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let cases = proptest::collection::vec(1..6_i64, 0..130);
        // Few times for many keys: most have equals. Every case has a group of its own.
        let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
        let w = std::cell::RefCell::new(&mut w);
        runner
            .run(&cases, |times| {
                let mut w = w.borrow_mut();
                let app_id = w.app_id.clone();
                let group_id = w.tx(|app, tx| rules::create(app, tx, &app_id, &alice.id, None)).expect("group");
                for (i, time) in times.iter().enumerate() {
                    // Ids in an order that has nothing to do with the times, and unlike in every group.
                    let id = format!("{:04x}-{group_id}", (i * 7919) % 65_521);
                    add_generation(&mut w.db.conn, &group_id, &alice.id, &alice.key_id, &id, *time);
                }
                for (order, sign) in [(Order::OldestFirst, 1), (Order::NewestFirst, -1)] {
                    let (mut page, mut seen) = (Page::first(), Vec::new());
                    loop {
                        let items = w.read(|c| keys::page(c, &group_id, &alice.id, &page, order)).expect("page");
                        prop_assert!(items.len() <= 50);
                        let Some(last) = items.last() else { break };
                        page = Page { time: last.time, id: last.group_key_id.clone() };
                        let full = items.len() == 50;
                        seen.extend(items.into_iter().map(|k| (sign * k.time, k.group_key_id)));
                        prop_assert!(full || seen.len() == times.len(), "a short page is the last one");
                    }
                    prop_assert_eq!(seen.len(), times.len());
                    prop_assert!(seen.windows(2).all(|p| p[0] < p[1]));
                }
                Ok(())
            })
            .expect("law holds");
    }

    fn one_key_needs_a_share_in_it(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let (group, other) = (w.group(&alice), w.group(&alice));
        let mut one = |group: &Group, user: &User, key_id: &str| {
            code(w.read(|c| keys::one(c, &group.id, &user.id, key_id).map(|k| assert_eq!(k.group_key_id, key_id))))
        };
        assert_eq!(one(&group, &alice, &group.key_id), None);
        assert_eq!(one(&group, &alice, &other.key_id), Some(ErrorCode::GroupKeyNotFound));
        assert_eq!(one(&group, &bob, &group.key_id), Some(ErrorCode::GroupKeyNotFound));
        assert_eq!(one(&group, &alice, "\0"), Some(ErrorCode::GroupKeyNotFound));
        for page in [Page { time: 5, id: "\0".into() }, Page { time: i64::MAX, id: "x".repeat(100) }] {
            for order in [Order::OldestFirst, Order::NewestFirst] {
                w.read(|c| keys::page(c, &group.id, &alice.id, &page, order)).expect("any page can be asked for");
            }
        }
    }

    fn the_newest_public_key_is_the_first_of_the_list(db) {
        let mut w = World::new(db);
        let alice = w.user("alice");
        let group = w.group(&alice);
        let later = w.now_ms() + 1_000;
        for id in ["b-new", "a-new"] {
            add_generation(&mut w.db.conn, &group.id, &alice.id, &alice.key_id, id, later);
        }
        let newest = w.read(|c| keys::newest_public_key(c, &group.id)).unwrap().expect("key");
        assert_eq!(newest.public_key_id, "a-new");
        let list = w.read(|c| keys::page(c, &group.id, &alice.id, &Page::first(), Order::NewestFirst)).unwrap();
        let ids: Vec<_> = list.into_iter().map(|k| k.group_key_id).collect();
        assert_eq!(ids, ["a-new", "b-new", group.key_id.as_str()]);
        let old = w.read(|c| keys::public_key(c, &group.id, &group.key_id)).unwrap().expect("key");
        assert_eq!(old.public_key_id, group.key_id);
        assert_eq!(w.read(|c| keys::public_key(c, &alice.group_id, &group.key_id)).unwrap(), None);
    }
}
