//! The testkit of the end-to-end tests: a server per test, on both databases, and users who only have the public API.
//!
//! ```text
//! both! { alice_is_logged_in }
//!
//! async fn alice_is_logged_in(server: TestServer) {
//!     let alice = server.session("alice").await;                       // a user without client-side keys: cheap
//!     server.get("/user/jwt").token(&server.lax.secret).jwt(&alice.jwt).ok().await;
//!     server.get("/user/jwt").token(&server.lax.public).jwt(&alice.jwt).refused(203).await;
//! }
//! ```
//!
//! | part | what it is for |
//! |---|---|
//! | [`TestServer`] | the server in this process, port 0, its own directory or database, a clock that tests move |
//! | [`raw`] | requests as they are on the wire; every answer's envelope, code, status and CORS header is checked |
//! | [`users`] | [`users::Session`] (wire only) and [`users::TestUser`] (the SDK with its keys) |
//! | [`bodies`] | valid request bodies without the cost of real keys |
//! | [`devices`] | further devices, other passwords, second factors, light users |
//! | [`files`] | files and their parts |
//! | [`socket`] | the WebSocket of the data API, message by message |
//! | [`tokens`] | JWTs as an attacker or a customer's backend handles them |
//! | [`data`] | calls of the data API |
//! | [`database`] | what the database holds, as text |
//! | [`generations`] | key generations that only a rotation could make |
//! | [`issuer`] | an OpenID provider |
//! | [`identity`] | calls of the identity API and people who are logged in there |
//! | [`node`] | test files of `tests/clients` in Node.js: npm clients, a headless browser |
//! | [`live`] | users, rules and events for tests of live queries |
//! | [`nats`] | the other bus between nodes |
//! | [`process`] | the real binary, to be killed, misconfigured and read |

#![expect(clippy::panic, clippy::indexing_slicing, reason = "a testkit fails by panicking")]

pub mod bodies;
pub mod data;
pub mod database;
pub mod devices;
pub mod files;
pub mod generations;
pub mod identity;
pub mod issuer;
pub mod live;
pub mod nats;
pub mod node;
pub mod postgres;
pub mod process;
pub mod raw;
pub mod receiver;
pub mod server;
pub mod socket;
pub mod tokens;
pub mod users;

use std::time::Duration;

pub use database::Database;
pub use server::{Backend, Node, Setup, TestApp, TestServer};

/// No test may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// Makes of each `async fn name(server: TestServer)` the tests `name::sqlite` and `name::postgres`.
///
/// `both! { a, b }` runs on a server without rate limits; `both! { a, b; with Setup::limited() }` on one set up otherwise.
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => { $crate::both! { $($name),+; with $crate::Setup::default() } };
    ($($name:ident),+; with $setup:expr) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "what the setup names")]
                use super::*;
                #[test]
                fn sqlite() {
                    $crate::run($crate::Backend::Sqlite, $setup, super::$name);
                }
                #[test]
                fn postgres() {
                    $crate::run($crate::Backend::Postgres, $setup, super::$name);
                }
            }
        )+
    };
}

/// Runs one test against a new server, which is gone afterwards.
///
/// # Panics
/// When the test does, when it takes too long, or when there is no PostgreSQL (see [`postgres`]).
pub fn run<F: AsyncFnOnce(TestServer)>(backend: Backend, setup: Setup, test: F) {
    let Some(server) = TestServer::start(backend, &setup) else { return };
    block_on(async {
        let limited = tokio::time::timeout(LIMIT, test(server.clone())).await;
        assert!(limited.is_ok(), "the test took longer than {LIMIT:?}");
    });
    // The test's connections are closed now; a server that has not noticed yet takes a second longer to stop.
    std::thread::sleep(Duration::from_millis(5));
    server.stop();
}

/// Runs a future on a runtime of its own; connections that it opened are closed afterwards.
///
/// # Panics
/// When the system gives no runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// A runtime for tests that are not async themselves.
///
/// # Panics
/// When the system gives none.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
