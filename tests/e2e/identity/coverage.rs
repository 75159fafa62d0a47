//! The authorisation matrix of the identity API: what every route asks of its caller. A route that is in the table but not in the
//! matrix fails here, and the other way round.

use e2e::identity::{Person, Tokens};
use e2e::{TestServer, both};
use keystead_server::rooms::identity::Role;
use keystead_server::routes::{Route, table};
use keystead_server::web::guard::Guard;
use keystead_server::web::identity::IdentityGuard;
use serde_json::{Value, json};

both! { every_route_asks_its_caller }

/// Method, path and guard of every route.
const MATRIX: &[(&str, &str, IdentityGuard)] = {
    use IdentityGuard::{Admin, AdminCsrf, Login, Open, Probe, Provider, Restricted, RestrictedCsrf, User, UserCsrf};
    &[
        ("POST", "/authn/register", Open),
        ("POST", "/authn/login", Login),
        ("POST", "/authn/login-google", Provider),
        ("POST", "/authn/login-oidc/{provider}", Provider),
        ("POST", "/authn/logout", Open),
        ("GET", "/authn/profile", User),
        ("GET", "/authn/isauthenticated", Probe),
        ("POST", "/authn/refresh", Open),
        ("PUT", "/authn/update", UserCsrf),
        ("DELETE", "/authn/delete", UserCsrf),
        ("POST", "/authn/reset", Open),
        ("POST", "/authn/verifyreset", Open),
        ("POST", "/authn/verifyreset/{token}", Open),
        ("POST", "/authn/verifyemail", Open),
        ("POST", "/authn/verifyemailtoken", Open),
        ("GET", "/authn/keys", User),
        ("GET", "/authn/sessions", User),
        ("DELETE", "/authn/sessions", UserCsrf),
        ("DELETE", "/authn/sessions/{id}", UserCsrf),
        ("GET", "/users", Admin),
        ("POST", "/users", Restricted),
        ("GET", "/users/{uuid}", Restricted),
        ("PUT", "/users/{uuid}", RestrictedCsrf),
        ("DELETE", "/users/{uuid}", RestrictedCsrf),
        ("GET", "/users/{uuid}/permission/{name}", Admin),
        ("GET", "/refresh-tokens", Admin),
        ("DELETE", "/refresh-tokens", AdminCsrf),
        ("DELETE", "/refresh-tokens/{id}", AdminCsrf),
    ]
};

fn of_table(route: &Route) -> Option<(&str, &str, IdentityGuard)> {
    match route.guard {
        Guard::Identity(guard) => Some((route.method.as_str(), route.pattern.strip_prefix("/api/iam")?, guard)),
        _ => None,
    }
}

#[test]
fn the_matrix_is_the_table() {
    let routed: Vec<_> = table().iter().filter_map(of_table).collect();
    for row in &routed {
        assert!(MATRIX.contains(row), "a route without a line in the matrix: {row:?}");
    }
    for row in MATRIX {
        assert!(routed.contains(row), "a line of the matrix without a route: {row:?}");
    }
}

async fn every_route_asks_its_caller(server: TestServer) {
    let general = server.person("general@example.com").await;
    let other = server.person("other@example.com").await;
    server.admin("root@example.com").await;
    server.iam_register("unverified@example.com").await;
    server.promote("unverified@example.com", Role::SuperAdmin, false).await;
    let unverified = server.person_again("unverified@example.com", e2e::identity::PASSWORD).await;
    server.iam_register("admin@example.com").await;
    server.promote("admin@example.com", Role::Admin, true).await;
    let admin = server.person_again("admin@example.com", e2e::identity::PASSWORD).await;

    for (method, pattern, guard) in MATRIX.iter().filter(|(.., guard)| guard.needs_token()) {
        let path = pattern.replace("{uuid}", &other.uuid).replace("{name}", "can-access-admin").replace("{id}", "1");
        let call = |tokens: &Tokens, body: Value| {
            let call = server.iam(method, &path).tokens(tokens);
            if *method == "GET" { call } else { call.json(&body) }
        };
        let csrf = |person: &Person| json!({ "csrf_token": person.csrf, "uuid": person.uuid, "first_name": "X" });
        let what = format!("{method} {path}");

        // Nobody, with nothing, with nonsense, and with the wrong kind of token.
        let swapped = Tokens { access: general.tokens.refresh.clone(), ..Tokens::default() };
        for tokens in [
            Tokens::default(),
            Tokens { access: "Bearer x.y.z".into(), ..Tokens::default() },
            Tokens { access: general.tokens.access.replace("Bearer ", ""), ..Tokens::default() },
            swapped,
        ] {
            let answer = call(&tokens, csrf(&general)).fails_somehow().await;
            assert!(answer.body.get("data").is_none(), "{what}");
            let expected = if guard.has_own_status() { 403 } else { 200 };
            assert_eq!(answer.status, expected, "{answer}");
        }
        // Tokens of a browser do not count from an app, and the other way round.
        server.iam(method, &path).cookies(&general.tokens).json(&csrf(&general)).fails_somehow().await;
        let browser = server.iam(method, &path).platform("browser").tokens(&general.tokens);
        browser.json(&csrf(&general)).fails_somehow().await;

        if guard.needs_csrf() {
            for wrong in [json!(null), json!(""), json!("x"), json!({ "not": "x" }), json!(other.csrf), json!([1])] {
                let mut body = csrf(&general);
                body["csrf_token"] = wrong;
                call(&general.tokens, body).fails(403).await;
            }
            call(&general.tokens, json!({})).fails(403).await;
        }
        if guard.needs_admin() {
            for person in [&general, &unverified, &admin] {
                let answer = call(&person.tokens, csrf(person)).fails(403).await;
                assert_eq!((answer.status, answer.message()), (403, "Forbidden"), "{what}");
            }
        }
    }
    // All of that changed nothing.
    for person in [&general, &other, &unverified, &admin] {
        let profile = server.iam("GET", "/authn/profile").tokens(&person.tokens).ok().await;
        assert_eq!((&profile["first_name"], &profile["uuid"]), (&json!("Jo"), &json!(person.uuid)));
    }
}
