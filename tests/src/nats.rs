//! NATS for tests of several nodes.
//!
//! The server is named by `KEYSTEAD_TEST_NATS_URL` (default `nats://127.0.0.1:4222`). Without one these tests fail, unless
//! `KEYSTEAD_TEST_ALLOW_MISSING` is set: then each says loudly that it did not run.

use std::io::Write;
use std::net::TcpStream;

use keystead_server::Config;
use keystead_server::config::Secret;

use crate::postgres::ALLOW_MISSING;

const URL: &str = "KEYSTEAD_TEST_NATS_URL";
const DEFAULT_URL: &str = "nats://127.0.0.1:4222";

/// True when NATS answers; false when it does not and that is allowed.
///
/// # Panics
/// When it does not and that is not allowed.
#[must_use]
pub fn is_there() -> bool {
    let url = url();
    let address = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
    match TcpStream::connect(address) {
        Ok(_answers) => true,
        Err(e) if std::env::var_os(ALLOW_MISSING).is_some() => {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            // Not through eprintln!, which the test runner hides when a test passes.
            drop(writeln!(std::io::stderr(), "NOT RUN: {test}: no NATS: {e}"));
            false
        }
        Err(e) => panic!("no NATS for the tests: {e}\nStart one, name one in {URL}, or set {ALLOW_MISSING}=1."),
    }
}

/// Nodes of this configuration hear of each other by NATS, under a subject of their own.
pub fn take_as_bus(config: &mut Config) {
    config.bus.url = Some(Secret::new(url()));
    config.bus.subject = format!("keystead.test.{}", uuid::Uuid::new_v4().simple());
}

fn url() -> String {
    std::env::var(URL).ok().filter(|url| !url.is_empty()).unwrap_or_else(|| DEFAULT_URL.to_owned())
}
