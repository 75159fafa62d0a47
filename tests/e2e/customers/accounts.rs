//! Accounts of customers.

use e2e::{Setup, TestServer, both};
use futures_util::future::join_all;
use keystead_sdk_core::Suite;
use serde_json::json;

use super::{Customer, captcha, customer, login, mails, registration, setup, token_in_mail, unconfirmed};
use e2e::users::Template;

both! {
    an_address_is_confirmed_before_apps_can_be_made,
    a_captcha_is_good_for_one_try,
    a_forgotten_password_is_reset_once,
    letters_do_not_tell_who_has_an_account,
    a_changed_address_is_confirmed_again,
    customers_have_a_second_factor,
    accounts_live_apart_from_the_apps,
    an_account_with_apps_stays;
    with setup()
}
both! { without_the_setting_there_is_no_customer_api }
both! { registration_can_be_closed; with closed() }

fn closed() -> Setup {
    Setup::default().with(|config| {
        config.apis.customer = true;
        config.customers.register = false;
    })
}

async fn an_address_is_confirmed_before_apps_can_be_made(server: TestServer) {
    let alice = unconfirmed(&server, "alice@example.com").await;
    let account = login(&server, &alice.email).await.email_data;
    assert!(!account.validate_email && account.email_status == 1 && account.email_send > 0);
    let create = || server.post("/customer/app").without_token().jwt(&alice.jwt).json(&super::app_body("x"));
    create().refused(61).await;

    let bob = unconfirmed(&server, "bob@example.com").await;
    let confirm = |who: &Customer, token: &str| {
        server.post("/customer/register_validation").without_token().jwt(&who.jwt).json(&json!({ "token": token }))
    };
    let token = token_in_mail(&server, &alice.email);
    confirm(&alice, "A".repeat(40).as_str()).refused(63).await;
    confirm(&alice, &"A".repeat(4000)).refused(63).await;
    confirm(&bob, &token).refused(63).await;
    confirm(&alice, &token).ok().await;
    confirm(&alice, &token).refused(63).await;
    assert!(login(&server, &alice.email).await.email_data.validate_email);
    create().ok().await;

    // Bob asks again: the older letter is void. Then both are too old.
    let first = token_in_mail(&server, &bob.email);
    let again = || server.patch("/customer/email_resend").without_token().jwt(&bob.jwt);
    again().ok().await;
    let second = token_in_mail(&server, &bob.email);
    assert_ne!(first, second);
    confirm(&bob, &first).refused(63).await;
    server.advance(49 * 3600);
    let bob = Customer { jwt: login(&server, &bob.email).await.verify.jwt, ..bob };
    confirm(&bob, &second).refused(63).await;
    // Names are the customer's own.
    let data = json!({ "name": "Dodgson", "first_name": "Charles", "company": "Christ Church" });
    server.put("/customer/data").without_token().jwt(&bob.jwt).json(&data).ok().await;
    let account = login(&server, &bob.email).await.email_data;
    assert_eq!((account.name.as_str(), account.company.as_deref()), ("Dodgson", Some("Christ Church")));
    let long = json!({ "name": "x".repeat(300), "first_name": "Charles" });
    server.put("/customer/data").without_token().jwt(&bob.jwt).json(&long).refused(11).await;
}

/// better-than 5: no unlimited tries.
async fn a_captcha_is_good_for_one_try(server: TestServer) {
    let register = |body: serde_json::Value| server.post("/customer/register").without_token().json(&body);
    let mut body = registration(&server, "alice@example.com").await;
    let right = body["captcha_input"].clone();
    body["captcha_input"]["captcha_solution"] = "wrong".into();
    register(body.clone()).refused(603).await;
    body["captcha_input"] = right;
    register(body.clone()).refused(601).await;
    body["captcha_input"]["captcha_id"] = "%00".into();
    register(body.clone()).refused(601).await;

    body["captcha_input"] = captcha(&server).await;
    server.advance(21 * 60);
    register(body.clone()).refused(602).await;

    // Of parallel uses of one captcha, one goes through.
    let shared = captcha(&server).await;
    let bodies = join_all((0..8).map(|i| {
        let (server, shared) = (&server, shared.clone());
        async move {
            let mut body = registration(server, &format!("user{i}@example.com")).await;
            body["captcha_input"] = shared;
            body
        }
    }))
    .await;
    let codes = join_all(bodies.into_iter().map(|body| register(body).code())).await;
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().flatten().all(|code| *code == 601), "{codes:?}");
}

/// better-than 16: the token has an expiry, is cleared, and is not the one of the registration.
async fn a_forgotten_password_is_reset_once(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let ask = || async {
        let body = json!({ "email": "Alice@example.com", "captcha_input": captcha(&server).await });
        server.put("/customer/password_reset").without_token().json(&body).ok().await;
        token_in_mail(&server, "alice@example.com")
    };
    let with = |token: &str, email: &str| {
        let device = Template::of(Suite::CLASSIC).register(email).device;
        let body = json!({ "token": token, "reset_password_data": device });
        server.put("/customer/password_reset_validation").without_token().json(&body)
    };
    let first = ask().await;
    let second = ask().await;
    with(&first, &alice.email).refused(63).await;
    with(&second, "bob@example.com").refused(63).await;
    let results = join_all((0..6).map(|_| with(&second, &alice.email).code())).await;
    assert_eq!(results.iter().filter(|code| code.is_none()).count(), 1, "{results:?}");
    // What was logged in before is so no more.
    server
        .put("/customer/data")
        .without_token()
        .jwt(&alice.jwt)
        .json(&json!({ "name": "", "first_name": "" }))
        .refused(30)
        .await;
    let refresh = json!({ "refresh_token": alice.refresh_token });
    server.put("/customer/refresh").without_token().jwt(&alice.jwt).json(&refresh).refused(114).await;
    login(&server, &alice.email).await;

    let third = ask().await;
    server.advance(31 * 60);
    with(&third, &alice.email).refused(63).await;
    let confirm = server.post("/customer/register_validation").without_token();
    let jwt = login(&server, &alice.email).await.verify.jwt;
    confirm.jwt(&jwt).json(&json!({ "token": third })).refused(63).await;
}

async fn letters_do_not_tell_who_has_an_account(server: TestServer) {
    customer(&server, "alice@example.com").await;
    for email in ["nobody@example.com", "no address", "", "alice@example.com"] {
        let body = json!({ "email": email, "captcha_input": captcha(&server).await });
        assert_eq!(server.put("/customer/password_reset").without_token().json(&body).ok().await, "Success");
    }
    assert!(mails(&server, "nobody@example.com").is_empty());
    assert_eq!(mails(&server, "alice@example.com").len(), 2);
}

async fn a_changed_address_is_confirmed_again(server: TestServer) {
    let (alice, bob) = (customer(&server, "alice@example.com").await, customer(&server, "bob@example.com").await);
    let change =
        |email: &str| server.put("/customer").without_token().jwt(&alice.jwt).json(&json!({ "new_email": email }));
    change("no address").refused(64).await;
    change(&bob.email.to_uppercase()).refused(101).await;
    change("liddell@example.com").ok().await;
    let account = login(&server, "liddell@example.com").await;
    assert!(!account.email_data.validate_email);
    server.post("/customer/app").without_token().jwt(&account.verify.jwt).json(&super::app_body("x")).refused(61).await;
    let token = token_in_mail(&server, "liddell@example.com");
    let confirm = server.post("/customer/register_validation").without_token().jwt(&account.verify.jwt);
    confirm.json(&json!({ "token": token })).ok().await;
    // The old address is free again.
    customer(&server, "alice@example.com").await;
}

/// better-than 16: in the original, a customer cannot register one.
async fn customers_have_a_second_factor(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let patch = |path: &str| server.patch(path).without_token().jwt(&alice.jwt);
    let otp = patch("/customer/register_otp").ok().await;
    assert_eq!(otp["alg"], "totp_sha256");
    let body = Template::of(Suite::CLASSIC).done_login(&alice.email);
    let answer = server.post("/customer/done_login").without_token().json(&body).ok().await;
    assert_eq!(answer, "Otp");
    let keys = server.get("/customer/otp_recovery_keys").without_token().jwt(&alice.jwt).ok().await;
    assert_eq!(keys["keys"], otp["recover"]);
    let recovery = json!({ "token": keys["keys"][0], "auth_key": body["auth_key"], "device_identifier": alice.email });
    server.post("/customer/validate_recovery_otp").without_token().json(&recovery).ok().await;
    patch("/customer/reset_otp").ok().await;
    patch("/customer/disable_otp").ok().await;
    login(&server, &alice.email).await;
}

async fn accounts_live_apart_from_the_apps(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let user = server.session("alice").await;
    // A token of an app is nobody here, and a customer's is nobody in an app.
    server.get("/customer/apps/0/none").without_token().jwt(&user.jwt).refused(35).await;
    server.get("/group/all/0/none").jwt(&alice.jwt).refused(35).await;
    server.get("/customer/apps/0/none").without_token().refused(31).await;
    server.get("/customer/apps/0/none").without_token().jwt(&alice.jwt).ok().await;
    let refresh = json!({ "refresh_token": alice.refresh_token });
    let refreshed = server.put("/customer/refresh").without_token().jwt(&alice.jwt).json(&refresh).ok().await;
    assert_eq!(refreshed["user_id"], alice.id);
    // Not fresh: no deletion with it.
    let jwt = refreshed["jwt"].as_str().expect("a JWT");
    server.delete("/customer").without_token().jwt(jwt).refused(113).await;
    // Registering twice is not possible, in any case of letters.
    let body = registration(&server, "ALICE@example.com").await;
    server.post("/customer/register").without_token().json(&body).refused(101).await;
    let body = registration(&server, "no address").await;
    server.post("/customer/register").without_token().json(&body).refused(64).await;
}

async fn an_account_with_apps_stays(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let app = super::create_app(&server, &alice, "/customer/app").await;
    let delete = |path: &str| server.delete(path).without_token().jwt(&alice.jwt);
    delete("/customer").refused(203).await;
    delete(&format!("/customer/app/{}", app.app_id)).ok().await;
    let group = server.post("/customer/group").without_token().jwt(&alice.jwt).json(&json!({})).ok().await;
    let group_id = group["group_id"].as_str().expect("an id");
    let app = super::create_app(&server, &alice, &format!("/customer/app/{group_id}")).await;
    delete("/customer").refused(203).await;
    delete(&format!("/customer/app/{}", app.app_id)).ok().await;
    delete("/customer").ok().await;
    let rows = server.database().find(&alice.id);
    assert!(rows.is_empty(), "{rows:?}");
    assert!(server.database().find(group_id).is_empty());
    server.get("/customer/apps/0/none").without_token().jwt(&alice.jwt).refused(100).await;
}

async fn without_the_setting_there_is_no_customer_api(server: TestServer) {
    server.get("/customer/captcha").without_token().refused(404).await;
    server.get("/customer/apps/0/none").refused(404).await;
}

async fn registration_can_be_closed(server: TestServer) {
    let body = registration(&server, "alice@example.com").await;
    server.post("/customer/register").without_token().json(&body).refused(65).await;
}
