//! Apps of customers.

use e2e::users::Template;
use e2e::{TestServer, both, tokens};
use keystead_protocol::apps::{AppJwtData, EndpointOptions};
use keystead_protocol::customers::{AppDetails, AppJwtKey, AppListItem, AppTokenRenewOutput};
use keystead_protocol::keys::RegisterOutput;
use keystead_sdk_core::Suite;
use serde_json::json;

use super::{create_app, customer, setup};

both! {
    an_app_works_as_soon_as_it_is_made,
    jwt_keys_can_be_changed,
    an_app_is_emptied_and_deleted,
    apps_come_in_pages;
    with setup()
}

async fn an_app_works_as_soon_as_it_is_made(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let app = create_app(&server, &alice, "/customer/app").await;
    let register = |token: &str, name: &str| {
        server.post("/register").token(token).json(&Template::of(Suite::CLASSIC).register(name))
    };
    register(&app.public_token, "user 1").ok().await;
    let path = format!("/customer/app/{}", app.app_id);
    let call = |method: &str, tail: &str| server.call(method, &format!("{path}{tail}")).without_token().jwt(&alice.jwt);
    call("PUT", "/options").json(&EndpointOptions::preset_default()).ok().await;
    register(&app.public_token, "user 2").refused(203).await;
    register(&app.secret_token, "user 2").ok().await;
    call("PUT", "/options").json(&json!({ "group_create": 1 })).refused(11).await;
    let mut wrong = EndpointOptions::preset_lax();
    wrong.set("group_get", 9);
    call("PUT", "/options").json(&wrong).refused(203).await;
    call("PUT", "/file_options").json(&json!({ "file_storage": 1 })).refused(203).await;
    call("PUT", "/file_options").json(&json!({ "file_storage": 1, "storage_url": "https://example.com" })).ok().await;
    call("PUT", "").json(&json!({ "identifier": "x".repeat(101) })).refused(11).await;
    call("PUT", "").json(&json!({ "identifier": "better" })).ok().await;
    let details: AppDetails = call("GET", "").ok_as().await;
    assert_eq!(details.details.identifier, "better");
    assert_eq!(details.options, EndpointOptions::preset_default());
    assert_eq!(details.group_options.max_key_rotation_month, 5);
    assert_eq!(details.file_options.storage_url.as_deref(), Some("https://example.com"));

    let new: AppTokenRenewOutput = call("PATCH", "/token_renew").ok_as().await;
    register(&app.secret_token, "user 3").refused(200).await;
    register(&new.secret_token, "user 3").ok().await;
    // The operator's apps are nobody's.
    let foreign = format!("/customer/app/{}", server.lax.id);
    server.get(&foreign).without_token().jwt(&alice.jwt).refused(202).await;
    server.delete(&foreign).without_token().jwt(&alice.jwt).refused(202).await;
}

async fn jwt_keys_can_be_changed(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let app = create_app(&server, &alice, "/customer/app").await;
    let call = |method: &str, tail: &str| {
        server.call(method, &format!("/customer/app/{}{tail}", app.app_id)).without_token().jwt(&alice.jwt)
    };
    let first = app.jwt_data.jwt_id.clone();
    call("DELETE", &format!("/jwt/{first}")).refused(203).await;
    let new: AppJwtData = call("PATCH", "/new_jwt_keys").ok_as().await;
    let keys: Vec<AppJwtKey> = call("GET", "/jwt").ok_as().await;
    let ids: Vec<&str> = keys.iter().map(|k| k.jwt_key_id.as_str()).collect();
    assert!(ids.len() == 2 && ids.contains(&first.as_str()) && ids.contains(&new.jwt_id.as_str()));
    // The private half that is shown signs what the server takes.
    let user: RegisterOutput = {
        let body = Template::of(Suite::CLASSIC).register("user");
        server.post("/register").token(&app.secret_token).json(&body).ok_as().await
    };
    let login = server.post("/user/forced/login").token(&app.secret_token);
    let login = login.json(&json!({ "user_identifier": "user" })).ok().await;
    let claims = tokens::claims(login["verify"]["jwt"].as_str().expect("a JWT"));
    assert_eq!(claims.aud, user.user_id);
    let old = keys.iter().find(|k| k.jwt_key_id == first).expect("the first key");
    let jwt = tokens::sign(&old.sign_key, &first, &claims);
    let list = || server.get("/group/all/0/none").token(&app.public_token).jwt(&jwt);
    list().ok().await;
    call("DELETE", &format!("/jwt/{first}")).ok().await;
    list().refused(35).await;
    call("DELETE", &format!("/jwt/{first}")).refused(203).await;
}

async fn an_app_is_emptied_and_deleted(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let app = create_app(&server, &alice, "/customer/app").await;
    let register = |name: &str| {
        server.post("/register").token(&app.secret_token).json(&Template::of(Suite::CLASSIC).register(name))
    };
    let user: RegisterOutput = register("user").ok_as().await;
    let login = server.post("/user/forced/login").token(&app.secret_token);
    let login = login.json(&json!({ "user_identifier": "user" })).ok().await;
    let jwt = login["verify"]["jwt"].as_str().expect("a JWT").to_owned();
    let group = server.post("/group/light").token(&app.public_token).jwt(&jwt).ok().await;
    let delete =
        |tail: &str| server.delete(&format!("/customer/app/{}{tail}", app.app_id)).without_token().jwt(&alice.jwt);
    delete("/reset").ok().await;
    assert!(server.database().find(&user.user_id).is_empty());
    assert!(server.database().find(group["group_id"].as_str().expect("an id")).is_empty());
    server.get("/group/all/0/none").token(&app.public_token).jwt(&jwt).refused(100).await;
    register("user").ok().await;
    // Other apps keep their users.
    server.session("somebody").await;
    delete("").ok().await;
    register("user 2").refused(200).await;
    assert!(server.database().find(&app.app_id).is_empty());
    server.session("somebody else").await;
}

async fn apps_come_in_pages(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let mut made = Vec::new();
    for _ in 0..23 {
        made.push(create_app(&server, &alice, "/customer/app").await.app_id);
    }
    let page = |time: i64, id: String| {
        server.get(&format!("/customer/apps/{time}/{id}")).without_token().jwt(&alice.jwt).ok_as::<Vec<AppListItem>>()
    };
    let mut seen: Vec<AppListItem> = page(0, "none".into()).await;
    assert_eq!(seen.len(), 20);
    let last = seen.last().expect("a last one").clone();
    seen.extend(page(last.time, last.id).await);
    let mut ids: Vec<String> = seen.into_iter().map(|app| app.id).collect();
    ids.sort();
    made.sort();
    assert_eq!(ids, made);
}
