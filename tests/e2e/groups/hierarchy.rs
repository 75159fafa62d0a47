//! Child groups: who is in the parent is in the child.

use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, bodies, both};
use futures_util::future::join_all;
use keystead_protocol::groups::{AccessBy, GroupChildListItem, GroupData, GroupLightData, GroupUserListItem};
use serde_json::json;

both! {
    members_of_a_parent_are_in_its_children,
    a_membership_of_ones_own_comes_before_the_parents,
    children_are_made_by_admins_with_a_key_of_the_parent,
    children_come_in_pages,
    a_deleted_parent_takes_its_children_along,
    the_parent_is_a_member_that_cannot_go,
    children_made_while_the_parent_goes_are_gone_too,
}

async fn light(server: &TestServer, group: &TestGroup, who: &Session) -> GroupLightData {
    server.get(&format!("/group/{}/light", group.id)).jwt(&who.jwt).ok_as().await
}

async fn members_of_a_parent_are_in_its_children(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let top = server.group_with(&alice, &[(&bob, 2)]).await;
    let child = server.child(&alice, &top).await;
    let grandchild = server.child(&alice, &child).await;
    let in_top = light(&server, &top, &bob).await;
    for (group, parent) in [(&child, &top), (&grandchild, &child)] {
        let path = format!("/group/{}", group.id);
        let data: GroupData = server.get(&path).jwt(&bob.jwt).ok_as().await;
        // Keys are wrapped for the direct parent, rank and time come from where he is a member.
        assert_eq!((data.rank, data.joined_time), (2, in_top.joined_time));
        assert_eq!(data.access_by, AccessBy::Parent(parent.id.clone()));
        assert_eq!(data.parent_group_id.as_ref(), Some(&parent.id));
        assert!(!data.is_connected_group);
        let [key] = data.keys.as_slice() else { panic!("{:?}", data.keys) };
        assert_eq!((&key.group_key_id, &key.user_public_key_id), (&group.key_id, &parent.key_id));
        let keys = server.get(&format!("{path}/keys/0/none")).jwt(&bob.jwt).ok().await;
        assert_eq!(keys, json!([key]));
        server.get(&format!("{path}/key/{}", group.key_id)).jwt(&bob.jwt).ok().await;
        let check = server.get(&format!("{path}/update_check_light")).jwt(&bob.jwt).ok().await;
        assert_eq!(check, json!({ "rank": 2 }));
        assert_eq!(light(&server, group, &alice).await.rank, 0);
        server.get(&path).jwt(&carol.jwt).refused(310).await;
    }
    // Lists of groups are about one's own memberships.
    let groups = server.get("/group/all/0/none").jwt(&bob.jwt).ok().await;
    assert_eq!(groups.as_array().map(Vec::len), Some(1));
    // What is decided above holds below at once.
    let rank = json!({ "changed_user_id": bob.user_id, "new_rank": 4 });
    server.put(&format!("/group/{}/change_rank", top.id)).jwt(&alice.jwt).json(&rank).ok().await;
    assert_eq!(light(&server, &grandchild, &bob).await.rank, 4);
    server.delete(&format!("/group/{}/kick/{}", top.id, bob.user_id)).jwt(&alice.jwt).ok().await;
    for group in [&top, &child, &grandchild] {
        assert_eq!(server.rank_of(group, &bob).await, None);
    }
}

async fn a_membership_of_ones_own_comes_before_the_parents(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let top = server.group_with(&alice, &[(&bob, 1)]).await;
    let child = server.child(&alice, &top).await;
    let grandchild = server.child(&alice, &child).await;
    server.add_member(&alice, &child, &bob, 3).await;
    let direct = light(&server, &child, &bob).await;
    assert_eq!((direct.rank, direct.access_by), (3, AccessBy::User));
    let below = light(&server, &grandchild, &bob).await;
    assert_eq!((below.rank, below.joined_time), (3, direct.joined_time), "the nearest one counts");
    let keys = server.get(&format!("/group/{}/keys/0/none", child.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(keys[0]["user_public_key_id"], bob.key_id, "and its keys are wrapped for him");
    server.delete(&format!("/group/{}/leave", child.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(light(&server, &child, &bob).await.rank, 1);
    // He asks, is invited, and comes in again: being in by the parent is no membership.
    server.patch(&format!("/group/{}/join_req", child.id)).jwt(&bob.jwt).ok().await;
    let body = bodies::new_member(&[&child.key_id], &bob, Some(2));
    server.put_member("invite", &alice, &child, &bob, &body).ok().await;
    server.patch(&format!("/group/{}/invite", child.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(light(&server, &child, &bob).await.access_by, AccessBy::User);
}

async fn children_are_made_by_admins_with_a_key_of_the_parent(server: TestServer) {
    let alice = server.session("alice").await;
    let mut members = Vec::new();
    for rank in 1..=4 {
        members.push((server.session(&format!("rank {rank}")).await, rank));
    }
    let listed: Vec<(&Session, i32)> = members.iter().map(|(m, r)| (m, *r)).collect();
    let top = server.group_with(&alice, &listed).await;
    let child = server.child(&alice, &top).await;
    for kind in ["child", "connected"] {
        for (member, rank) in &members {
            for group in [&top, &child] {
                let path = format!("/group/{}/{kind}", group.id);
                let expected = (*rank > 1).then_some(301);
                let made = server.post(&path).jwt(&member.jwt).json(&bodies::group(&group.key_id)).code().await;
                assert_eq!(made, expected, "{kind} {rank}");
                assert_eq!(server.post(&format!("{path}/light")).jwt(&member.jwt).code().await, expected);
            }
        }
    }
    let mut database = server.database();
    let before = database.count();
    for kind in ["child", "connected"] {
        let path = format!("/group/{}/{kind}", child.id);
        for key in [NOBODY, "non_registered", &top.key_id, &alice.key_id] {
            server.post(&path).jwt(&alice.jwt).json(&bodies::group(key)).refused(304).await;
        }
        server.post(&path).jwt(&alice.jwt).json(&bodies::group("a b")).refused(11).await;
        server.post(&path).jwt(&alice.jwt).refused(11).await;
    }
    assert_eq!(database.count(), before);
}

async fn children_come_in_pages(server: TestServer) {
    let alice = server.session("alice").await;
    let top = server.group(&alice).await;
    let mut expected = Vec::new();
    for _ in 0..53 {
        let made = server.post(&format!("/group/{}/child/light", top.id)).jwt(&alice.jwt).ok().await;
        expected.push(made["group_id"].as_str().expect("an id").to_owned());
    }
    // Not those of children.
    server.post(&format!("/group/{}/child/light", expected[0])).jwt(&alice.jwt).ok().await;
    // A tie over a page's end.
    server.database().execute("UPDATE groups SET created_ms = created_ms / 1000 * 1000 WHERE parent_id IS NOT NULL");
    let mut seen: Vec<GroupChildListItem> = Vec::new();
    for size in [50, 3, 0] {
        let (time, id) = seen.last().map_or((0, "none"), |g| (g.time, g.group_id.as_str()));
        let path = format!("/group/{}/children/{time}/{id}", top.id);
        let page: Vec<GroupChildListItem> = server.get(&path).jwt(&alice.jwt).ok_as().await;
        assert_eq!(page.len(), size);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|g| (g.time, g.group_id.clone())));
    assert!(seen.iter().all(|g| g.parent.as_ref() == Some(&top.id)));
    let mut ids: Vec<String> = seen.into_iter().map(|g| g.group_id).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
}

/// better-than 20d: children of a deleted parent group still answer from a cache.
async fn a_deleted_parent_takes_its_children_along(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let top = server.group_with(&alice, &[(&bob, 4)]).await;
    let child = server.child(&alice, &top).await;
    let grandchild = server.child(&alice, &child).await;
    // The grandchild is a member elsewhere, is invited elsewhere and has asked elsewhere.
    let joined = server.connected(&alice, &grandchild).await;
    let other = server.group(&bob).await;
    let connected = server.connected(&bob, &other).await;
    let body = bodies::new_guest(&connected, &grandchild, None);
    let invite = format!("/group/{}/invite_group/{}", connected.id, grandchild.id);
    server.put(&invite).via(&other).jwt(&bob.jwt).json(&body).ok().await;
    let second = server.connected(&bob, &other).await;
    server.patch(&format!("/group/{}/join_req/{}", grandchild.id, second.id)).jwt(&alice.jwt).ok().await;
    for who in [&alice, &bob] {
        assert!(server.rank_of(&grandchild, who).await.is_some());
    }
    server.get(&format!("/group/{}", joined.id)).via(&grandchild).jwt(&bob.jwt).ok().await;

    server.delete(&format!("/group/{}", top.id)).jwt(&alice.jwt).ok().await;
    for group in [&top, &child, &grandchild] {
        for path in ["", "/light", "/children/0/none", "/keys/0/none", &format!("/key/{}", group.key_id)] {
            for who in [&alice, &bob] {
                server.get(&format!("/group/{}{path}", group.id)).jwt(&who.jwt).refused(310).await;
            }
        }
        assert_eq!(server.database().find(&group.id), Vec::<String>::new(), "nothing stays");
    }
    server.get(&format!("/group/{}", joined.id)).via(&grandchild).jwt(&bob.jwt).refused(310).await;
    let requests = format!("/group/{}/join_req/0/none", second.id);
    assert_eq!(server.get(&requests).via(&other).jwt(&bob.jwt).ok().await, json!([]));
}

async fn the_parent_is_a_member_that_cannot_go(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let top = server.group_with(&alice, &[(&bob, 4)]).await;
    let child = server.child(&alice, &top).await;
    server.add_member(&alice, &child, &carol, 1).await;
    let path = format!("/group/{}", child.id);
    let seen_by = async |who: &Session| -> Vec<GroupUserListItem> {
        server.get(&format!("{path}/member/0/none")).jwt(&who.jwt).ok_as().await
    };
    let created = light(&server, &child, &carol).await.created_time;
    let parent = GroupUserListItem { user_id: top.id.clone(), rank: 0, joined_time: created, user_type: 1 };
    assert_eq!(seen_by(&carol).await, [parent]);
    assert_eq!(seen_by(&bob).await.iter().map(|m| &m.user_id).collect::<Vec<_>>(), [&carol.user_id]);

    // In by the parent: nothing to leave, and nobody to be kicked.
    server.delete(&format!("{path}/leave")).jwt(&bob.jwt).refused(300).await;
    server.delete(&format!("{path}/leave")).jwt(&alice.jwt).refused(300).await;
    for target in [&bob.user_id, &alice.user_id, &top.id] {
        server.delete(&format!("{path}/kick/{target}")).jwt(&carol.jwt).refused(300).await;
        let rank = json!({ "changed_user_id": target, "new_rank": 4 });
        server.put(&format!("{path}/change_rank")).jwt(&carol.jwt).json(&rank).refused(300).await;
    }
    server.delete(&format!("{path}/kick/{}", alice.user_id)).jwt(&alice.jwt).refused(300).await;
    // The parent administers it, so its only administrator may go.
    server.delete(&format!("{path}/leave")).jwt(&carol.jwt).ok().await;
    assert_eq!(server.rank_of(&child, &carol).await, None);
    assert_eq!(server.rank_of(&child, &alice).await, Some(0));
}

async fn children_made_while_the_parent_goes_are_gone_too(server: TestServer) {
    let alice = server.session("alice").await;
    for _ in 0..4 {
        let top = server.group(&alice).await;
        let child = server.child(&alice, &top).await;
        let call = |i: i32| match i {
            3 => server.delete(&format!("/group/{}", top.id)),
            i if i % 2 == 0 => server.post(&format!("/group/{}/child/light", child.id)),
            _ => server.post(&format!("/group/{}/connected", child.id)).json(&bodies::group(&child.key_id)),
        };
        let codes = join_all((0..8).map(|i| call(i).jwt(&alice.jwt).code())).await;
        assert_eq!(codes[3], None, "{codes:?}");
        assert!(codes.iter().all(|c| matches!(c, None | Some(310 | 304))), "{codes:?}");
        for group in [&top, &child] {
            assert_eq!(server.database().find(&group.id), Vec::<String>::new());
        }
    }
}
