//! Users and how they sign in (instant.md section 8).

use e2e::data::DataApp;
use e2e::{Setup, TestServer, both};
use keystead_server::rooms::identity::Role;
use serde_json::{Value, json};

both! {
    tokens_are_made_for_whom_the_backend_names,
    codes_come_by_mail_and_work_once,
    codes_expire,
    guests_become_users,
    extra_fields_are_for_new_users,
    users_go_with_what_hangs_on_them,
    signing_out_ends_tokens,
    accounts_of_the_other_apis_are_the_same_people,
    people_deleted_by_another_api_are_gone_here,
    test_users_have_one_code,
    bad_calls_are_told_what_is_wrong
}
both! { codes_are_limited; with Setup::limited() }

const NOBODY: &str = "00000000-0000-4000-8000-0000000000ff";

async fn post(app: &DataApp, path: &str, body: Value) -> Value {
    app.call("POST", path).body(&body).ok().await
}

async fn runtime(app: &DataApp, path: &str, body: Value) -> Value {
    app.anybody("POST", path).body(&named(app, body)).ok().await
}

/// With the app, as front ends send it.
fn named(app: &DataApp, mut body: Value) -> Value {
    body["app-id"] = app.id.as_str().into();
    body["app_id"] = app.id.as_str().into();
    body
}

async fn code(app: &DataApp, email: &str) -> String {
    let made = post(app, "/admin/magic_code", json!({"email": email})).await;
    made["code"].as_str().expect("a code").to_owned()
}

async fn get(app: &DataApp, query: &str) -> Value {
    app.call("GET", &format!("/admin/users?{query}")).ok().await["user"].clone()
}

async fn tokens_are_made_for_whom_the_backend_names(server: TestServer) {
    let app = server.data();
    let made = post(&app, "/admin/refresh_tokens", json!({"email": " Ann@Example.com "})).await;
    let user = made["user"].as_object().expect("a user").clone();
    let keys: Vec<&str> = user.keys().map(String::as_str).collect();
    let mut expected = vec!["app_id", "created_at", "email", "id", "isGuest", "refresh_token"];
    expected.sort_unstable();
    assert_eq!(
        {
            let mut keys = keys;
            keys.sort_unstable();
            keys
        },
        expected
    );
    assert_eq!(
        (&made["created"], &user["email"], &user["isGuest"]),
        (&json!(true), &json!("ann@example.com"), &json!(false))
    );
    let again = post(&app, "/admin/refresh_tokens", json!({"email": "ann@example.com"})).await;
    assert_eq!((&again["created"], &again["user"]["id"]), (&json!(false), &user["id"]));
    assert_ne!(again["user"]["refresh_token"], user["refresh_token"]);
    // Older tokens stay good, by every way.
    for token in [&user["refresh_token"], &again["user"]["refresh_token"]] {
        let token = token.as_str().expect("a token");
        let seen = runtime(&app, "/runtime/auth/verify_refresh_token", json!({"refresh-token": token})).await;
        assert_eq!((&seen["user"]["id"], &seen["user"]["refresh_token"]), (&user["id"], &json!(token)));
        let known = get(&app, &format!("refresh_token={token}")).await;
        assert!(known["id"] == user["id"] && known.get("refresh_token").is_none());
        let query =
            app.anybody("POST", "/admin/query").header("as-token", token).body(&json!({"query": {"$users": {}}}));
        assert_eq!(query.ok().await["$users"][0]["id"], user["id"]);
    }
    let by_id = post(&app, "/admin/refresh_tokens", json!({"id": NOBODY})).await;
    assert_eq!((&by_id["user"]["id"], &by_id["created"]), (&json!(NOBODY), &json!(true)));
    assert_eq!(get(&app, &format!("id={NOBODY}")).await["id"], NOBODY);
    assert_eq!(get(&app, "email=ann%40example.com").await["id"], user["id"]);
    assert_eq!(get(&app, "email=no%40example.com").await, Value::Null);
    // Each is in the directory.
    let count = format!(
        "SELECT CAST(COUNT(*) AS TEXT) AS line FROM directory_users WHERE id IN ('{NOBODY}', {})",
        user["id"].to_string().replace('"', "'")
    );
    assert_eq!(server.database().lines(&count), ["2"]);
}

async fn codes_come_by_mail_and_work_once(server: TestServer) {
    let app = server.data();
    assert_eq!(
        runtime(&app, "/runtime/auth/send_magic_code", json!({"email": "Jo@example.com"})).await,
        json!({"sent": true})
    );
    let mail = server.mails().await.pop().expect("a letter");
    assert!(mail.contains("To: jo@example.com"), "{mail}");
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    let code = mail.lines().find(is_code).expect("a code on a line of its own").to_owned();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let body = |code: &str| named(&app, json!({"email": "jo@example.com", "code": code}));
    let verify = || app.anybody("POST", "/runtime/auth/verify_magic_code");
    let said = verify().body(&body(wrong)).refused("record-not-found").await;
    assert_eq!(said["hint"]["record-type"], "app-user-magic-code");
    let came = verify().body(&body(&code)).ok().await;
    assert!(came["created"] == true && came["user"]["refresh_token"].is_string());
    verify().body(&body(&code)).refused("record-not-found").await;
    // At rest is neither the code nor the address.
    let sent = post(&app, "/admin/send_magic_code", json!({"email": "jo@example.com"})).await["code"].clone();
    let sent = sent.as_str().expect("a code");
    let rows = server.database().lines("SELECT email_hash || code_hash AS line FROM data_magic_codes");
    assert!(rows.len() == 1 && !rows[0].contains(sent) && !rows[0].contains("jo@"));
    let again = post(&app, "/admin/verify_magic_code", json!({"email": "jo@example.com", "code": sent})).await;
    assert_eq!((&again["created"], &again["user"]["id"]), (&json!(false), &came["user"]["id"]));
}

async fn codes_expire(server: TestServer) {
    let app = server.data();
    let code = code(&app, "jo@example.com").await;
    server.advance(24 * 3_600);
    let body = json!({"email": "jo@example.com", "code": code});
    app.call("POST", "/admin/verify_magic_code").body(&body).refused("record-expired").await;
}

async fn codes_are_limited(server: TestServer) {
    let app = server.data();
    for _ in 0..20 {
        code(&app, "jo@example.com").await;
    }
    let make = || app.call("POST", "/admin/magic_code").body(&json!({"email": "jo@example.com"}));
    assert!(make().refused("rate-limited").await["hint"]["retry-after"].as_i64() > Some(0));
    code(&app, "other@example.com").await;
    let wrong = || app.call("POST", "/admin/verify_magic_code").body(&json!({"email": "jo@example.com", "code": "x"}));
    for _ in 0..20 {
        wrong().refused("record-not-found").await;
    }
    wrong().refused("rate-limited").await;
    server.advance(3_601);
    let code = code(&app, "jo@example.com").await;
    post(&app, "/admin/verify_magic_code", json!({"email": "jo@example.com", "code": code})).await;
}

async fn guests_become_users(server: TestServer) {
    let app = server.data();
    let guest = runtime(&app, "/runtime/auth/sign_in_guest", json!({})).await["user"].clone();
    assert!(guest["type"] == "guest" && guest["isGuest"] == true && guest.get("email").is_none(), "{guest}");
    let sign_in = async |token: &Value| {
        let code = code(&app, "jo@example.com").await;
        let body = json!({"email": "jo@example.com", "code": code, "refresh-token": token});
        runtime(&app, "/runtime/auth/verify_magic_code", body).await
    };
    let full = sign_in(&guest["refresh_token"]).await;
    assert_eq!(full["user"]["id"], guest["id"]);
    assert!(full["user"]["type"] == "user" && full["user"]["email"] == "jo@example.com" && full["created"] == false);
    // The address has a user now: a further guest is linked to him.
    let other = post(&app, "/admin/sign_in_guest", json!({})).await["user"].clone();
    let same = sign_in(&other["refresh_token"]).await;
    assert_eq!(same["user"]["id"], guest["id"]);
    let tree = app.query(json!({"$users": {"$": {"where": {"id": guest["id"]}}, "linkedGuestUsers": {}}})).await;
    assert_eq!(tree["$users"][0]["linkedGuestUsers"][0]["id"], other["id"]);
    // A token that is no guest's any more does no harm.
    assert_eq!(sign_in(&json!(NOBODY)).await["user"]["id"], guest["id"]);
}

async fn extra_fields_are_for_new_users(server: TestServer) {
    let app = server.data();
    app.transact(json!([["update", "$users", NOBODY, {"nick": "x"}]])).await;
    let body = async |email: &str, extra: Value| {
        let code = code(&app, email).await;
        json!({"email": email, "code": code, "extra-fields": extra})
    };
    let verify = |body: Value| app.anybody("POST", "/runtime/auth/verify_magic_code").body(&named(&app, body));
    for bad in
        [json!({"nope": 1}), json!({"email": "eve@example.com"}), json!({"id": NOBODY}), json!({"type": "guest"})]
    {
        let said = verify(body("a@example.com", bad).await).refused("validation-failed").await;
        assert_eq!(said["hint"]["data-type"], "extra-fields");
    }
    let fields = json!({"nick": "jo"});
    verify(body("a@example.com", fields.clone()).await).refused("permission-denied").await;
    // The backend needs no rule.
    let by_admin = post(&app, "/admin/verify_magic_code", body("b@example.com", fields.clone()).await).await;
    assert_eq!(by_admin["user"]["nick"], "jo");
    app.set_rules(json!({"$users": {"allow": {"create": "data.nick == 'jo' && data.email.endsWith('@example.com')"}}}))
        .await;
    assert_eq!(verify(body("a@example.com", fields.clone()).await).ok().await["user"]["nick"], "jo");
    verify(body("c@example.com", json!({"nick": "eve"})).await).refused("permission-denied").await;
    assert_eq!(get(&app, "email=c%40example.com").await, Value::Null);
    // Who is there already keeps what he has, and is asked nothing.
    let again = verify(body("a@example.com", json!({"nick": "other"})).await).ok().await;
    assert!(again["user"]["nick"] == "jo" && again["created"] == false);
}

async fn users_go_with_what_hangs_on_them(server: TestServer) {
    let app = server.data();
    let made = post(&app, "/admin/refresh_tokens", json!({"email": "jo@example.com"})).await["user"].clone();
    let gone = app.call("DELETE", "/admin/users?email=jo%40example.com").ok().await;
    assert_eq!(gone["deleted"]["id"], made["id"]);
    assert_eq!(app.call("DELETE", "/admin/users?email=jo%40example.com").ok().await, json!({"deleted": null}));
    let body = named(&app, json!({"refresh-token": made["refresh_token"]}));
    app.anybody("POST", "/runtime/auth/verify_refresh_token").body(&body).refused("record-not-found").await;
    for table in ["directory_users WHERE id", "data_refresh_tokens WHERE user_id"] {
        let sql = format!(
            "SELECT CAST(COUNT(*) AS TEXT) AS line FROM {table} = {}",
            made["id"].to_string().replace('"', "'")
        );
        assert_eq!(server.database().lines(&sql), ["0"]);
    }
}

async fn signing_out_ends_tokens(server: TestServer) {
    let app = server.data();
    let token = async || {
        let made = post(&app, "/admin/refresh_tokens", json!({"email": "jo@example.com"})).await;
        (made["user"]["id"].clone(), made["user"]["refresh_token"].clone())
    };
    let ended = async |token: &Value| {
        let body = named(&app, json!({"refresh-token": token}));
        app.anybody("POST", "/runtime/auth/verify_refresh_token").body(&body).send().await.status == 400
    };
    let ((id, first), (_, second)) = (token().await, token().await);
    assert_eq!(runtime(&app, "/runtime/signout", json!({"refresh_token": first})).await, json!({}));
    assert!(ended(&first).await && !ended(&second).await);
    assert_eq!(post(&app, "/admin/sign_out", json!({"refresh_token": second})).await, json!({"ok": true}));
    assert!(ended(&second).await);
    for which in [json!({"id": id}), json!({"email": "jo@example.com"})] {
        let (_, token) = token().await;
        post(&app, "/admin/sign_out", which).await;
        assert!(ended(&token).await);
    }
    post(&app, "/admin/sign_out", json!({"id": NOBODY})).await;
    post(&app, "/admin/sign_out", json!({"refresh_token": NOBODY})).await;
    let unknown = app.call("POST", "/admin/sign_out").body(&json!({"email": "no@example.com"}));
    assert_eq!(unknown.refused("record-not-found").await["hint"]["record-type"], "app-user");
}

async fn accounts_of_the_other_apis_are_the_same_people(server: TestServer) {
    let lax = server.data();
    let app = DataApp { id: server.default_app_id(), ..lax.clone() };
    let jo = server.person("jo@example.com").await;
    let verify = async |email: &str| {
        let sent = named(&app, json!({"email": email}));
        app.anybody("POST", "/runtime/auth/send_magic_code").body(&sent).ok().await;
        let mail = server.mails().await.into_iter().rev().find(|mail| mail.contains("is your code")).expect("a letter");
        let code =
            mail.lines().find(|l| l.len() == 6 && l.bytes().all(|b| b.is_ascii_digit())).expect("a code").to_owned();
        runtime(&app, "/runtime/auth/verify_magic_code", json!({"email": email, "code": code})).await
    };
    // An address that nobody has verified proves nothing.
    server.iam_register("eve@example.com").await;
    let eve = server.person_again("eve@example.com", e2e::identity::PASSWORD).await;
    assert_ne!(verify("eve@example.com").await["user"]["id"], eve.uuid.as_str());
    server.promote("jo@example.com", Role::General, true).await;
    let jo = jo.uuid;
    assert_eq!(verify("jo@example.com").await["user"]["id"], jo.as_str());
    // The identity API's access token, and the key API's JWT.
    let query = json!({"query": {"$users": {}}});
    let tokens = server.person_again("jo@example.com", e2e::identity::PASSWORD).await.tokens;
    let access = tokens.access.trim_start_matches("Bearer ");
    let as_token =
        |app: &DataApp, token: &str| app.anybody("POST", "/admin/query").header("as-token", token).body(&query);
    assert_eq!(as_token(&app, access).ok().await["$users"][0]["id"], jo.as_str());
    as_token(&lax, access).refused("record-not-found").await;
    let session = server.session("kim").await;
    assert_eq!(as_token(&lax, &session.jwt).ok().await["$users"], json!([]));
    lax.transact(json!([["update", "$users", session.user_id, {"email": "kim@example.com"}]])).await;
    assert_eq!(as_token(&lax, &session.jwt).ok().await["$users"][0]["id"], session.user_id.as_str());
    as_token(&app, &session.jwt).refused("record-not-found").await;
}

async fn people_deleted_by_another_api_are_gone_here(server: TestServer) {
    let lax = server.data();
    let app = DataApp { id: server.default_app_id(), ..lax.clone() };
    let verified = async |app: &DataApp, token: &Value| {
        let body = named(app, json!({"refresh-token": token}));
        app.anybody("POST", "/runtime/auth/verify_refresh_token").body(&body).send().await.status == 200
    };
    // The key API: the user himself, and the app's backend.
    for by_backend in [false, true] {
        let session = server.session(if by_backend { "kim" } else { "lee" }).await;
        let id = session.user_id.as_str();
        let made = post(&lax, "/admin/refresh_tokens", json!({"id": id})).await;
        let token = &made["user"]["refresh_token"];
        assert!(verified(&lax, token).await);
        match by_backend {
            false => server.delete("/user").jwt(&session.jwt).ok().await,
            true => server.delete(&format!("/user/forced/delete/{id}")).token(&server.lax.secret).ok().await,
        };
        assert!(!verified(&lax, token).await);
        assert_eq!(get(&lax, &format!("id={id}")).await, Value::Null);
    }
    // The identity API: the user himself, and an administrator.
    server.admin("root@example.com").await;
    for by_admin in [false, true] {
        let jo = server.person("jo@example.com").await;
        server.promote("jo@example.com", Role::General, true).await;
        let body = named(&app, json!({"email": "jo@example.com"}));
        app.anybody("POST", "/runtime/auth/send_magic_code").body(&body).ok().await;
        let mail = server.mails().await.into_iter().rev().find(|mail| mail.contains("is your code")).expect("a letter");
        let code = mail.lines().find(|l| l.len() == 6 && l.bytes().all(|b| b.is_ascii_digit())).expect("a code");
        let made =
            runtime(&app, "/runtime/auth/verify_magic_code", json!({"email": "jo@example.com", "code": code})).await;
        let (token, uuid) = (&made["user"]["refresh_token"], jo.uuid.as_str());
        assert!(made["user"]["id"] == uuid && verified(&app, token).await);
        let deleted = match by_admin {
            false => {
                let jo = server.person_again("jo@example.com", e2e::identity::PASSWORD).await;
                server
                    .iam("DELETE", "/authn/delete")
                    .tokens(&jo.tokens)
                    .json(&json!({"uuid": uuid, "csrf_token": jo.csrf}))
                    .send()
                    .await
            }
            true => {
                let root = server.person_again("root@example.com", e2e::identity::PASSWORD).await;
                server
                    .iam("DELETE", &format!("/users/{uuid}"))
                    .tokens(&root.tokens)
                    .json(&json!({"csrf_token": root.csrf}))
                    .send()
                    .await
            }
        };
        deleted.assert_ok();
        assert!(!verified(&app, token).await);
    }
}

async fn test_users_have_one_code(server: TestServer) {
    let app = server.data();
    let path = format!("/dash/apps/{}/test_users", app.id);
    app.call("POST", &path).body(&json!({"email": "Test@example.com", "code": "424242"})).ok().await;
    app.call("POST", &path).body(&json!({"email": "test@example.com", "code": "42"})).refused("param-malformed").await;
    assert_eq!(
        app.call("GET", &path).ok().await["test-users"],
        json!([{"email": "test@example.com", "code": "424242"}])
    );
    runtime(&app, "/runtime/auth/send_magic_code", json!({"email": "test@example.com"})).await;
    assert_eq!(server.mails().await.len(), 0);
    for _ in 0..2 {
        let body = json!({"email": "test@example.com", "code": "424242"});
        runtime(&app, "/runtime/auth/verify_magic_code", body).await;
    }
    assert_eq!(app.call("DELETE", &format!("{path}?email=test%40example.com")).ok().await, json!({"deleted": true}));
    let body = json!({"email": "test@example.com", "code": "424242"});
    app.call("POST", "/admin/verify_magic_code").body(&body).refused("record-not-found").await;
}

async fn bad_calls_are_told_what_is_wrong(server: TestServer) {
    let app = server.data();
    for (path, body, kind) in [
        ("/admin/refresh_tokens", json!({}), "validation-failed"),
        ("/admin/refresh_tokens", json!({"email": "jo"}), "param-malformed"),
        ("/admin/refresh_tokens", json!({"email": 3}), "param-malformed"),
        ("/admin/refresh_tokens", json!({"id": "x"}), "param-malformed"),
        ("/admin/sign_out", json!({}), "validation-failed"),
        ("/admin/sign_out", json!({"refresh_token": "x"}), "param-malformed"),
        ("/admin/magic_code", json!({}), "param-missing"),
        ("/admin/magic_code", json!({"email": "jo@example.com\r\nBcc: eve@example.com"}), "param-malformed"),
        ("/admin/verify_magic_code", json!({"email": "jo@example.com"}), "param-missing"),
        ("/admin/verify_magic_code", json!({"email": "jo@example.com", "code": "1".repeat(100)}), "param-malformed"),
        (
            "/admin/verify_magic_code",
            json!({"email": "jo@example.com", "code": "1", "extra-fields": 3}),
            "param-malformed",
        ),
        ("/runtime/auth/verify_refresh_token", json!({"app-id": app.id}), "param-missing"),
        ("/runtime/auth/verify_refresh_token", json!({"app-id": app.id, "refresh-token": "x"}), "param-malformed"),
        ("/runtime/auth/verify_refresh_token", json!({"app-id": "x"}), "param-malformed"),
        ("/runtime/auth/sign_in_guest", json!({"app-id": NOBODY}), "record-not-found"),
        ("/runtime/signout", json!({"app_id": app.id}), "param-missing"),
    ] {
        app.call("POST", path).body(&body).refused(kind).await;
    }
    app.call("GET", "/admin/users").refused("validation-failed").await;
    app.call("GET", "/admin/users?id=x").refused("param-malformed").await;
}
