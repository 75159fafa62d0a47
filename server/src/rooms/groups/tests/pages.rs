//! Every paged list but that of keys (`key_lists`): whatever the times, each item comes exactly once, in the list's order
//! (better-than.md 14).

use diesel::connection::SimpleConnection;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::db::testing::db_test;
use crate::rooms::groups::joins::rules as joins;
use crate::rooms::groups::members::rules as members;
use crate::web::call::Page;

/// Time and id of an item, as the next page is asked for.
type Item = (i64, String);

/// Which end of a list comes first; at one time, ids ascend in either order.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Oldest,
    Newest,
}

/// Follows a list to its end.
fn all_pages(mut fetch: impl FnMut(&Page) -> Vec<Item>) -> Vec<Item> {
    let (mut page, mut seen) = (Page::first(), Vec::new());
    loop {
        let items = fetch(&page);
        assert!(items.len() <= 50);
        let Some((time, id)) = items.last() else { return seen };
        page = Page { time: *time, id: id.clone() };
        let full = items.len() == 50;
        seen.extend(items);
        if !full {
            assert!(fetch(&page).is_empty(), "a short page is the last one");
            return seen;
        }
    }
}

fn assert_complete(name: &str, first: First, seen: &[Item], mut expected: Vec<Item>) {
    let sign = if first == First::Oldest { 1 } else { -1 };
    expected.sort_by(|a, b| (sign * a.0, &a.1).cmp(&(sign * b.0, &b.1)));
    assert_eq!(seen, expected, "{name}");
}

/// Rows for one case: ids in an order that has nothing to do with the times, and unlike in every case.
struct Rows<'a> {
    w: &'a mut World,
    case: usize,
    times: &'a [i64],
}

impl Rows<'_> {
    fn items(&self, kind: &str) -> Vec<Item> {
        let id = |(i, time): (usize, &i64)| (*time, format!("{:04x}-{kind}-{}", (i * 7919) % 65_521, self.case));
        self.times.iter().enumerate().map(id).collect()
    }

    /// Inserts a row for each item; `values` gives the text between the brackets.
    fn insert(&mut self, table: &str, items: &[Item], values: impl Fn(&str, i64) -> String) {
        if items.is_empty() {
            return;
        }
        let rows: Vec<String> = items.iter().map(|(time, id)| format!("({})", values(id, *time))).collect();
        let sql = format!("INSERT INTO {table} VALUES {}", rows.join(", "));
        self.w.db.conn.batch_execute(&sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    fn insert_groups(&mut self, items: &[Item], parent: Option<&str>) {
        let app_id = self.w.app_id.clone();
        let parent = parent.map_or("NULL".to_owned(), |id| format!("'{id}'"));
        self.insert(
            "groups (id, app_id, kind, parent_id, is_connected, invites_open, created_ms)",
            items,
            |id, time| format!("'{id}', '{app_id}', 0, {parent}, FALSE, TRUE, {time}"),
        );
    }
}

fn check(w: &mut World, case: usize, times: &[i64]) {
    let alice = w.user(&format!("alice {case}"));
    let (group, parent) = (w.group(&alice), w.group(&alice));
    let (app_id, mut rows) = (w.app_id.clone(), Rows { w, case, times });

    // Members, with the parent of the group in their midst.
    let mut expected = rows.items("member");
    rows.insert(
        "group_members (group_id, member_id, member_type, rank, joined_ms, group_created_ms)",
        &expected,
        |id, time| format!("'{}', '{id}', 0, 4, {time}, 1", group.id),
    );
    let of_parent = format!("UPDATE groups SET parent_id = '{}', created_ms = 3 WHERE id = '{}'", parent.id, group.id);
    rows.w.db.conn.batch_execute(&of_parent).expect("a child");
    expected.push((3, parent.id.clone()));
    let access = rows.w.access(&alice, &group).expect("access");
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| members::list(c, &access, &alice.id, page)).expect("page");
        page.into_iter().map(|m| (m.joined_time, m.user_id)).collect()
    });
    assert_complete("members", First::Oldest, &seen, expected);

    // Children.
    let children = rows.items("child");
    rows.insert_groups(&children, Some(&parent.id));
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| rules::children(c, &parent.id, page)).expect("page");
        page.into_iter().map(|g| (g.time, g.group_id)).collect()
    });
    assert_complete("children", First::Oldest, &seen, [children, vec![(3, group.id.clone())]].concat());

    // Groups of a member, invites and sent join requests of somebody.
    let groups = rows.items("group");
    rows.insert_groups(&groups, None);
    let member = format!("member-{case}");
    rows.insert(
        "group_members (group_id, member_id, member_type, rank, joined_ms, group_created_ms)",
        &groups,
        |id, time| format!("'{id}', '{member}', 0, 4, 1, {time}"),
    );
    for kind in [0, 1] {
        rows.insert("group_invites (group_id, member_id, kind, member_type, rank, created_ms)", &groups, |id, time| {
            format!("'{id}', '{member}', {kind}, 0, 4, {time}")
        });
    }
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| rules::list(c, &app_id, &member, page)).expect("page");
        page.into_iter().map(|g| (g.time, g.group_id)).collect()
    });
    assert_complete("groups", First::Oldest, &seen, groups.clone());
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| invites_rules::invites_of(c, &member, page)).expect("page");
        page.into_iter().map(|i| (i.time, i.group_id)).collect()
    });
    assert_complete("invites", First::Newest, &seen, groups.clone());
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| joins::sent_by(c, &member, page)).expect("page");
        page.into_iter().map(|i| (i.time, i.group_id)).collect()
    });
    assert_complete("sent join requests", First::Newest, &seen, groups);

    // Join requests to a group.
    let asking = rows.items("asking");
    rows.insert("group_invites (group_id, member_id, kind, member_type, rank, created_ms)", &asking, |id, time| {
        format!("'{}', '{id}', 1, 0, 4, {time}", parent.id)
    });
    let access = rows.w.access(&alice, &parent).expect("access");
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| joins::list(c, &access, page)).expect("page");
        page.into_iter().map(|j| (j.time, j.user_id)).collect()
    });
    assert_complete("join requests", First::Oldest, &seen, asking);

    // Devices.
    let mut devices = rows.items("device");
    rows.insert(
        "key_devices (id, app_id, user_id, user_group_id, generation, valid_from_ms, identifier_hash, created_ms)",
        &devices,
        |id, time| format!("'{id}', '{app_id}', '{}', '{}', 15, 0, '{id}', {time}", alice.id, alice.group_id),
    );
    let own = format!("UPDATE key_devices SET created_ms = 3 WHERE id = '{}'", alice.device_id);
    rows.w.db.conn.batch_execute(&own).expect("her device");
    devices.push((3, alice.device_id.clone()));
    let seen = all_pages(|page| {
        let page = rows.w.read(|c| users::devices::list(c, &alice.id, page)).expect("page");
        page.into_iter().map(|d| (d.time, d.device_id)).collect()
    });
    assert_complete("devices", First::Oldest, &seen, devices);
}

db_test! {
    fn pages_of_all_lists_give_every_item_once(db) {
        let w = std::cell::RefCell::new((World::new(db), 0));
        // Few times for many items: most have equals.
        let cases = proptest::collection::vec(1..6_i64, 0..130);
        let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
        let run = |times: Vec<i64>| {
            let (w, case) = &mut *w.borrow_mut();
            *case += 1;
            check(w, *case, &times);
            Ok(())
        };
        runner.run(&cases, run).expect("law holds");
        // Ends of lists at the border of a page.
        for length in [50, 100] {
            run(vec![2; length]).expect("law holds");
        }
    }
}
