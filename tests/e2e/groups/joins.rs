//! Join requests: asking, answering, taking back; by users and by groups.

use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, bodies, both, generations};
use futures_util::future::join_all;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::{GroupData, InviteListItem, InviteOutput, JoinRequestListItem};
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    a_user_asks_and_is_let_in,
    a_request_is_turned_down_or_taken_back,
    who_may_ask_and_where,
    who_may_answer,
    light_answers_need_no_keys,
    a_group_asks_and_is_let_in,
    further_keys_come_by_session,
    requests_come_in_pages,
    of_parallel_answers_one_counts,
    a_request_ends_with_its_group_and_its_user,
}

fn ask(server: &TestServer, group: &TestGroup, who: &Session) -> e2e::raw::Call {
    server.patch(&format!("/group/{}/join_req", group.id)).jwt(&who.jwt)
}

async fn open(server: &TestServer, group: &TestGroup, by: &Session) -> Vec<JoinRequestListItem> {
    server.get(&format!("/group/{}/join_req/0/none", group.id)).jwt(&by.jwt).ok_as().await
}

async fn sent(server: &TestServer, who: &Session) -> Vec<InviteListItem> {
    server.get("/group/joins/0/none").jwt(&who.jwt).ok_as().await
}

async fn a_user_asks_and_is_let_in(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &bob, Some(3));
    let accept = || server.put_member("join_req", &alice, &group, &bob, &body);
    accept().refused(309).await;
    assert_eq!(ask(&server, &group, &bob).ok().await, "Success");
    let [request] = open(&server, &group, &alice).await.try_into().expect("one");
    assert_eq!((&request.user_id, request.user_type), (&bob.user_id, 0));
    assert!((request.time - server.now_ms()).abs() < 60_000);
    let own = sent(&server, &bob).await;
    assert_eq!(own, [InviteListItem { group_id: group.id.clone(), time: request.time }]);
    // Asking again changes nothing.
    ask(&server, &group, &bob).ok().await;
    assert_eq!(open(&server, &group, &alice).await, [request]);
    assert_eq!(server.rank_of(&group, &bob).await, None);

    let out: InviteOutput = accept().ok_as().await;
    assert_eq!(out.session_id, None);
    assert_eq!(server.rank_of(&group, &bob).await, Some(3));
    let data: GroupData = server.get(&format!("/group/{}", group.id)).jwt(&bob.jwt).ok_as().await;
    assert_eq!(data.keys[0].encrypted_group_key, body.keys[0].encrypted_group_key);
    assert!(open(&server, &group, &alice).await.is_empty() && sent(&server, &bob).await.is_empty());
    accept().refused(309).await;
    ask(&server, &group, &bob).refused(302).await;
}

async fn a_request_is_turned_down_or_taken_back(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let reject = || server.delete(&format!("/group/{}/join_req/{}", group.id, bob.user_id)).jwt(&alice.jwt);
    let withdraw = |id: &str| server.delete(&format!("/group/joins/{id}")).jwt(&bob.jwt);
    reject().refused(309).await;
    withdraw(&group.id).refused(309).await;
    for answer in [reject(), withdraw(&group.id)] {
        ask(&server, &group, &bob).ok().await;
        answer.ok().await;
        assert!(open(&server, &group, &alice).await.is_empty());
        assert!(server.database().find(&bob.user_id).iter().all(|row| !row.contains(&group.id)), "nothing stays");
    }
    for bad in [NOBODY, "x", "%00"] {
        withdraw(bad).refused(309).await;
        server.delete(&format!("/group/{}/join_req/{bad}", group.id)).jwt(&alice.jwt).refused(309).await;
    }
    // An invite and a request stand side by side; one's end leaves the other.
    ask(&server, &group, &bob).ok().await;
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("invite", &alice, &group, &bob, &body).ok().await;
    server.delete(&format!("/group/{}/invite", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(open(&server, &group, &alice).await.len(), 1);
    server.put_member("invite", &alice, &group, &bob, &body).ok().await;
    reject().ok().await;
    server.patch(&format!("/group/{}/invite", group.id)).jwt(&bob.jwt).ok().await;
    assert!(open(&server, &group, &alice).await.is_empty());
}

async fn who_may_ask_and_where(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let foreigner = server.session_in(&other, Suite::CLASSIC, "foreigner").await;
    let group = server.group(&alice).await;
    for id in [NOBODY, "x", "%00", &alice.user_group_id, &alice.user_id] {
        server.patch(&format!("/group/{id}/join_req")).jwt(&bob.jwt).refused(310).await;
    }
    ask(&server, &group, &foreigner).token(&other.public).refused(310).await;
    ask(&server, &group, &alice).refused(302).await;
    // Who is invited already accepts instead.
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("invite", &alice, &group, &bob, &body).ok().await;
    ask(&server, &group, &bob).refused(302).await;
    server.delete(&format!("/group/{}/invite", group.id)).jwt(&bob.jwt).ok().await;
    let toggle = || server.patch(&format!("/group/{}/change_invite", group.id)).jwt(&alice.jwt);
    toggle().ok().await;
    ask(&server, &group, &bob).refused(317).await;
    assert!(open(&server, &group, &alice).await.is_empty());
    toggle().ok().await;
    ask(&server, &group, &bob).ok().await;
    // Who asked before the stop can still be let in.
    toggle().ok().await;
    server.put_member("join_req", &alice, &group, &bob, &body).ok().await;
}

async fn who_may_answer(server: TestServer) {
    let (alice, new) = (server.session("alice").await, server.session("new").await);
    let mut members = Vec::new();
    for rank in 1..=4 {
        members.push((server.session(&format!("rank {rank}")).await, rank));
    }
    let listed: Vec<(&Session, i32)> = members.iter().map(|(m, r)| (m, *r)).collect();
    let group = server.group_with(&alice, &listed).await;
    let list = format!("/group/{}/join_req/0/none", group.id);
    for (member, rank) in &members {
        ask(&server, &group, &new).ok().await;
        let expected = (*rank > 2).then_some(301);
        assert_eq!(server.get(&list).jwt(&member.jwt).code().await, expected, "list {rank}");
        // better-than 3 and 20d: only ranks that exist, and none above one's own.
        for bad in [i32::MIN, -1, 0, rank - 1, 5, i32::MAX] {
            let body = bodies::new_member(&[&group.key_id], &new, Some(bad));
            let refused = server.put_member("join_req", member, &group, &new, &body).code().await;
            assert!(refused == Some(301) || (*rank == 1 && bad == 1), "{rank} gives {bad}: {refused:?}");
        }
        let body = bodies::new_member(&[&group.key_id], &new, Some(4));
        assert_eq!(server.put_member("join_req", member, &group, &new, &body).code().await, expected, "accept {rank}");
        if expected.is_none() {
            server.delete(&format!("/group/{}/leave", group.id)).jwt(&new.jwt).ok().await;
            ask(&server, &group, &new).ok().await;
        }
        let reject = server.delete(&format!("/group/{}/join_req/{}", group.id, new.user_id)).jwt(&member.jwt);
        assert_eq!(reject.code().await, expected, "reject {rank}");
    }
    // Keys must fit.
    let put = |keys: &[&str], of: &Session| {
        server.put_member("join_req", &alice, &group, &new, &bodies::new_member(keys, of, None))
    };
    put(&[], &new).refused(303).await;
    put(&[NOBODY], &new).refused(304).await;
    put(&[&group.key_id], &alice).refused(304).await;
    assert_eq!(open(&server, &group, &alice).await.len(), 1, "a failed answer is none");
}

async fn light_answers_need_no_keys(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let accept = || server.put(&format!("/group/{}/join_req/{}/light", group.id, bob.user_id)).jwt(&alice.jwt);
    accept().refused(309).await;
    ask(&server, &group, &bob).ok().await;
    accept().json(&json!({ "rank": 5 })).refused(301).await;
    assert_eq!(accept().json(&json!({ "rank": 2 })).ok().await, "Success");
    assert_eq!(server.rank_of(&group, &bob).await, Some(2));
}

async fn a_group_asks_and_is_let_in(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let guest = server.group_with(&bob, &[(&carol, 2)]).await;
    let ask = |by: &Session| server.patch(&format!("/group/{}/join_req/{}", guest.id, connected.id)).jwt(&by.jwt);
    let list = |by: &Session| server.get(&format!("/group/{}/joins/0/none", guest.id)).jwt(&by.jwt);
    let withdraw = |by: &Session| server.delete(&format!("/group/{}/joins/{}", guest.id, connected.id)).jwt(&by.jwt);
    for by_low in [ask(&carol), list(&carol), withdraw(&carol)] {
        by_low.refused(301).await;
    }
    ask(&alice).refused(310).await;
    withdraw(&bob).refused(309).await;
    ask(&bob).ok().await;
    ask(&bob).ok().await;
    assert_eq!(list(&bob).ok().await[0]["group_id"], connected.id);
    assert!(sent(&server, &bob).await.is_empty(), "not his own");
    let requests = || server.get(&format!("/group/{}/join_req/0/none", connected.id)).via(&own).jwt(&alice.jwt);
    let [request] = requests().ok_as::<Vec<JoinRequestListItem>>().await.try_into().expect("one");
    assert_eq!((&request.user_id, request.user_type), (&guest.id, 2));
    withdraw(&bob).ok().await;
    assert_eq!(requests().ok().await, json!([]));

    let path = format!("/group/{}/join_req/{}", connected.id, guest.id);
    let accept =
        |body: &keystead_protocol::groups::NewMemberKeys| server.put(&path).via(&own).jwt(&alice.jwt).json(body);
    ask(&bob).ok().await;
    accept(&bodies::new_guest(&connected, &own, None)).refused(304).await;
    accept(&bodies::new_guest(&connected, &guest, Some(3))).ok().await;
    let data: GroupData = server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&carol.jwt).ok_as().await;
    assert_eq!((data.rank, data.keys.len()), (3, 1));
    ask(&bob).refused(302).await;
    // Light, and turned down.
    server.delete(&format!("/group/{}/leave", connected.id)).via(&guest).jwt(&bob.jwt).ok().await;
    ask(&bob).ok().await;
    server.delete(&path).via(&own).jwt(&alice.jwt).ok().await;
    ask(&bob).ok().await;
    server.put(&format!("{path}/light")).via(&own).jwt(&alice.jwt).ok().await;
    server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&carol.jwt).ok().await;
}

/// better-than 11.
async fn further_keys_come_by_session(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let made = generations::add(&server, &group.key_id, 1..=3);
    ask(&server, &group, &bob).ok().await;
    let mut body = bodies::new_member(&[&group.key_id], &bob, None);
    body.key_session = true;
    let out: InviteOutput = server.put_member("join_req", &alice, &group, &bob, &body).ok_as().await;
    let session = out.session_id.expect("a session");
    let ids: Vec<&str> = made.iter().map(String::as_str).collect();
    let upload = server.put(&format!("/group/{}/join_req/session/{session}", group.id)).jwt(&alice.jwt);
    upload.json(&bodies::member_keys(&ids, &bob)).ok().await;
    let keys = server.get(&format!("/group/{}/keys/0/none", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(keys.as_array().map(Vec::len), Some(4));
}

async fn requests_come_in_pages(server: TestServer) {
    let alice = server.session("alice").await;
    let group = server.group(&alice).await;
    let mut names = Vec::new();
    for i in 0..53 {
        let user = server.session(&format!("user {i}")).await;
        ask(&server, &group, &user).ok().await;
        names.push(user.user_id);
    }
    // Ties over a page's end.
    server.database().execute("UPDATE group_invites SET created_ms = created_ms / 1000 * 1000");
    let mut seen: Vec<JoinRequestListItem> = Vec::new();
    for size in [50, 3, 0] {
        let (time, id) = seen.last().map_or((0, "none"), |r| (r.time, r.user_id.as_str()));
        let path = format!("/group/{}/join_req/{time}/{id}", group.id);
        let page: Vec<JoinRequestListItem> = server.get(&path).jwt(&alice.jwt).ok_as().await;
        assert_eq!(page.len(), size);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|r| (r.time, r.user_id.clone())), "oldest first");
    let mut ids: Vec<String> = seen.into_iter().map(|r| r.user_id).collect();
    ids.sort();
    names.sort();
    assert_eq!(ids, names);

    let bob = server.session("bob").await;
    let mut groups = Vec::new();
    for _ in 0..53 {
        let made = server.post("/group/light").jwt(&alice.jwt).ok().await;
        let group = TestGroup { id: made["group_id"].as_str().expect("an id").to_owned(), key_id: String::new() };
        ask(&server, &group, &bob).ok().await;
        groups.push(group.id);
    }
    server.database().execute("UPDATE group_invites SET created_ms = created_ms / 1000 * 1000");
    let mut seen: Vec<InviteListItem> = Vec::new();
    for size in [50, 3, 0] {
        let (time, id) = seen.last().map_or((0, "none"), |i| (i.time, i.group_id.as_str()));
        let page: Vec<InviteListItem> = server.get(&format!("/group/joins/{time}/{id}")).jwt(&bob.jwt).ok_as().await;
        assert_eq!(page.len(), size);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|i| (-i.time, i.group_id.clone())), "newest first");
    let mut ids: Vec<String> = seen.into_iter().map(|i| i.group_id).collect();
    ids.sort();
    groups.sort();
    assert_eq!(ids, groups);
}

/// better-than 20c.
async fn of_parallel_answers_one_counts(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    for _ in 0..3 {
        let codes = join_all((0..8).map(|_| ask(&server, &group, &bob).code())).await;
        assert!(codes.iter().all(Option::is_none), "{codes:?}");
        assert_eq!(open(&server, &group, &alice).await.len(), 1);
        let body = bodies::new_member(&[&group.key_id], &bob, Some(2));
        let path = format!("/group/{}/join_req/{}", group.id, bob.user_id);
        let answer = |i: i32| match i % 3 {
            0 => server.put(&path).json(&body).jwt(&alice.jwt),
            1 => server.delete(&path).jwt(&alice.jwt),
            _ => server.delete(&format!("/group/joins/{}", group.id)).jwt(&bob.jwt),
        };
        let codes = join_all((0..12).map(|i| answer(i).code())).await;
        assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
        assert!(codes.iter().all(|c| c.is_none() || *c == Some(309)), "{codes:?}");
        let accepted = codes.iter().position(Option::is_none).expect("one") % 3 == 0;
        assert_eq!(server.rank_of(&group, &bob).await, accepted.then_some(2));
        if accepted {
            server.delete(&format!("/group/{}/leave", group.id)).jwt(&bob.jwt).ok().await;
        }
    }
    // A request that is let in and an auto invite make one member.
    ask(&server, &group, &bob).ok().await;
    let body = bodies::new_member(&[&group.key_id], &bob, Some(2));
    let kind = |i: i32| if i % 2 == 0 { "join_req" } else { "invite_auto" };
    let codes = join_all((0..8).map(|i| server.put_member(kind(i), &alice, &group, &bob, &body).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| matches!(c, None | Some(302 | 309))), "{codes:?}");
    assert!(open(&server, &group, &alice).await.is_empty());
}

async fn a_request_ends_with_its_group_and_its_user(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let (group, other) = (server.group(&alice).await, server.group(&alice).await);
    ask(&server, &group, &bob).ok().await;
    ask(&server, &other, &bob).ok().await;
    server.delete(&format!("/group/{}", group.id)).jwt(&alice.jwt).ok().await;
    assert_eq!(sent(&server, &bob).await.len(), 1);
    server.delete("/user").jwt(&bob.jwt).ok().await;
    assert!(open(&server, &other, &alice).await.is_empty());
    let body = bodies::new_member(&[&other.key_id], &bob, None);
    server.put_member("join_req", &alice, &other, &bob, &body).refused(309).await;
}
