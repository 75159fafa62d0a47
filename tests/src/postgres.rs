//! A new PostgreSQL database per test.
//!
//! The server is named by `KEYSTEAD_TEST_POSTGRES_URL` (default `postgres://postgres@127.0.0.1:5432/postgres`); its user
//! must be allowed to create databases. Without a server the tests on PostgreSQL fail, unless `KEYSTEAD_TEST_ALLOW_MISSING`
//! is set: then each says loudly that it did not run.

use std::io::Write;
use std::sync::Once;
use std::time::{SystemTime, UNIX_EPOCH};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::database::lines_of;

const URL: &str = "KEYSTEAD_TEST_POSTGRES_URL";
pub(crate) const ALLOW_MISSING: &str = "KEYSTEAD_TEST_ALLOW_MISSING";
const DEFAULT_URL: &str = "postgres://postgres@127.0.0.1:5432/postgres";
const PREFIX: &str = "keystead_test_";
/// A database of a test run that was killed is removed after this time.
const LEFT_OVER_S: u64 = 3600;

/// A database that is dropped with this value.
pub struct TestDatabase {
    /// Its address.
    pub url: String,
    name: String,
}

/// Makes a database, or says that there is no server.
///
/// # Panics
/// When there is no server and that is not allowed.
#[must_use]
pub fn create() -> Option<TestDatabase> {
    static SWEEP: Once = Once::new();
    let mut admin = match PgConnection::establish(&admin_url()) {
        Ok(admin) => admin,
        Err(e) if std::env::var_os(ALLOW_MISSING).is_some() => {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            // Not through eprintln!, which the test runner hides when a test passes.
            drop(writeln!(std::io::stderr(), "NOT RUN: {test}: no PostgreSQL: {e}"));
            return None;
        }
        Err(e) => panic!("no PostgreSQL for the tests: {e}\nStart one, name one in {URL}, or set {ALLOW_MISSING}=1."),
    };
    SWEEP.call_once(|| sweep(&mut admin));
    let name = format!("{PREFIX}{}_{}", now_s(), uuid::Uuid::new_v4().simple());
    admin.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database is created");
    Some(TestDatabase { url: url_of(&name), name })
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let dropped = PgConnection::establish(&admin_url())
            .map_err(|e| e.to_string())
            .and_then(|mut c| drop_database(&mut c, &self.name).map_err(|e| e.to_string()));
        if let Err(e) = dropped {
            eprintln!("{} is left: {e}", self.name);
        }
    }
}

fn drop_database(admin: &mut PgConnection, name: &str) -> diesel::QueryResult<()> {
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
}

fn sweep(admin: &mut PgConnection) {
    let names = format!("SELECT datname::text AS line FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    for name in lines_of(admin, &names) {
        let made_s = name.strip_prefix(PREFIX).and_then(|n| n.split('_').next()).and_then(|n| n.parse().ok());
        if made_s.is_some_and(|s: u64| s + LEFT_OVER_S < now_s()) {
            // Another test run may have been faster.
            drop(drop_database(admin, &name));
        }
    }
}

fn admin_url() -> String {
    std::env::var(URL).ok().filter(|u| !u.is_empty()).unwrap_or_else(|| DEFAULT_URL.to_owned())
}

/// The server's address with another database in it; what follows a `?` stays.
fn url_of(name: &str) -> String {
    let admin = admin_url();
    let (address, query) = admin.split_once('?').map_or((admin.as_str(), None), |(a, q)| (a, Some(q)));
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let server = match address.get(after_scheme..).and_then(|rest| rest.find('/')) {
        Some(slash) => address.get(..after_scheme + slash).unwrap_or(address),
        None => address,
    };
    query.map_or_else(|| format!("{server}/{name}"), |q| format!("{server}/{name}?{q}"))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
