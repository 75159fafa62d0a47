//! Administration of refresh tokens.

use e2e::identity::Person;
use e2e::{TestServer, both};
use serde_json::{Value, json};

both! {
    row_64_the_list_is_for_verified_administrators,
    row_65_one_token_is_deleted,
    row_66_all_tokens_are_deleted,
    row_67_nobody_else_deletes_tokens,
}

async fn list(server: &TestServer, root: &Person, query: &str) -> Vec<Value> {
    let data = server.iam("GET", &format!("/refresh-tokens{query}")).tokens(&root.tokens).ok().await;
    data.as_array().expect("an array").clone()
}

async fn row_64_the_list_is_for_verified_administrators(server: TestServer) {
    let four = super::users::four(&server).await;
    for (person, may) in &four {
        let answer = server.iam("GET", "/refresh-tokens").tokens(&person.tokens).send().await;
        assert_eq!(answer.is_ok(), *may, "{answer}");
    }
    let root = &four[0].0;
    let all = list(&server, root, "").await;
    assert_eq!(all.len(), 4);
    let keys: Vec<&str> = all[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["date_created", "id", "is_active", "token_id", "updated_at", "user_id"]);
    assert_eq!(list(&server, root, "?skip=1&take=2").await, all[1..3]);
    assert!(list(&server, root, "?skip=10").await.is_empty());
}

/// The number of the active token of a user.
async fn token_of(server: &TestServer, root: &Person, person: &Person) -> Value {
    let user = server.iam("GET", &format!("/users/{}", person.uuid)).tokens(&root.tokens).ok().await;
    let all = list(server, root, "").await;
    let his = all.iter().find(|t| t["user_id"] == user["id"] && t["is_active"] == true);
    his.expect("a token")["id"].clone()
}

async fn row_65_one_token_is_deleted(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let delete = |id: &str| {
        let body = json!({ "csrf_token": root.csrf });
        server.iam("DELETE", &format!("/refresh-tokens/{id}")).tokens(&root.tokens).json(&body)
    };
    let id = token_of(&server, &root, &jo).await.to_string();
    delete(&id).ok().await;
    assert_eq!(delete(&id).fails(404).await.status, 404);
    for bad in ["abc", "1.5", "-", "99999999999999999999"] {
        assert_eq!(delete(bad).fails(400).await.status, 400, "{bad}");
    }
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
    server.iam("POST", "/authn/refresh").tokens(&jane.tokens).ok().await;
    // His access token is good until it ends, as the seed says.
    server.iam("GET", "/authn/isauthenticated").tokens(&jo.tokens).ok().await;
}

async fn row_66_all_tokens_are_deleted(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    let body = json!({ "csrf_token": root.csrf });
    server.iam("DELETE", "/refresh-tokens/").tokens(&root.tokens).json(&body).ok().await;
    for person in [&root, &jo] {
        server.iam("POST", "/authn/refresh").tokens(&person.tokens).fails(403).await;
    }
    assert!(list(&server, &root, "").await.is_empty());
}

async fn row_67_nobody_else_deletes_tokens(server: TestServer) {
    let four = super::users::four(&server).await;
    for (person, _) in four.iter().filter(|(_, may)| !may) {
        for path in ["/refresh-tokens", "/refresh-tokens/1"] {
            let body = json!({ "csrf_token": person.csrf });
            let answer = server.iam("DELETE", path).tokens(&person.tokens).json(&body).fails(403).await;
            assert_eq!((answer.status, answer.message()), (403, "Forbidden"));
        }
    }
    assert_eq!(list(&server, &four[0].0, "").await.len(), 4);
}
