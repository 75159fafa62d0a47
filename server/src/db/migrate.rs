//! Embedded migrations of both databases.

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, DbError};

const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// Brings the schema up to date.
///
/// # Errors
/// `Migrate` with what the database says.
pub fn up(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        // The server and an operator's command may start at once on one empty directory: the second waits here, and finds
        // nothing to do.
        Conn::Sqlite(c) => {
            return c.immediate_transaction(|c| {
                c.run_pending_migrations(SQLITE).map(drop).map_err(|e| DbError::Migrate(e.to_string()))
            });
        }
        Conn::Postgres(c) => {
            // Several nodes may start at once on one empty database.
            pg_lock(c, "SELECT pg_advisory_lock(7240171)")?;
            let done = c.run_pending_migrations(POSTGRES).map(drop);
            pg_lock(c, "SELECT pg_advisory_unlock(7240171)")?;
            done
        }
    }
    .map_err(|e| DbError::Migrate(e.to_string()))
}

/// Undoes every migration.
///
/// # Errors
/// `Migrate` with what the database says.
pub fn down(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => c.revert_all_migrations(SQLITE).map(drop),
        Conn::Postgres(c) => c.revert_all_migrations(POSTGRES).map(drop),
    }
    .map_err(|e| DbError::Migrate(e.to_string()))
}

/// The names of the embedded migrations of SQLite and of PostgreSQL, in order.
///
/// # Errors
/// `Migrate` when they cannot be listed.
pub fn names() -> Result<(Vec<String>, Vec<String>), DbError> {
    let list = |m: Vec<String>| {
        let mut m = m;
        m.sort();
        m
    };
    let sqlite: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        SQLITE.migrations().map_err(|e| DbError::Migrate(e.to_string()))?;
    let postgres: Vec<Box<dyn Migration<diesel::pg::Pg>>> =
        POSTGRES.migrations().map_err(|e| DbError::Migrate(e.to_string()))?;
    Ok((
        list(sqlite.iter().map(|m| m.name().to_string()).collect()),
        list(postgres.iter().map(|m| m.name().to_string()).collect()),
    ))
}

fn pg_lock(c: &mut diesel::PgConnection, sql: &str) -> Result<(), DbError> {
    use diesel::RunQueryDsl;
    Ok(diesel::sql_query(sql).execute(c).map(|_rows| ())?)
}
