//! Several nodes over one PostgreSQL: what one has answered holds on all of them at once.

use e2e::process::Site;
use e2e::users::Template;
use e2e::{Backend, Node, Setup, TestServer, run};
use futures_util::future::join_all;
use keystead_crypto::encoding::b64_encode;
use keystead_sdk_core::Suite;
use keystead_server::config::{Config, Secret};
use serde_json::json;

macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn postgres() {
                super::run(super::Backend::Postgres, super::Setup::default(), super::$name);
            }
        })+
    };
}

on_postgres! { nodes_share_sessions_and_settings, nodes_do_not_register_anybody_twice }

async fn nodes_share_sessions_and_settings(server: TestServer) {
    let node = server.another_node();
    let alice = server.session("alice").await;
    let (public, secret) = (&server.lax.public, &server.lax.secret);
    let there = || node.call("GET", "/group/all/0/none").token(public).jwt(&alice.jwt);
    there().ok().await;
    let group = server.group(&alice).await;
    let light = || node.call("GET", &format!("/group/{}/light", group.id)).token(public).jwt(&alice.jwt);
    light().ok().await;

    server.set_options(&server.lax, &[("group_list", "0")]).await;
    there().refused(203).await;
    server.set_options(&server.lax, &[("group_list", "1")]).await;
    there().ok().await;
    server.delete(&format!("/group/{}", group.id)).jwt(&alice.jwt).ok().await;
    light().refused(310).await;

    // The same person gets the same false salt everywhere.
    let salt = json!({ "user_identifier": "nobody" });
    let here = server.post("/prepare_login").json(&salt).ok().await;
    assert_eq!(node.call("POST", "/prepare_login").token(public).json(&salt).ok().await, here);

    server.delete("/user/forced/sessions").token(secret).json(&json!({ "user_identifier": "alice" })).ok().await;
    there().refused(30).await;
    node.call("PUT", "/refresh").token(public).jwt(&alice.jwt).json(&alice.refresh_body()).refused(114).await;
}

async fn nodes_do_not_register_anybody_twice(server: TestServer) {
    let node = server.another_node();
    let body = Template::of(Suite::CLASSIC).register("alice");
    let call = |i: i32| {
        let call = if i % 2 == 0 { server.post("/register") } else { node.call("POST", "/register") };
        call.token(&server.lax.public).json(&body).code()
    };
    let codes = join_all((0..20).map(call)).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(101)), "{codes:?}");

    // A challenge of one node is good on the other, and once.
    let answer = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &answer.text());
    let call = |i: i32| {
        let call = if i % 2 == 0 { server.post("/verify_login") } else { node.call("POST", "/verify_login") };
        call.token(&server.lax.public).json(&body).code()
    };
    let codes = join_all((0..20).map(call)).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
}

/// All at once on an empty database: one schema, one root key, one app `default`.
#[test]
fn first_starts_at_the_same_time_make_one_app() {
    let Some(site) = Site::new(Backend::Postgres) else { return };
    let config = |i: usize| {
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".into();
        config.server.data_dir = site.dir().join(format!("node {i}"));
        config.server.workers = 1;
        config.server.shutdown_seconds = 0;
        config.server.root_key = Some(Secret::new(b64_encode(&[7; 32])));
        config.database.url = site.database_url().map(Secret::new);
        config.database.pool = 2;
        config
    };
    let starts: Vec<_> = (0..4).map(config).map(|c| std::thread::spawn(move || Node::start(c))).collect();
    let nodes: Vec<Node> = starts.into_iter().map(|s| s.join().expect("it starts")).collect();
    let mut database = site.database();
    assert_eq!(database.number("SELECT CAST(count(*) AS TEXT) AS line FROM apps"), 1);
    let files = (0..4).filter(|i| site.dir().join(format!("node {i}/default-app.env")).exists()).count();
    assert_eq!(files, 1, "written by the one that made the app");
    drop(nodes);
}
