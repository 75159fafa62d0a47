//! What people share through hierarchies and connected groups, with the SDK and real keys.

use e2e::users::TestUser;
use e2e::{TestServer, both, generations};
use keystead::group::AccessBy;
use keystead::keys::StdGroup;

both! {
    a_hierarchy_is_read_by_those_above,
    a_connected_group_is_read_through_its_members,
    groups_join_by_invite_and_by_request,
    users_join_by_request,
    older_keys_of_a_parent_still_open_a_child,
}

async fn new_group(user: &TestUser) -> StdGroup {
    user.get_group(&user.create_group().await.expect("created")).await.expect("his group")
}

async fn a_hierarchy_is_read_by_those_above(server: TestServer) {
    let (alice, bob, carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let top = new_group(&alice).await;
    top.invite_auto(&bob.id, Some(2)).await.expect("added");
    let child = top.get_child_group(&top.create_child_group().await.expect("made")).await.expect("child");
    let lowest = child.get_child_group(&child.create_child_group().await.expect("made")).await.expect("grandchild");
    assert_eq!(lowest.access_by(), AccessBy::Parent(child.group_id().to_owned()));
    let text = lowest.encrypt_string_signed("for all above").expect("encrypts");

    // From the top, one after the other; and the lowest at once, in a task of its own.
    let his = bob.get_group(top.group_id()).await.expect("his group");
    let children = his.get_children(None).await.expect("a list");
    assert_eq!(children.iter().map(|c| c.group_id.as_str()).collect::<Vec<_>>(), [child.group_id()]);
    let his_child = his.get_child_group(child.group_id()).await.expect("child");
    let his_lowest = his_child.get_child_group(lowest.group_id()).await.expect("grandchild");
    assert_eq!(his_lowest.decrypt_string_verified(&text, &alice.id).await.expect("verified"), "for all above");
    let (user, id) = ((*bob).clone(), lowest.group_id().to_owned());
    let at_once = tokio::spawn(async move { user.get_group(&id).await }).await.expect("no panic").expect("a group");
    assert_eq!(at_once.decrypt_string(&text).expect("decrypts"), "for all above");
    assert_eq!((at_once.rank(), at_once.parent_group_id().as_deref()), (2, Some(child.group_id())));

    // A member of the child alone does not read above, nor does a stranger below.
    assert_eq!(carol.get_group(lowest.group_id()).await.expect_err("no member").server_code(), Some(310));
    child.invite_auto(&carol.id, None).await.expect("added");
    let hers = carol.get_group(lowest.group_id()).await.expect("through the child");
    assert_eq!(hers.decrypt_string(&text).expect("decrypts"), "for all above");
    assert_eq!(carol.get_group(top.group_id()).await.expect_err("not above").server_code(), Some(310));
    top.delete_group().await.expect("deleted");
    assert_eq!(hers.update_check().await.expect_err("gone").server_code(), Some(310));
}

async fn a_connected_group_is_read_through_its_members(server: TestServer) {
    let (alice, bob, carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let own = new_group(&alice).await;
    let connected = own.get_connected_group(&own.create_connected_group().await.expect("made")).await.expect("hers");
    assert_eq!((connected.rank(), connected.via()), (0, Some(own.group_id())));
    let text = connected.encrypt_string("between groups").expect("encrypts");

    // Bob's group has a child; those who are in by the parent read too.
    let top = new_group(&bob).await;
    top.invite_auto(&carol.id, Some(3)).await.expect("added");
    let team = top.get_child_group(&top.create_child_group().await.expect("made")).await.expect("child");
    connected.invite_group_auto(team.group_id(), Some(2)).await.expect("added");
    let his = team.get_connected_group(connected.group_id()).await.expect("his");
    assert_eq!((his.rank(), his.access_by()), (2, AccessBy::GroupAsUser(team.group_id().to_owned())));
    assert_eq!(his.decrypt_string(&text).expect("decrypts"), "between groups");
    let hers = carol.get_group_through(connected.group_id(), team.group_id()).await.expect("hers");
    assert_eq!(hers.rank(), 3);
    assert_eq!(hers.decrypt_string(&text).expect("decrypts"), "between groups");
    let listed = team.get_groups(None).await.expect("a list");
    assert_eq!(listed.iter().map(|g| g.group_id.as_str()).collect::<Vec<_>>(), [connected.group_id()]);

    // And below it.
    let below = connected.get_child_group(&connected.create_child_group().await.expect("made")).await.expect("child");
    let deep = below.encrypt_string("deep").expect("encrypts");
    let seen = hers.get_child_group(below.group_id()).await.expect("through the team");
    assert_eq!(seen.decrypt_string(&deep).expect("decrypts"), "deep");
    let by = AccessBy::GroupAsUserAsParent {
        parent: connected.group_id().to_owned(),
        group_as_user: team.group_id().to_owned(),
    };
    assert_eq!((seen.rank(), seen.access_by()), (3, by));
    let refused = carol.get_group_through(connected.group_id(), top.group_id()).await.expect_err("not a member");
    assert_eq!(refused.server_code(), Some(310));

    connected.re_invite_group(team.group_id()).await.expect("again");
    let again = team.get_connected_group(connected.group_id()).await.expect("his");
    assert_eq!(again.decrypt_string(&text).expect("decrypts"), "between groups");
    his.leave().await.expect("the team leaves");
    assert!(team.get_connected_group(connected.group_id()).await.is_err());
}

async fn groups_join_by_invite_and_by_request(server: TestServer) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let own = new_group(&alice).await;
    let connected = own.get_connected_group(&own.create_connected_group().await.expect("made")).await.expect("hers");
    let team = new_group(&bob).await;
    let id = connected.group_id();
    connected.invite_group(team.group_id(), None).await.expect("invited");
    let invites = team.get_group_invites(None).await.expect("a list");
    assert_eq!(invites.iter().map(|i| i.group_id.as_str()).collect::<Vec<_>>(), [id]);
    team.reject_group_invite(id).await.expect("turned down");
    connected.invite_group(team.group_id(), None).await.expect("invited");
    team.accept_group_invite(id).await.expect("accepted");
    let his = team.get_connected_group(id).await.expect("his");
    let text = connected.encrypt_string("hello").expect("encrypts");
    assert_eq!(his.decrypt_string(&text).expect("decrypts"), "hello");
    let members = connected.get_members(None).await.expect("a list");
    assert_eq!(members.iter().map(|m| (m.user_id.as_str(), m.user_type)).collect::<Vec<_>>(), [(team.group_id(), 2)]);
    connected.kick(team.group_id()).await.expect("kicked");

    team.group_join_request(id).await.expect("asked");
    assert_eq!(team.get_sent_join_req(None).await.expect("a list").len(), 1);
    team.delete_join_req(id).await.expect("taken back");
    team.group_join_request(id).await.expect("asked");
    connected.reject_join_request(team.group_id()).await.expect("turned down");
    team.group_join_request(id).await.expect("asked");
    let requests = connected.get_join_requests(None).await.expect("a list");
    assert_eq!(requests.iter().map(|r| (r.user_id.as_str(), r.user_type)).collect::<Vec<_>>(), [(team.group_id(), 2)]);
    connected.accept_group_join_request(team.group_id(), Some(3)).await.expect("let in");
    let his = team.get_connected_group(id).await.expect("his");
    assert_eq!((his.rank(), his.decrypt_string(&text).expect("decrypts")), (3, "hello".to_owned()));
}

async fn users_join_by_request(server: TestServer) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let hers = new_group(&alice).await;
    let text = hers.encrypt_string("welcome").expect("encrypts");
    bob.group_join_request(hers.group_id()).await.expect("asked");
    let sent = bob.get_sent_join_req(None).await.expect("a list");
    assert_eq!(sent.iter().map(|s| s.group_id.as_str()).collect::<Vec<_>>(), [hers.group_id()]);
    bob.delete_join_req(hers.group_id()).await.expect("taken back");
    bob.group_join_request(hers.group_id()).await.expect("asked");
    hers.reject_join_request(&bob.id).await.expect("turned down");
    bob.group_join_request(hers.group_id()).await.expect("asked");
    let requests = hers.get_join_requests(None).await.expect("a list");
    assert_eq!(requests.iter().map(|r| (r.user_id.as_str(), r.user_type)).collect::<Vec<_>>(), [(bob.id.as_str(), 0)]);
    hers.accept_join_request(&bob.id, Some(2)).await.expect("let in");
    let his = bob.get_group(hers.group_id()).await.expect("his group");
    assert_eq!((his.rank(), his.decrypt_string(&text).expect("decrypts")), (2, "welcome".to_owned()));
    hers.stop_group_invites().await.expect("stopped");
    his.leave().await.expect("left");
    let stopped = bob.group_join_request(hers.group_id()).await.expect_err("stopped");
    assert_eq!(stopped.server_code(), Some(317));
}

/// The child's key is wrapped for the parent's oldest key, which is on the second page by now.
async fn older_keys_of_a_parent_still_open_a_child(server: TestServer) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let first = new_group(&alice).await;
    let child = first.get_child_group(&first.create_child_group().await.expect("made")).await.expect("child");
    let text = child.encrypt_string("old").expect("encrypts");
    generations::add(&server, first.keys()[0].id(), 1..=60);
    let top = alice.get_group(first.group_id()).await.expect("with all keys");
    assert_eq!(top.keys().len(), 61);
    top.invite_auto(&bob.id, None).await.expect("added");
    let his = bob.get_group(child.group_id()).await.expect("through the parent");
    assert_eq!(his.decrypt_string(&text).expect("decrypts"), "old");
    // A group object from before knows the parent's new keys when it needs them.
    let id = first.create_child_group().await.expect("made");
    let newest = top.create_child_group().await.expect("made");
    first.get_child_group(&id).await.expect("with the key it holds");
    first.get_child_group(&newest).await.expect("with a key that it fetches");
}
