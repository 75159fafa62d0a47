//! The customer's backend acts for a user (sentc.md section 7): the same rules, without his JWT.

use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, bodies, both};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::{GroupCreateOutput, GroupUserListItem};
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    the_backend_makes_groups_for_a_user,
    the_backend_adds_and_removes_members,
    the_ranks_hold_for_the_backend_too,
    the_backend_looks_at_members_and_deletes_groups,
    users_and_groups_of_other_apps_are_out_of_reach,
}

async fn the_backend_makes_groups_for_a_user(server: TestServer) {
    let alice = server.session("alice").await;
    let post = |path: &str| server.post(&format!("/group/forced/{}{path}", alice.user_id)).token(&server.lax.secret);
    let made: GroupCreateOutput = post("").json(&bodies::group(&alice.key_id)).ok_as().await;
    let data = server.get(&format!("/group/{}", made.group_id)).jwt(&alice.jwt).ok().await;
    assert_eq!((&data["rank"], &data["access_by"]), (&json!(0), &json!("User")));
    let key_id = data["keys"][0]["group_key_id"].as_str().expect("a key").to_owned();
    let group = TestGroup { id: made.group_id, key_id };
    let light: GroupCreateOutput = post("/light").ok_as().await;
    server.get(&format!("/group/{}/light", light.group_id)).jwt(&alice.jwt).ok().await;
    for kind in ["child", "connected"] {
        let path = format!("/{}/{kind}", group.id);
        let made: GroupCreateOutput = post(&path).json(&bodies::group(&group.key_id)).ok_as().await;
        let light: GroupCreateOutput = post(&format!("{path}/light")).ok_as().await;
        for id in [made.group_id, light.group_id] {
            let seen = server.get(&format!("/group/{id}/light")).via(&group).jwt(&alice.jwt).ok().await;
            assert_eq!((&seen["rank"], &seen["is_connected_group"]), (&json!(0), &json!(kind == "connected")));
        }
        post(&path).json(&bodies::group(&alice.key_id)).refused(304).await;
    }
    post("").json(&bodies::group(&group.key_id)).refused(304).await;
}

async fn the_backend_adds_and_removes_members(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let group = server.group(&alice).await;
    let connected = server.connected(&alice, &group).await;
    let guest = server.group(&carol).await;
    let into = |group: &TestGroup, guest: &str, form: &str| {
        let path = format!("/group/forced/{}/{}/invite_auto/{guest}{form}", alice.user_id, group.id);
        server.post(&path).token(&server.lax.secret)
    };
    let body = bodies::new_member(&[&group.key_id], &bob, Some(3));
    into(&group, &bob.user_id, "").json(&body).ok().await;
    assert_eq!(server.rank_of(&group, &bob).await, Some(3));
    into(&group, &bob.user_id, "").json(&body).refused(302).await;
    into(&group, &carol.user_id, "/light").json(&json!({ "rank": 2 })).ok().await;
    assert_eq!(server.rank_of(&group, &carol).await, Some(2));
    // Connected groups are entered by the header here too.
    let keys = bodies::new_guest(&connected, &guest, Some(3));
    into(&connected, &guest.id, "/group").json(&keys).refused(310).await;
    into(&connected, &guest.id, "/group").via(&group).json(&keys).ok().await;
    server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&carol.jwt).ok().await;
    let second = server.group(&carol).await;
    into(&connected, &second.id, "/group_light").via(&group).ok().await;
    server.get(&format!("/group/{}", connected.id)).via(&second).jwt(&carol.jwt).ok().await;
    into(&group, &second.id, "/group_light").refused(319).await;

    let kick = |group: &TestGroup, who: &str| {
        let path = format!("/group/forced/{}/{}/kick/{who}", alice.user_id, group.id);
        server.delete(&path).token(&server.lax.secret)
    };
    kick(&group, &bob.user_id).ok().await;
    kick(&group, &bob.user_id).refused(300).await;
    assert_eq!(server.rank_of(&group, &bob).await, None);
    kick(&connected, &second.id).via(&group).ok().await;
    kick(&group, &alice.user_id).refused(308).await;
}

async fn the_ranks_hold_for_the_backend_too(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let group = server.group_with(&alice, &[(&bob, 3), (&carol, 4)]).await;
    let secret = &server.lax.secret;
    let path = |who: &Session, rest: &str| format!("/group/forced/{}/{}/{rest}", who.user_id, group.id);
    server.delete(&path(&bob, &format!("kick/{}", carol.user_id))).token(secret).refused(301).await;
    server.post(&path(&bob, "child/light")).token(secret).refused(301).await;
    let new = server.session("new").await;
    server.post(&path(&bob, &format!("invite_auto/{}/light", new.user_id))).token(secret).refused(301).await;
    server.post(&path(&new, "child/light")).token(secret).refused(310).await;
    // A JWT beside it says nothing.
    server.post(&path(&bob, "child/light")).token(secret).jwt(&alice.jwt).refused(301).await;
}

async fn the_backend_looks_at_members_and_deletes_groups(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 3)]).await;
    let child = server.child(&alice, &group).await;
    let connected = server.connected(&alice, &group).await;
    let get = |group: &TestGroup, who: &str| {
        server.get(&format!("/group/forced/{}/user/{who}", group.id)).token(&server.lax.secret)
    };
    let item: GroupUserListItem = get(&group, &bob.user_id).ok_as().await;
    assert_eq!((&item.user_id, item.rank, item.user_type), (&bob.user_id, 3, 0));
    let item: GroupUserListItem = get(&connected, &group.id).ok_as().await;
    assert_eq!((item.rank, item.user_type), (0, 2));
    for who in [NOBODY, "x", "%00", &bob.device_id] {
        get(&group, who).refused(300).await;
    }
    get(&child, &bob.user_id).refused(300).await;
    for id in [NOBODY, "x", "%00", &alice.user_group_id] {
        server.get(&format!("/group/forced/{id}/user/{}", bob.user_id)).token(&server.lax.secret).refused(310).await;
        server.delete(&format!("/group/forced/{id}")).token(&server.lax.secret).refused(310).await;
    }
    let delete = || server.delete(&format!("/group/forced/{}", group.id)).token(&server.lax.secret);
    delete().ok().await;
    delete().refused(310).await;
    assert_eq!(server.rank_of(&child, &bob).await, None);
    assert_eq!(server.database().find(&group.id), Vec::<String>::new());
}

async fn users_and_groups_of_other_apps_are_out_of_reach(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let foreigner = server.session_in(&other, Suite::CLASSIC, "foreigner").await;
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let mut database = server.database();
    let before = database.count();
    for user in [NOBODY, "x", "%00", &foreigner.user_id, &alice.device_id, &alice.user_group_id] {
        server.post(&format!("/group/forced/{user}/light")).token(&server.lax.secret).refused(100).await;
        let path = format!("/group/forced/{user}/{}", group.id);
        server.post(&format!("{path}/child/light")).token(&server.lax.secret).refused(100).await;
        server.delete(&format!("{path}/kick/{}", bob.user_id)).token(&server.lax.secret).refused(100).await;
        let as_alice = format!("/group/forced/{}/{}", alice.user_id, group.id);
        server.post(&format!("{as_alice}/invite_auto/{user}/light")).token(&server.lax.secret).refused(100).await;
    }
    server.delete(&format!("/group/forced/{}", group.id)).token(&other.secret).refused(310).await;
    let get = format!("/group/forced/{}/user/{}", group.id, bob.user_id);
    server.get(&get).token(&other.secret).refused(310).await;
    let as_foreigner = format!("/group/forced/{}/{}/child/light", foreigner.user_id, group.id);
    server.post(&as_foreigner).token(&other.secret).refused(310).await;
    assert_eq!(database.count(), before);
}
