//! The user's own view of his sessions: routes of Keystead.

use e2e::users::{NOBODY, Session};
use e2e::{TestServer, both, tokens};
use futures_util::future::join_all;
use keystead_protocol::devices::SessionListItem;
use keystead_protocol::jwt::Claims;
use keystead_sdk_core::Suite;

const DAY: i64 = 24 * 3600;

both! {
    a_user_sees_his_sessions,
    sessions_are_listed_in_pages,
    an_ended_session_is_over_at_once,
    a_session_of_another_user_is_none,
    all_other_sessions_end_at_once,
    logout_ends_the_jwt_too,
    a_jwt_of_the_apps_owner_has_no_session,
    of_parallel_ends_of_a_session_one_succeeds,
    a_refresh_keeps_its_session,
}

async fn sessions(server: &TestServer, of: &Session) -> Vec<SessionListItem> {
    server.get("/user/sessions/0/none").jwt(&of.jwt).ok_as().await
}

async fn jwt_code(server: &TestServer, session: &Session) -> Option<u32> {
    server.get("/group/all/0/none").jwt(&session.jwt).code().await
}

async fn refresh_code(server: &TestServer, session: &Session) -> Option<u32> {
    server.put("/refresh").jwt(&session.jwt).json(&session.refresh_body()).code().await
}

async fn login(server: &TestServer, name: &str) -> Session {
    server.login(&server.lax, Suite::CLASSIC, name).await
}

/// better-than 31: the original has no list of sessions.
async fn a_user_sees_his_sessions(server: TestServer) {
    let phone = server.session("phone").await;
    server.session("stranger").await;
    let laptop = server.add_device(&phone, "laptop").await;
    let opened = sessions(&server, &laptop).await;
    let devices: Vec<_> = opened.iter().map(|s| (s.device_id.as_str(), s.current)).collect();
    assert_eq!(devices, [(phone.device_id.as_str(), false), (laptop.device_id.as_str(), true)]);
    assert_eq!(opened[1].session_id, tokens::claims(&laptop.jwt).sid);
    assert!(opened.iter().all(|s| s.last_used == s.time && (server.now_ms() - s.time) < 60_000));

    // Its last use is noted now and then.
    server.advance(10 * 60);
    assert_eq!(refresh_code(&server, &phone).await, None);
    let laptop = login(&server, "laptop").await;
    assert_eq!(sessions(&server, &laptop).await[0].last_used, opened[0].last_used);
    server.advance(10 * 60);
    assert_eq!(refresh_code(&server, &phone).await, None);
    let laptop = login(&server, "laptop").await;
    let seen = sessions(&server, &laptop).await;
    assert_eq!((seen.len(), seen[0].time), (4, opened[0].time));
    assert!(seen[0].last_used - opened[0].last_used >= 1_200_000);
    // Those that are too old are not shown.
    server.advance(91 * DAY);
    let phone = login(&server, "phone").await;
    assert_eq!(sessions(&server, &phone).await.len(), 1);
}

async fn sessions_are_listed_in_pages(server: TestServer) {
    let alice = server.session("alice").await;
    for _ in 0..54 {
        server.forced_login(&server.lax, "alice").await;
    }
    // All at one time: pages must neither skip nor repeat.
    let sql = "UPDATE key_refresh_tokens SET created_ms = (SELECT min(created_ms) FROM key_refresh_tokens)";
    server.database().execute(sql);
    let (mut seen, mut at): (Vec<SessionListItem>, _) = (Vec::new(), "0/none".to_owned());
    loop {
        let page: Vec<SessionListItem> = server.get(&format!("/user/sessions/{at}")).jwt(&alice.jwt).ok_as().await;
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 50);
        at = format!("{}/{}", last.time, last.session_id);
        seen.extend(page);
    }
    assert_eq!((seen.len(), seen.iter().filter(|s| s.current).count()), (55, 1));
    let mut ids: Vec<_> = seen.into_iter().map(|s| s.session_id).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), 55);
    server.get("/user/sessions/x/none").jwt(&alice.jwt).refused(13).await;
}

async fn an_ended_session_is_over_at_once(server: TestServer) {
    let (one, two) = (server.session("alice").await, login(&server, "alice").await);
    // Used before, so that a cache would know it.
    assert_eq!(jwt_code(&server, &one).await, None);
    let id = tokens::claims(&one.jwt).sid;
    server.delete(&format!("/user/sessions/{id}")).jwt(&two.jwt).ok().await;
    assert_eq!((jwt_code(&server, &one).await, refresh_code(&server, &one).await), (Some(30), Some(114)));
    assert_eq!((jwt_code(&server, &two).await, refresh_code(&server, &two).await), (None, None), "the same device");
    server.delete(&format!("/user/sessions/{id}")).jwt(&two.jwt).refused(114).await;
    // A login right after is a session of its own.
    let three = login(&server, "alice").await;
    assert_eq!((jwt_code(&server, &three).await, refresh_code(&server, &three).await), (None, None));
    // One's own may be ended, too.
    let own = tokens::claims(&three.jwt).sid;
    server.delete(&format!("/user/sessions/{own}")).jwt(&three.jwt).ok().await;
    assert_eq!(jwt_code(&server, &three).await, Some(30));
    assert_eq!(sessions(&server, &two).await.len(), 1);
}

async fn a_session_of_another_user_is_none(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let id = tokens::claims(&alice.jwt).sid;
    for id in [id.as_str(), NOBODY, "x", "%00"] {
        server.delete(&format!("/user/sessions/{id}")).jwt(&bob.jwt).refused(114).await;
    }
    assert_eq!((jwt_code(&server, &alice).await, refresh_code(&server, &alice).await), (None, None));
}

async fn all_other_sessions_end_at_once(server: TestServer) {
    let (phone, bob) = (server.session("phone").await, server.session("bob").await);
    let laptop = server.add_device(&phone, "laptop").await;
    let (other, current) = (login(&server, "phone").await, login(&server, "phone").await);
    server.delete("/user/sessions").jwt(&current.jwt).ok().await;
    for ended in [&phone, &laptop, &other] {
        assert_eq!((jwt_code(&server, ended).await, refresh_code(&server, ended).await), (Some(30), Some(114)));
    }
    for alive in [&current, &bob] {
        assert_eq!((jwt_code(&server, alive).await, refresh_code(&server, alive).await), (None, None));
    }
    assert_eq!(sessions(&server, &current).await.len(), 1);
}

async fn logout_ends_the_jwt_too(server: TestServer) {
    let (one, two) = (server.session("alice").await, login(&server, "alice").await);
    server.delete("/refresh").jwt(&one.jwt).json(&one.refresh_body()).ok().await;
    assert_eq!((jwt_code(&server, &one).await, jwt_code(&server, &two).await), (Some(30), None));
}

/// The owner of an app signs what he likes with the exported key. Ends of sessions are not about his tokens; the forced end is.
async fn a_jwt_of_the_apps_owner_has_no_session(server: TestServer) {
    let alice = server.session("alice").await;
    let app = &server.lax;
    let claims = Claims { sid: String::new(), ..tokens::claims(&alice.jwt) };
    let own = Session { jwt: tokens::sign(&app.sign_key, &app.kid, &claims), ..alice.clone() };
    assert!(sessions(&server, &own).await.iter().all(|s| !s.current));
    server.delete("/user/sessions").jwt(&own.jwt).ok().await;
    assert_eq!((jwt_code(&server, &alice).await, jwt_code(&server, &own).await), (Some(30), None));
    let end = server.delete("/user/forced/sessions").token(&app.secret);
    end.json(&serde_json::json!({ "user_identifier": "alice" })).ok().await;
    assert_eq!(jwt_code(&server, &own).await, Some(30));
}

/// better-than 20c.
async fn of_parallel_ends_of_a_session_one_succeeds(server: TestServer) {
    let (one, two) = (server.session("alice").await, login(&server, "alice").await);
    let path = format!("/user/sessions/{}", tokens::claims(&one.jwt).sid);
    let codes = join_all((0..10).map(|_| server.delete(&path).jwt(&two.jwt).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(114)), "{codes:?}");
}

async fn a_refresh_keeps_its_session(server: TestServer) {
    let (one, two) = (server.session("alice").await, login(&server, "alice").await);
    // With the JWT of another session of the device: the refresh token says which session it is.
    let out = server.put("/refresh").jwt(&two.jwt).json(&one.refresh_body()).ok().await;
    let jwt = out["jwt"].as_str().expect("a JWT");
    assert_eq!(tokens::claims(jwt).sid, tokens::claims(&one.jwt).sid);
    let out = server.post("/init").jwt(jwt).json(&two.refresh_body()).ok().await;
    assert_eq!(tokens::claims(out["jwt"].as_str().expect("a JWT")).sid, tokens::claims(&two.jwt).sid);
}
