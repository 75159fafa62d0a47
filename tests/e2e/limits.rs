//! Rate limits, switched on. better-than 5: the original answers any number of guesses.

use std::time::Duration;

use e2e::raw::{Answer, Call};
use e2e::users::Template;
use e2e::{Setup, TestServer, both};
use futures_util::future::join_all;
use keystead_crypto::encoding::b64_encode;
use keystead_sdk_core::Suite;
use keystead_server::config::{Config, Rate};
use serde_json::{Value, json};

both! {
    thirty_wrong_passwords_then_even_the_right_one_waits,
    of_sixty_parallel_guesses_thirty_are_judged,
    a_right_password_ends_the_row,
    unknown_accounts_are_limited_alike;
    with Setup::limited()
}
both! {
    registrations_of_an_address_are_limited,
    forwarded_addresses_of_strangers_do_not_help;
    with Setup::limited().with(few_registrations)
}
both! { a_trusted_proxy_names_the_address; with Setup::limited().with(behind_a_proxy) }
both! { login_and_exists_are_limited_by_address; with Setup::limited().with(few_calls) }

fn few_registrations(config: &mut Config) {
    config.limits.register_per_ip = Rate { burst: 3, per_minute: 1 };
}

fn behind_a_proxy(config: &mut Config) {
    few_registrations(config);
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
}

fn few_calls(config: &mut Config) {
    config.limits.login_per_ip = Rate { burst: 5, per_minute: 1 };
    config.limits.exists_per_ip = Rate { burst: 5, per_minute: 1 };
}

fn wrong(identifier: &str) -> Value {
    json!({ "auth_key": b64_encode(&[7; 32]), "device_identifier": identifier, "challenge": "x" })
}

fn limited(answer: &Answer) -> Duration {
    assert_eq!((answer.code(), answer.status), (Some(429), 429), "{answer}");
    let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=3600).contains(&seconds), "{seconds}");
    Duration::from_secs(seconds)
}

async fn thirty_wrong_passwords_then_even_the_right_one_waits(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    server.register(&server.lax, Suite::CLASSIC, "bob").await;
    for _ in 0..30 {
        server.post("/done_login").json(&wrong("alice")).refused(112).await;
    }
    let right = Template::of(Suite::CLASSIC).done_login("alice");
    let wait = limited(&server.post("/done_login").json(&right).send().await);
    limited(&server.post("/verify_login").json(&wrong("alice")).send().await);
    // Neither another address in a header nor the backend's token helps.
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        limited(&server.post("/done_login").header(header, "203.0.113.9").json(&right).send().await);
    }
    limited(&server.post("/done_login").token(&server.lax.secret).json(&right).send().await);
    // Others are free.
    server.login(&server.lax, Suite::CLASSIC, "bob").await;

    let wait = i64::try_from(wait.as_secs()).expect("small");
    server.advance(wait);
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
}

async fn of_sixty_parallel_guesses_thirty_are_judged(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let codes = join_all((0..60).map(|_| server.post("/done_login").json(&wrong("alice")).code())).await;
    let judged = codes.iter().filter(|c| **c == Some(112)).count();
    let waiting = codes.iter().filter(|c| **c == Some(429)).count();
    assert_eq!((judged, waiting), (30, 30), "{codes:?}");
}

async fn a_right_password_ends_the_row(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    for _ in 0..2 {
        for _ in 0..29 {
            server.post("/done_login").json(&wrong("alice")).refused(112).await;
        }
        server.login(&server.lax, Suite::CLASSIC, "alice").await;
        // The rates of calls are not what this is about.
        server.advance(120);
    }
}

async fn unknown_accounts_are_limited_alike(server: TestServer) {
    for _ in 0..30 {
        server.post("/done_login").json(&wrong("nobody")).refused(112).await;
    }
    limited(&server.post("/done_login").json(&wrong("nobody")).send().await);
}

fn register(server: &TestServer, name: &str) -> Call {
    server.post("/register").json(&Template::of(Suite::CLASSIC).register(name))
}

async fn registrations_of_an_address_are_limited(server: TestServer) {
    for i in 0..3 {
        register(&server, &format!("user {i}")).ok().await;
    }
    let wait = limited(&register(&server, "user 3").send().await);
    assert!(wait <= Duration::from_secs(61), "{wait:?}");
    // Behind the secret token is the customer's backend.
    for i in 3..8 {
        register(&server, &format!("user {i}")).token(&server.lax.secret).ok().await;
    }
    server.advance(61);
    register(&server, "user 8").ok().await;
    limited(&register(&server, "user 9").send().await);
}

async fn forwarded_addresses_of_strangers_do_not_help(server: TestServer) {
    for i in 0..3 {
        register(&server, &format!("user {i}")).header("x-forwarded-for", &format!("203.0.113.{i}")).ok().await;
    }
    limited(&register(&server, "user 3").header("x-forwarded-for", "203.0.113.99").send().await);
}

async fn a_trusted_proxy_names_the_address(server: TestServer) {
    for i in 0..3 {
        register(&server, &format!("one {i}")).header("x-forwarded-for", "203.0.113.1").ok().await;
    }
    limited(&register(&server, "one 3").header("x-forwarded-for", "203.0.113.1").send().await);
    register(&server, "two").header("x-forwarded-for", "203.0.113.2").ok().await;
    // What a client writes stands left of what the proxy adds.
    limited(&register(&server, "one 4").header("x-forwarded-for", "198.51.100.7, 203.0.113.1").send().await);
}

async fn login_and_exists_are_limited_by_address(server: TestServer) {
    let body = json!({ "user_identifier": "alice" });
    for path in ["/exists", "/prepare_login"] {
        for _ in 0..5 {
            server.post(path).json(&body).ok().await;
        }
        limited(&server.post(path).json(&body).send().await);
    }
    // Calls of people who are logged in are not counted.
    let alice = server.session_in(&server.lax, Suite::CLASSIC, "alice").await;
    for _ in 0..20 {
        server.get("/group/all/0/none").jwt(&alice.jwt).ok().await;
    }
}
