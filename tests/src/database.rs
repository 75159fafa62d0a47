//! What a database holds: tables, rows and schema as text, the same for SQLite and PostgreSQL.

use std::collections::BTreeMap;

use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use keystead_server::Config;
use keystead_server::db::{Conn, migrate};

/// Table of the migration tool, which is no data of ours.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// Table of what happened, which outlives what it happened to.
const AUDIT_LOG: &str = "audit_log";

/// A connection beside the server's.
pub struct Database(Conn);

/// The one column of the queries here.
#[derive(QueryableByName)]
pub struct Line {
    /// A row, as text.
    #[diesel(sql_type = Text)]
    pub line: String,
}

/// Rows of a query whose only column is called `line`.
///
/// # Panics
/// When the query fails.
pub fn lines_of<'a, C>(conn: &mut C, sql: &'a str) -> Vec<String>
where
    C: diesel::Connection,
    diesel::query_builder::SqlQuery: LoadQuery<'a, C, Line>,
{
    let rows: Vec<Line> = sql_query(sql).load(conn).unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.into_iter().map(|r| r.line).collect()
}

impl Database {
    /// Opens the database of this configuration.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn open(config: &Config) -> Self {
        Self(config.target().connect().expect("the database opens"))
    }

    /// Rows of a query whose only column is called `line`.
    ///
    /// # Panics
    /// When the query fails.
    pub fn lines(&mut self, sql: &str) -> Vec<String> {
        match &mut self.0 {
            Conn::Sqlite(c) => lines_of(c, sql),
            Conn::Postgres(c) => lines_of(c, sql),
        }
    }

    /// The only number that a query gives, in a column called `line` of type text.
    ///
    /// # Panics
    /// When it gives something else.
    pub fn number(&mut self, sql: &str) -> i64 {
        let lines = self.lines(sql);
        let [line] = lines.as_slice() else { panic!("{sql}: {lines:?}") };
        line.parse().unwrap_or_else(|_| panic!("{sql}: {line}"))
    }

    /// Runs a statement.
    ///
    /// # Panics
    /// When it fails.
    pub fn execute(&mut self, sql: &str) {
        let done = match &mut self.0 {
            Conn::Sqlite(c) => diesel::connection::SimpleConnection::batch_execute(c, sql),
            Conn::Postgres(c) => diesel::connection::SimpleConnection::batch_execute(c, sql),
        };
        done.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Names of our tables.
    pub fn tables(&mut self) -> Vec<String> {
        let sql = if self.0.is_sqlite() {
            "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        } else {
            "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = 'public' \
             ORDER BY table_name"
        };
        self.lines(sql).into_iter().filter(|t| t != MIGRATIONS).collect()
    }

    /// All rows of all tables as text.
    pub fn rows(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for table in self.tables() {
            let sql = if self.0.is_sqlite() {
                let columns =
                    self.lines(&format!("SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}')"));
                format!("SELECT {} AS line FROM \"{table}\"", columns.join(" || ' ' || "))
            } else {
                format!("SELECT t::text AS line FROM \"{table}\" t")
            };
            all.insert(table, self.lines(&sql));
        }
        all
    }

    /// How many rows there are in all tables together, but the audit log.
    pub fn count(&mut self) -> i64 {
        let tables = self.tables();
        let tables = tables.iter().filter(|table| *table != AUDIT_LOG);
        let counts: Vec<_> = tables.map(|t| format!("(SELECT count(*) FROM \"{t}\")")).collect();
        self.number(&format!("SELECT CAST({} AS TEXT) AS line", counts.join(" + ")))
    }

    /// The rows in which a text stands, with the name of their table in front. The audit log remembers ids of what is gone.
    pub fn find(&mut self, text: &str) -> Vec<String> {
        let rows = self.rows();
        let all = rows
            .iter()
            .filter(|(table, _)| *table != AUDIT_LOG)
            .flat_map(|(table, rows)| rows.iter().map(move |row| format!("{table}: {row}")));
        all.filter(|row| row.contains(text)).collect()
    }

    /// Tables and columns, in a form that is the same for both databases.
    pub fn columns(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for table in self.tables() {
            let sql = if self.0.is_sqlite() {
                format!(
                    "SELECT name || CASE WHEN \"notnull\" THEN ' not null' ELSE '' END AS line \
                     FROM pragma_table_info('{table}') ORDER BY name"
                )
            } else {
                format!(
                    "SELECT column_name || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS line \
                     FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' \
                     ORDER BY column_name"
                )
            };
            all.extend(self.lines(&sql).into_iter().map(|column| format!("{table}.{column}")));
        }
        all
    }

    /// The schema as text: tables, columns, constraints, indexes.
    pub fn schema(&mut self) -> Vec<String> {
        if self.0.is_sqlite() {
            return self.lines("SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_master ORDER BY type, name");
        }
        let mut schema = self.lines(
            "SELECT concat_ws(' ', table_name, ordinal_position, column_name, data_type, is_nullable, column_default) \
             AS line FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
        );
        schema.extend(self.lines(
            "SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS line FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace ORDER BY 1",
        ));
        schema.extend(
            self.lines("SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"),
        );
        schema.extend(self.lines(
            "SELECT concat_ws(' ', relkind::text, relname) AS line FROM pg_class \
             WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        ));
        schema
    }

    /// Runs all migrations.
    ///
    /// # Panics
    /// When one fails.
    pub fn migrate_up(&mut self) {
        migrate::up(&mut self.0).expect("migrations run");
    }

    /// Undoes all migrations.
    ///
    /// # Panics
    /// When one fails.
    pub fn migrate_down(&mut self) {
        migrate::down(&mut self.0).expect("migrations are undone");
    }
}
