//! Who may read, rename and delete: everybody against every kind of file (better-than 13).

use e2e::files::{for_nobody, for_user, registration};
use e2e::users::{NOBODY, Session};
use e2e::{Setup, TestServer, both, tokens};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::files::FileData;
use keystead_protocol::jwt::Claims;
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    files_of_nobody_are_everybodys,
    files_of_users_are_for_two,
    files_of_groups_are_for_members_through_the_group,
    a_bad_jwt_counts_as_none,
    names_are_the_owners_to_change,
    other_apps_see_nothing,
}

both! { with_jwts_wanted_a_part_id_alone_opens_nothing; with Setup::default().with(|c| c.files.parts_need_jwt = true) }

async fn files_of_nobody_are_everybodys(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let file = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &file, &[b"part"]).await;
    let path = format!("/file/{}", file.file_id);
    let data: FileData = server.get(&path).ok_as().await;
    assert_eq!(server.file_bytes(&data).await, b"part");
    server.get(&format!("{path}/part_fetch/0")).ok().await;
    server.get(&path).jwt(&bob.jwt).ok().await;
    server.delete(&path).jwt(&bob.jwt).refused(521).await;
    server.delete(&path).refused(31).await;
    server.delete(&path).jwt(&alice.jwt).ok().await;
    server.get(&path).refused(512).await;
}

async fn files_of_users_are_for_two(server: TestServer) {
    let (alice, bob, carol) = (server.session("a").await, server.session("b").await, server.session("c").await);
    let file = server.file(&alice, &for_user(&bob.user_id)).await;
    server.upload(&alice, &file, &[b"letter"]).await;
    let path = format!("/file/{}", file.file_id);
    for reader in [&alice, &bob] {
        let data = server.file_data(reader, &file).await;
        assert_eq!(data.belongs_to.as_deref(), Some(&*bob.user_id));
        assert_eq!(server.file_bytes(&data).await, b"letter");
        server.get(&format!("{path}/part_fetch/0")).jwt(&reader.jwt).ok().await;
    }
    for rest in ["", "/part_fetch/0"] {
        server.get(&format!("{path}{rest}")).refused(521).await;
        server.get(&format!("{path}{rest}")).jwt(&carol.jwt).refused(521).await;
        // The customer's backend is no reader either.
        server.get(&format!("{path}{rest}")).token(&server.lax.secret).refused(521).await;
    }
    for other in [&bob, &carol] {
        server.delete(&path).jwt(&other.jwt).refused(521).await;
    }
    // Without an addressee it is the owner's alone.
    let own = server.file(&alice, &registration("User", None)).await;
    assert_eq!(server.file_data(&alice, &own).await.belongs_to, None);
    server.get(&format!("/file/{}", own.file_id)).jwt(&bob.jwt).refused(521).await;
}

async fn files_of_groups_are_for_members_through_the_group(server: TestServer) {
    let (alice, bob, carol) = (server.session("a").await, server.session("b").await, server.session("c").await);
    let (dave, stranger) = (server.session("d").await, server.session("s").await);
    let group = server.group_with(&alice, &[(&bob, 4), (&carol, 3), (&dave, 4)]).await;
    let other_group = server.group(&stranger).await;
    let make = async |by: &Session| {
        let file = server.group_file(by, &group).await;
        server.upload(by, &file, &[b"minutes"]).await;
        file
    };
    let file = make(&bob).await;
    let path = format!("/group/{}/file/{}", group.id, file.file_id);
    for member in [&alice, &bob, &carol] {
        let data: FileData = server.get(&path).jwt(&member.jwt).ok_as().await;
        assert_eq!((data.belongs_to.as_deref(), &data.owner), (Some(&*group.id), &bob.user_id));
        assert_eq!(server.file_bytes(&data).await, b"minutes");
        // Lists through the file itself know no group; the parts do.
        server.get(&format!("/file/{}", file.file_id)).jwt(&member.jwt).refused(521).await;
        server.get(&format!("/file/{}/part_fetch/0", file.file_id)).jwt(&member.jwt).ok().await;
    }
    server.get(&path).jwt(&stranger.jwt).refused(310).await;
    server.get(&path).refused(31).await;
    server.get(&format!("/file/{}/part_fetch/0", file.file_id)).jwt(&stranger.jwt).refused(521).await;
    server.get(&format!("/file/{}/part_fetch/0", file.file_id)).refused(521).await;
    // Another group's path leads nowhere, nor does a file that is no group's.
    let wrong = format!("/group/{}/file/{}", other_group.id, file.file_id);
    server.get(&wrong).jwt(&stranger.jwt).refused(512).await;
    server.delete(&wrong).jwt(&stranger.jwt).refused(512).await;
    let own = server.file(&alice, &for_nobody()).await;
    server.get(&format!("/group/{}/file/{}", group.id, own.file_id)).jwt(&alice.jwt).refused(512).await;

    // Deleting: the owner, or rank 3 and better.
    server.delete(&path).jwt(&dave.jwt).refused(301).await;
    server.delete(&path).jwt(&stranger.jwt).refused(310).await;
    server.delete(&path).jwt(&bob.jwt).ok().await;
    server.get(&path).jwt(&alice.jwt).refused(512).await;
    let file = make(&bob).await;
    server.delete(&format!("/group/{}/file/{}", group.id, file.file_id)).jwt(&carol.jwt).ok().await;
    // After a kick nothing is left.
    let file = make(&dave).await;
    server.delete(&format!("/group/{}/kick/{}", group.id, dave.user_id)).jwt(&alice.jwt).ok().await;
    for path in [format!("/group/{}/file/{}", group.id, file.file_id)] {
        server.get(&path).jwt(&dave.jwt).refused(310).await;
        server.delete(&path).jwt(&dave.jwt).refused(310).await;
    }
    server.get(&format!("/file/{}/part_fetch/0", file.file_id)).jwt(&dave.jwt).refused(521).await;
    // A group's file through the plain route needs the membership too.
    let body = registration("Group", Some(&group.id));
    server.post("/file").jwt(&stranger.jwt).json(&body).refused(310).await;
    server.post("/file").jwt(&bob.jwt).json(&body).ok().await;
}

async fn a_bad_jwt_counts_as_none(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let open = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &open, &[b"x"]).await;
    let closed = server.file(&alice, &for_user(&bob.user_id)).await;
    let part = server.file_data(&alice, &open).await.part_list[0].part_id.clone();
    let claims = tokens::claims(&alice.jwt);
    let now = server.now_ms() / 1000;
    let expired = Claims { iat: now - 301, exp: now - 1, ..claims.clone() };
    let gone = Claims { sub: NOBODY.into(), ..claims };
    let signed = |claims: &Claims| tokens::sign(&server.lax.sign_key, &server.lax.kid, claims);
    let bad = [
        "garbage".to_owned(),
        tokens::with_broken_signature(&alice.jwt),
        signed(&expired),
        signed(&gone),
        tokens::sign(&server.lax.sign_key, "another kid", &tokens::claims(&alice.jwt)),
    ];
    for jwt in &bad {
        server.get(&format!("/file/{}", open.file_id)).jwt(jwt).ok().await;
        server.get(&format!("/file/{}", closed.file_id)).jwt(jwt).refused(521).await;
        let answer = server.get(&format!("/file/part/{part}")).jwt(jwt).send_unchecked().await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"x".as_slice()));
    }
    server.get(&format!("/file/{}", closed.file_id)).header("authorization", &alice.jwt).refused(521).await;
    server.get(&format!("/file/{}", closed.file_id)).jwt(&alice.jwt).ok().await;
    // Sessions that were ended open nothing either.
    let body = json!({ "user_identifier": "alice" });
    server.call("DELETE", "/user/forced/sessions").token(&server.lax.secret).json(&body).ok().await;
    server.get(&format!("/file/{}", closed.file_id)).jwt(&alice.jwt).refused(521).await;
    // The app token is asked first.
    server.get(&format!("/file/{}", open.file_id)).without_token().jwt(&alice.jwt).refused(200).await;
}

async fn names_are_the_owners_to_change(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let file = server.file(&alice, &for_user(&bob.user_id)).await;
    let put = |by: &Session, body| server.put(&format!("/file/{}", file.file_id)).jwt(&by.jwt).json(&body);
    put(&bob, json!({ "encrypted_file_name": "his" })).refused(521).await;
    put(&alice, json!({ "encrypted_file_name": "x".repeat(17_000) })).refused(11).await;
    put(&alice, json!({ "encrypted_file_name": "hers" })).ok().await;
    assert_eq!(server.file_data(&bob, &file).await.encrypted_file_name.as_deref(), Some("hers"));
    put(&alice, json!({})).ok().await;
    assert_eq!(server.file_data(&bob, &file).await.encrypted_file_name, None);
    server.put(&format!("/file/{NOBODY}")).jwt(&alice.jwt).json(&json!({})).refused(512).await;
}

async fn other_apps_see_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &file, &[b"x"]).await;
    let part = server.file_data(&alice, &file).await.part_list[0].part_id.clone();
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let carol = server.session_in(&other, Suite::CLASSIC, "carol").await;
    for path in [
        format!("/file/{}", file.file_id),
        format!("/file/part/{part}"),
        format!("/file/{}/part_fetch/0", file.file_id),
    ] {
        server.get(&path).token(&other.public).refused(512).await;
        server.get(&path).token(&other.public).jwt(&carol.jwt).refused(512).await;
    }
    server.delete(&format!("/file/{}", file.file_id)).token(&other.public).jwt(&carol.jwt).refused(512).await;
    for id in [NOBODY, "x", &"a".repeat(500), "%00"] {
        server.get(&format!("/file/{id}")).refused(512).await;
        server.get(&format!("/file/part/{id}")).refused(512).await;
    }
}

async fn with_jwts_wanted_a_part_id_alone_opens_nothing(server: TestServer) {
    let (alice, bob, carol) = (server.session("a").await, server.session("b").await, server.session("c").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let of_user = server.file(&alice, &for_user(&bob.user_id)).await;
    let of_group = server.group_file(&alice, &group).await;
    let of_nobody = server.file(&alice, &for_nobody()).await;
    for file in [&of_user, &of_group, &of_nobody] {
        server.upload(&alice, file, &[b"x"]).await;
    }
    let group_data: FileData =
        server.get(&format!("/group/{}/file/{}", group.id, of_group.file_id)).jwt(&bob.jwt).ok_as().await;
    for data in [server.file_data(&bob, &of_user).await, group_data] {
        let path = format!("/file/part/{}", data.part_list[0].part_id);
        server.get(&path).refused(521).await;
        server.get(&path).jwt(&carol.jwt).refused(521).await;
        for reader in [&alice, &bob] {
            let answer = server.get(&path).jwt(&reader.jwt).send_unchecked().await;
            assert_eq!((answer.status, answer.body.as_slice()), (200, b"x".as_slice()));
        }
    }
    let open = server.file_data(&carol, &of_nobody).await;
    assert_eq!(server.file_bytes(&open).await, b"x");
}
