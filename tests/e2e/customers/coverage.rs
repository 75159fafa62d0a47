//! Every route of the customer API asks its caller. What a rank may do is tested with groups.

use e2e::users::NOBODY;
use e2e::{TestServer, both, tokens};
use keystead_protocol::jwt::Claims;
use keystead_server::routes::table;
use keystead_server::web::guard::Guard;
use serde_json::json;

use super::{customer, setup};

both! { every_route_asks_its_caller; with setup() }

async fn every_route_asks_its_caller(server: TestServer) {
    let (alice, bob) = (customer(&server, "alice@example.com").await, customer(&server, "bob@example.com").await);
    let user = server.session("a user of an app").await;
    let made = server.post("/customer/group").without_token().jwt(&alice.jwt).json(&json!({})).ok().await;
    let group = made["group_id"].as_str().expect("an id");
    let app = super::create_app(&server, &alice, "/customer/app").await;
    let mut seen = 0;
    for route in table().iter().filter(|route| route.guard.is_customer() && route.guard.needs_jwt()) {
        seen += 1;
        let path = route.pattern.strip_prefix("/api/v1").expect("the key API's prefix");
        let path = path
            .replace("{group_id}", group)
            .replace("{app_id}", &app.app_id)
            .replace("{user_id}", &bob.id)
            .replace("{jwt_id}", NOBODY)
            .replace("{time}/{id}", "0/none");
        let call = || server.call(route.method.as_str(), &path).without_token();
        call().refused(31).await;
        // An app's token changes nothing, nor does its secret one.
        call().token(&server.lax.secret).refused(31).await;
        call().header("authorization", &alice.jwt).refused(31).await;
        call().jwt("garbage").refused(32).await;
        call().jwt(&tokens::with_broken_signature(&alice.jwt)).refused(30).await;
        call().jwt(&user.jwt).refused(35).await;
        call().token(&server.lax.public).jwt(&user.jwt).refused(35).await;
        if route.guard == Guard::CJG {
            call().jwt(&bob.jwt).refused(310).await;
        }
        if path.contains(&app.app_id) {
            let code = call().jwt(&bob.jwt).json(&json!({})).code().await;
            // The body of a change of settings is read first.
            assert!(matches!(code, Some(202 | 11)), "{} {path} by a stranger: {code:?}", route.method);
        }
    }
    assert!(seen > 30, "{seen}");
    server.advance(301);
    for route in table().iter().filter(|route| route.guard.is_customer() && route.guard.needs_jwt()) {
        let path = route.pattern.strip_prefix("/api/v1").expect("the key API's prefix");
        let path = path.replace("{group_id}", group).replace("{app_id}", &app.app_id).replace("{time}/{id}", "0/none");
        let call = server.call(route.method.as_str(), &path).without_token().jwt(&alice.jwt);
        let code = call.code().await;
        let expected = if route.guard.takes_expired() { 11 } else { 30 };
        assert_eq!(code, Some(expected), "{} {path} with an old token", route.method);
    }
    // What needs a complete login does not take a refreshed token.
    let refresh = json!({ "refresh_token": alice.refresh_token });
    let refreshed = server.put("/customer/refresh").without_token().jwt(&alice.jwt).json(&refresh).ok().await;
    let jwt = refreshed["jwt"].as_str().expect("a JWT");
    assert!(matches!(tokens::claims(jwt), Claims { fresh: false, .. }));
    for route in table().iter().filter(|route| route.guard == Guard::CJFresh) {
        let path = route.pattern.strip_prefix("/api/v1").expect("the key API's prefix");
        let code = server.call(route.method.as_str(), path).without_token().jwt(jwt).json(&json!({})).code().await;
        assert!(matches!(code, Some(113 | 11)), "{} {path}: {code:?}", route.method);
    }
}
