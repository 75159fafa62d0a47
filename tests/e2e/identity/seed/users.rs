//! Administration of users.

use e2e::identity::{PASSWORD, Person};
use e2e::{TestServer, both};
use keystead_server::rooms::identity::Role;
use serde_json::{Value, json};

both! {
    row_34_every_change_needs_the_csrf_token,
    row_49_users_are_restricted,
    row_50_the_list_is_for_verified_administrators,
    row_51_a_list_has_at_most_a_hundred,
    row_52_skip_and_take,
    row_53_bad_skip_and_take,
    row_54_a_user_is_for_administrators_and_its_owner,
    row_55_users_are_not_made_here,
    row_56_a_user_is_changed_by_administrators_and_its_owner,
    row_57_an_owner_cannot_raise_his_rights,
    row_58_unknown_roles_are_refused,
    row_59_a_user_is_removed_by_administrators_and_its_owner,
}

async fn row_34_every_change_needs_the_csrf_token(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    let path = format!("/users/{}", jo.uuid);
    for (person, method, path) in [
        (&jo, "PUT", "/authn/update"),
        (&jo, "DELETE", "/authn/delete"),
        (&root, "PUT", path.as_str()),
        (&root, "DELETE", path.as_str()),
        (&root, "DELETE", "/refresh-tokens/1"),
        (&root, "DELETE", "/refresh-tokens"),
    ] {
        let body = json!({ "uuid": person.uuid, "first_name": "X" });
        let answer = server.iam(method, path).tokens(&person.tokens).json(&body).fails(403).await;
        assert_eq!(answer.message(), "Missing or invalid csrf token", "{answer}");
        assert_eq!(answer.status, if path.starts_with("/authn") { 200 } else { 403 });
    }
    server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    server.iam("POST", "/authn/refresh").tokens(&root.tokens).ok().await;
}

async fn row_49_users_are_restricted(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let one = format!("/users/{}", jo.uuid);
    for (method, path) in [
        ("GET", "/users"),
        ("POST", "/users"),
        ("GET", one.as_str()),
        ("PUT", one.as_str()),
        ("DELETE", one.as_str()),
        ("GET", "/refresh-tokens"),
        ("DELETE", "/refresh-tokens"),
        ("DELETE", "/refresh-tokens/1"),
    ] {
        let answer = server.iam(method, path).fails(403).await;
        assert_eq!((answer.status, answer.message()), (403, "Forbidden"));
    }
}

/// All four combinations of role and verification.
pub(super) async fn four(server: &TestServer) -> [(Person, bool); 4] {
    let person = async |name: &str, role, verified| {
        let email = format!("{name}@example.com");
        server.iam_register(&email).await;
        server.promote(&email, role, verified).await;
        server.person_again(&email, PASSWORD).await
    };
    [
        (person("root", Role::SuperAdmin, true).await, true),
        (person("unverified", Role::SuperAdmin, false).await, false),
        (person("admin", Role::Admin, true).await, false),
        (person("general", Role::General, true).await, false),
    ]
}

async fn row_50_the_list_is_for_verified_administrators(server: TestServer) {
    for (person, may) in four(&server).await {
        let answer = server.iam("GET", "/users").tokens(&person.tokens).send().await;
        assert_eq!(answer.is_ok(), may, "{} {answer}", person.email);
        let permission = format!("/users/{}/permission", person.uuid);
        for name in ["can-access-admin", "canAccessAdmin"] {
            let answer = server.iam("GET", &format!("{permission}/{name}")).tokens(&person.tokens).send().await;
            assert_eq!(answer.is_ok(), may, "{answer}");
            if may {
                let text = format!("User: {} has permission: {name}", person.uuid);
                assert_eq!(answer.body["data"], json!(text));
                let other = server.iam("GET", &format!("{permission}/can-fly")).tokens(&person.tokens).fails(401).await;
                assert_eq!((other.status, other.message().contains("does NOT have permission: can-fly")), (401, true));
            }
        }
        if may {
            let data = &server.iam("GET", "/users").tokens(&person.tokens).ok().await;
            assert_eq!(data["csrf_token"], json!(person.csrf));
            assert_eq!(data["users"].as_array().map(Vec::len), Some(4));
            assert!(data["users"].as_array().expect("users").iter().all(|u| u["password"] == "[hidden]"));
        }
    }
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().expect("an array").iter().map(|u| u["id"].as_i64().expect("a number")).collect()
}

/// An administrator and 119 further users.
async fn many(server: &TestServer) -> Person {
    let root = server.admin("root@example.com").await;
    let register = |n: usize| async move { server.iam_register(&format!("user{n}@example.com")).await };
    for batch in (0..119).collect::<Vec<_>>().chunks(20) {
        futures_util::future::join_all(batch.iter().map(|n| register(*n))).await;
    }
    root
}

async fn row_51_a_list_has_at_most_a_hundred(server: TestServer) {
    let root = many(&server).await;
    for query in ["", "?take=500", "?take=101", "?skip=0&take=1000000000000"] {
        let list = server.iam("GET", &format!("/users{query}")).tokens(&root.tokens).ok().await;
        assert_eq!(list["users"].as_array().map(Vec::len), Some(100), "{query}");
    }
}

async fn row_52_skip_and_take(server: TestServer) {
    let root = many(&server).await;
    let list =
        async |query: &str| ids(&server.iam("GET", &format!("/users{query}")).tokens(&root.tokens).ok().await["users"]);
    let first = list("").await;
    assert!(first.is_sorted(), "by ascending number");
    let page = list("?skip=40&take=10").await;
    assert_eq!(page, first[40..50]);
    assert_eq!(list("?take=10&skip=115").await.len(), 5);
    assert!(list("?skip=500").await.is_empty());
}

async fn row_53_bad_skip_and_take(server: TestServer) {
    let root = server.admin("root@example.com").await;
    for query in [
        "skip=abc",
        "skip=-1",
        "take=-1",
        "take=0",
        "take=abc",
        "skip=",
        "take",
        "skip=99999999999999999999",
        "skip=1.5&take=%20",
    ] {
        let answer = server.iam("GET", &format!("/users?{query}")).tokens(&root.tokens).send().await;
        assert!(answer.is_ok(), "{answer}");
        assert_eq!(answer.body["data"]["users"].as_array().map(Vec::len), Some(1));
        server.iam("GET", &format!("/refresh-tokens?{query}")).tokens(&root.tokens).ok().await;
    }
}

async fn row_54_a_user_is_for_administrators_and_its_owner(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let path = format!("/users/{}", jo.uuid);
    for person in [&root, &jo] {
        let data = server.iam("GET", &path).tokens(&person.tokens).ok().await;
        assert_eq!((&data["uuid"], data.get("csrf_token")), (&json!(jo.uuid), None));
    }
    server.iam("GET", &path).tokens(&jane.tokens).fails(403).await;
    let id = server.iam("GET", &path).tokens(&root.tokens).ok().await["id"].to_string();
    for unknown in [id.as_str(), e2e::users::NOBODY, "x", "%00"] {
        let answer = server.iam("GET", &format!("/users/{unknown}")).tokens(&root.tokens).fails(404).await;
        assert_eq!((answer.status, answer.message()), (404, "User not found"));
        server.iam("GET", &format!("/users/{unknown}")).tokens(&jo.tokens).fails(403).await;
    }
}

async fn row_55_users_are_not_made_here(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    let body = json!({ "first_name": "X", "last_name": "Y", "email": "new@example.com", "password": PASSWORD });
    for person in [&root, &jo] {
        let answer = server.iam("POST", "/users").tokens(&person.tokens).json(&body).fails(422).await;
        assert_eq!((answer.status, answer.message()), (422, "All users must be created from authn/register endpoint"));
    }
    assert_eq!(server.database().rows()["iam_users"].len(), 2);
}

async fn row_56_a_user_is_changed_by_administrators_and_its_owner(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let path = format!("/users/{}", jo.uuid);
    let put = |person: &Person, mut body: Value| {
        body["csrf_token"] = person.csrf.as_str().into();
        server.iam("PUT", &path).tokens(&person.tokens).json(&body)
    };
    for (field, value) in [
        ("first_name", json!("Joanna")),
        ("last_name", json!("Roe")),
        ("avatar", json!("https://example.com/jo.png")),
        ("permissions", json!("canAccessAdmin, can-fly")),
        ("is_active", json!(false)),
        ("is_active", json!(true)),
        ("role", json!("ADMIN")),
        ("permissions", json!(null)),
    ] {
        let data = put(&root, json!({ field: value })).ok().await;
        assert_eq!(data[field], value);
    }
    let nothing = put(&root, json!({ "uuid": jo.uuid })).fails(400).await;
    assert_eq!((nothing.status, nothing.message()), (400, "No updatable properties supplied"));
    for field in ["first_name", "last_name", "role"] {
        let empty = put(&root, json!({ field: "" })).fails(400).await;
        assert_eq!(empty.message(), format!("{field} must have data"));
    }
    for body in [json!({ "is_active": "yes" }), json!({ "first_name": true }), json!({ "avatar": "x".repeat(1_001) })] {
        put(&root, body).fails(400).await;
    }
    put(&jane, json!({ "first_name": "Hacked" })).fails(403).await;
    // That she may not is told before what is wrong with the change.
    for body in [json!({}), json!({ "first_name": "" }), json!({ "role": "KING" })] {
        put(&jane, body).fails(403).await;
    }
    // The owner, who had to log in again: his role has changed.
    let jo = server.person_again(&jo.email, PASSWORD).await;
    let data = put(&jo, json!({ "first_name": "Jo", "avatar": "x", "uuid": jo.uuid })).ok().await;
    assert_eq!((&data["first_name"], &data["avatar"], &data["role"]), (&json!("Jo"), &json!("x"), &json!("ADMIN")));
    let unknown = format!("/users/{}", e2e::users::NOBODY);
    let body = json!({ "first_name": "X", "csrf_token": root.csrf });
    for body in [body, json!({ "csrf_token": root.csrf })] {
        let answer = server.iam("PUT", &unknown).tokens(&root.tokens).json(&body).fails(400).await;
        assert_eq!(answer.message(), "User not found");
    }
}

async fn row_57_an_owner_cannot_raise_his_rights(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let path = format!("/users/{}", jo.uuid);
    let put = |mut body: Value| {
        body["csrf_token"] = jo.csrf.as_str().into();
        server.iam("PUT", &path).tokens(&jo.tokens).json(&body)
    };
    for body in [
        json!({ "role": "SUPER_ADMIN" }),
        json!({ "is_active": false }),
        json!({ "email_verified": true }),
        json!({ "permissions": "canAccessAdmin" }),
        json!({ "email": "other@example.com" }),
        json!({ "first_name": "X", "role": "ADMIN" }),
    ] {
        put(body).fails(403).await;
    }
    // What changes nothing may be sent along, and what nobody can change here is ignored.
    put(json!({ "first_name": "Jo", "role": "GENERAL", "is_active": true, "id": 1, "password": "x" })).ok().await;
    let profile = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    for (field, value) in [("role", json!("GENERAL")), ("is_active", json!(true)), ("email_verified", json!(false))] {
        assert_eq!(profile[field], value);
    }
    assert_eq!((&profile["permissions"], &profile["email"]), (&Value::Null, &json!("jo@example.com")));
    server.person_again("jo@example.com", PASSWORD).await;
}

async fn row_58_unknown_roles_are_refused(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    for role in [json!("OWNER"), json!("super_admin"), json!(5), json!(null), json!(["ADMIN"])] {
        let body = json!({ "role": role, "csrf_token": root.csrf });
        let answer =
            server.iam("PUT", &format!("/users/{}", jo.uuid)).tokens(&root.tokens).json(&body).fails(400).await;
        assert_eq!(answer.status, 400);
    }
}

async fn row_59_a_user_is_removed_by_administrators_and_its_owner(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let delete = |person: &Person, uuid: &str| {
        let body = json!({ "csrf_token": person.csrf });
        server.iam("DELETE", &format!("/users/{uuid}")).tokens(&person.tokens).json(&body)
    };
    delete(&jane, &jo.uuid).fails(403).await;
    delete(&root, &jo.uuid).ok().await;
    server.iam("GET", "/authn/profile").tokens(&jo.tokens).fails(401).await;
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
    assert_eq!(server.iam_login(&jo.email, PASSWORD).await.code(), Some(401));
    let gone = delete(&root, &jo.uuid).fails(400).await;
    assert_eq!(gone.message(), "User not found");
    let own = delete(&jane, &jane.uuid).send().await;
    assert!(own.is_ok() && own.set_cookies().is_empty(), "{own}");
    server.iam("GET", "/authn/profile").tokens(&jane.tokens).fails(401).await;
}
