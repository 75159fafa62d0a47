//! Who may do what: the ranks of section 8, without the holes of the original.

use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, bodies, both};
use serde_json::json;

both! {
    ranks_change_within_one_to_four,
    a_rank_decides_what_a_member_may,
    an_inviter_gives_no_rank_above_his_own,
    nobody_becomes_or_unmakes_a_creator,
    the_last_admin_stays_admin,
    parallel_demotions_leave_an_admin,
}

fn change(server: &TestServer, by: &Session, group: &TestGroup, who: &str, rank: i64) -> e2e::raw::Call {
    let body = json!({ "changed_user_id": who, "new_rank": rank });
    server.put(&format!("/group/{}/change_rank", group.id)).jwt(&by.jwt).json(&body)
}

/// better-than 3: an admin of the original sets his own rank to -5, and then even the creator cannot kick him.
async fn ranks_change_within_one_to_four(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 1)]).await;
    for rank in [0, 5, -1, -5, i64::from(i32::MIN), i64::from(i32::MAX)] {
        change(&server, &bob, &group, &bob.user_id, rank).refused(314).await;
        change(&server, &alice, &group, &bob.user_id, rank).refused(314).await;
        assert_eq!(server.rank_of(&group, &bob).await, Some(1));
    }
    change(&server, &alice, &group, &bob.user_id, i64::MAX).refused(11).await;
    for rank in [4, 3, 2, 1] {
        change(&server, &alice, &group, &bob.user_id, rank).ok().await;
        assert_eq!(server.rank_of(&group, &bob).await, Some(rank));
    }
    server.delete(&format!("/group/{}/kick/{}", group.id, bob.user_id)).jwt(&alice.jwt).ok().await;
}

async fn a_rank_decides_what_a_member_may(server: TestServer) {
    let alice = server.session("alice").await;
    let (target, new) = (server.session("target").await, server.session("new").await);
    let mut members = Vec::new();
    for rank in 1..=4 {
        members.push((server.session(&format!("rank {rank}")).await, rank));
    }
    let listed: Vec<(&Session, i32)> = members.iter().map(|(m, r)| (m, *r)).chain([(&target, 4)]).collect();
    let group = server.group_with(&alice, &listed).await;
    let path = format!("/group/{}", group.id);
    let keys = |who| bodies::new_member(&[&group.key_id], who, None);
    for (member, rank) in &members {
        // Reading: everybody.
        for read in ["", "/light", "/update_check", "/member/0/none", "/keys/0/none"] {
            server.get(&format!("{path}{read}")).jwt(&member.jwt).ok().await;
        }
        // Members: rank 2 and better. Each call is undone by the next one.
        let expected = (*rank > 2).then_some(301);
        for kind in ["invite", "invite_auto"] {
            assert_eq!(
                server.put_member(kind, member, &group, &new, &keys(&new)).code().await,
                expected,
                "{kind} {rank}"
            );
            let light = server.put(&format!("{path}/{kind}/{}/light", new.user_id)).jwt(&member.jwt).code().await;
            assert_eq!(light, expected.or(Some(302)), "{kind} light {rank}");
            if kind == "invite" && expected.is_none() {
                server.delete(&format!("{path}/invite")).jwt(&new.jwt).ok().await;
            }
        }
        assert_eq!(server.put_member("re_invite", member, &group, &target, &keys(&target)).code().await, expected);
        let kick = |who: &Session| server.delete(&format!("{path}/kick/{}", who.user_id)).jwt(&member.jwt).code();
        assert_eq!(kick(&new).await, expected, "kick {rank}");
        // The group itself: rank 1.
        let expected = (*rank > 1).then_some(301);
        for _ in 0..2 {
            let stop = server.patch(&format!("{path}/change_invite")).jwt(&member.jwt).code().await;
            assert_eq!(stop, expected, "stop {rank}");
        }
        assert_eq!(change(&server, member, &group, &target.user_id, 4).code().await, expected, "change rank {rank}");
    }
    for (member, rank) in members.iter().rev() {
        let delete = server.delete(&path).jwt(&member.jwt).code().await;
        assert_eq!(delete, (*rank > 1).then_some(301), "delete {rank}");
    }
}

/// better-than 20d: the original accepts rank 5 with an invite.
async fn an_inviter_gives_no_rank_above_his_own(server: TestServer) {
    let alice = server.session("alice").await;
    let (manager, new) = (server.session("manager").await, server.session("new").await);
    let group = server.group_with(&alice, &[(&manager, 2)]).await;
    let path = format!("/group/{}", group.id);
    for by in [&alice, &manager] {
        let highest = if std::ptr::eq(by, &alice) { 1 } else { 2 };
        for rank in [i32::MIN, -5, -1, 0, 1, 2, 3, 4, 5, 6, i32::MAX] {
            let expected = (!(highest..=4).contains(&rank)).then_some(301);
            let body = bodies::new_member(&[&group.key_id], &new, Some(rank));
            for kind in ["invite", "invite_auto"] {
                let code = server.put_member(kind, by, &group, &new, &body).code().await;
                assert_eq!(code, expected, "{kind} {rank}");
                if code.is_none() && kind == "invite" {
                    server.patch(&format!("{path}/invite")).jwt(&new.jwt).ok().await;
                }
                assert_eq!(server.rank_of(&group, &new).await, code.is_none().then_some(i64::from(rank)));
                if code.is_none() {
                    server.delete(&format!("{path}/leave")).jwt(&new.jwt).ok().await;
                }
            }
        }
    }
}

async fn nobody_becomes_or_unmakes_a_creator(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 1)]).await;
    for by in [&alice, &bob] {
        for rank in [1, 4] {
            change(&server, by, &group, &alice.user_id, rank).refused(314).await;
        }
    }
    server.delete(&format!("/group/{}/kick/{}", group.id, alice.user_id)).jwt(&bob.jwt).refused(315).await;
    change(&server, &alice, &group, NOBODY, 2).refused(300).await;
    assert_eq!(server.rank_of(&group, &alice).await, Some(0));
}

async fn the_last_admin_stays_admin(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let carol = server.session("carol").await;
    let group = server.group_with(&alice, &[(&bob, 1), (&carol, 4)]).await;
    let leave = |who: &Session| server.delete(&format!("/group/{}/leave", group.id)).jwt(&who.jwt);
    leave(&alice).ok().await;
    leave(&bob).refused(308).await;
    change(&server, &bob, &group, &bob.user_id, 2).refused(314).await;
    server.delete(&format!("/group/{}/kick/{}", group.id, bob.user_id)).jwt(&bob.jwt).refused(308).await;
    change(&server, &bob, &group, &carol.user_id, 1).ok().await;
    leave(&bob).ok().await;
    leave(&carol).refused(308).await;
}

/// better-than 18: no atomic operations across steps. Two admins demote each other at once.
async fn parallel_demotions_leave_an_admin(server: TestServer) {
    let alice = server.session("alice").await;
    let (bob, carol) = (server.session("bob").await, server.session("carol").await);
    let group = server.group_with(&alice, &[(&bob, 1), (&carol, 1)]).await;
    server.delete(&format!("/group/{}/leave", group.id)).jwt(&alice.jwt).ok().await;
    let leave = |who: &Session| server.delete(&format!("/group/{}/leave", group.id)).jwt(&who.jwt).code();
    let codes = futures_util::future::join_all((0..10).map(|i| leave(if i % 2 == 0 { &bob } else { &carol }))).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    let ranks = (server.rank_of(&group, &bob).await, server.rank_of(&group, &carol).await);
    assert!(ranks == (Some(1), None) || ranks == (None, Some(1)), "{ranks:?}");
}
