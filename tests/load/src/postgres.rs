//! A database of its own on a PostgreSQL server, dropped afterwards.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
// Only for its feature: libpq is built in.
use pq_sys as _;

const VARIABLE: &str = "KEYSTEAD_TEST_POSTGRES_URL";
const USUAL: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A fresh database; dropped with this.
pub(crate) struct Database {
    server: String,
    name: String,
    /// URL of the database.
    pub(crate) url: String,
}

impl Database {
    /// Makes one on the server of `KEYSTEAD_TEST_POSTGRES_URL`, or on the usual local one. `None`, said loudly, when the
    /// variable is not set and there is no server.
    ///
    /// # Errors
    /// When the variable is set but the server refuses.
    pub(crate) fn create() -> Result<Option<Self>> {
        let wanted = std::env::var(VARIABLE).ok();
        let server = wanted.clone().unwrap_or_else(|| USUAL.to_owned());
        let mut db = match PgConnection::establish(&server) {
            Ok(db) => db,
            Err(e) if wanted.is_none() => {
                eprintln!("\n!!! NO POSTGRESQL at {USUAL} and no {VARIABLE}: measured on SQLite only ({e})\n");
                return Ok(None);
            }
            // The URL may carry a password.
            Err(e) => return Err(e).context(VARIABLE),
        };
        let name = format!("keystead_load_{}", std::process::id());
        db.batch_execute(&format!("CREATE DATABASE {name}")).with_context(|| format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self { url: with_database(&server, &name), server, name }))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = PgConnection::establish(&self.server)
            .map_err(anyhow::Error::from)
            .and_then(|mut db| Ok(db.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name))?));
        if let Err(e) = dropped {
            eprintln!("the database {} remains: {e}", self.name);
        }
    }
}

/// The URL with another database name.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").unwrap_or(("postgres", base));
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let query = query.map(|q| format!("?{q}")).unwrap_or_default();
    format!("{scheme}://{host}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn puts_the_name_into_the_url() {
        assert_eq!(with_database("postgres://u:p@h:1/old?a=b", "new"), "postgres://u:p@h:1/new?a=b");
        assert_eq!(with_database("postgresql://h", "new"), "postgresql://h/new");
    }
}
