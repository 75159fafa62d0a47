//! The audit log of the key API: who did what to which user or group, when, and from where.

use e2e::users::{Session, TestGroup};
use e2e::{TestServer, both};
use keystead_server::operator;
use keystead_server::rooms::audit::rules::{Entry, Filter};
use serde_json::json;

both! {
    what_changes_something_is_told,
    what_is_refused_or_read_is_not,
    entries_are_found_by_user_event_and_time,
}

async fn entries(server: &TestServer, filter: Filter) -> Vec<Entry> {
    let (app, id) = (server.app(), server.lax.id.clone());
    let found = operator::audit_log(&app, &id, filter, 1_000).await;
    found.unwrap_or_else(|e| panic!("{e}"))
}

/// Event, actor, subject, group.
fn told(entry: &Entry) -> (&str, Option<&str>, Option<&str>, Option<&str>) {
    (&entry.event, entry.actor_id.as_deref(), entry.subject_id.as_deref(), entry.detail.as_deref())
}

async fn three(server: &TestServer) -> (Session, Session, TestGroup) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    (alice, bob, group)
}

async fn what_changes_something_is_told(server: TestServer) {
    let (alice, bob, group) = three(&server).await;
    let rank = json!({ "changed_user_id": bob.user_id, "new_rank": 2 });
    server.put(&format!("/group/{}/change_rank", group.id)).jwt(&alice.jwt).json(&rank).ok().await;
    server.delete(&format!("/group/{}/kick/{}", group.id, bob.user_id)).jwt(&alice.jwt).ok().await;
    let forced = json!({ "user_identifier": "bob" });
    server.delete("/user/forced/sessions").token(&server.lax.secret).json(&forced).ok().await;
    server.delete("/user").jwt(&alice.jwt).ok().await;

    let all = entries(&server, Filter::default()).await;
    let (a, b, g) = (Some(alice.user_id.as_str()), Some(bob.user_id.as_str()), Some(group.id.as_str()));
    let expected = [
        ("DELETE /user", a, None, None),
        ("DELETE /user/forced/sessions", None, b, None),
        ("DELETE /group/{group_id}/kick/{user_id}", a, b, g),
        ("PUT /group/{group_id}/change_rank", a, b, g),
        ("PUT /group/{group_id}/invite_auto/{user_id}", a, b, g),
        ("POST /group", a, None, None),
        ("POST /user/forced/login", None, b, None),
        ("POST /register", None, b, None),
        ("POST /user/forced/login", None, a, None),
        ("POST /register", None, a, None),
    ];
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(all.iter().all(|entry| entry.ip.as_deref() == Some("127.0.0.1")), "{all:?}");
    assert!(all.iter().all(|entry| (entry.at_ms - server.now_ms()).abs() < 600_000));
    // Names are nowhere in it.
    let text = serde_json::to_string(&all).expect("serialises");
    assert!(!text.contains("alice") && !text.contains("bob"), "{text}");
}

async fn what_is_refused_or_read_is_not(server: TestServer) {
    let (alice, bob, group) = three(&server).await;
    let before = entries(&server, Filter::default()).await.len();
    server.delete(&format!("/group/{}", group.id)).jwt(&bob.jwt).refused(301).await;
    server.delete(&format!("/group/{}/leave", group.id)).jwt(&alice.jwt).refused(308).await;
    server.get(&format!("/group/{}", group.id)).jwt(&alice.jwt).ok().await;
    server.get("/group/all/0/none").jwt(&alice.jwt).ok().await;
    assert_eq!(entries(&server, Filter::default()).await.len(), before);
}

async fn entries_are_found_by_user_event_and_time(server: TestServer) {
    let (alice, bob, group) = three(&server).await;
    let of_bob = entries(&server, Filter { subject: Some(bob.user_id.clone()), ..Filter::default() }).await;
    assert_eq!(of_bob.len(), 3, "{of_bob:?}");
    server.advance(100);
    let since_ms = Some(server.now_ms());
    server.patch(&format!("/group/{}/change_invite", group.id)).jwt(&alice.jwt).ok().await;
    let late = entries(&server, Filter { since_ms, ..Filter::default() }).await;
    assert_eq!(late.iter().map(|e| e.event.as_str()).collect::<Vec<_>>(), ["PATCH /group/{group_id}/change_invite"]);
    let event = Some("POST /register".to_owned());
    assert_eq!(entries(&server, Filter { event, ..Filter::default() }).await.len(), 2);
    // Other apps have logs of their own.
    let other = server.create_app("other", keystead_protocol::apps::EndpointOptions::preset_lax());
    let none = operator::audit_log(&server.app(), &other.id, Filter::default(), 10).await;
    assert!(none.unwrap_or_else(|e| panic!("{e}")).is_empty());
    // More than a page of them.
    for _ in 0..120 {
        server.patch(&format!("/group/{}/change_invite", group.id)).jwt(&alice.jwt).ok().await;
    }
    let all = entries(&server, Filter::default()).await;
    assert_eq!(all.len(), 6 + 121);
    assert!(all.is_sorted_by(|a, b| a.id > b.id));
}
