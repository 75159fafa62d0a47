//! A fresh, migrated database for every test: a temporary file of SQLite, a schema of its own on PostgreSQL.
//!
//! The PostgreSQL server is the one that `KEYSTEAD_TEST_POSTGRES_URL` names, which then has to answer, or one on this
//! machine, where there is one.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use super::Conn;
use crate::app::App;
use crate::config::{Config, Secret};

/// Names the PostgreSQL server of the tests.
const URL_VARIABLE: &str = "KEYSTEAD_TEST_POSTGRES_URL";
const LOCAL: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// Declares a test that runs on both databases: `db_test! { fn name(db) { … } }` makes `name::sqlite` and
/// `name::postgres`, where `db` (or `mut db`) is a `TestDb`.
macro_rules! db_test {
    ($($(#[$attribute:meta])* fn $name:ident($db:pat_param) $body:block)*) => {$(
        mod $name {
            use super::*;

            fn on_any($db: $crate::db::testing::TestDb) $body

            $(#[$attribute])*
            #[test]
            fn sqlite() {
                on_any($crate::db::testing::TestDb::sqlite());
            }

            $(#[$attribute])*
            #[test]
            fn postgres() {
                if let Some(db) = $crate::db::testing::TestDb::postgres() {
                    on_any(db);
                }
            }
        }
    )*};
}
pub(crate) use db_test;

/// A database of one test with everything that requests reach. Gone on drop.
pub(crate) struct TestDb {
    /// The server's parts over this database. Its clock is the file `clock` in [`TestDb::dir`].
    pub(crate) app: Arc<App>,
    /// A connection of its own, outside the pools.
    pub(crate) conn: Conn,
    /// The data directory.
    pub(crate) dir: TempDir,
    schema: Option<Schema>,
}

impl TestDb {
    pub(crate) fn sqlite() -> Self {
        Self::open(None)
    }

    /// `None` when this machine has no PostgreSQL and none was named.
    pub(crate) fn postgres() -> Option<Self> {
        Schema::create().map(|schema| Self::open(Some(schema)))
    }

    /// Runs a rule in a transaction: what an error leaves behind is rolled back.
    pub(crate) fn tx<T, E: From<diesel::result::Error>>(
        &mut self,
        f: impl FnOnce(&App, &mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let app = Arc::clone(&self.app);
        self.conn.transaction(|tx| f(&app, tx))
    }

    /// Moves the clock by seconds from the real time.
    pub(crate) fn set_clock_offset(&self, seconds: i64) {
        std::fs::write(self.dir.path().join("clock"), seconds.to_string()).expect("clock file");
    }

    fn open(schema: Option<Schema>) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut config = Config::default();
        config.server.data_dir = dir.path().into();
        config.server.clock_offset_file = Some(dir.path().join("clock"));
        config.database.url = schema.as_ref().map(|s| Secret::new(s.url.clone()));
        config.database.readers = 2;
        config.database.pool = 4;
        let target = config.target();
        let app = App::open(config).expect("database opens and migrates");
        let conn = target.connect().expect("second connection");
        Self { app, conn, dir, schema }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        // Ours could be inside a transaction when the test has panicked, and would hold its locks.
        if let (Some(schema), Conn::Postgres(c)) = (self.schema.take(), &mut self.conn) {
            let _failed = c.batch_execute("ROLLBACK");
            let _failed = c.batch_execute(&format!("DROP SCHEMA {} CASCADE", schema.name));
        }
    }
}

/// A schema of its own in the tests' PostgreSQL.
struct Schema {
    name: String,
    /// Address whose connections live in the schema.
    url: String,
}

impl Schema {
    fn create() -> Option<Self> {
        let named = std::env::var(URL_VARIABLE).ok();
        let base = named.as_deref().unwrap_or(LOCAL);
        let mut conn = match PgConnection::establish(base) {
            Ok(conn) => conn,
            Err(e) if named.is_some() => panic!("the PostgreSQL of {URL_VARIABLE} does not answer: {e}"),
            Err(_) => {
                eprintln!("SKIPPED: no PostgreSQL on this machine; {URL_VARIABLE} names another one");
                return None;
            }
        };
        let name = format!("keystead_test_{}", uuid::Uuid::new_v4().simple());
        conn.batch_execute(&format!("CREATE SCHEMA {name}")).expect("the tests' user may create schemas");
        let separator = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{separator}options=-csearch_path%3D{name}");
        Some(Self { name, url })
    }
}
