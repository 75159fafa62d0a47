//! A group's beginning and end, and who can see it.

use e2e::users::NOBODY;
use e2e::{TestServer, bodies, both};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::{AccessBy, GroupData, GroupLightData, GroupListItem};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

both! {
    the_creator_is_its_first_member,
    a_light_group_has_no_keys,
    a_group_needs_a_key_of_its_creator,
    strangers_and_other_apps_have_no_access,
    another_group_in_the_header_opens_nothing,
    an_admin_deletes_the_group_for_everybody,
    own_groups_come_in_pages,
    search_keys_come_back,
}

async fn the_creator_is_its_first_member(server: TestServer) {
    let alice = server.session("alice").await;
    let group = server.group(&alice).await;
    let path = format!("/group/{}", group.id);
    let data: GroupData = server.get(&path).jwt(&alice.jwt).ok_as().await;
    assert_eq!((data.group_id.as_str(), data.rank, data.key_update), (group.id.as_str(), 0, false));
    assert_eq!((data.parent_group_id, data.access_by, data.is_connected_group), (None, AccessBy::User, false));
    assert_eq!(data.created_time, data.joined_time);
    assert!((data.created_time - server.now_ms()).abs() < 60_000, "milliseconds");
    let [key] = data.keys.as_slice() else { panic!("{:?}", data.keys) };
    assert_eq!((&key.key_pair_id, &key.user_public_key_id), (&key.group_key_id, &alice.key_id));
    let sent = bodies::group(&alice.key_id);
    assert_eq!(key.encrypted_group_key, sent.encrypted_group_key);
    assert_eq!(key.encrypted_private_group_key, sent.encrypted_private_group_key);
    assert_eq!((&key.verify_key, &key.public_key_sig), (&None, &None), "groups have no sign keys");
    // `null` and not left out.
    assert_eq!(server.get(&path).jwt(&alice.jwt).ok().await.get("parent_group_id"), Some(&Value::Null));

    let light: GroupLightData = server.get(&format!("{path}/light")).jwt(&alice.jwt).ok_as().await;
    assert_eq!((light.group_id, light.rank, light.created_time), (data.group_id, 0, data.created_time));
    let check = server.get(&format!("{path}/update_check")).jwt(&alice.jwt).ok().await;
    assert_eq!(check, json!({ "key_update": false, "rank": 0 }));
    let check = server.get(&format!("{path}/update_check_light")).jwt(&alice.jwt).ok().await;
    assert_eq!(check, json!({ "rank": 0 }));
    assert_eq!(server.get(&format!("{path}/member/0/none")).jwt(&alice.jwt).ok().await, json!([]));
}

async fn a_light_group_has_no_keys(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let made = server.post("/group/light").jwt(&alice.jwt).ok().await;
    let id = made["group_id"].as_str().expect("an id");
    let data: GroupData = server.get(&format!("/group/{id}")).jwt(&alice.jwt).ok_as().await;
    assert_eq!((data.keys.len(), data.rank), (0, 0));
    server.get(&format!("/group/{id}/public_key")).refused(304).await;
    server.put(&format!("/group/{id}/invite_auto/{}/light", bob.user_id)).jwt(&alice.jwt).ok().await;
    let light: GroupLightData = server.get(&format!("/group/{id}/light")).jwt(&bob.jwt).ok_as().await;
    assert_eq!(light.rank, 4);
}

async fn a_group_needs_a_key_of_its_creator(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let mut database = server.database();
    let before = database.count();
    for key in [NOBODY, "non_registered", &bob.key_id, &alice.device_id] {
        server.post("/group").jwt(&alice.jwt).json(&bodies::group(key)).refused(304).await;
    }
    for key in ["", "a b", "../x", &"a".repeat(65)] {
        server.post("/group").jwt(&alice.jwt).json(&bodies::group(key)).refused(11).await;
    }
    assert_eq!(database.count(), before);
}

async fn strangers_and_other_apps_have_no_access(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let foreign = server.session_in(&other, Suite::CLASSIC, "alice").await;
    let group = server.group(&alice).await;
    for path in ["", "/light", "/update_check", "/member/0/none", "/keys/0/none", &format!("/key/{}", group.key_id)] {
        let path = format!("/group/{}{path}", group.id);
        server.get(&path).jwt(&bob.jwt).refused(310).await;
        server.get(&path).token(&other.public).jwt(&foreign.jwt).refused(310).await;
        server.get(&path.replace(&group.id, NOBODY)).jwt(&alice.jwt).refused(310).await;
    }
    for id in ["x", "null", &"a".repeat(300), "%00"] {
        server.get(&format!("/group/{id}")).jwt(&alice.jwt).refused(310).await;
    }
    // A user group is no group: its members are devices.
    for id in [&alice.user_group_id, &alice.user_id] {
        server.get(&format!("/group/{id}")).jwt(&alice.jwt).refused(310).await;
        server.delete(&format!("/group/{id}")).jwt(&alice.jwt).refused(310).await;
    }
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
}

/// Access through a group that is a member comes with connected groups; until then the header must not help.
async fn another_group_in_the_header_opens_nothing(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let (hers, his) = (server.group(&alice).await, server.group(&bob).await);
    for via in [&his.id, &hers.id, &bob.user_group_id, &alice.user_group_id, NOBODY, "x"] {
        let call = server.get(&format!("/group/{}/light", hers.id)).header("x-sentc-group-access-id", via);
        call.jwt(&bob.jwt).refused(310).await;
    }
}

/// better-than 20d: deleted groups answered from a cache.
async fn an_admin_deletes_the_group_for_everybody(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let carol = server.session("carol").await;
    let group = server.group_with(&alice, &[(&bob, 1), (&carol, 2)]).await;
    let path = format!("/group/{}", group.id);
    server.get(&path).jwt(&alice.jwt).ok().await;
    server.delete(&path).jwt(&carol.jwt).refused(301).await;
    let before = server.database().find(&group.id).len();
    assert!(before > 0);
    server.delete(&path).jwt(&bob.jwt).ok().await;
    for session in [&alice, &bob, &carol] {
        for path in [path.clone(), format!("{path}/light"), format!("{path}/key/{}", group.key_id)] {
            server.get(&path).jwt(&session.jwt).refused(310).await;
        }
        assert_eq!(server.get("/group/all/0/none").jwt(&session.jwt).ok().await, json!([]));
    }
    assert_eq!(server.database().find(&group.id), Vec::<String>::new());
    server.get(&format!("{path}/public_key")).refused(304).await;
}

async fn own_groups_come_in_pages(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let mut expected = Vec::new();
    for _ in 0..53 {
        let made = server.post("/group/light").jwt(&alice.jwt).ok().await;
        expected.push(made["group_id"].as_str().expect("an id").to_owned());
    }
    server.group(&bob).await;
    let mut seen: Vec<GroupListItem> = Vec::new();
    for size in [50, 3, 0] {
        let (time, id) = seen.last().map_or((0, "none"), |g| (g.time, g.group_id.as_str()));
        let page: Vec<GroupListItem> = server.get(&format!("/group/all/{time}/{id}")).jwt(&alice.jwt).ok_as().await;
        assert_eq!(page.len(), size);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|g| (g.time, g.group_id.clone())), "ascending, ties by id");
    assert!(seen.iter().all(|g| g.rank == 0 && g.parent.is_none() && g.joined_time == g.time));
    let mut ids: Vec<String> = seen.into_iter().map(|g| g.group_id).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    for bad in ["x", "-1", "1e3"] {
        server.get(&format!("/group/all/{bad}/none")).jwt(&alice.jwt).refused(13).await;
    }
}

async fn search_keys_come_back(server: TestServer) {
    let alice = server.new_user(Suite::CLASSIC, "alice", "a password").await;
    let made = alice.prepare_create_group().expect("a body");
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let id = server.post("/group").jwt(&alice.jwt()).json(&made).ok().await;
    let data: GroupData =
        server.get(&format!("/group/{}", id["group_id"].as_str().expect("an id"))).jwt(&alice.jwt()).ok_as().await;
    let ([hmac], [sortable]) = (data.hmac_keys.as_slice(), data.sortable_keys.as_slice()) else { panic!("{data:?}") };
    assert_eq!(made["encrypted_hmac_key"], hmac.encrypted_hmac_key);
    assert_eq!(made["encrypted_sortable_key"], sortable.encrypted_sortable_key);
    assert_eq!(hmac.encrypted_hmac_encryption_key_id, data.keys[0].group_key_id);
    assert_eq!(made["group_key_sig"], *data.keys[0].group_key_sig.as_ref().expect("signed"));
    assert_eq!(data.keys[0].signed_by_user_id.as_ref(), Some(&alice.id));
}
