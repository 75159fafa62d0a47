//! Sign-in with OpenID providers (instant.md section 18), against an issuer on loopback.

use e2e::data::DataApp;
use e2e::issuer::{ISSUER, SECRET, good_header, signed};
use e2e::{Setup, TestServer, both};
use keystead_crypto::encoding::b64url_encode;
use keystead_crypto::hash::sha256;
use keystead_server::config::{Config, ProviderConfig, Secret};
use reqwest::Url;
use serde_json::{Value, json};

both! {
    a_browser_signs_in_by_redirects,
    logins_are_bound_to_browser_state_and_verifier,
    id_tokens_sign_in_and_nonces_bind_them;
    with Setup::default().with(with_issuer)
}

const CLIENT: &str = "client of the tests";
const PAGE: &str = "http://localhost:3000/app?x=1";

fn with_issuer(config: &mut Config) {
    let (client_id, client_secret) = (CLIENT.into(), Secret::new(SECRET));
    let other = ProviderConfig { client_id, client_secret, issuer: ISSUER.url.clone(), ..ProviderConfig::default() };
    let without_secret = ProviderConfig { client_secret: Secret::new(""), ..other.clone() };
    config.oidc.insert("tokens-only".into(), without_secret);
    config.oidc.insert("other".into(), other);
}

/// A browser that follows no redirect.
struct Browser {
    http: reqwest::Client,
    app: DataApp,
}

impl Browser {
    fn new(app: DataApp) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { http, app }
    }

    /// Where it is sent, with the cookie; or the answer.
    async fn get(&self, url: &str, cookie: Option<&str>) -> Result<(Url, Option<String>), Value> {
        let mut call = self.http.get(url);
        if let Some(cookie) = cookie {
            call = call.header("cookie", format!("a=b; {cookie}"));
        }
        let answer = call.send().await.expect("an answer");
        if answer.status() != 302 {
            assert_eq!(answer.status(), 400);
            return Err(answer.json().await.expect("JSON"));
        }
        let header = |name| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        let cookie = header("set-cookie").and_then(|cookie| Some(cookie.split_once(';')?.0.to_owned()));
        Ok((Url::parse(&header("location").expect("a place")).expect("an address"), cookie))
    }

    async fn start(&self, more: &[(&str, &str)]) -> Result<(Url, Option<String>), Value> {
        let mut url = Url::parse(&format!("{}/runtime/oauth/start", self.app.server.url())).expect("an address");
        url.query_pairs_mut().append_pair("app_id", &self.app.id).extend_pairs(more);
        self.get(url.as_str(), None).await
    }

    /// The provider sends it back.
    async fn back(&self, state: &str, code: &str, cookie: Option<&str>) -> Result<(Url, Option<String>), Value> {
        let mut url = Url::parse(&format!("{}/runtime/oauth/callback", self.app.server.url())).expect("an address");
        url.query_pairs_mut().append_pair("state", state).append_pair("code", code);
        self.get(url.as_str(), cookie).await
    }

    async fn token(&self, body: Value) -> Result<Value, String> {
        let mut body = body;
        body["app_id"] = self.app.id.as_str().into();
        let answer = self.app.anybody("POST", "/runtime/oauth/token").body(&body).send().await;
        match answer.status {
            200 => Ok(answer.body),
            _ => {
                assert_eq!(answer.body["type"], "oauth-error");
                Err(answer.body["error"].as_str().expect("a text").to_owned())
            }
        }
    }
}

fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn id_token(server: &TestServer, subject: &str, email: &str, nonce: Option<&str>) -> String {
    let exp = server.now_ms() / 1_000 + 3_600;
    let claims = json!({"iss": ISSUER.url, "aud": CLIENT, "exp": exp, "sub": subject, "email": email, "email_verified": true,
        "picture": "https://example.com/p.png", "nonce": nonce});
    signed(&good_header(), &claims)
}

async fn a_browser_signs_in_by_redirects(server: TestServer) {
    let browser = Browser::new(server.data());
    let verifier = "v".repeat(50);
    let challenge = b64url_encode(&sha256(verifier.as_bytes()));
    let sign_in = async |subject: &str, email: &str, guest: Option<&str>| {
        let asked = [
            ("client_name", "other"),
            ("redirect_uri", PAGE),
            ("state", "mine"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let (provider, cookie) = browser.start(&asked).await.expect("a redirect");
        assert!(provider.as_str().starts_with(&format!("{}/authorize?", ISSUER.url)), "{provider}");
        assert_eq!(
            (query(&provider, "client_id").as_str(), query(&provider, "response_type").as_str()),
            (CLIENT, "code")
        );
        assert!(query(&provider, "redirect_uri").ends_with("/runtime/oauth/callback"));
        let code = format!("code of {subject} {:?}", std::time::Instant::now());
        ISSUER.promise(&code, id_token(&server, subject, email, Some(&query(&provider, "nonce"))));
        let (page, _) = browser.back(&query(&provider, "state"), &code, cookie.as_deref()).await.expect("a redirect");
        assert!(page.as_str().starts_with("http://localhost:3000/app?x=1&code="), "{page}");
        assert_eq!(
            (query(&page, "_instant_oauth_redirect").as_str(), query(&page, "state").as_str()),
            ("true", "mine")
        );
        let given = json!({"code": query(&page, "code"), "code_verifier": verifier, "refresh_token": guest});
        let signed = browser.token(given.clone()).await.expect("signed in");
        assert_eq!(browser.token(given).await, Err("The code is unknown".into()), "once");
        signed
    };
    let jo = sign_in("s-1", "Jo@Example.com", None).await;
    assert_eq!((&jo["created"], &jo["user"]["email"]), (&json!(true), &json!("jo@example.com")));
    assert_eq!(jo["user"]["imageURL"], "https://example.com/p.png");
    assert_eq!(jo["refresh_token"], jo["user"]["refresh_token"]);
    // The subject is who he is, whatever his address is now.
    let again = sign_in("s-1", "joe@example.com", None).await;
    assert_eq!((&again["created"], &again["user"]["id"]), (&json!(false), &jo["user"]["id"]));
    // Whoever has the address by other means is the same person.
    let app = server.data();
    let kim = app.call("POST", "/admin/refresh_tokens").body(&json!({"email": "kim@example.com"})).ok().await;
    assert_eq!(sign_in("s-2", "kim@example.com", None).await["user"]["id"], kim["user"]["id"]);
    // A guest becomes a full user.
    let guest = app.anybody("POST", "/runtime/auth/sign_in_guest").body(&json!({"app-id": app.id})).ok().await;
    let full = sign_in("s-3", "lee@example.com", guest["user"]["refresh_token"].as_str()).await;
    assert_eq!((&full["user"]["id"], &full["user"]["isGuest"]), (&guest["user"]["id"], &json!(false)));
    // Who is deleted is a new user when he comes again.
    app.call("DELETE", &format!("/admin/users?id={}", jo["user"]["id"].as_str().expect("an id"))).ok().await;
    assert_eq!(sign_in("s-1", "jo@example.com", None).await["created"], true);
    let told = app.anybody("GET", &format!("/runtime/{}/.well-known/openid-configuration", app.id)).ok().await;
    assert!(told["issuer"].as_str().is_some_and(|issuer| issuer.ends_with(&format!("/runtime/{}", app.id))));
}

async fn logins_are_bound_to_browser_state_and_verifier(server: TestServer) {
    let browser = Browser::new(server.data());
    let asked = [("client_name", "other"), ("redirect_uri", PAGE)];
    for (wrong, kind) in [
        ([("client_name", "nobody"), ("redirect_uri", PAGE)], "record-not-found"),
        ([("client_name", "google"), ("redirect_uri", PAGE)], "record-not-found"),
        ([("client_name", "other"), ("redirect_uri", "https://evil.example/")], "param-malformed"),
        ([("client_name", "other"), ("redirect_uri", "javascript:alert(1)")], "param-malformed"),
        ([("client_name", "tokens-only"), ("redirect_uri", PAGE)], "oauth-error"),
        ([("client_name", "other"), ("x", "y")], "param-missing"),
    ] {
        assert_eq!(browser.start(&wrong).await.expect_err("refused")["type"], kind, "{wrong:?}");
    }
    let begin = async || {
        let (provider, cookie) = browser.start(&asked).await.expect("a redirect");
        (query(&provider, "state"), query(&provider, "nonce"), cookie.expect("a cookie"))
    };
    let refused = |answer: Result<(Url, Option<String>), Value>| answer.expect_err("refused")["type"].clone();
    // Another browser, and no state of ours.
    let (state, _, _) = begin().await;
    assert_eq!(refused(browser.back(&state, "c", Some("__session=instantdb_x")).await), "oauth-error");
    let (state, _, cookie) = begin().await;
    assert_eq!(refused(browser.back(&state, "c", None).await), "oauth-error");
    assert_eq!(refused(browser.back(&state, "c", Some(&cookie)).await), "oauth-error", "it was used up");
    assert_eq!(refused(browser.back("made up", "c", Some(&cookie)).await), "oauth-error");
    // A code that the provider does not know, and a token of another login.
    let failed = |answer: Result<(Url, Option<String>), Value>| query(&answer.expect("a redirect").0, "error");
    let (state, _, cookie) = begin().await;
    assert!(!failed(browser.back(&state, "never given", Some(&cookie)).await).is_empty());
    for nonce in [None, Some("another")] {
        let (state, _, cookie) = begin().await;
        let code = format!("{nonce:?} {state}");
        ISSUER.promise(&code, id_token(&server, "s-9", "x@example.com", nonce));
        assert!(failed(browser.back(&state, &code, Some(&cookie)).await).contains("another login"));
    }
    // Too late.
    let (state, _, cookie) = begin().await;
    server.advance(11 * 60);
    assert_eq!(refused(browser.back(&state, "c", Some(&cookie)).await), "oauth-error");
    // A code is its app's, needs its verifier, and expires.
    let code = async |challenge: &str| {
        let (provider, cookie) =
            browser.start(&[asked[0], asked[1], ("code_challenge", challenge)]).await.expect("a redirect");
        let (state, code) = (query(&provider, "state"), format!("{challenge} {}", query(&provider, "state")));
        ISSUER.promise(&code, id_token(&server, "s-8", "y@example.com", Some(&query(&provider, "nonce"))));
        query(&browser.back(&state, &code, cookie.as_deref()).await.expect("a redirect").0, "code")
    };
    let error = async |body: Value| browser.token(body).await.expect_err("refused");
    assert_eq!(error(json!({"code": code("c").await})).await, "code_verifier is missing");
    assert_eq!(error(json!({"code": code("c").await, "code_verifier": "d"})).await, "code_verifier does not fit");
    let late = code("c").await;
    server.advance(6 * 60);
    assert_eq!(error(json!({"code": late, "code_verifier": "c"})).await, "The code has expired");
    let good = code("c").await;
    assert!(browser.token(json!({"code": good, "code_verifier": "c"})).await.is_ok());
}

async fn id_tokens_sign_in_and_nonces_bind_them(server: TestServer) {
    let app = server.data();
    let post = async |token: String, nonce: Option<&str>, name: &str| {
        let body = json!({"app_id": app.id, "client_name": name, "id_token": token, "nonce": nonce});
        app.anybody("POST", "/runtime/oauth/id_token").body(&body).send().await
    };
    let plain = post(id_token(&server, "t-1", "jo@example.com", None), None, "other").await;
    assert_eq!((plain.status, &plain.body["created"]), (200, &json!(true)));
    let hashed: String = sha256(b"n").iter().map(|byte| format!("{byte:02x}")).collect();
    for (claim, nonce, good) in [
        (Some("n"), Some("n"), true),
        (Some(hashed.as_str()), Some("n"), true),
        (Some("n"), None, false),
        (None, Some("n"), false),
        (Some("m"), Some("n"), false),
    ] {
        let answer = post(id_token(&server, "t-1", "jo@example.com", claim), nonce, "other").await;
        assert_eq!(answer.status == 200, good, "{claim:?} {nonce:?}: {}", answer.body);
        if good {
            assert_eq!(answer.body["user"]["id"], plain.body["user"]["id"]);
        }
    }
    assert_eq!(post("a.b.c".into(), None, "other").await.body["type"], "oauth-error");
    let unknown = post(id_token(&server, "t-1", "jo@example.com", None), None, "nobody").await;
    assert_eq!((unknown.status, &unknown.body["hint"]["record-type"]), (400, &json!("app-oauth-client")));
}
