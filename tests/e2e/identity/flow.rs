//! One day with an account, from registration to deletion.

use e2e::identity::PASSWORD;
use e2e::{TestServer, both};
use serde_json::json;

both! { a_day_with_an_account }

async fn a_day_with_an_account(server: TestServer) {
    let jo = json!({ "first_name": " Jo ", "last_name": "Doe", "email": "Jo@Example.com", "password": PASSWORD });
    let registered = server.iam("POST", "/authn/register").json(&jo).send().await;
    assert_eq!(registered.body, json!({ "status": "success", "data": { "email": "Jo@Example.com" } }));
    assert!(registered.tokens_if_any().is_none() && registered.set_cookies().is_empty());

    let login = server.iam_login("jo@example.com", PASSWORD).await;
    assert_eq!(login.body, json!({ "status": "success", "data": { "email": "jo@example.com" } }));
    let tokens = login.tokens();
    let profile = server.iam("GET", "/authn/profile").tokens(&tokens).ok().await;
    assert_eq!((&profile["first_name"], &profile["email"]), (&json!("Jo"), &json!("Jo@Example.com")));
    assert_eq!((&profile["role"], &profile["password"]), (&json!("GENERAL"), &json!("[hidden]")));
    server.iam("GET", "/authn/isauthenticated").tokens(&tokens).ok().await;

    let refreshed = server.iam("POST", "/authn/refresh").tokens(&tokens).send().await;
    refreshed.assert_ok();
    let tokens = refreshed.tokens();
    let body = json!({ "uuid": profile["uuid"], "csrf_token": profile["csrf_token"], "first_name": "Joanna" });
    let updated = server.iam("PUT", "/authn/update").tokens(&tokens).json(&body).ok().await;
    assert_eq!((&updated["first_name"], updated.get("csrf_token")), (&json!("Joanna"), None));

    let logout = server.iam("POST", "/authn/logout").tokens(&tokens).send().await;
    assert!(logout.is_ok() && logout.clears(), "{logout}");
    server.iam("GET", "/authn/profile").tokens(&tokens).fails(401).await;
    let gone = server.iam("GET", "/authn/isauthenticated").tokens(&tokens).send().await;
    assert_eq!(gone.body, json!({ "status": "fail" }));

    let jo = server.person_again("jo@example.com", PASSWORD).await;
    let body = json!({ "uuid": jo.uuid, "csrf_token": jo.csrf });
    let deleted = server.iam("DELETE", "/authn/delete").tokens(&jo.tokens).json(&body).send().await;
    assert!(deleted.is_ok() && deleted.clears(), "{deleted}");
    server.iam("POST", "/authn/login").json(&json!({ "email": jo.email, "password": PASSWORD })).fails(401).await;
    server.iam_register("jo@example.com").await;
}
