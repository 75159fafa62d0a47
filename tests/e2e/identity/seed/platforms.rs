//! Client platforms and carriers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::identity::{IamAnswer, PASSWORD, Tokens, claims};
use e2e::{TestServer, both};
use serde_json::json;

both! {
    row_01_three_client_platforms,
    row_02_an_app_gets_tokens_in_headers,
    row_03_a_browser_gets_secure_cookies,
    row_04_a_browser_in_development_gets_plain_cookies,
    row_05_a_missing_platform_is_a_browser,
    row_06_an_access_token_lasts_fifteen_minutes,
    row_07_a_refresh_token_lasts_fourteen_days,
    row_10_every_answer_has_one_format,
    row_18_an_app_needs_its_token,
    row_37_refreshed_tokens_travel_as_the_platform_does,
}

async fn login(server: &TestServer, platform: Option<&str>) -> IamAnswer {
    let call = server.iam("POST", "/authn/login").json(&json!({ "email": "jo@example.com", "password": PASSWORD }));
    match platform {
        Some(platform) => call.platform(platform).send().await,
        None => call.without_platform().send().await,
    }
}

async fn row_01_three_client_platforms(server: TestServer) {
    server.iam_register("jo@example.com").await;
    for platform in ["app", "browser", "browser-dev"] {
        login(&server, Some(platform)).await.assert_ok();
    }
    let tokens = login(&server, Some("app")).await.tokens();
    for wrong in ["APP", "Browser", "ios", "app,browser"] {
        let answer = login(&server, Some(wrong)).await;
        assert_eq!(answer.code(), Some(400), "{answer}");
        assert!(answer.clears(), "{answer}");
        assert_eq!(
            answer.message(),
            "Required header 'client-platform' must be 'app', 'browser', or 'browser-dev' only"
        );
        // On every endpoint.
        for (method, path) in [
            ("POST", "/authn/register"),
            ("POST", "/authn/logout"),
            ("GET", "/authn/profile"),
            ("POST", "/authn/refresh"),
            ("POST", "/authn/reset"),
            ("PUT", "/authn/update"),
            ("GET", "/users"),
            ("GET", "/refresh-tokens"),
        ] {
            let call = server.iam(method, path).platform(wrong).tokens(&tokens);
            let call = if method == "GET" { call } else { call.json(&json!({})) };
            call.fails(400).await;
        }
    }
}

async fn row_02_an_app_gets_tokens_in_headers(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let answer = login(&server, Some("app")).await;
    for name in ["iam-access-token", "iam-refresh-token"] {
        let token = answer.header(name).expect("a header").strip_prefix("Bearer ").expect("Bearer");
        assert_eq!(token.split('.').count(), 3);
    }
    assert_eq!(answer.header("iam-sid").map(str::len), Some(36));
    assert!(answer.set_cookies().is_empty());
}

async fn row_03_a_browser_gets_secure_cookies(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let answer = login(&server, Some("browser")).await;
    let names: Vec<_> = answer.set_cookies().iter().filter_map(|c| c.split_once('=')).map(|(n, _)| n).collect();
    assert_eq!(names, ["iam-access-token", "iam-refresh-token", "iam-sid"]);
    for line in answer.set_cookies() {
        for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(line.contains(attribute), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    let access = answer.cookies()["iam-access-token"];
    assert!(access.contains("=Bearer%20ey") && !access.contains("Expires"), "{access}");
    assert!(answer.header("iam-access-token").is_none() && answer.header("iam-refresh-token").is_none());
    let tokens = answer.tokens();
    assert!(!answer.body.to_string().contains(tokens.access.trim_start_matches("Bearer ")));
    server.iam("GET", "/authn/profile").platform("browser").cookies(&tokens).ok().await;
}

async fn row_04_a_browser_in_development_gets_plain_cookies(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let answer = login(&server, Some("browser-dev")).await;
    assert_eq!(answer.set_cookies().len(), 3);
    assert!(answer.set_cookies().iter().all(|line| !line.contains("Secure") && line.contains("; HttpOnly")));
    server.iam("GET", "/authn/profile").platform("browser-dev").cookies(&answer.tokens()).ok().await;
}

async fn row_05_a_missing_platform_is_a_browser(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let answer = login(&server, None).await;
    assert!(answer.set_cookies().iter().all(|line| line.contains("; Secure")), "{answer}");
    assert_eq!(answer.set_cookies().len(), 3);
    let tokens = answer.tokens();
    let refused = server.iam("GET", "/authn/profile").without_platform().tokens(&tokens).fails(400).await;
    assert_eq!(refused.message(), "No access token provided");
    let refused = server.iam("POST", "/authn/refresh").without_platform().tokens(&tokens).fails(400).await;
    assert_eq!(refused.message(), "No refresh token provided");
    server.iam("GET", "/authn/profile").without_platform().cookies(&tokens).ok().await;
}

async fn row_06_an_access_token_lasts_fifteen_minutes(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let claims = claims(&jo.tokens.access);
    let times = (claims["exp"].as_i64().expect("exp"), claims["iat"].as_i64().expect("iat"));
    assert_eq!(times.0 - times.1, 900);
    for name in ["uuid", "email", "iss", "jti"] {
        assert!(claims[name].is_string(), "{claims}");
    }
    assert_eq!(claims["iss"], "NuxtIam");
    // By itself, not from the first second after.
    let alone = Tokens { access: jo.tokens.access.clone(), ..Tokens::default() };
    server.advance(898 - (server.now_ms() / 1_000 - times.1));
    server.iam("GET", "/authn/profile").tokens(&alone).ok().await;
    server.advance(2);
    server.iam("GET", "/authn/profile").tokens(&alone).fails(500).await;
}

async fn row_07_a_refresh_token_lasts_fourteen_days(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let claims = claims(&jo.tokens.refresh);
    assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), 1_209_600);
    let answer = login(&server, Some("browser")).await;
    let line = answer.cookies()["iam-refresh-token"];
    let (_, expires) = line.split_once("; Expires=").expect("Expires");
    let expires = expires.split(';').next().expect("a date");
    let wanted = UNIX_EPOCH + Duration::from_secs(server.now_ms().unsigned_abs() / 1_000 + 1_209_600);
    let near = (0..10).any(|s| format_date(wanted - Duration::from_secs(s)) == expires);
    assert!(near, "{expires}");
}

fn format_date(time: SystemTime) -> String {
    actix_web::http::header::HttpDate::from(time).to_string()
}

/// `send` holds every answer against the format; here are the ways to fail.
async fn row_10_every_answer_has_one_format(server: TestServer) {
    for (method, path, code) in [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("POST", "/authn/nothing", 404),
        ("GET", "/users/x/y", 404),
        ("GET", "/authn/login", 405),
        ("PUT", "/authn/register", 405),
        ("PATCH", "/users", 405),
        ("OPTIONS", "/users", 405),
        ("DELETE", "/authn/profile", 405),
    ] {
        let answer = server.iam(method, path).fails(code).await;
        assert_eq!(u64::from(answer.status), code, "{answer}");
        assert_eq!(answer.header("allow").is_some(), code == 405, "{answer}");
    }
    let answer = server.iam("PATCH", "/refresh-tokens").fails(405).await;
    assert_eq!(answer.header("allow"), Some("GET, DELETE"));
    // Slashes at the end are no difference.
    server.iam("POST", "/authn/login/").json(&json!({})).fails(400).await;
    server.iam("DELETE", "/refresh-tokens/").json(&json!({})).fails(403).await;
}

async fn row_18_an_app_needs_its_token(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    server.iam("GET", "/authn/profile").fails(400).await;
    let whole = &jo.tokens.access;
    for at in (7..whole.len()).step_by(11) {
        let mut bytes = whole.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let tokens = Tokens { access: String::from_utf8(bytes).expect("ASCII"), ..Tokens::default() };
        server.iam("GET", "/authn/profile").tokens(&tokens).fails(401).await;
    }
    // The first word is not looked at, but there must be two.
    let other_word = Tokens { access: whole.replace("Bearer", "Foo"), ..Tokens::default() };
    server.iam("GET", "/authn/profile").tokens(&other_word).ok().await;
    server.iam("GET", "/authn/profile").header("authorization", whole).fails(400).await;
}

async fn row_37_refreshed_tokens_travel_as_the_platform_does(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let app = server.iam("POST", "/authn/refresh").tokens(&jo.tokens).send().await;
    assert!(app.header("iam-access-token").is_some() && app.set_cookies().is_empty(), "{app}");
    for platform in ["browser", "browser-dev"] {
        let login = login(&server, Some(platform)).await;
        let answer = server.iam("POST", "/authn/refresh").platform(platform).cookies(&login.tokens()).send().await;
        answer.assert_ok();
        assert!(answer.header("iam-access-token").is_none(), "{answer}");
        assert_eq!(answer.set_cookies().len(), 3);
        // Headers do not count from a browser, nor cookies from an app.
        server.iam("POST", "/authn/refresh").platform(platform).tokens(&answer.tokens()).fails(400).await;
        server.iam("POST", "/authn/refresh").cookies(&answer.tokens()).fails(400).await;
    }
}
