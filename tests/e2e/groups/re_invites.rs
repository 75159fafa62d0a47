//! Re-invites: new keys for a member, one step, no way to throw anybody out.

use e2e::users::{NOBODY, Session};
use e2e::{TestServer, bodies, both, generations};
use keystead_protocol::groups::{GroupData, InviteOutput};
use serde_json::json;

both! {
    a_plain_member_throws_nobody_out,
    a_re_invited_member_keeps_rank_and_time,
    only_members_are_invited_again,
    a_failed_re_invite_changes_nothing,
    parallel_re_invites_and_kicks_end_well,
}

/// better-than 2: in the original any plain member can throw out anybody, even the creator.
async fn a_plain_member_throws_nobody_out(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let mallory = server.session("mallory").await;
    let group = server.group_with(&alice, &[(&bob, 1), (&mallory, 4)]).await;
    for (victim, rank) in [(&alice, 0), (&bob, 1)] {
        let before: GroupData = server.get(&format!("/group/{}", group.id)).jwt(&victim.jwt).ok_as().await;
        let body = bodies::new_member(&[&group.key_id], victim, None);
        server.put_member("re_invite", &mallory, &group, victim, &body).refused(301).await;
        let light = format!("/group/{}/re_invite/{}/light", group.id, victim.user_id);
        server.put(&light).jwt(&mallory.jwt).json(&json!({ "rank": 4 })).refused(301).await;
        assert_eq!(server.rank_of(&group, victim).await, Some(rank));
        let after: GroupData = server.get(&format!("/group/{}", group.id)).jwt(&victim.jwt).ok_as().await;
        assert_eq!(after, before, "his keys too");
    }
}

async fn a_re_invited_member_keeps_rank_and_time(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 3)]).await;
    let path = format!("/group/{}", group.id);
    let before: GroupData = server.get(&path).jwt(&bob.jwt).ok_as().await;
    generations::add(&server, &group.key_id, [1]);
    // A rank in the body says nothing.
    let mut body = bodies::new_member(&[&group.key_id], &bob, Some(1));
    body.key_session = true;
    let out: InviteOutput = server.put_member("re_invite", &alice, &group, &bob, &body).ok_as().await;
    assert!(out.session_id.is_some());
    let after: GroupData = server.get(&path).jwt(&bob.jwt).ok_as().await;
    assert_eq!((after.rank, after.joined_time), (3, before.joined_time));
    assert_eq!(after.keys.len(), 1, "the old wraps are gone");
    assert_eq!(after.keys[0].encrypted_group_key, body.keys[0].encrypted_group_key);
    server.put(&format!("{path}/re_invite/{}/light", bob.user_id)).jwt(&alice.jwt).ok().await;
    // Stopped invites are about new members.
    server.patch(&format!("{path}/change_invite")).jwt(&alice.jwt).ok().await;
    server.put_member("re_invite", &alice, &group, &bob, &body).ok().await;
}

async fn only_members_are_invited_again(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("re_invite", &alice, &group, &bob, &body).refused(320).await;
    server.put(&format!("/group/{}/re_invite/{NOBODY}", group.id)).jwt(&alice.jwt).json(&body).refused(320).await;
    server.put(&format!("/group/{}/re_invite/{NOBODY}/light", group.id)).jwt(&alice.jwt).refused(320).await;
    assert_eq!(server.rank_of(&group, &bob).await, None);
}

/// better-than 18: kick and invite are one step here.
async fn a_failed_re_invite_changes_nothing(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 2)]).await;
    let path = format!("/group/{}", group.id);
    let before: GroupData = server.get(&path).jwt(&bob.jwt).ok_as().await;
    let put = |keys: &[&str], of: &Session| {
        server.put_member("re_invite", &alice, &group, &bob, &bodies::new_member(keys, of, None))
    };
    put(&[], &bob).refused(303).await;
    put(&[&group.key_id, NOBODY], &bob).refused(304).await;
    put(&[&group.key_id], &alice).refused(304).await;
    let after: GroupData = server.get(&path).jwt(&bob.jwt).ok_as().await;
    assert_eq!(after, before);
}

async fn parallel_re_invites_and_kicks_end_well(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let body = bodies::new_member(&[&group.key_id], &bob, None);
    let kick = || server.delete(&format!("/group/{}/kick/{}", group.id, bob.user_id)).jwt(&alice.jwt);
    let call = |i: i32| if i == 5 { kick() } else { server.put_member("re_invite", &alice, &group, &bob, &body) };
    let codes = futures_util::future::join_all((0..12).map(|i| call(i).code())).await;
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(320)), "{codes:?}");
    assert_eq!(codes[5], None, "the kick");
    assert_eq!(server.rank_of(&group, &bob).await, None);
    let left = server.database().find(&bob.user_id);
    assert!(left.iter().all(|row| !row.contains(&group.id)), "{left:?}");
}
