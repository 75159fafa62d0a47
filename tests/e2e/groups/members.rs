//! Members: lists, kicks, leaving.

use e2e::users::{NOBODY, Session};
use e2e::{TestServer, bodies, both};
use keystead_protocol::groups::GroupUserListItem;
use keystead_sdk_core::Suite;

both! {
    members_come_in_pages_without_the_caller,
    a_kicked_member_has_lost_access,
    kicks_follow_the_ranks,
    whoever_left_can_come_back,
}

async fn members_come_in_pages_without_the_caller(server: TestServer) {
    let alice = server.session("alice").await;
    let group = server.group(&alice).await;
    let mut expected = Vec::new();
    for i in 0..52 {
        let made = server.register(&server.lax, Suite::CLASSIC, &format!("member {i}")).await;
        let path = format!("/group/{}/invite_auto/{}/light", group.id, made.user_id);
        server.put(&path).jwt(&alice.jwt).json(&serde_json::json!({ "rank": 3 })).ok().await;
        expected.push(made.user_id);
    }
    let mut seen: Vec<GroupUserListItem> = Vec::new();
    for size in [50, 2, 0] {
        let (time, id) = seen.last().map_or((0, "none"), |m| (m.joined_time, m.user_id.as_str()));
        let path = format!("/group/{}/member/{time}/{id}", group.id);
        let page: Vec<GroupUserListItem> = server.get(&path).jwt(&alice.jwt).ok_as().await;
        assert_eq!(page.len(), size);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|m| (m.joined_time, m.user_id.clone())));
    assert!(seen.iter().all(|m| m.rank == 3 && m.user_type == 0));
    let mut ids: Vec<String> = seen.into_iter().map(|m| m.user_id).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected, "all but the caller");

    let other = server.forced_login(&server.lax, "member 7").await;
    let path = format!("/group/{}/member/0/none", group.id);
    let page: Vec<GroupUserListItem> = server.get(&path).jwt(&other.jwt).ok_as().await;
    assert!(page.iter().any(|m| m.user_id == alice.user_id && m.rank == 0));
    assert!(page.iter().all(|m| m.user_id != other.user_id));
    server.get(&format!("/group/{}/member/x/none", group.id)).jwt(&alice.jwt).refused(13).await;
}

async fn a_kicked_member_has_lost_access(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 2)]).await;
    let path = format!("/group/{}", group.id);
    // Used before, so that a cache would know it.
    server.get(&path).jwt(&bob.jwt).ok().await;
    server.delete(&format!("{path}/kick/{}", bob.user_id)).jwt(&alice.jwt).ok().await;
    for read in ["", "/light", "/update_check", "/keys/0/none", &format!("/key/{}", group.key_id)] {
        server.get(&format!("{path}{read}")).jwt(&bob.jwt).refused(310).await;
    }
    server.delete(&format!("{path}/leave")).jwt(&bob.jwt).refused(310).await;
    server.delete(&format!("{path}/kick/{}", alice.user_id)).jwt(&bob.jwt).refused(310).await;
    let left = server.database().find(&bob.user_id);
    assert!(left.iter().all(|row| !row.contains(&group.id)), "wrapped keys go too: {left:?}");
    server.delete(&format!("{path}/kick/{}", bob.user_id)).jwt(&alice.jwt).refused(300).await;
}

async fn kicks_follow_the_ranks(server: TestServer) {
    let alice = server.session("alice").await;
    let mut people = Vec::new();
    for (name, rank) in [("admin", 1), ("admin 2", 1), ("manager", 2), ("plain", 3), ("plain 2", 4)] {
        people.push((server.session(name).await, rank));
    }
    let listed: Vec<(&Session, i32)> = people.iter().map(|(p, r)| (p, *r)).collect();
    let group = server.group_with(&alice, &listed).await;
    let kick = |by: &Session, who: &str| server.delete(&format!("/group/{}/kick/{who}", group.id)).jwt(&by.jwt);
    let [admin, admin2, manager, plain, plain2] = listed.as_slice() else { panic!("five") };
    kick(manager.0, &admin.0.user_id).refused(316).await;
    kick(admin.0, &alice.user_id).refused(315).await;
    kick(plain.0, &plain2.0.user_id).refused(301).await;
    for nobody in [NOBODY, "x", "%00"] {
        kick(&alice, nobody).refused(300).await;
    }
    kick(admin.0, &admin2.0.user_id).ok().await;
    kick(manager.0, &plain.0.user_id).ok().await;
    kick(manager.0, &plain2.0.user_id).ok().await;
    assert_eq!(server.rank_of(&group, admin2.0).await, None);
    assert_eq!(server.rank_of(&group, manager.0).await, Some(2));
}

async fn whoever_left_can_come_back(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 1)]).await;
    server.delete(&format!("/group/{}/leave", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(server.rank_of(&group, &bob).await, None);
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("invite_auto", &alice, &group, &bob, &body).ok().await;
    assert_eq!(server.rank_of(&group, &bob).await, Some(4), "with the new rank");
}
