//! Invites: sending, accepting, turning down, stopping.

use e2e::users::{NOBODY, Session};
use e2e::{TestServer, bodies, both};
use futures_util::future::join_all;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::{InviteListItem, InviteOutput};
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    an_invite_is_accepted_or_turned_down_once,
    light_invites_need_no_keys,
    nobody_is_invited_twice,
    only_users_of_the_app_can_be_invited,
    the_keys_of_an_invite_must_fit,
    stopped_invites_can_be_allowed_again,
    invites_come_in_pages_newest_first,
    of_parallel_invites_and_accepts_one_succeeds,
    an_invite_ends_with_its_group_and_its_user,
}

async fn an_invite_is_accepted_or_turned_down_once(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let (path, body) = (format!("/group/{}/invite", group.id), bodies::new_member(&[&group.key_id], &bob, Some(3)));
    let invite = || server.put_member("invite", &alice, &group, &bob, &body);
    server.patch(&path).jwt(&bob.jwt).refused(307).await;
    server.delete(&path).jwt(&bob.jwt).refused(307).await;

    let out: InviteOutput = invite().ok_as().await;
    assert_eq!(out.session_id, None);
    assert_eq!(server.rank_of(&group, &bob).await, None, "not a member yet");
    server.delete(&path).jwt(&bob.jwt).ok().await;
    server.patch(&path).jwt(&bob.jwt).refused(307).await;
    assert!(server.database().find(&bob.user_id).iter().all(|row| !row.contains(&group.id)), "nothing stays");

    invite().ok().await;
    server.patch(&path).jwt(&bob.jwt).ok().await;
    assert_eq!(server.rank_of(&group, &bob).await, Some(3));
    server.patch(&path).jwt(&bob.jwt).refused(307).await;
    server.delete(&path).jwt(&bob.jwt).refused(307).await;
    assert_eq!(server.rank_of(&group, &bob).await, Some(3));
    let keys = server.get(&format!("/group/{}/keys/0/none", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(keys[0]["encrypted_group_key"], body.keys[0].encrypted_group_key, "the ones that were sent for him");
    for bad in [NOBODY, "x", "%00"] {
        server.patch(&format!("/group/{bad}/invite")).jwt(&bob.jwt).refused(307).await;
    }
}

async fn light_invites_need_no_keys(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let path = format!("/group/{}/invite/{}/light", group.id, bob.user_id);
    server.put(&path).jwt(&alice.jwt).json(&json!({ "rank": 5 })).refused(301).await;
    assert_eq!(server.put(&path).jwt(&alice.jwt).json(&json!({ "rank": 2 })).ok().await, "Success");
    server.patch(&format!("/group/{}/invite", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(server.rank_of(&group, &bob).await, Some(2));
    assert_eq!(server.get(&format!("/group/{}/keys/0/none", group.id)).jwt(&bob.jwt).ok().await, json!([]));
}

async fn nobody_is_invited_twice(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    let put = |kind: &'static str| server.put_member(kind, &alice, &group, &bob, &body);
    put("invite").ok().await;
    let again = put("invite").refused(302).await;
    assert_eq!(again.status, 200, "the wire's own oddity");
    // At once a member, the open invite is gone.
    put("invite_auto").ok().await;
    server.patch(&format!("/group/{}/invite", group.id)).jwt(&bob.jwt).refused(307).await;
    put("invite").refused(302).await;
    put("invite_auto").refused(302).await;
    let own = bodies::new_member(&[&group.key_id], &alice, None);
    server.put_member("invite", &alice, &group, &alice, &own).refused(302).await;
}

/// better-than 13: the original invites ids that are nobody, or users of other apps.
async fn only_users_of_the_app_can_be_invited(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let alice = server.session("alice").await;
    let foreign = server.session_in(&other, Suite::CLASSIC, "foreign").await;
    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &alice, None);
    let mut database = server.database();
    let before = database.count();
    let ids = [NOBODY, "x", "%00", &foreign.user_id, &alice.device_id, &alice.user_group_id, &group.id];
    for id in ids {
        for kind in ["invite", "invite_auto"] {
            let path = format!("/group/{}/{kind}/{id}", group.id);
            server.put(&path).jwt(&alice.jwt).json(&body).refused(100).await;
            server.put(&format!("{path}/light")).jwt(&alice.jwt).refused(100).await;
        }
    }
    assert_eq!(database.count(), before);
}

async fn the_keys_of_an_invite_must_fit(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let (group, other) = (server.group(&alice).await, server.group(&alice).await);
    let mut database = server.database();
    let before = database.count();
    let good = bodies::new_member(&[&group.key_id], &bob, None);
    for kind in ["invite", "invite_auto"] {
        let put = |keys: &[&str], member: &Session| {
            server.put_member(kind, &alice, &group, &bob, &bodies::new_member(keys, member, None))
        };
        put(&[], &bob).refused(303).await;
        let many: Vec<String> = (0..101).map(|_| uuid::Uuid::new_v4().to_string()).collect();
        put(&many.iter().map(String::as_str).collect::<Vec<_>>(), &bob).refused(305).await;
        put(&[NOBODY], &bob).refused(304).await;
        put(&[&other.key_id], &bob).refused(304).await;
        put(&[&group.key_id, &other.key_id], &bob).refused(304).await;
        put(&[&group.key_id], &alice).refused(304).await;
        put(&[&group.key_id, &group.key_id], &bob).refused(11).await;
        let mut cut = good.clone();
        cut.keys[0].encrypted_group_key.truncate(20);
        server.put_member(kind, &alice, &group, &bob, &cut).refused(11).await;
        server.put(&format!("/group/{}/{kind}/{}", group.id, bob.user_id)).jwt(&alice.jwt).refused(11).await;
    }
    assert_eq!(database.count(), before);
}

async fn stopped_invites_can_be_allowed_again(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let carol = server.session("carol").await;
    let group = server.group(&alice).await;
    let keys = |who| bodies::new_member(&[&group.key_id], who, None);
    server.put_member("invite", &alice, &group, &carol, &keys(&carol)).ok().await;
    let toggle = || server.patch(&format!("/group/{}/change_invite", group.id)).jwt(&alice.jwt);
    toggle().ok().await;
    for kind in ["invite", "invite_auto"] {
        server.put_member(kind, &alice, &group, &bob, &keys(&bob)).refused(317).await;
        server.put(&format!("/group/{}/{kind}/{}/light", group.id, bob.user_id)).jwt(&alice.jwt).refused(317).await;
    }
    toggle().ok().await;
    server.put_member("invite_auto", &alice, &group, &bob, &keys(&bob)).ok().await;
}

async fn invites_come_in_pages_newest_first(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let mut expected = Vec::new();
    for _ in 0..53 {
        let made = server.post("/group/light").jwt(&alice.jwt).ok().await;
        let id = made["group_id"].as_str().expect("an id").to_owned();
        server.put(&format!("/group/{id}/invite/{}/light", bob.user_id)).jwt(&alice.jwt).ok().await;
        expected.push(id);
    }
    // A tie over a page's end.
    server
        .database()
        .execute("UPDATE group_invites SET created_ms = (SELECT min(created_ms) FROM group_invites) / 10 * 10");
    let mut seen: Vec<InviteListItem> = Vec::new();
    for size in [50, 3, 0] {
        let (time, id) = seen.last().map_or((0, "none"), |i| (i.time, i.group_id.as_str()));
        let page: Vec<InviteListItem> = server.get(&format!("/group/invite/{time}/{id}")).jwt(&bob.jwt).ok_as().await;
        assert_eq!(page.len(), size);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|i| (-i.time, i.group_id.clone())), "newest first, ties by id");
    let mut ids: Vec<String> = seen.into_iter().map(|i| i.group_id).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    assert_eq!(server.get("/group/invite/0/none").jwt(&alice.jwt).ok().await, json!([]));
}

/// better-than 20c.
async fn of_parallel_invites_and_accepts_one_succeeds(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &bob, Some(2));
    let codes = join_all((0..12).map(|_| server.put_member("invite", &alice, &group, &bob, &body).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(302)), "{codes:?}");
    let path = format!("/group/{}/invite", group.id);
    let answer = |i: i32| if i % 2 == 0 { server.patch(&path) } else { server.delete(&path) };
    let codes = join_all((0..12).map(|i| answer(i).jwt(&bob.jwt).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(307)), "{codes:?}");
    let accepted = codes.iter().position(Option::is_none).expect("one") % 2 == 0;
    assert_eq!(server.rank_of(&group, &bob).await, accepted.then_some(2));
}

async fn an_invite_ends_with_its_group_and_its_user(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("invite", &alice, &group, &bob, &body).ok().await;
    server.delete(&format!("/group/{}", group.id)).jwt(&alice.jwt).ok().await;
    assert_eq!(server.get("/group/invite/0/none").jwt(&bob.jwt).ok().await, json!([]));
    server.patch(&format!("/group/{}/invite", group.id)).jwt(&bob.jwt).refused(307).await;

    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("invite", &alice, &group, &bob, &body).ok().await;
    server.delete("/user").jwt(&bob.jwt).ok().await;
    server.put_member("invite", &alice, &group, &bob, &body).refused(100).await;
}
