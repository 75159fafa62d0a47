//! Upload sessions: parts, their order, their size, interruptions.

use e2e::files::{for_nobody, registration};
use e2e::users::NOBODY;
use e2e::{Setup, TestServer, both, tokens};
use futures_util::future::join_all;
use futures_util::stream;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::files::{BelongsToType, FileSessionOutput, MAX_PART_SIZE};
use keystead_protocol::jwt::Claims;
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    parts_come_back_as_they_were,
    an_interrupted_upload_goes_on,
    a_part_that_is_sent_again_takes_the_place_of_the_first,
    parallel_uploads_of_one_part_leave_one,
    wrong_places_are_refused,
    a_session_is_its_owners,
    a_session_expires_after_a_day,
    an_upload_ends_with_the_membership_and_with_the_sessions_of_its_user,
    apps_without_server_storage_take_no_parts,
    a_list_of_more_than_a_page_is_whole,
    wrong_registrations_are_refused,
}

both! { the_size_is_enforced_while_streaming; with Setup::default() }

fn noise(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i.wrapping_mul(31) % 251).expect("below 256") ^ seed).collect()
}

async fn parts_come_back_as_they_were(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    let parts = [noise(1_500_000, 1), noise(300_000, 2), vec![0]];
    server.upload(&alice, &file, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;

    let data = server.file_data(&alice, &file).await;
    assert_eq!(data.file_id, file.file_id);
    assert_eq!((data.master_key_id.as_str(), data.encrypted_key.as_str()), ("some-key", "a wrapped key"));
    assert_eq!(data.encrypted_key_alg, "AES-GCM-256");
    assert_eq!(
        (data.owner.as_str(), data.belongs_to_type, data.belongs_to.as_ref()),
        (&*alice.user_id, BelongsToType::None, None)
    );
    assert_eq!(data.encrypted_file_name.as_deref(), Some("a name"));
    assert!((data.time - server.now_ms()).abs() < 60_000);
    assert_eq!(data.part_list.iter().map(|p| p.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(data.part_list.iter().all(|p| !p.extern_storage));
    for (part, bytes) in data.part_list.iter().zip(&parts) {
        assert!(server.part_bytes(&part.part_id).await == *bytes, "part {}", part.sequence);
    }
    assert_eq!(server.objects().len(), 3);
    // The upload is over.
    server.part(&alice, &file, 3, true, b"more").refused(510).await;
    server.part(&alice, &file, 4, false, b"more").refused(510).await;
    assert!(server.upload_state(&alice, &file).await.finished);
    // A restart loses nothing.
    server.restart();
    assert_eq!(server.file_bytes(&data).await, parts.concat());
}

async fn an_interrupted_upload_goes_on(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    let empty = server.upload_state(&alice, &file).await;
    assert_eq!((empty.missing, empty.next, empty.end, empty.finished), (vec![], 1, None, false));
    for seq in [1, 4] {
        server.part(&alice, &file, seq, false, &[u8::try_from(seq).expect("small")]).ok().await;
    }
    server.restart();
    let state = server.upload_state(&alice, &file).await;
    let expires = state.expires - server.now_ms();
    assert!((86_000_000..=86_400_000).contains(&expires), "{expires}");
    assert_eq!((state.missing, state.next, state.end), (vec![2, 3], 5, None));
    server.part(&alice, &file, 5, true, &[5]).ok().await;
    let state = server.upload_state(&alice, &file).await;
    assert_eq!((state.missing, state.next, state.end, state.finished), (vec![2, 3], 6, Some(5), false));
    for seq in [3, 2] {
        server.part(&alice, &file, seq, false, &[u8::try_from(seq).expect("small")]).ok().await;
    }
    let state = server.upload_state(&alice, &file).await;
    assert_eq!((state.missing, state.finished), (vec![], true));
    let data = server.file_data(&alice, &file).await;
    assert_eq!(server.file_bytes(&data).await, [1, 2, 3, 4, 5]);
}

async fn a_part_that_is_sent_again_takes_the_place_of_the_first(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    server.part(&alice, &file, 1, false, b"first try").ok().await;
    let before = server.file_data(&alice, &file).await;
    server.part(&alice, &file, 1, false, b"second try").ok().await;
    server.part(&alice, &file, 2, true, b" and the end").ok().await;
    let data = server.file_data(&alice, &file).await;
    assert_eq!(server.file_bytes(&data).await, b"second try and the end");
    let old = &before.part_list[0].part_id;
    server.get(&format!("/file/part/{old}")).refused(512).await;
    assert_eq!(server.objects().len(), 3);
    assert_eq!(server.delete_due().await, 1);
    assert_eq!(server.objects().len(), 2);
    assert_eq!(server.file_bytes(&data).await, b"second try and the end");
}

async fn parallel_uploads_of_one_part_leave_one(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    let tries: Vec<Vec<u8>> = (0..8).map(|seed| noise(200_000, seed)).collect();
    join_all(tries.iter().map(|bytes| server.part(&alice, &file, 1, false, bytes).ok())).await;
    server.part(&alice, &file, 2, true, b"end").ok().await;
    let data = server.file_data(&alice, &file).await;
    assert_eq!(data.part_list.len(), 2);
    let stored = server.part_bytes(&data.part_list[0].part_id).await;
    assert!(tries.contains(&stored), "one of those that were sent, and whole");
    assert_eq!(server.delete_due().await, 7);
    assert_eq!(server.objects().len(), 2);
    assert_eq!(server.part_bytes(&data.part_list[0].part_id).await, stored);
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM file_deletions"), 0);
}

async fn wrong_places_are_refused(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    let post = |rest: &str| server.post(&format!("/file/part/{}/{rest}", file.session_id)).jwt(&alice.jwt).bytes(b"x");
    for place in ["0/true", "-1/false", "x/false", "25001/false", "99999999999/false", "1/maybe", "1/TRUE", "1.0/true"]
    {
        post(place).refused(12).await;
    }
    for session in [NOBODY, "x", &"a".repeat(500), "%00"] {
        server.post(&format!("/file/part/{session}/1/true")).jwt(&alice.jwt).bytes(b"x").refused(510).await;
    }
    post("1/false").text("").refused(11).await;
    post("5/false").ok().await;
    post("4/true").refused(12).await;
    post("6/true").ok().await;
    post("7/false").refused(12).await;
    post("5/true").refused(12).await;
    post("6/true").ok().await;
    assert_eq!(server.upload_state(&alice, &file).await.missing, [1, 2, 3, 4]);
}

async fn the_size_is_enforced_while_streaming(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    let most = noise(MAX_PART_SIZE, 3);
    server.part(&alice, &file, 1, false, &most).ok().await;
    let data = server.file_data(&alice, &file).await;
    assert!(server.part_bytes(&data.part_list[0].part_id).await == most);
    assert_eq!(server.objects().len(), 1);
    // Announced by its length, and not.
    let too_much = [most.as_slice(), &[0]].concat();
    server.part(&alice, &file, 2, true, &too_much).refused(504).await;
    let chunks = too_much.chunks(60_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
    let url = format!("{}/api/v1/file/part/{}/2/true", server.url(), file.session_id);
    let request = server.http().post(url).header("x-sentc-app-token", &server.lax.public).bearer_auth(&alice.jwt);
    let answer = request.body(reqwest::Body::wrap_stream(stream::iter(chunks))).send().await.expect("an answer");
    assert_eq!(answer.status(), 413);
    assert!(answer.text().await.expect("text").contains("504"));
    assert_eq!(server.objects().len(), 1, "nothing is left of them");
    // JSON bodies keep their own limit.
    server.post("/file").jwt(&alice.jwt).bytes(&most).refused(12).await;
}

async fn a_session_is_its_owners(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 1)]).await;
    let file = server.group_file(&alice, &group).await;
    // Not even another member, nor another app.
    server.part(&bob, &file, 1, true, b"x").refused(510).await;
    server.get(&format!("/file/session/{}", file.session_id)).jwt(&bob.jwt).refused(510).await;
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let carol = server.session_in(&other, Suite::CLASSIC, "carol").await;
    server.part(&carol, &file, 1, true, b"x").token(&other.public).refused(510).await;
    server.part(&alice, &file, 1, true, b"x").without_token().refused(200).await;
    server.post(&format!("/file/part/{}/1/true", file.session_id)).bytes(b"x").refused(31).await;
    server.part(&alice, &file, 1, true, b"x").ok().await;
}

async fn a_session_expires_after_a_day(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    server.part(&alice, &file, 1, false, b"in time").ok().await;
    // The JWT is long expired; for a running upload it is good.
    server.advance(24 * 3600 - 60);
    server.get("/group/all/0/none").jwt(&alice.jwt).refused(30).await;
    server.part(&alice, &file, 2, false, b"in time").ok().await;
    server.advance(60);
    server.part(&alice, &file, 3, true, b"too late").refused(511).await;
    let again = server.forced_login(&server.lax, "alice").await;
    server.part(&again, &file, 3, true, b"too late").refused(511).await;
    let state: FileSessionOutput = server.upload_state(&again, &file).await;
    assert!(!state.finished && state.expires <= server.now_ms() && state.next == 3, "{state:?}");

    // Days later the rest goes; a file without parts is an empty file, and stays.
    let empty = server.file(&again, &for_nobody()).await;
    server.sweep_files().await;
    server.file_data(&again, &file).await;
    server.advance(9 * 24 * 3600);
    server.sweep_files().await;
    let again = server.forced_login(&server.lax, "alice").await;
    server.get(&format!("/file/{}", file.file_id)).jwt(&again.jwt).refused(512).await;
    assert!(server.file_data(&again, &empty).await.part_list.is_empty());
    assert_eq!(server.delete_due().await, 2);
    assert!(server.objects().is_empty());
}

async fn an_upload_ends_with_the_membership_and_with_the_sessions_of_its_user(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let file = server.group_file(&bob, &group).await;
    server.part(&bob, &file, 1, false, b"as a member").ok().await;
    server.delete(&format!("/group/{}/kick/{}", group.id, bob.user_id)).jwt(&alice.jwt).ok().await;
    server.part(&bob, &file, 2, true, b"kicked").refused(310).await;
    server.put(&format!("/file/{}", file.file_id)).jwt(&bob.jwt).json(&json!({})).refused(521).await;
    server.delete(&format!("/file/{}", file.file_id)).jwt(&bob.jwt).refused(521).await;

    let own = server.file(&bob, &for_nobody()).await;
    server.part(&bob, &own, 1, false, b"x").ok().await;
    let body = json!({ "user_identifier": "bob" });
    server.call("DELETE", "/user/forced/sessions").token(&server.lax.secret).json(&body).ok().await;
    server.part(&bob, &own, 2, true, b"x").refused(30).await;
    let forged =
        tokens::sign(&server.lax.sign_key, &server.lax.kid, &Claims { sub: NOBODY.into(), ..tokens::claims(&bob.jwt) });
    server.part(&bob, &own, 2, true, b"x").jwt(&forged).refused(100).await;
}

async fn apps_without_server_storage_take_no_parts(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    for (storage, url) in [("-1", ""), ("1", "http://127.0.0.1:9/")] {
        server.set_options(&server.lax, &[("storage_url", url), ("file_storage", storage)]).await;
        server.part(&alice, &file, 1, true, b"x").refused(520).await;
    }
    server.set_options(&server.lax, &[("file_storage", "-1")]).await;
    let patch = format!("/file/part/{}/1/true/{}", file.session_id, alice.user_id);
    server.patch(&patch).token(&server.lax.secret).refused(520).await;
    server.set_options(&server.lax, &[("file_storage", "0")]).await;
    server.patch(&patch).token(&server.lax.secret).refused(520).await;
    server.part(&alice, &file, 1, true, b"x").ok().await;
}

async fn a_list_of_more_than_a_page_is_whole(server: TestServer) {
    let alice = server.session("alice").await;
    let bob = server.session("bob").await;
    let file = server.file(&alice, &e2e::files::for_user(&bob.user_id)).await;
    // The customer's storage takes no bytes of ours.
    server.set_options(&server.lax, &[("storage_url", "http://127.0.0.1:9/"), ("file_storage", "1")]).await;
    for seq in 1..=501 {
        let path = format!("/file/part/{}/{seq}/{}/{}", file.session_id, seq == 501, alice.user_id);
        server.patch(&path).token(&server.lax.secret).ok().await;
    }
    assert_eq!(server.file_data(&bob, &file).await.part_list.len(), 501);
    let fetch = |after: i32| server.get(&format!("/file/{}/part_fetch/{after}", file.file_id));
    // What unmodified clients do after a list of 500 or more: no JWT.
    assert_eq!(fetch(501).ok().await, json!([]));
    // With less known, nothing is told to strangers (better-than 13).
    fetch(0).refused(521).await;
    fetch(500).refused(521).await;
    assert_eq!(fetch(0).jwt(&bob.jwt).ok().await.as_array().map(Vec::len), Some(500));
    assert_eq!(fetch(500).jwt(&bob.jwt).ok().await[0]["sequence"], 501);
    for bad in ["x", "-1", ""] {
        let code = server.get(&format!("/file/{}/part_fetch/{bad}", file.file_id)).jwt(&bob.jwt).code().await;
        assert!(matches!(code, Some(12 | 404)), "{bad}: {code:?}");
    }
    server.get(&format!("/file/{NOBODY}/part_fetch/0")).refused(512).await;
}

async fn wrong_registrations_are_refused(server: TestServer) {
    let alice = server.session("alice").await;
    let change = |name: &str, value: serde_json::Value| {
        let mut body = for_nobody();
        body[name] = value;
        body
    };
    for body in [
        json!({}),
        json!({ "belongs_to_type": "None" }),
        json!({ "belongs_to_type": "None", "encrypted_key": "x", "master_key_id": "k" }),
        change("belongs_to_type", "none".into()),
        change("belongs_to_type", "Group".into()),
        change("encrypted_key", "".into()),
        change("encrypted_key", "x".repeat(17_000).into()),
        change("encrypted_file_name", "x".repeat(17_000).into()),
        // PostgreSQL takes no NUL.
        change("encrypted_file_name", "a\0b".into()),
        change("encrypted_key", "a\0b".into()),
        change("encrypted_key_alg", "a\0b".into()),
        change("master_key_id", "no id!".into()),
        change("master_key_id", 7.into()),
    ] {
        server.post("/file").jwt(&alice.jwt).json(&body).refused(11).await;
    }
    server.post("/file").jwt(&alice.jwt).json(&registration("User", Some(NOBODY))).refused(100).await;
    server.post("/file").jwt(&alice.jwt).json(&registration("Group", Some(NOBODY))).refused(310).await;
    // As the clients of 2022 do it.
    let old =
        json!({ "key_id": "some-key", "belongs_to_id": "", "belongs_to_type": "None", "encrypted_file_name": "n" });
    let file = server.file(&alice, &old).await;
    let data = server.file_data(&alice, &file).await;
    assert_eq!((data.key_id.as_deref(), data.master_key_id.as_str()), (Some("some-key"), ""));
}
