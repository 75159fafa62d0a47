//! Group keys: pages, order, and the upload of more keys than one call takes.

use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, bodies, both, generations};
use keystead_protocol::groups::{GroupData, GroupKey, InviteOutput, MemberKey, NewMemberKeys};
use keystead_sdk_core::Suite;

both! {
    key_pages_skip_nothing,
    clients_of_2022_get_the_oldest_first,
    an_upload_session_opens_whenever_it_is_asked_for,
    the_sdk_shares_a_group_of_sixty_generations,
    an_upload_session_has_its_rules,
    a_member_reads_only_keys_that_are_wrapped_for_him,
}

async fn pages(server: &TestServer, group: &TestGroup, reader: &Session) -> Vec<GroupKey> {
    let data: GroupData = server.get(&format!("/group/{}", group.id)).jwt(&reader.jwt).ok_as().await;
    let mut seen = data.keys;
    loop {
        let last = seen.last().expect("a key");
        let path = format!("/group/{}/keys/{}/{}", group.id, last.time, last.group_key_id);
        let page: Vec<GroupKey> = server.get(&path).jwt(&reader.jwt).ok_as().await;
        assert!(page.len() <= 50);
        if page.is_empty() {
            return seen;
        }
        seen.extend(page);
    }
}

fn ids(keys: &[GroupKey]) -> Vec<String> {
    keys.iter().map(|k| k.group_key_id.clone()).collect()
}

/// better-than 14: pages that filter on one time and order by another skip keys.
async fn key_pages_skip_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let group = server.group(&alice).await;
    // 120 generations in 20 moments: ties go over the ends of pages.
    let mut made = generations::add(&server, &group.key_id, (0..119).map(|i| i64::from(i / 6)));
    made.push(group.key_id.clone());
    let seen = pages(&server, &group, &alice).await;
    assert!(seen.is_sorted_by_key(|k| (-k.time, k.group_key_id.clone())), "newest first, ties by id");
    let mut ids = ids(&seen);
    ids.sort();
    made.sort();
    assert_eq!(ids, made);
    let one: GroupKey = server.get(&format!("/group/{}/key/{}", group.id, made[7])).jwt(&alice.jwt).ok_as().await;
    assert_eq!(one.group_key_id, made[7]);
    for bad in ["x", "-1", "1.0"] {
        server.get(&format!("/group/{}/keys/{bad}/none", group.id)).jwt(&alice.jwt).refused(13).await;
    }
}

/// better-than 20e: that generation encrypts with the last key of the list.
async fn clients_of_2022_get_the_oldest_first(server: TestServer) {
    let old = server.session_in(&server.lax, Suite::G03, "old").await;
    let new = server.session("new").await;
    let group = server.group_with(&old, &[(&new, 4)]).await;
    let mut made = generations::add(&server, &group.key_id, 1..=60);
    made.insert(0, group.key_id.clone());
    assert_eq!(ids(&pages(&server, &group, &old).await), made);
    made.reverse();
    assert_eq!(ids(&pages(&server, &group, &new).await), made);
}

fn chunks(made: &[String], member: &Session) -> Vec<Vec<MemberKey>> {
    let chunk = |ids: &[String]| bodies::member_keys(&ids.iter().map(String::as_str).collect::<Vec<_>>(), member);
    made.chunks(50).map(chunk).collect()
}

/// better-than 11: the original opens a session at exactly 100 keys, real clients send 50: the others are never uploaded.
async fn an_upload_session_opens_whenever_it_is_asked_for(server: TestServer) {
    let alice = server.session("alice").await;
    let group = server.group(&alice).await;
    let mut made = generations::add(&server, &group.key_id, 1..=119);
    made.insert(0, group.key_id.clone());
    made.reverse();
    for (kind, session_kind) in [("invite", "invite"), ("invite_auto", "join_req")] {
        let member = server.session(kind).await;
        let mut chunks = chunks(&made, &member);
        let first = NewMemberKeys { keys: chunks.remove(0), rank: None, key_session: true };
        let out: InviteOutput = server.put_member(kind, &alice, &group, &member, &first).ok_as().await;
        let session = out.session_id.expect("a session");
        for page in &chunks {
            let path = format!("/group/{}/{session_kind}/session/{session}", group.id);
            assert_eq!(server.put(&path).jwt(&alice.jwt).json(page).ok().await, "Success");
        }
        if kind == "invite" {
            server.patch(&format!("/group/{}/invite", group.id)).jwt(&member.jwt).ok().await;
        }
        assert_eq!(ids(&pages(&server, &group, &member).await), made, "{kind}");
    }
    // Also with few keys.
    let member = server.session("few").await;
    let mut body = bodies::new_member(&[&group.key_id], &member, None);
    body.key_session = true;
    let out: InviteOutput = server.put_member("invite", &alice, &group, &member, &body).ok_as().await;
    assert!(out.session_id.is_some_and(|id| !id.is_empty()));
}

async fn the_sdk_shares_a_group_of_sixty_generations(server: TestServer) {
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let group_id = alice.create_group().await.expect("created");
    let oldest = alice.get_group(&group_id).await.expect("her group");
    let old = oldest.encrypt_string("written with the first key").expect("encrypts");
    generations::add(&server, oldest.keys()[0].id(), 1..=60);
    let hers = alice.get_group(&group_id).await.expect("her group");
    assert_eq!(hers.keys().len(), 61);
    hers.invite_auto(&bob.id, None).await.expect("added");
    let his = bob.get_group(&group_id).await.expect("his group");
    assert_eq!(his.keys().len(), 61);
    assert_eq!(his.decrypt_string(&old).expect("decrypts"), "written with the first key");
    let new = hers.encrypt_string("written with the last key").expect("encrypts");
    assert_eq!(his.decrypt_string(&new).expect("decrypts"), "written with the last key");
}

async fn an_upload_session_has_its_rules(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let plain = server.session("plain").await;
    let group = server.group_with(&alice, &[(&plain, 4)]).await;
    let other = server.group(&alice).await;
    let made = generations::add(&server, &group.key_id, 1..=3);
    let mut body = bodies::new_member(&[&group.key_id], &bob, None);
    body.key_session = true;
    let out: InviteOutput = server.put_member("invite_auto", &alice, &group, &bob, &body).ok_as().await;
    let session = out.session_id.expect("a session");
    let keys = |id: &str, of: &Session| bodies::member_keys(&[id], of);
    let put = |group: &TestGroup, session: &str, by: &Session, keys: &[MemberKey]| {
        server.put(&format!("/group/{}/join_req/session/{session}", group.id)).jwt(&by.jwt).json(&keys)
    };
    put(&group, &session, &alice, &[]).refused(303).await;
    put(&group, NOBODY, &alice, &keys(&made[0], &bob)).refused(306).await;
    put(&group, "x", &alice, &keys(&made[0], &bob)).refused(306).await;
    put(&other, &session, &alice, &keys(&other.key_id, &bob)).refused(306).await;
    put(&group, &session, &plain, &keys(&made[0], &bob)).refused(301).await;
    put(&group, &session, &alice, &keys(NOBODY, &bob)).refused(304).await;
    put(&group, &session, &alice, &keys(&made[0], &alice)).refused(304).await;
    put(&group, &session, &alice, &keys(&made[0], &bob)).ok().await;
    // A second upload must not replace what the member has.
    put(&group, &session, &alice, &keys(&made[0], &bob)).ok().await;
    put(&group, &session, &alice, &keys(&group.key_id, &bob)).ok().await;
    let seen = pages(&server, &group, &bob).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].encrypted_group_key, body.keys[0].encrypted_group_key);
    // better-than 11 again: but not for ever, and not for one who has gone.
    server.delete(&format!("/group/{}/leave", group.id)).jwt(&bob.jwt).ok().await;
    put(&group, &session, &alice, &keys(&made[1], &bob)).refused(306).await;
    let out: InviteOutput = server.put_member("invite", &alice, &group, &bob, &body).ok_as().await;
    let session = out.session_id.expect("a session");
    server.advance(25 * 3600);
    let alice = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    put(&group, &session, &alice, &keys(&made[1], &bob)).refused(306).await;
}

async fn a_member_reads_only_keys_that_are_wrapped_for_him(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let made = generations::add(&server, &group.key_id, [5]);
    server.add_member(&alice, &group, &bob, 4).await;
    assert_eq!(ids(&pages(&server, &group, &bob).await), [group.key_id.as_str()]);
    server.get(&format!("/group/{}/key/{}", group.id, made[0])).jwt(&alice.jwt).ok().await;
    for id in [made[0].as_str(), NOBODY, "x", "%00", &alice.key_id] {
        server.get(&format!("/group/{}/key/{id}", group.id)).jwt(&bob.jwt).refused(304).await;
    }
}
