//! Connected groups: groups as members, entered with the header `x-sentc-group-access-id`.

use e2e::raw::Call;
use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, bodies, both};
use futures_util::future::join_all;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::{AccessBy, GroupData, GroupLightData, GroupUserListItem, InviteOutput};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

both! {
    a_connected_group_is_entered_through_its_member,
    the_worse_rank_counts,
    children_of_connected_groups_are_connected,
    connected_groups_and_others_do_not_mix,
    the_backend_may_mix_them,
    a_group_accepts_or_turns_down_an_invite,
    a_group_that_came_by_invite_takes_part_in_rotations,
    only_groups_of_the_app_can_be_invited,
    a_group_is_invited_again,
    a_group_leaves_or_is_kicked,
    further_keys_of_a_group_come_by_session,
    of_parallel_answers_for_a_group_one_counts,
    a_deleted_group_is_no_member_any_more,
    a_group_that_goes_while_it_is_invited_leaves_nothing,
}

async fn light(server: &TestServer, group: &TestGroup, via: &TestGroup, who: &Session) -> GroupLightData {
    server.get(&format!("/group/{}/light", group.id)).via(via).jwt(&who.jwt).ok_as().await
}

/// `PUT /group/:into/KIND/:guest` by somebody who is in `into` by `via`.
fn put(
    server: &TestServer,
    kind: &str,
    by: (&Session, &TestGroup),
    into: &TestGroup,
    guest: &TestGroup,
    rank: Option<i32>,
) -> Call {
    let path = format!("/group/{}/{kind}/{}", into.id, guest.id);
    server.put(&path).via(by.1).jwt(&by.0.jwt).json(&bodies::new_guest(into, guest, rank))
}

async fn a_connected_group_is_entered_through_its_member(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let own = server.group_with(&alice, &[(&bob, 3)]).await;
    let connected = server.connected(&alice, &own).await;
    let path = format!("/group/{}", connected.id);
    let data: GroupData = server.get(&path).via(&own).jwt(&bob.jwt).ok_as().await;
    assert_eq!((data.rank, data.access_by), (3, AccessBy::GroupAsUser(own.id.clone())));
    assert_eq!((data.parent_group_id, data.is_connected_group), (None, true));
    assert_eq!(data.keys[0].user_public_key_id, own.key_id, "wrapped for the group");
    // Nobody is in it himself.
    for who in [&alice, &bob] {
        server.get(&path).jwt(&who.jwt).refused(310).await;
        let groups = server.get("/group/all/0/none").jwt(&who.jwt).ok().await;
        assert_eq!(groups.as_array().map(Vec::len), Some(1), "not in his list");
    }
    server.get(&path).via(&own).jwt(&carol.jwt).refused(310).await;
    let groups = server.get(&format!("/group/{}/all/0/none", own.id)).jwt(&bob.jwt).ok().await;
    assert_eq!((&groups[0]["group_id"], &groups[0]["rank"]), (&json!(connected.id), &json!(0)));
    // Who is a member himself needs no header, and a header that opens nothing takes nothing away.
    let body = bodies::new_member(&[&connected.key_id], &carol, Some(2));
    let invite = format!("{path}/invite_auto/{}", carol.user_id);
    server.put(&invite).via(&own).jwt(&alice.jwt).json(&body).ok().await;
    for header in [&own.id, NOBODY, "x", ""] {
        let call = server.get(&format!("{path}/light")).header("x-sentc-group-access-id", header);
        let seen: GroupLightData = call.jwt(&carol.jwt).ok_as().await;
        assert_eq!((seen.rank, seen.access_by), (2, AccessBy::User));
    }
    let members: Vec<GroupUserListItem> = server.get(&format!("{path}/member/0/none")).jwt(&carol.jwt).ok_as().await;
    let [member] = members.as_slice() else { panic!("{members:?}") };
    assert_eq!((&member.user_id, member.rank, member.user_type), (&own.id, 0, 2));
    // A member of both ways chooses: with the header the group's keys, without it his own.
    server.add_member(&alice, &own, &carol, 4).await;
    assert_eq!(light(&server, &connected, &own, &carol).await.rank, 4);
    assert_eq!(server.rank_of(&connected, &carol).await, Some(2));
}

async fn the_worse_rank_counts(server: TestServer) {
    let alice = server.session("alice").await;
    let owner = server.group(&alice).await;
    let connected = server.connected(&alice, &owner).await;
    let top = server.group(&alice).await;
    let mut members = Vec::new();
    for rank in 1..=4 {
        let member = server.session(&format!("rank {rank}")).await;
        server.add_member(&alice, &top, &member, rank).await;
        members.push((member, rank));
    }
    for of_group in 1..=4 {
        let guest = server.child(&alice, &top).await;
        put(&server, "invite_group_auto", (&alice, &owner), &connected, &guest, Some(of_group)).ok().await;
        assert_eq!(light(&server, &connected, &guest, &alice).await.rank, of_group, "the creator of the guest");
        for (member, own) in &members {
            // The guest itself is entered by its parent.
            let seen = light(&server, &connected, &guest, member).await;
            assert_eq!((seen.rank, &seen.access_by), (of_group.max(*own), &AccessBy::GroupAsUser(guest.id.clone())));
            for _ in 0..2 {
                let stop = server.patch(&format!("/group/{}/change_invite", connected.id)).via(&guest).jwt(&member.jwt);
                assert_eq!(stop.code().await, (seen.rank > 1).then_some(301), "{own} through {of_group}");
            }
        }
    }
    // One group's rank is not another's.
    let worst = light(&server, &connected, &owner, &alice).await;
    assert_eq!(worst.rank, 0);
}

async fn children_of_connected_groups_are_connected(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = server.group_with(&alice, &[(&bob, 2)]).await;
    let connected = server.connected(&alice, &own).await;
    let body = bodies::group(&connected.key_id);
    let make = format!("/group/{}/child", connected.id);
    let made = server.post(&make).via(&own).jwt(&alice.jwt).json(&body).ok().await;
    let child = made["group_id"].as_str().expect("an id");
    let data: GroupData = server.get(&format!("/group/{child}")).via(&own).jwt(&bob.jwt).ok_as().await;
    let by = AccessBy::GroupAsUserAsParent { parent: connected.id.clone(), group_as_user: own.id.clone() };
    assert_eq!((data.access_by, data.rank, data.is_connected_group), (by, 2, true));
    assert_eq!(data.keys[0].user_public_key_id, connected.key_id, "wrapped for the parent");
    server.get(&format!("/group/{child}")).jwt(&alice.jwt).refused(310).await;
    let members: Vec<GroupUserListItem> =
        server.get(&format!("/group/{child}/member/0/none")).via(&own).jwt(&bob.jwt).ok_as().await;
    assert_eq!(members, [], "he is in as the parent");
    server.delete(&format!("/group/{child}/leave")).via(&own).jwt(&alice.jwt).refused(300).await;
    // Groups can come into the child as well, and a group in both is in by the nearer one.
    let guest = server.group_with(&alice, &[(&bob, 4)]).await;
    let child = TestGroup { id: child.to_owned(), key_id: data.keys[0].group_key_id.clone() };
    put(&server, "invite_group_auto", (&alice, &own), &child, &guest, Some(2)).ok().await;
    assert_eq!(light(&server, &child, &guest, &bob).await.access_by, AccessBy::GroupAsUser(guest.id.clone()));
    server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&bob.jwt).refused(310).await;
}

async fn connected_groups_and_others_do_not_mix(server: TestServer) {
    let alice = server.session("alice").await;
    let (own, guest) = (server.group(&alice).await, server.group(&alice).await);
    let (connected, second) = (server.connected(&alice, &own).await, server.connected(&alice, &own).await);
    let made = server.post(&format!("/group/{}/child/light", connected.id)).via(&own).jwt(&alice.jwt).ok().await;
    let child = made["group_id"].as_str().expect("an id");
    for id in [connected.id.as_str(), child] {
        let light = server.post(&format!("/group/{id}/connected/light")).via(&own);
        light.jwt(&alice.jwt).refused(318).await;
        // Nor do they join others.
        let ask = server.patch(&format!("/group/{id}/join_req/{}", second.id)).via(&own);
        ask.jwt(&alice.jwt).refused(319).await;
    }
    for kind in ["invite_group", "invite_group_auto"] {
        let by = (&alice, &own);
        put(&server, kind, by, &own, &guest, None).refused(319).await;
        put(&server, kind, by, &own, &own, None).refused(319).await;
        put(&server, kind, by, &connected, &second, None).refused(319).await;
        put(&server, kind, by, &connected, &connected, None).refused(319).await;
        put(&server, kind, by, &connected, &own, None).refused(302).await;
        let light = server.put(&format!("/group/{}/{kind}/{}/light", connected.id, second.id));
        light.via(&own).jwt(&alice.jwt).refused(319).await;
        // A user is no group, and a group no user.
        let user = server.put(&format!("/group/{}/{kind}/{}/light", connected.id, alice.user_id));
        user.via(&own).jwt(&alice.jwt).refused(310).await;
        let group = server.put(&format!("/group/{}/invite_auto/{}/light", connected.id, guest.id));
        group.via(&own).jwt(&alice.jwt).refused(100).await;
    }
    server.patch(&format!("/group/{}/join_req/{}", guest.id, own.id)).jwt(&alice.jwt).refused(319).await;
    server.patch(&format!("/group/{}/join_req/{}", guest.id, guest.id)).jwt(&alice.jwt).refused(319).await;
}

async fn the_backend_may_mix_them(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let (own, guest) = (server.group(&alice).await, server.group_with(&alice, &[(&bob, 2)]).await);
    let force =
        |kind: &'static str| put(&server, kind, (&alice, &own), &own, &guest, Some(3)).token(&server.lax.secret);
    force("invite_group_auto_force").token(&server.lax.public).refused(203).await;
    force("re_invite_group_force").refused(320).await;
    force("invite_group_auto_force").ok().await;
    let seen = light(&server, &own, &guest, &bob).await;
    assert_eq!((seen.rank, seen.is_connected_group), (3, false));
    force("invite_group_auto_force").refused(302).await;
    force("re_invite_group").refused(319).await;
    force("re_invite_group_force").ok().await;
    let light_again = server.put(&format!("/group/{}/re_invite_group_force/{}/light", own.id, guest.id));
    light_again.token(&server.lax.secret).jwt(&alice.jwt).ok().await;
    assert_eq!(light(&server, &own, &guest, &bob).await.rank, 3);
    // Not into itself.
    let itself = put(&server, "invite_group_auto_force", (&alice, &own), &own, &own, None);
    itself.token(&server.lax.secret).refused(319).await;
}

/// better-than 10: groups that came by invite have the wrong type in the original. better-than 12: the path that its
/// clients call does not exist there.
async fn a_group_accepts_or_turns_down_an_invite(server: TestServer) {
    let (alice, bob, carol) = (server.session("alice").await, server.session("bob").await, server.session("c").await);
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let guest = server.group_with(&bob, &[(&carol, 2)]).await;
    let paths = [
        format!("/group/{}/invite/{}", guest.id, connected.id),
        format!("/group/{}/{}/invite", guest.id, connected.id),
    ];
    let invites = || server.get(&format!("/group/{}/invite/0/none", guest.id));
    for path in &paths {
        server.patch(path).jwt(&bob.jwt).refused(307).await;
        server.delete(path).jwt(&bob.jwt).refused(307).await;
        put(&server, "invite_group", (&alice, &own), &connected, &guest, Some(2)).ok().await;
        put(&server, "invite_group", (&alice, &own), &connected, &guest, Some(2)).refused(302).await;
        assert_eq!(invites().jwt(&bob.jwt).ok().await[0]["group_id"], connected.id);
        assert_eq!(server.get("/group/invite/0/none").jwt(&bob.jwt).ok().await, json!([]), "not his own");
        for by_low in [server.patch(path), server.delete(path), invites()] {
            by_low.jwt(&carol.jwt).refused(301).await;
        }
        server.patch(path).jwt(&alice.jwt).refused(310).await;
        server.delete(path).jwt(&bob.jwt).ok().await;
        assert_eq!(invites().jwt(&bob.jwt).ok().await, json!([]));
        let left = server.database().find(&guest.id);
        assert!(left.iter().all(|row| !row.contains(&connected.id)), "nothing stays: {left:?}");
    }
    for path in &paths {
        put(&server, "invite_group", (&alice, &own), &connected, &guest, Some(2)).ok().await;
        server.patch(path).jwt(&bob.jwt).ok().await;
        server.patch(path).jwt(&bob.jwt).refused(307).await;
        let list = server.get(&format!("/group/{}/member/0/none", connected.id)).via(&own);
        let members: Vec<GroupUserListItem> = list.jwt(&alice.jwt).ok_as().await;
        assert_eq!(members.iter().map(|m| (&m.user_id, m.rank, m.user_type)).collect::<Vec<_>>(), [(&guest.id, 2, 2)]);
        let listed = server.get(&format!("/group/{}/all/0/none", guest.id)).jwt(&carol.jwt).ok().await;
        assert_eq!(listed[0]["group_id"], connected.id);
        let data: GroupData = server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&carol.jwt).ok_as().await;
        assert_eq!((data.rank, data.keys.len()), (2, 1));
        server.delete(&format!("/group/{}/leave", connected.id)).via(&guest).jwt(&bob.jwt).ok().await;
    }
    for bad in [NOBODY, "x", "%00", &own.id] {
        server.patch(&format!("/group/{}/invite/{bad}", guest.id)).jwt(&bob.jwt).refused(307).await;
    }
}

/// better-than 10: in the original it misses every key rotation. The parent of a child group is served as well.
async fn a_group_that_came_by_invite_takes_part_in_rotations(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let (own, guest) = (server.group(&alice).await, server.group(&bob).await);
    let connected = server.connected(&alice, &own).await;
    put(&server, "invite_group", (&alice, &own), &connected, &guest, Some(2)).ok().await;
    server.patch(&format!("/group/{}/{}/invite", guest.id, connected.id)).jwt(&bob.jwt).ok().await;
    let child = server.child(&bob, &guest).await;
    let carol = server.session("carol").await;
    server.add_member(&bob, &child, &carol, 1).await;

    let rotations = [(&connected, &alice, &own, &own.key_id), (&child, &carol, &child, &carol.key_id)];
    for (group, starter, via, key_id) in rotations {
        let path = format!("/group/{}", group.id);
        let mut body = bodies::rotation(starter, &group.key_id);
        body.invoker_public_key_id.clone_from(key_id);
        let start = server.post(&format!("{path}/key_rotation")).via(via).jwt(&starter.jwt);
        let started = start.json(&body).ok().await;
        let as_guest = |what: &str| server.get(&format!("{path}/{what}")).via(&guest).jwt(&bob.jwt);
        server.until(async || as_guest("update_check").ok().await["key_update"] == json!(true)).await;
        let waiting = as_guest("key_rotation").ok().await;
        assert_eq!(waiting[0]["new_group_key_id"], started["key_id"]);
        assert_eq!(waiting[0]["encrypted_eph_key_key_id"], guest.key_id, "encrypted for the group");
        let mut done = bodies::done_rotation(&bob);
        done.public_key_id.clone_from(&guest.key_id);
        let key_id = started["key_id"].as_str().expect("an id");
        let take = server.put(&format!("{path}/key_rotation/{key_id}")).via(&guest).jwt(&bob.jwt);
        take.json(&done).ok().await;
        as_guest(&format!("key/{key_id}")).ok().await;
    }
}

/// better-than 13, for groups.
async fn only_groups_of_the_app_can_be_invited(server: TestServer) {
    let mut server = server;
    let (lax, other) = (server.lax.clone(), server.create_app("other", EndpointOptions::preset_lax()));
    let foreigner = server.session_in(&other, Suite::CLASSIC, "foreigner").await;
    server.lax = other;
    let foreign = server.group(&foreigner).await;
    server.lax = lax;
    let alice = server.session("alice").await;
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let mut database = server.database();
    let before = database.count();
    for id in [NOBODY, "x", "%00", &foreign.id, &alice.user_id, &alice.user_group_id, &alice.device_id] {
        for kind in ["invite_group", "invite_group_auto", "invite_group_auto_force"] {
            let path = format!("/group/{}/{kind}/{id}", connected.id);
            let body = bodies::new_guest(&connected, &own, None);
            let call = |path: &str| server.put(path).token(&server.lax.secret).via(&own).jwt(&alice.jwt);
            call(&path).json(&body).refused(310).await;
            call(&format!("{path}/light")).refused(310).await;
        }
        let again = server.put(&format!("/group/{}/re_invite_group/{id}/light", connected.id));
        again.via(&own).jwt(&alice.jwt).refused(320).await;
        server.patch(&format!("/group/{}/join_req/{id}", own.id)).jwt(&alice.jwt).refused(310).await;
    }
    // Keys have to be wrapped by one of the guest's.
    let guest = server.group(&alice).await;
    let wrong = bodies::new_guest(&connected, &own, None);
    let path = format!("/group/{}/invite_group/{}", connected.id, guest.id);
    let before = before + (database.count() - before);
    server.put(&path).via(&own).jwt(&alice.jwt).json(&wrong).refused(304).await;
    assert_eq!(database.count(), before);
}

/// better-than 2 and 18: a re-invite needs rank 2, and is one step.
async fn a_group_is_invited_again(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let guest = server.group_with(&alice, &[(&bob, 4)]).await;
    let again = |by: (&Session, &TestGroup)| put(&server, "re_invite_group", by, &connected, &guest, Some(1));
    again((&alice, &own)).refused(320).await;
    put(&server, "invite_group_auto", (&alice, &own), &connected, &guest, Some(3)).ok().await;
    let get = async || -> GroupData {
        server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&alice.jwt).ok_as().await
    };
    let before = get().await;
    again((&bob, &guest)).refused(301).await;
    put(&server, "re_invite", (&alice, &own), &connected, &guest, None).refused(320).await;
    let failing = bodies::new_guest(&connected, &own, None);
    let path = format!("/group/{}/re_invite_group/{}", connected.id, guest.id);
    server.put(&path).via(&own).jwt(&alice.jwt).json(&failing).refused(304).await;
    assert_eq!(get().await, before, "nothing has changed");
    again((&alice, &own)).ok().await;
    let after = get().await;
    assert_eq!((after.rank, after.joined_time), (3, before.joined_time), "the rank in the body says nothing");
    assert_ne!(after.keys[0].encrypted_group_key, before.keys[0].encrypted_group_key);
}

async fn a_group_leaves_or_is_kicked(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let guest = server.group_with(&alice, &[(&bob, 2)]).await;
    let delete = |what: &str, via: &TestGroup, by: &Session| {
        server.delete(&format!("/group/{}/{what}", connected.id)).via(via).jwt(&by.jwt)
    };
    delete("leave", &own, &alice).refused(308).await;
    put(&server, "invite_group_auto", (&alice, &own), &connected, &guest, Some(1)).ok().await;
    // Only who may act for the guest takes it out, also where it would be kicking itself.
    delete("leave", &guest, &bob).refused(301).await;
    delete(&format!("kick/{}", guest.id), &guest, &bob).refused(301).await;
    delete(&format!("kick/{}", own.id), &guest, &alice).refused(315).await;
    delete("leave", &guest, &alice).ok().await;
    assert_eq!(server.get(&format!("/group/{}/all/0/none", guest.id)).jwt(&alice.jwt).ok().await, json!([]));
    put(&server, "invite_group_auto", (&alice, &own), &connected, &guest, Some(1)).ok().await;
    delete(&format!("kick/{}", guest.id), &own, &alice).ok().await;
    delete("leave", &guest, &alice).refused(310).await;
    let left = server.database().find(&guest.id);
    assert!(left.iter().all(|row| !row.contains(&connected.id)), "{left:?}");
    // The creator goes when another group administers.
    put(&server, "invite_group_auto", (&alice, &own), &connected, &guest, Some(1)).ok().await;
    delete("leave", &own, &alice).ok().await;
    delete("leave", &guest, &alice).refused(308).await;
    let rank = json!({ "changed_user_id": guest.id, "new_rank": 2 });
    let demote = server.put(&format!("/group/{}/change_rank", connected.id)).via(&guest);
    demote.jwt(&alice.jwt).json(&rank).refused(314).await;
}

/// better-than 11, for groups.
async fn further_keys_of_a_group_come_by_session(server: TestServer) {
    let alice = server.session("alice").await;
    let (own, guest) = (server.group(&alice).await, server.group(&alice).await);
    let connected = server.connected(&alice, &own).await;
    let made = e2e::generations::add(&server, &connected.key_id, 1..=3);
    for (kind, session_kind) in [("invite_group", "invite"), ("invite_group_auto", "join_req")] {
        let mut body = bodies::new_guest(&connected, &guest, None);
        body.key_session = true;
        let path = format!("/group/{}/{kind}/{}", connected.id, guest.id);
        let out: InviteOutput = server.put(&path).via(&own).jwt(&alice.jwt).json(&body).ok_as().await;
        let session = out.session_id.expect("a session");
        let path = format!("/group/{}/{session_kind}/session/{session}", connected.id);
        let upload = |wrapped_by: &str| {
            let ids: Vec<&str> = made.iter().map(String::as_str).collect();
            let keys = bodies::keys_wrapped_by(&ids, wrapped_by);
            server.put(&path).via(&own).jwt(&alice.jwt).json(&keys)
        };
        upload(&alice.key_id).refused(304).await;
        upload(&guest.key_id).ok().await;
        if kind == "invite_group" {
            server.patch(&format!("/group/{}/{}/invite", guest.id, connected.id)).jwt(&alice.jwt).ok().await;
        }
        let keys = server.get(&format!("/group/{}/keys/0/none", connected.id)).via(&guest).jwt(&alice.jwt).ok().await;
        assert_eq!(keys.as_array().map(Vec::len), Some(4), "{kind}");
        server.delete(&format!("/group/{}/leave", connected.id)).via(&guest).jwt(&alice.jwt).ok().await;
        upload(&guest.key_id).refused(306).await;
    }
}

/// better-than 20c.
async fn of_parallel_answers_for_a_group_one_counts(server: TestServer) {
    let alice = server.session("alice").await;
    let (own, guest) = (server.group(&alice).await, server.group(&alice).await);
    let connected = server.connected(&alice, &own).await;
    let invite = || put(&server, "invite_group", (&alice, &own), &connected, &guest, Some(3));
    let codes = join_all((0..10).map(|_| invite().code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(302)), "{codes:?}");
    let (one, two) = (
        format!("/group/{}/invite/{}", guest.id, connected.id),
        format!("/group/{}/{}/invite", guest.id, connected.id),
    );
    let answer = |i: i32| match i % 4 {
        0 => server.patch(&one),
        1 => server.delete(&two),
        2 => server.patch(&two),
        _ => server.delete(&one),
    };
    let codes = join_all((0..12).map(|i| answer(i).jwt(&alice.jwt).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(307)), "{codes:?}");
    let accepted = codes.iter().position(Option::is_none).expect("one") % 2 == 0;
    let listed = server.get(&format!("/group/{}/all/0/none", guest.id)).jwt(&alice.jwt).ok().await;
    assert_eq!(listed.as_array().map(Vec::len), Some(usize::from(accepted)));
}

async fn a_deleted_group_is_no_member_any_more(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let guest = server.group_with(&alice, &[(&bob, 1)]).await;
    put(&server, "invite_group_auto", (&alice, &own), &connected, &guest, Some(2)).ok().await;
    server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&bob.jwt).ok().await;
    server.delete(&format!("/group/{}", guest.id)).jwt(&bob.jwt).ok().await;
    server.get(&format!("/group/{}", connected.id)).via(&guest).jwt(&bob.jwt).refused(310).await;
    assert_eq!(server.database().find(&guest.id), Vec::<String>::new());
    let list = server.get(&format!("/group/{}/member/0/none", connected.id)).via(&own).jwt(&alice.jwt).ok().await;
    assert_eq!(list, json!([]));
}

async fn a_group_that_goes_while_it_is_invited_leaves_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    for round in 0..6 {
        let top = server.group(&alice).await;
        let guest = server.child(&alice, &top).await;
        let kind = if round % 2 == 0 { "invite_group" } else { "invite_group_auto" };
        let call = |i: i32| match i {
            2 => server.delete(&format!("/group/{}", top.id)).jwt(&alice.jwt),
            3 => server.patch(&format!("/group/{}/join_req/{}", guest.id, connected.id)).jwt(&alice.jwt),
            _ => put(&server, kind, (&alice, &own), &connected, &guest, None),
        };
        let codes = join_all((0..6).map(|i| call(i).code())).await;
        assert_eq!(codes[2], None, "{codes:?}");
        assert!(codes.iter().all(|c| matches!(c, None | Some(302 | 304 | 310))), "{codes:?}");
        assert_eq!(server.database().find(&guest.id), Vec::<String>::new(), "{codes:?}");
    }
    let groups: Value =
        server.get(&format!("/group/{}/member/0/none", connected.id)).via(&own).jwt(&alice.jwt).ok().await;
    assert_eq!(groups, json!([]));
}
