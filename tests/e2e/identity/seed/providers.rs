//! Google login, and login with another OpenID provider, against an issuer on loopback.

use e2e::identity::{IamAnswer, PASSWORD};
use e2e::issuer::{ISSUER, good_header, signed};
use e2e::{Setup, TestServer, both};
use keystead_server::config::{Config, ProviderConfig};
use serde_json::{Value, json};

both! {
    row_26_login_google,
    an_unverified_account_is_not_taken_over,
    another_provider_by_configuration;
    with Setup::default().with(with_issuer)
}

const CLIENT: &str = "test.apps.googleusercontent.com";

fn with_issuer(config: &mut Config) {
    let url = &ISSUER.url;
    config.google.client_id = CLIENT.into();
    config.google.issuer.clone_from(url);
    config.google.jwks_url = format!("{url}/certs");
    // Its keys are where its discovery document says.
    let other = ProviderConfig { client_id: CLIENT.into(), issuer: url.clone(), ..ProviderConfig::default() };
    config.oidc.insert("other".into(), other);
}

fn claims(server: &TestServer, subject: &str, email: &str) -> Value {
    let exp = server.now_ms() / 1_000 + 3_600;
    json!({ "iss": ISSUER.url, "aud": CLIENT, "exp": exp, "iat": exp - 3_600, "sub": subject, "email": email, "email_verified": true, "given_name": "Gro", "picture": "https://example.com/p.png" })
}

async fn login(server: &TestServer, token: &str) -> IamAnswer {
    server.iam("POST", "/authn/login-google").json(&json!({ "token": token })).send().await
}

async fn row_26_login_google(server: TestServer) {
    let good = claims(&server, "g-1", "gro@example.com");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&good_header(), &claims)
    };
    let token = signed(&good_header(), &good);
    let broken = format!("{}AAAA", token.get(..token.len() - 4).expect("long"));
    let none = signed(&json!({ "alg": "none", "kid": "one" }), &good);
    for bad in [
        "garbage".to_owned(),
        String::new(),
        "a.b.c".to_owned(),
        broken,
        none,
        signed(&json!({ "alg": "HS256", "kid": "one" }), &good),
        signed(&json!({ "alg": "RS256", "kid": "two" }), &good),
        with("aud", json!("another client")),
        with("aud", json!([CLIENT, "another client"])),
        with("iss", json!("https://evil.example")),
        with("exp", json!(server.now_ms() / 1_000)),
        with("email_verified", json!(false)),
        with("email_verified", json!(null)),
        with("email", json!("no address")),
        with("sub", json!("")),
    ] {
        let answer = login(&server, &bad).await;
        assert_eq!((answer.code(), answer.message()), (Some(401), "Google Login Error"), "{bad}");
        assert!(answer.tokens_if_any().is_none());
    }
    let refused = server.iam("POST", "/authn/login-google").json(&json!({ "token": 5 })).fails(401).await;
    assert!(refused.set_cookies().is_empty(), "{refused}");
    let wrong = server.iam("POST", "/authn/login-google").platform("ios").json(&json!({ "token": token }));
    assert!(wrong.fails(400).await.clears(), "a wrong platform takes the cookies");
    assert!(server.database().rows()["iam_users"].is_empty());

    // The first time makes the account, without a family name too; the second finds it.
    let first = login(&server, &token).await;
    assert_eq!(first.body, json!({ "status": "success", "data": { "email": "gro@example.com" } }));
    let profile = server.iam("GET", "/authn/profile").tokens(&first.tokens()).ok().await;
    assert_eq!((&profile["first_name"], &profile["email_verified"]), (&json!("Gro"), &json!(true)));
    let again = login(&server, &with("email", json!("renamed@example.com"))).await;
    let same = server.iam("GET", "/authn/profile").tokens(&again.tokens()).ok().await;
    assert_eq!(same["uuid"], profile["uuid"]);
    // better-than 21: nobody else's tokens ended; and the account has no password to guess.
    for password in ["", "!", PASSWORD] {
        assert_eq!(server.iam_login("gro@example.com", password).await.code(), Some(401));
    }
    server.set_active("gro@example.com", false).await;
    assert_eq!(login(&server, &token).await.code(), Some(403));
}

async fn another_provider_by_configuration(server: TestServer) {
    let call = |provider: &str, token: &str| {
        server.iam("POST", &format!("/authn/login-oidc/{provider}")).json(&json!({ "token": token }))
    };
    let claims = claims(&server, "o-1", "olga@example.com");
    let es256 = signed(&json!({ "alg": "ES256", "kid": "ec" }), &claims);
    for (provider, token) in [
        ("nobody", es256.as_str()),
        ("GOOGLE", &es256),
        ("%00", &es256),
        ("other", "garbage"),
        // A key is for its own algorithm.
        ("other", &signed(&json!({ "alg": "RS256", "kid": "ec" }), &claims)),
        ("other", &signed(&json!({ "alg": "ES256", "kid": "one" }), &claims)),
    ] {
        let refused = call(provider, token).fails(401).await;
        assert_eq!((refused.message(), refused.tokens_if_any()), ("Login Error", None), "{provider} {token}");
    }
    // Several at once, while the provider's keys are still unknown or just being fetched: one account.
    let answers = futures_util::future::join_all((0..6).map(|_| call("other", &es256).send())).await;
    assert!(answers.iter().all(IamAnswer::is_ok), "{answers:?}");
    assert_eq!(server.database().rows()["iam_users"].len(), 1);
    let first = call("other", &es256).send().await.tokens();
    let olga = server.iam("GET", "/authn/profile").tokens(&first).ok().await;
    assert_eq!((&olga["email"], &olga["email_verified"]), (&json!("olga@example.com"), &json!(true)));
    // Who somebody is at one provider says nothing about another one; the verified address does.
    let mut same_subject = claims.clone();
    same_subject["email"] = json!("gro@example.com");
    let google = login(&server, &signed(&good_header(), &same_subject)).await.tokens();
    let gro = server.iam("GET", "/authn/profile").tokens(&google).ok().await;
    assert_ne!(gro["uuid"], olga["uuid"]);
    let log = server.database().rows()["audit_log"].join("\n");
    assert!(log.contains("identity.login_failed") && log.contains("other"), "{log}");
    // Keys are asked for again after an hour.
    server.advance(3_601);
    call("other", &signed(&json!({ "alg": "ES256", "kid": "ec" }), &self::claims(&server, "o-1", "olga@example.com")))
        .ok()
        .await;
}

/// better-than 21: an account made by somebody else with the victim's address.
async fn an_unverified_account_is_not_taken_over(server: TestServer) {
    let attacker = server.person("gro@example.com").await;
    let bystander = server.person("jo@example.com").await;
    login(&server, &signed(&good_header(), &claims(&server, "g-1", "gro@example.com"))).await.assert_ok();
    assert_eq!(server.iam_login("gro@example.com", PASSWORD).await.code(), Some(401));
    server.iam("POST", "/authn/refresh").tokens(&attacker.tokens).fails(403).await;
    server.iam("POST", "/authn/refresh").tokens(&bystander.tokens).ok().await;
    // A verified account is linked and keeps its password.
    server.promote("jo@example.com", keystead_server::rooms::identity::Role::General, true).await;
    login(&server, &signed(&good_header(), &claims(&server, "g-2", "JO@example.com"))).await.assert_ok();
    server.person_again("jo@example.com", PASSWORD).await;
}
