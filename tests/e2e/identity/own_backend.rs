//! The own backend in the box: an account and its keys are made in one transaction, under one user id.

use e2e::identity::PASSWORD;
use e2e::users::Template;
use e2e::{TestServer, both};
use keystead_sdk_core::Suite;
use keystead_server::operator::identity as operator;
use serde_json::{Value, json};

both! {
    an_account_comes_with_its_keys,
    both_or_neither,
    an_app_can_demand_keys,
    accounts_are_imported,
}

fn account(email: &str, identifier: Option<&str>) -> Value {
    let mut body = json!({ "first_name": "Jo", "last_name": "Doe", "email": email, "password": PASSWORD });
    if let Some(identifier) = identifier {
        body["key_registration"] = json!(Template::of(Suite::CLASSIC).register(identifier)).to_string().into();
    }
    body
}

async fn an_account_comes_with_its_keys(server: TestServer) {
    let data = server.iam("POST", "/authn/register").json(&account("jo@example.com", Some("jo"))).ok().await;
    let done = data["key_registration"].as_str().expect("the key API's answer");
    let key_id = keystead::user::done_register(done).expect("what the client reads");
    let jo = server.person_again("jo@example.com", PASSWORD).await;
    assert_eq!(jo.uuid, key_id, "one user id");
    let keys = server.iam("GET", "/authn/keys").tokens(&jo.tokens).ok().await;
    assert_eq!((&keys["has_keys"], keys["devices"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    // The account's end is the keys' end.
    let body = json!({ "uuid": jo.uuid, "csrf_token": jo.csrf });
    server.iam("DELETE", "/authn/delete").tokens(&jo.tokens).json(&body).ok().await;
    let rows = server.database().find(&jo.uuid);
    assert!(rows.iter().all(|row| row.starts_with("audit_log: ")), "{rows:?}");

    let jane = server.person("jane@example.com").await;
    let keys = server.iam("GET", "/authn/keys").tokens(&jane.tokens).ok().await;
    assert_eq!(keys, json!({ "has_keys": false, "devices": [] }));
}

async fn both_or_neither(server: TestServer) {
    server.iam("POST", "/authn/register").json(&account("jo@example.com", Some("jo"))).ok().await;
    // The identifier is taken: no account is made. The address is taken: no keys are made.
    server.iam("POST", "/authn/register").json(&account("jane@example.com", Some("jo"))).fails_somehow().await;
    server.iam("POST", "/authn/register").json(&account("jo@example.com", Some("jane"))).fails(409).await;
    for bad in [json!("{}"), json!("not JSON"), json!(5)] {
        let mut body = account("jane@example.com", None);
        body["key_registration"] = bad;
        server.iam("POST", "/authn/register").json(&body).fails(400).await;
    }
    let rows = server.database().rows();
    assert_eq!((rows["iam_users"].len(), rows["key_users"].len(), rows["directory_users"].len()), (1, 1, 1));
}

async fn an_app_can_demand_keys(server: TestServer) {
    operator::demand_keys(&server.app(), None, true).await.expect("set");
    let answer = server.iam("POST", "/authn/register").json(&account("jo@example.com", None)).fails(400).await;
    assert_eq!(answer.message(), "'key_registration' is required");
    server.iam("POST", "/authn/register").json(&account("jo@example.com", Some("jo"))).ok().await;
    operator::demand_keys(&server.app(), None, false).await.expect("set");
    server.iam("POST", "/authn/register").json(&account("jane@example.com", None)).ok().await;
}

async fn accounts_are_imported(server: TestServer) {
    // `password`, hashed by the reference implementation of Argon2 at another cost.
    const HASH: &str = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    let csv = format!(
        "id,uuid,email,password,first_name,last_name,role,email_verified,is_active\n\
         7,3f2b8c1e-0000-4000-8000-000000000001,Jo@Example.com,\"{HASH}\",Jo,Doe,SUPER_ADMIN,1,1\n"
    );
    let done = operator::import(&server.app(), None, &csv, None).await.expect("imported");
    assert_eq!((done.imported, done.skipped), (1, 0));
    let jo = server.person_again("jo@example.com", "password").await;
    assert_eq!(jo.uuid, "3f2b8c1e-0000-4000-8000-000000000001");
    server.iam("GET", "/users").tokens(&jo.tokens).ok().await;
    // The login has hashed the password anew, at this server's cost.
    let users = server.database().rows()["iam_users"].join("\n");
    assert!(!users.contains(HASH) && users.contains("m=64,t=1,p=1"), "{users}");
    server.person_again("jo@example.com", "password").await;
    let done = operator::import(&server.app(), None, &csv, None).await.expect("imported");
    assert_eq!((done.imported, done.skipped), (0, 1));
    // Files as `mysqldump --tab` writes them.
    let schema = "CREATE TABLE `users` (\n  `email` varchar(255),\n  `password` varchar(255),\n  `first_name` varchar(255),\n  \
                  `last_name` varchar(255),\n  `created_at` datetime(3),\n  `last_login` datetime(3)\n)";
    let text = format!("jane@example.com\t{HASH}\tJane\tRoe\t2023-03-10 12:00:00.000\t\\N\n");
    let done = operator::import(&server.app(), None, &text, Some(schema)).await.expect("imported");
    assert_eq!((done.imported, done.skipped), (1, 0));
    let jane = server.person_again("jane@example.com", "password").await;
    let profile = server.iam("GET", "/authn/profile").tokens(&jane.tokens).ok().await;
    assert_eq!(profile["created_at"], "2023-03-10T12:00:00.000Z");
    let list = operator::list(&server.app(), None, 0, 10).await.expect("listed");
    assert_eq!((list.len(), list[0].role.as_str()), (2, "SUPER_ADMIN"));
    let last = operator::set_active(&server.app(), None, "jo@example.com", false).await.expect_err("the last one");
    assert!(last.to_string().contains("last administrator"), "{last}");
}
