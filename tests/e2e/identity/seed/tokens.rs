//! Tokens: refresh, rotation, logout, theft.

use e2e::identity::{PASSWORD, Tokens, claims};
use e2e::{TestServer, both};
use serde_json::{Value, json};

both! {
    row_08_an_expired_access_token_and_a_live_refresh_token_give_new_ones,
    row_09_two_expired_tokens_give_nothing,
    row_19_logout_takes_the_cookies,
    row_20_logout_ends_a_browsers_refresh_token,
    row_21_logout_ends_an_apps_refresh_token,
    row_22_after_logout_an_access_token_is_refused,
    row_35_refresh_gives_a_new_pair_and_ends_the_old_one,
    row_36_refresh_needs_an_access_token_of_any_age,
    row_48_kinds_of_tokens_are_not_interchangeable,
    row_60_one_refresh_token_is_active,
    row_61_a_new_login_ends_the_older_refresh_token,
    row_62_an_inactive_refresh_token_raises_the_alert,
    row_63_a_changed_refresh_token_fails_without_alert,
    row_69_one_of_parallel_refreshes_succeeds,
    row_70_silent_renewal_serves_the_right_user,
}

async fn row_08_an_expired_access_token_and_a_live_refresh_token_give_new_ones(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.advance(901);
    let answer = server.iam("POST", "/authn/refresh").tokens(&jo.tokens).send().await;
    assert_eq!(answer.body, json!({ "status": "success" }));
    let new = answer.tokens();
    assert_ne!(new.access, jo.tokens.access);
    assert_ne!(new.refresh, jo.tokens.refresh);
    let profile = server.iam("GET", "/authn/profile").tokens(&new).ok().await;
    // One login, one session: its id and csrf token stay.
    assert_eq!((profile["csrf_token"].as_str(), &new.sid), (Some(jo.csrf.as_str()), &jo.tokens.sid));
    let claims = claims(&new.access);
    assert!(claims["iss"] == "NuxtIam" && claims["jti"].is_string(), "{claims}");
}

async fn row_09_two_expired_tokens_give_nothing(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.advance(1_209_601);
    let answer = server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
    assert!(answer.tokens_if_any().is_none());
    let answer = server.iam("GET", "/authn/profile").tokens(&jo.tokens).fails(500).await;
    assert_eq!(answer.message(), "Reauthentication failed. Login required.");
    server.iam("GET", "/users").tokens(&jo.tokens).fails(403).await;
    // An age is no theft.
    server.person_again("jo@example.com", PASSWORD).await;
}

async fn row_19_logout_takes_the_cookies(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let body = json!({ "email": "jo@example.com", "password": PASSWORD });
    let login = server.iam("POST", "/authn/login").platform("browser").json(&body).send().await;
    let call = |method, path| server.iam(method, path).platform("browser").cookies(&login.tokens());
    let answer = call("POST", "/authn/logout").send().await;
    assert!(answer.is_ok() && answer.clears(), "{answer}");
    let no = call("GET", "/authn/isauthenticated").send().await;
    assert_eq!(no.body, json!({ "status": "fail" }));
    // Anybody may log out, also who is not logged in.
    for platform in ["app", "browser", "browser-dev"] {
        let answer = server.iam("POST", "/authn/logout").platform(platform).send().await;
        assert!(answer.is_ok() && answer.clears(), "{answer}");
    }
    let unknown = Tokens { sid: e2e::users::NOBODY.into(), ..Tokens::default() };
    server.iam("POST", "/authn/logout").tokens(&unknown).ok().await;
}

async fn row_20_logout_ends_a_browsers_refresh_token(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let body = json!({ "email": "jo@example.com", "password": PASSWORD });
    let login = server.iam("POST", "/authn/login").platform("browser").json(&body).send().await;
    let call = |path| server.iam("POST", path).platform("browser").cookies(&login.tokens());
    call("/authn/logout").ok().await;
    call("/authn/refresh").fails(403).await;
}

async fn row_21_logout_ends_an_apps_refresh_token(server: TestServer) {
    // By whatever the app sends: all of it, the access token, an old one, the refresh token, the session id.
    for (number, expired) in [(0, false), (1, false), (2, true), (3, false), (4, false)] {
        let jo = server.person(&format!("jo{number}@example.com")).await;
        let all = jo.tokens.clone();
        let (access, refresh, sid) = (all.access.clone(), all.refresh.clone(), all.sid.clone());
        let sent = match number {
            0 => all,
            1 | 2 => Tokens { access, ..Tokens::default() },
            3 => Tokens { refresh, ..Tokens::default() },
            _ => Tokens { sid, ..Tokens::default() },
        };
        if expired {
            server.advance(1_000);
        }
        server.iam("POST", "/authn/logout").tokens(&sent).ok().await;
        server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
    }
}

async fn row_22_after_logout_an_access_token_is_refused(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.iam("POST", "/authn/logout").tokens(&jo.tokens).ok().await;
    // At once, which is no later than `exp`.
    server.iam("GET", "/authn/profile").tokens(&jo.tokens).fails(401).await;
    server.advance(901);
    server.iam("GET", "/authn/profile").tokens(&jo.tokens).fails(500).await;
}

async fn row_35_refresh_gives_a_new_pair_and_ends_the_old_one(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let new = server.iam("POST", "/authn/refresh").tokens(&jo.tokens).send().await.tokens();
    server.iam("GET", "/authn/profile").tokens(&new).ok().await;
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
}

async fn row_36_refresh_needs_an_access_token_of_any_age(server: TestServer) {
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let refresh = |access: &str| {
        let tokens = Tokens { access: access.into(), refresh: jo.tokens.refresh.clone(), ..Tokens::default() };
        server.iam("POST", "/authn/refresh").tokens(&tokens)
    };
    assert_eq!(refresh("").fails(400).await.message(), "No access token provided");
    refresh("Bearer garbage").fails(401).await;
    refresh(&jo.tokens.refresh).fails(401).await;
    refresh(&jane.tokens.access).fails(403).await;
    let only_access = Tokens { access: jo.tokens.access.clone(), ..Tokens::default() };
    let missing = server.iam("POST", "/authn/refresh").tokens(&only_access).fails(400).await;
    assert_eq!(missing.message(), "No refresh token provided");
    for wrong in
        [jo.tokens.refresh.replace("Bearer", "Foo"), jo.tokens.refresh.replace("Bearer ", ""), "Bearer ".into()]
    {
        let tokens = Tokens { refresh: wrong, ..jo.tokens.clone() };
        server
            .iam("POST", "/authn/refresh")
            .header("iam-refresh-token", &tokens.refresh)
            .tokens(&tokens)
            .fails_somehow()
            .await;
    }
    // None of that used the token up or raised an alert.
    server.advance(901);
    refresh(&jo.tokens.access).ok().await;
}

async fn row_48_kinds_of_tokens_are_not_interchangeable(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.iam("POST", "/authn/reset").json(&json!({ "email": jo.email })).ok().await;
    server.app().identity.idle().await;
    server.iam("POST", "/authn/verifyemail").json(&json!({ "email": jo.email })).ok().await;
    let mails = server.mails().await;
    let (reset, verify) = (e2e::identity::link_token(&mails[0]), e2e::identity::link_token(&mails[1]));
    let raw = |token: &str| token.trim_start_matches("Bearer ").to_owned();
    let (access, refresh) = (raw(&jo.tokens.access), raw(&jo.tokens.refresh));
    for token in [&verify, &access, &refresh] {
        server.iam("POST", "/authn/verifyreset").json(&json!({ "token": token })).fails(500).await;
    }
    for token in [&reset, &access, &refresh] {
        server.iam("POST", "/authn/verifyemailtoken").json(&json!({ "token": token })).fails(500).await;
    }
    for token in [&reset, &verify, &refresh] {
        let tokens = Tokens { access: format!("Bearer {token}"), ..Tokens::default() };
        server.iam("GET", "/authn/profile").tokens(&tokens).fails(401).await;
    }
    for token in [&reset, &verify, &access] {
        let tokens = Tokens { refresh: format!("Bearer {token}"), ..jo.tokens.clone() };
        server.iam("POST", "/authn/refresh").tokens(&tokens).fails(403).await;
    }
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).ok().await;
}

async fn row_60_one_refresh_token_is_active(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    server.person_again(&jo.email, PASSWORD).await;
    server.person_again(&jo.email, PASSWORD).await;
    let id = server.iam("GET", &format!("/users/{}", jo.uuid)).tokens(&root.tokens).ok().await["id"].clone();
    let list = server.iam("GET", "/refresh-tokens").tokens(&root.tokens).ok().await;
    let his: Vec<&Value> = list.as_array().expect("an array").iter().filter(|t| t["user_id"] == id).collect();
    assert_eq!((his.len(), his.iter().filter(|t| t["is_active"] == true).count()), (3, 1));
}

async fn row_61_a_new_login_ends_the_older_refresh_token(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.person_again(&jo.email, PASSWORD).await;
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
}

async fn row_62_an_inactive_refresh_token_raises_the_alert(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let current = server.iam("POST", "/authn/refresh").tokens(&jo.tokens).send().await.tokens();
    let thief = server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
    assert_eq!(thief.message(), "Forbidden");
    server.iam("POST", "/authn/refresh").tokens(&current).fails(403).await;
    let again = server.person_again(&jo.email, PASSWORD).await;
    server.iam("POST", "/authn/refresh").tokens(&again.tokens).ok().await;
    let log = server.database().rows()["audit_log"].join("\n");
    assert_eq!(log.matches("identity.stolen_token").count(), 2, "{log}");
}

async fn row_63_a_changed_refresh_token_fails_without_alert(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let whole = &jo.tokens.refresh;
    for at in (7..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let mut bytes = whole.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let tokens = Tokens { refresh: String::from_utf8(bytes).expect("ASCII"), ..jo.tokens.clone() };
        server.iam("POST", "/authn/refresh").tokens(&tokens).fails(403).await;
    }
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).ok().await;
}

/// Twenty at once are in `parallel`; here two, one after the other's start.
async fn row_69_one_of_parallel_refreshes_succeeds(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let call = || server.iam("POST", "/authn/refresh").tokens(&jo.tokens).send();
    let answers = futures_util::future::join_all([call(), call()]).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
}

async fn row_70_silent_renewal_serves_the_right_user(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    server.advance(901);
    let answer = server.iam("GET", "/authn/profile").tokens(&jo.tokens).send().await;
    assert_eq!(answer.body["data"]["uuid"], json!(jo.uuid), "{answer}");
    let renewed = answer.tokens();
    assert_eq!(claims(&renewed.access)["uuid"], json!(jo.uuid));
    server.iam("GET", "/authn/profile").tokens(&renewed).ok().await;
    // The same on restricted routes: his own rights, not the first user's.
    server.advance(901);
    let denied = server.iam("GET", "/users").tokens(&renewed).send().await;
    assert_eq!((denied.status, denied.body.get("data")), (403, None));
    // The tokens that were renewed on the way came with the refusal.
    let renewed = denied.tokens();
    server.iam("GET", "/authn/isauthenticated").tokens(&renewed).ok().await;
    // Tokens of two people are no pair.
    server.advance(901);
    let mixed = Tokens { access: renewed.access.clone(), refresh: root.tokens.refresh.clone(), ..Tokens::default() };
    server.iam("GET", "/authn/profile").tokens(&mixed).fails(500).await;
}
