//! The customer's own backend (seed 001): the client prepares, the backend sends with the secret token, the client reads.

use std::sync::mpsc;

use actix_web::web::{Data, get, post, put};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use e2e::users::TestUser;
use e2e::{TestApp, TestServer, both, tokens};
use keystead::keys::StdUser;
use keystead::user::done_register;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::keys::UserJwtOutput;

both! {
    the_default_preset_registers_through_the_backend_only,
    the_backend_knows_its_users_by_their_jwt,
    the_backend_keeps_the_refresh_token,
    the_backend_checks_access_to_a_group,
}

/// A customer's backend in a few lines. It holds the secret token; browsers and apps talk to it.
#[derive(Clone)]
struct Backend {
    keystead: String,
    app: TestApp,
}

async fn register(backend: Data<Backend>, body: String) -> HttpResponse {
    // It may store what it likes about the new user beside; the text goes through as it is.
    let url = format!("{}/api/v1/register", backend.keystead);
    relay(reqwest::Client::new().post(url), &backend, body).await
}

async fn refresh(backend: Data<Backend>, req: HttpRequest) -> HttpResponse {
    let url = format!("{}/api/v1/refresh", backend.keystead);
    let cookie = req.headers().get("cookie").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("refresh="));
    let body = serde_json::json!({ "refresh_token": cookie }).to_string();
    relay(with_jwt(reqwest::Client::new().put(url), &req), &backend, body).await
}

async fn who_am_i(backend: Data<Backend>, req: HttpRequest) -> HttpResponse {
    let url = format!("{}/api/v1/user/jwt", backend.keystead);
    relay(with_jwt(reqwest::Client::new().get(url), &req), &backend, String::new()).await
}

fn with_jwt(request: reqwest::RequestBuilder, req: &HttpRequest) -> reqwest::RequestBuilder {
    let jwt = req.headers().get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    request.header("authorization", jwt)
}

async fn relay(request: reqwest::RequestBuilder, backend: &Backend, body: String) -> HttpResponse {
    let answer = request.header("x-sentc-app-token", &backend.app.secret).body(body).send().await.expect("an answer");
    HttpResponse::Ok().content_type("application/json").body(answer.text().await.expect("text"))
}

/// Runs the backend until the value is dropped.
struct Running {
    url: String,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn start(backend: Backend) -> Running {
    let (found, started) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let routes = move || {
                App::new()
                    .app_data(Data::new(backend.clone()))
                    .route("/register", post().to(register))
                    .route("/refresh", put().to(refresh))
                    .route("/me", get().to(who_am_i))
            };
            let server = HttpServer::new(routes).workers(1).disable_signals().bind("127.0.0.1:0").expect("binds");
            let url = format!("http://{}", server.addrs()[0]);
            let server = server.run();
            found.send(Running { url, handle: server.handle() }).unwrap_or_default();
            server.await.expect("serves");
        });
    });
    started.recv().expect("the backend starts")
}

fn setup(server: &TestServer) -> (TestApp, Running) {
    let app = server.create_app("customer", EndpointOptions::preset_default());
    let running = start(Backend { keystead: server.url(), app: app.clone() });
    (app, running)
}

/// Registers through the backend and logs in with the public token.
async fn user(server: &TestServer, app: &TestApp, backend: &Running, name: &str) -> (String, StdUser) {
    let input = StdUser::prepare_register(name, "a password").expect("prepared");
    let answer = server.http().post(format!("{}/register", backend.url)).body(input).send().await.expect("an answer");
    let id = done_register(&answer.text().await.expect("text")).expect("registered");
    (id, server.sdk(&app.public).login(name, "a password").await.expect("logs in"))
}

async fn the_default_preset_registers_through_the_backend_only(server: TestServer) {
    let (app, backend) = setup(&server);
    let input = StdUser::prepare_register("alice", "a password").expect("prepared");
    server.post("/register").token(&app.public).text(&input).refused(203).await;
    let refused = server.sdk(&app.public).register("alice", "a password").await.expect_err("refused");
    assert_eq!(refused.server_code(), Some(203));

    let (id, alice) = user(&server, &app, &backend, "alice").await;
    assert_eq!(alice.user_id(), id);
    let answer = server.http().post(format!("{}/register", backend.url)).body(input).send().await.expect("an answer");
    let taken = done_register(&answer.text().await.expect("text")).expect_err("taken");
    assert_eq!(taken.server_code(), Some(101));
    // Neither can a client delete its account in this preset.
    assert_eq!(alice.delete_user("a password", None).await.expect_err("refused").server_code(), Some(203));
}

async fn the_backend_knows_its_users_by_their_jwt(server: TestServer) {
    let (app, backend) = setup(&server);
    let (id, alice) = user(&server, &app, &backend, "alice").await;
    let me = async |jwt: &str| -> keystead::Result<UserJwtOutput> {
        let call = server.http().get(format!("{}/me", backend.url)).bearer_auth(jwt);
        let text = call.send().await.expect("an answer").text().await.expect("text");
        Ok(keystead_protocol::parse(&text).map_err(keystead::SdkError::from)?)
    };
    let out = me(&alice.jwt()).await.expect("valid");
    assert_eq!((out.id.as_str(), out.device_id.as_str()), (id.as_str(), alice.device_id()));
    let forged = tokens::with_broken_signature(&alice.jwt());
    assert_eq!(me(&forged).await.expect_err("forged").server_code(), Some(30));

    // Without a call: the exported verify key.
    assert!(tokens::verifies(&app.verify_key, &alice.jwt()));
    assert!(!tokens::verifies(&app.verify_key, &forged));
    assert!(!tokens::verifies(&server.lax.verify_key, &alice.jwt()));
    assert_eq!(tokens::claims(&alice.jwt()).aud, id);
}

async fn the_backend_keeps_the_refresh_token(server: TestServer) {
    let (app, backend) = setup(&server);
    let (_id, alice) = user(&server, &app, &backend, "alice").await;
    server.advance(301);
    assert_eq!(alice.get_groups(None).await.expect_err("expired").server_code(), Some(30));
    let call = server.http().put(format!("{}/refresh", backend.url)).bearer_auth(alice.jwt());
    let call = call.header("cookie", format!("refresh={}", alice.refresh_token()));
    let text = call.send().await.expect("an answer").text().await.expect("text");
    alice.set_jwt(keystead_sdk_core::user::done_refresh(&text).expect("refreshed").jwt);
    alice.get_groups(None).await.expect("works again");
}

async fn the_backend_checks_access_to_a_group(server: TestServer) {
    let alice: TestUser = server.user("alice").await;
    let bob = server.user("bob").await;
    let group_id = alice.create_group().await.expect("created");
    let light = |jwt: &str| server.get(&format!("/group/{group_id}/light")).token(&server.lax.secret).jwt(jwt);
    let text = light(&alice.jwt()).send().await.text();
    let data = keystead::group::done_get_group_light(&text).expect("access");
    assert_eq!((data.group_id.as_str(), data.rank), (group_id.as_str(), 0));
    assert_eq!(keystead::group::get_access_by(&text).expect("access"), keystead::group::AccessBy::User);
    light(&bob.jwt()).refused(310).await;
}
