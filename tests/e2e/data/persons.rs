//! One person in several APIs: what the identity API or the key API ends, ends here too, at once.

use std::fs;

use e2e::data::DataApp;
use e2e::identity::{Person, link_token};
use e2e::socket::Socket;
use e2e::{TestServer, both};
use keystead_server::rooms::identity::Role;
use serde_json::{Value, json};

both! {
    a_deleted_account_takes_its_data_along,
    a_deleted_user_of_the_key_api_takes_his_data_along,
    accounts_that_log_out_lose_their_connections,
    users_of_the_key_api_who_log_out_lose_their_connections,
    front_ends_that_sign_out_lose_their_connections,
    accounts_whose_password_changes_lose_their_connections,
    accounts_that_the_operator_switches_off_lose_their_connections,
    who_signed_in_by_code_first_is_the_owner_of_the_verified_address,
    an_app_that_takes_no_writes_ends_tokens_all_the_same,
}

/// The app that the identity API serves, with its admin token.
fn default_app(server: &TestServer) -> DataApp {
    let text = fs::read_to_string(server.dir().join("default-app.env")).expect("the first start wrote it");
    let admin = text.lines().find_map(|line| line.strip_prefix("KEYSTEAD_ADMIN_TOKEN=")).expect("a token");
    DataApp { server: server.clone(), id: server.default_app_id(), admin: admin.to_owned() }
}

/// Makes the user's `$users` entity, a note that goes with him, and one that stays. Gives a refresh token.
async fn settle(app: &DataApp, user: &str, email: &str) -> String {
    let note = |n: u32| format!("00000000-0000-4000-8000-{n:012}");
    let attr = json!({
        "id": note(1), "value-type": "ref", "cardinality": "one", "on-delete": "cascade",
        "forward-identity": [note(2), "notes", "owner"], "reverse-identity": [note(3), "$users", "notes"],
    });
    let schema = app.call("GET", "/admin/schema").ok().await;
    if schema["schema"]["refs"].get("notes-owner-$users-notes").is_none() {
        app.transact(json!([["add-attr", attr]])).await;
    }
    let (own, other) = (app.server.app().new_id(), app.server.app().new_id());
    app.transact(json!([
        ["update", "$users", user, {"email": email}],
        ["update", "notes", own, {"text": "his"}],
        ["link", "notes", own, {"owner": user}],
        ["update", "notes", other, {"text": "nobody's"}],
    ]))
    .await;
    let made = app.call("POST", "/admin/refresh_tokens").body(&json!({"id": user})).ok().await;
    assert_eq!(made["user"]["id"], user);
    made["user"]["refresh_token"].as_str().expect("a token").to_owned()
}

async fn is_good(app: &DataApp, token: &str) -> bool {
    let body = json!({"app-id": app.id, "refresh-token": token});
    app.anybody("POST", "/runtime/auth/verify_refresh_token").body(&body).send().await.status == 200
}

async fn connect(app: &DataApp, token: &str) -> Socket {
    Socket::init(&app.server.url(), &app.id, json!({"refresh-token": token})).await
}

/// The connection is closed by the server.
async fn ends(mut socket: Socket) {
    while socket.next().await.is_some() {}
}

async fn is_open(socket: &mut Socket) -> bool {
    socket.ask(json!({"op": "remove-query", "q": {}})).await["op"] == "remove-query-ok"
}

async fn owners(app: &DataApp) -> Vec<String> {
    let tree = app.query(json!({"notes": {"$": {"where": {"owner": {"$isNull": false}}}}, "$users": {}})).await;
    let owner = |note: &Value| note["owner"].as_str().expect("an owner").to_owned();
    let owners: Vec<String> = tree["notes"].as_array().expect("notes").iter().map(owner).collect();
    assert_eq!(tree["$users"].as_array().map(Vec::len), Some(owners.len()), "{tree}");
    owners
}

async fn a_deleted_account_takes_its_data_along(server: TestServer) {
    let app = default_app(&server);
    let root = server.admin("root@example.com").await;
    for by_root in [false, true] {
        let (jo, kim) = (server.person("jo@example.com").await, server.app().new_id());
        let (token, stays) =
            (settle(&app, &jo.uuid, "jo@example.com").await, settle(&app, &kim, "kim@example.com").await);
        let (socket, mut other) = (connect(&app, &token).await, connect(&app, &stays).await);
        let access = jo.tokens.access.trim_start_matches("Bearer ").to_owned();
        let by_access = connect(&app, &access).await;
        assert_eq!(owners(&app).await.len(), 2);
        match by_root {
            false => {
                let body = json!({"uuid": jo.uuid, "csrf_token": jo.csrf});
                server.iam("DELETE", "/authn/delete").tokens(&jo.tokens).json(&body).ok().await;
            }
            true => {
                let call = server.iam("DELETE", &format!("/users/{}", jo.uuid)).tokens(&root.tokens);
                call.json(&json!({"csrf_token": root.csrf})).ok().await;
            }
        }
        assert!(!is_good(&app, &token).await && is_good(&app, &stays).await);
        assert_eq!(owners(&app).await, [kim.as_str()], "his note went with him");
        ends(socket).await;
        ends(by_access).await;
        assert!(is_open(&mut other).await);
        let as_him = app.anybody("POST", "/admin/query").header("as-token", &access);
        as_him.body(&json!({"query": {"notes": {}}})).refused("record-not-found").await;
        app.call("DELETE", "/admin/users?email=kim%40example.com").ok().await;
    }
}

async fn a_deleted_user_of_the_key_api_takes_his_data_along(server: TestServer) {
    let app = server.data();
    let kim = server.app().new_id();
    let stays = settle(&app, &kim, "kim@example.com").await;
    for way in 0..3 {
        let name = format!("jo{way}");
        let jo = server.session(&name).await;
        let token = settle(&app, &jo.user_id, "jo@example.com").await;
        let (socket, by_jwt) = (connect(&app, &token).await, connect(&app, &jo.jwt).await);
        assert_eq!(owners(&app).await.len(), 2);
        let secret = &server.lax.secret;
        match way {
            0 => server.delete("/user").jwt(&jo.jwt).ok().await,
            1 => server.put("/user/forced/delete").token(secret).json(&json!({"user_identifier": name})).ok().await,
            _ => server.delete(&format!("/user/forced/delete/{}", jo.user_id)).token(secret).ok().await,
        };
        assert!(!is_good(&app, &token).await && is_good(&app, &stays).await);
        assert_eq!(owners(&app).await, [kim.as_str()]);
        ends(socket).await;
        ends(by_jwt).await;
    }
}

async fn accounts_that_log_out_lose_their_connections(server: TestServer) {
    let app = default_app(&server);
    let jo = server.person("jo@example.com").await;
    server.promote("jo@example.com", Role::General, true).await;
    settle(&app, &jo.uuid, "jo@example.com").await;
    for path in ["/authn/logout", "/authn/sessions"] {
        let jo = server.person_again("jo@example.com", e2e::identity::PASSWORD).await;
        let access = jo.tokens.access.trim_start_matches("Bearer ").to_owned();
        let socket = connect(&app, &access).await;
        let method = if path == "/authn/logout" { "POST" } else { "DELETE" };
        server.iam(method, path).tokens(&jo.tokens).json(&json!({"csrf_token": jo.csrf})).ok().await;
        ends(socket).await;
    }
}

async fn users_of_the_key_api_who_log_out_lose_their_connections(server: TestServer) {
    let app = server.data();
    let jo = server.session("jo").await;
    settle(&app, &jo.user_id, "jo@example.com").await;
    let socket = connect(&app, &jo.jwt).await;
    server.delete("/refresh").jwt(&jo.jwt).json(&json!({"refresh_token": jo.refresh_token})).ok().await;
    ends(socket).await;
    let jo = server.forced_login(&server.lax, "jo").await;
    let socket = connect(&app, &jo.jwt).await;
    let body = json!({"user_identifier": "jo"});
    server.delete("/user/forced/sessions").token(&server.lax.secret).json(&body).ok().await;
    ends(socket).await;
}

async fn front_ends_that_sign_out_lose_their_connections(server: TestServer) {
    let app = server.data();
    let user = server.app().new_id();
    let tokens = [settle(&app, &user, "jo@example.com").await, settle(&app, &user, "jo@example.com").await];
    let (first, mut second) = (connect(&app, &tokens[0]).await, connect(&app, &tokens[1]).await);
    let body = json!({"app_id": app.id, "refresh_token": tokens[0]});
    app.anybody("POST", "/runtime/signout").body(&body).ok().await;
    ends(first).await;
    assert!(is_open(&mut second).await);
    app.call("POST", "/admin/sign_out").body(&json!({"refresh_token": tokens[1]})).ok().await;
    ends(second).await;
    let made = app.call("POST", "/admin/refresh_tokens").body(&json!({"id": user})).ok().await;
    let third = connect(&app, made["user"]["refresh_token"].as_str().expect("a token")).await;
    app.call("POST", "/admin/sign_out").body(&json!({"id": user})).ok().await;
    ends(third).await;
}

fn access_of(person: &Person) -> String {
    person.tokens.access.trim_start_matches("Bearer ").to_owned()
}

async fn accounts_whose_password_changes_lose_their_connections(server: TestServer) {
    const NEW: &str = "AnotherPassword456*";
    let app = default_app(&server);
    let jo = server.person("jo@example.com").await;
    let kim = server.person("kim@example.com").await;
    settle(&app, &jo.uuid, "jo@example.com").await;
    let (mut socket, mut other) = (connect(&app, &access_of(&jo)).await, connect(&app, &access_of(&kim)).await);
    let body = json!({"uuid": jo.uuid, "csrf_token": jo.csrf, "first_name": "Jay"});
    server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).ok().await;
    assert!(is_open(&mut socket).await, "another name ends nothing");
    let body = json!({
        "uuid": jo.uuid, "csrf_token": jo.csrf, "current_password": e2e::identity::PASSWORD, "new_password": NEW,
    });
    server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).ok().await;
    ends(socket).await;
    // The session that changed it stays, and comes back.
    let again = connect(&app, &access_of(&jo)).await;

    server.iam("POST", "/authn/reset").json(&json!({"email": "jo@example.com"})).ok().await;
    let token = link_token(server.mails().await.last().expect("a mail"));
    server.iam("POST", "/authn/verifyreset").json(&json!({"token": token})).ok().await;
    ends(again).await;
    assert!(is_open(&mut other).await);
}

async fn accounts_that_the_operator_switches_off_lose_their_connections(server: TestServer) {
    let app = default_app(&server);
    server.person("jo@example.com").await;
    let kim = server.person("kim@example.com").await;
    // He is known by his address, under the id that he had before.
    server.promote("jo@example.com", Role::General, true).await;
    let jo = server.person_again("jo@example.com", e2e::identity::PASSWORD).await;
    let earlier = server.app().new_id();
    let by_code = settle(&app, &earlier, "jo@example.com").await;
    let (socket, by_code) = (connect(&app, &access_of(&jo)).await, connect(&app, &by_code).await);
    let mut other = connect(&app, &access_of(&kim)).await;
    // The operator's command is another process: all that the server hears of it stands in the database.
    server.set_active("jo@example.com", false).await;
    ends(socket).await;
    ends(by_code).await;
    assert!(is_open(&mut other).await);
}

async fn who_signed_in_by_code_first_is_the_owner_of_the_verified_address(server: TestServer) {
    let app = default_app(&server);
    for is_verified in [false, true] {
        let jo = server.person("jo@example.com").await;
        let earlier = server.app().new_id();
        let token = settle(&app, &earlier, "jo@example.com").await;
        if is_verified {
            server.promote("jo@example.com", Role::General, true).await;
        }
        let jo = match is_verified {
            true => server.person_again("jo@example.com", e2e::identity::PASSWORD).await,
            false => jo,
        };
        let mut socket = connect(&app, &token).await;
        let body = json!({"uuid": jo.uuid, "csrf_token": jo.csrf});
        server.iam("DELETE", "/authn/delete").tokens(&jo.tokens).json(&body).ok().await;
        if is_verified {
            ends(socket).await;
            assert!(!is_good(&app, &token).await && owners(&app).await.is_empty());
        } else {
            // Anybody may register with an address that is not his.
            assert!(is_open(&mut socket).await && is_good(&app, &token).await);
            assert_eq!(owners(&app).await, [earlier.as_str()]);
            app.call("DELETE", &format!("/admin/users?id={earlier}")).ok().await;
        }
    }
}

async fn an_app_that_takes_no_writes_ends_tokens_all_the_same(server: TestServer) {
    use keystead_server::db::Conn;
    use keystead_server::rooms::data::error::DataError;
    use keystead_server::rooms::data::space::rules as space;
    let app = server.data();
    let jo = server.session("jo").await;
    let token = settle(&app, &jo.user_id, "jo@example.com").await;
    let id = app.id.clone();
    let write = move |tx: &mut Conn| {
        space::set_writable(tx, &id, false)?;
        space::reload(tx, &id)?;
        Ok::<_, DataError>(())
    };
    server.app().db.write(write).await.expect("written");
    server.delete("/user").jwt(&jo.jwt).ok().await;
    assert!(!is_good(&app, &token).await);
    assert_eq!(owners(&app).await, [jo.user_id.as_str()]);
}
