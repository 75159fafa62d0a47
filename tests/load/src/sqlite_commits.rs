//! The yardstick of durable writes: single-row commits of bare SQLite in WAL mode, nothing around it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{Connection, ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection};
// Only for its feature: SQLite is built in.
use libsqlite3_sys as _;

use crate::stop;

diesel::table! {
    counter (id) {
        id -> BigInt,
        value -> BigInt,
    }
}

/// Commits per second with `synchronous=FULL` or `NORMAL`: one prepared update of one row each.
///
/// # Errors
/// What SQLite says.
pub(crate) fn per_second(directory: &Path, synchronous: &str, duration: Duration) -> Result<f64> {
    let path = directory.join(format!("commits-{synchronous}.db"));
    let mut db = SqliteConnection::establish(path.to_str().context("path")?)?;
    db.batch_execute(&format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};
         CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
         INSERT OR REPLACE INTO counter VALUES (1, 0);"
    ))?;
    let mut commits = 0_i64;
    let start = Instant::now();
    while start.elapsed() < duration {
        for _ in 0..16 {
            commits += 1;
            diesel::update(counter::table.find(1)).set(counter::value.eq(commits)).execute(&mut db)?;
        }
        stop::check()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let rate = commits as f64 / start.elapsed().as_secs_f64();
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_modes_commit() {
        let directory = tempfile::tempdir().unwrap();
        for mode in ["FULL", "NORMAL"] {
            assert!(per_second(directory.path(), mode, Duration::from_millis(20)).unwrap() > 1.0, "{mode}");
        }
    }
}
