//! Links in mails, and Google login's refusals.

use e2e::identity::{PASSWORD, claims, link_token};
use e2e::{TestServer, both};
use serde_json::json;

both! {
    row_40_reset_always_succeeds,
    row_41_reset_sends_one_mail_with_a_link_for_an_hour,
    row_42_reset_does_not_tell_who_exists,
    row_43_a_reset_link_works_once,
    row_44_an_expired_reset_link_fails,
    row_45_a_reset_link_works_by_path_and_by_body,
    row_46_a_verification_mail_has_a_link_for_a_day,
    row_47_a_verification_link_works_once,
}

async fn row_40_reset_always_succeeds(server: TestServer) {
    server.iam_register("jo@example.com").await;
    for body in [
        json!({ "email": "jo@example.com" }),
        json!({ "email": "nobody@example.com" }),
        json!({ "email": "no address" }),
        json!({ "email": 5 }),
        json!({ "email": { "contains": "@" } }),
        json!({}),
    ] {
        let answer = server.iam("POST", "/authn/reset").json(&body).send().await;
        assert_eq!((answer.status, &answer.body), (200, &json!({ "status": "success" })));
        assert!(answer.clears());
    }
    let mails = server.mails().await;
    assert_eq!(mails.len(), 1);
}

async fn row_41_reset_sends_one_mail_with_a_link_for_an_hour(server: TestServer) {
    server.iam_register("jo@example.com").await;
    server.iam("POST", "/authn/reset").json(&json!({ "email": "JO@example.com" })).ok().await;
    let mails = server.mails().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert!(mail.contains("To: jo@example.com") && mail.contains("Subject: Nuxt IAM reset password link"), "{mail}");
    assert!(mail.contains("Hello Jo,") && mail.contains("/iam/verify?token="), "{mail}");
    let claims = claims(&link_token(mail));
    assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), 3_600);
    server.iam("POST", "/authn/reset").json(&json!({ "email": "nobody@example.com" })).ok().await;
    assert_eq!(server.mails().await.len(), 1);
}

async fn row_42_reset_does_not_tell_who_exists(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let reset = |email: &str| server.iam("POST", "/authn/reset").json(&json!({ "email": email })).send();
    let (known, unknown) = (reset("jo@example.com").await, reset("nobody@example.com").await);
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let names = |answer: &e2e::identity::IamAnswer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
    // The answer does not wait for the mail: there is none yet, or it has already been made meanwhile.
    assert_eq!(server.mails().await.len(), 1);
}

async fn row_43_a_reset_link_works_once(server: TestServer) {
    server.iam_register("jo@example.com").await;
    server.iam("POST", "/authn/reset").json(&json!({ "email": "jo@example.com" })).ok().await;
    let token = link_token(&server.mails().await[0]);
    let verify = || server.iam("POST", "/authn/verifyreset").json(&json!({ "token": token })).send();
    let first = verify().await;
    assert!(first.is_ok() && first.clears(), "{first}");
    let pass = first.body["data"]["pass"].as_str().expect("a password").to_owned();
    assert_eq!(pass.len(), 20);
    let second = verify().await;
    assert_eq!((second.code(), second.message()), (Some(500), "Server error"));
    assert!(second.clears());
    assert_eq!(server.iam_login("jo@example.com", PASSWORD).await.code(), Some(401));
    server.iam_login("jo@example.com", &pass).await.assert_ok();
}

async fn row_44_an_expired_reset_link_fails(server: TestServer) {
    server.iam_register("jo@example.com").await;
    server.iam("POST", "/authn/reset").json(&json!({ "email": "jo@example.com" })).ok().await;
    let token = link_token(&server.mails().await[0]);
    server.advance(3_601);
    let answer = server.iam("POST", "/authn/verifyreset").json(&json!({ "token": token })).fails(401).await;
    assert_eq!(answer.message(), "Link has expired");
    server.iam_login("jo@example.com", PASSWORD).await.assert_ok();
    for body in [json!({}), json!({ "token": "" })] {
        let answer = server.iam("POST", "/authn/verifyreset").json(&body).fails(401).await;
        assert_eq!(answer.message(), "Unauthorized");
    }
    server.iam("POST", "/authn/verifyreset").json(&json!({ "token": 5 })).fails(400).await;
    server.iam("POST", "/authn/verifyreset").json(&json!({ "token": "x.y.z" })).fails(500).await;
}

async fn row_45_a_reset_link_works_by_path_and_by_body(server: TestServer) {
    for (number, by_path) in [(0, true), (1, false)] {
        let email = format!("jo{number}@example.com");
        server.iam_register(&email).await;
        server.iam("POST", "/authn/reset").json(&json!({ "email": email })).ok().await;
        let token = link_token(server.mails().await.last().expect("a mail"));
        let answer = match by_path {
            true => server.iam("POST", &format!("/authn/verifyreset/{token}")).ok().await,
            // The body wins.
            false => server.iam("POST", "/authn/verifyreset/x.y.z").json(&json!({ "token": token })).ok().await,
        };
        assert!(answer["pass"].is_string());
    }
}

async fn row_46_a_verification_mail_has_a_link_for_a_day(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    assert!(server.mails().await.is_empty(), "not at registration");
    for email in ["jo@example.com", "nobody@example.com", "x"] {
        let answer =
            server.iam("POST", "/authn/verifyemail").tokens(&jo.tokens).json(&json!({ "email": email })).send().await;
        assert_eq!(answer.body, json!({ "status": "success" }));
        assert!(answer.set_cookies().is_empty());
    }
    let mails = server.mails().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert!(mail.contains("Subject: Nuxt IAM please verify your email"), "{mail}");
    assert!(mail.contains("/iam/verifyemail?token="), "{mail}");
    let claims = claims(&link_token(mail));
    assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), 86_400);
}

async fn row_47_a_verification_link_works_once(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    server.iam("POST", "/authn/verifyemail").json(&json!({ "email": jo.email })).ok().await;
    let token = link_token(&server.mails().await[0]);
    let verify = |token: &str| server.iam("POST", "/authn/verifyemailtoken").json(&json!({ "token": token }));
    let tampered = token.replace(token.get(60..64).expect("long"), "AAAA");
    verify(&tampered).fails(500).await;
    assert_eq!(verify(&token).ok().await, json!({ "email": jo.email }));
    let profile = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    assert_eq!(profile["email_verified"], true);
    let second = verify(&token).fails(401).await;
    assert_eq!(second.message(), "Link has expired");
    assert_eq!(verify("").fails(401).await.message(), "Unauthorized");
}
