//! Statements whose shape depends on a query: text and bound values, for both databases.
//!
//! Values are always bound, and lists are one bound value, so that queries of one shape are one prepared statement. Shapes are what
//! clients send: only so many of them are kept prepared.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::{LazyLock, Mutex, PoisonError};

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Text};
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, QueryResult, SqliteConnection};
use keystead_crypto::encoding::hex_encode;
use keystead_instaql::schema::EntityId;

use crate::db::Conn;

/// Shapes that are kept prepared.
const PREPARED: usize = 2_000;

/// A statement in the making.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    sqlite: bool,
    parts: Vec<Part>,
    aliases: u32,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Int(i64),
    Bytes(Vec<u8>),
    String(String),
    Ints(Vec<i64>),
    /// SQLite: JSON list of hex; PostgreSQL: array.
    List(Vec<Vec<u8>>),
    Strings(Vec<String>),
    Bool(bool),
}

impl Sql {
    /// Nothing yet.
    pub(crate) fn new(conn: &Conn) -> Self {
        Self { sqlite: conn.is_sqlite(), parts: Vec::new(), aliases: 0 }
    }

    /// True for SQLite.
    pub(crate) const fn is_sqlite(&self) -> bool {
        self.sqlite
    }

    /// Adds text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
        self
    }

    /// Adds one of two texts.
    pub(crate) fn either(&mut self, sqlite: &str, postgres: &str) -> &mut Self {
        self.text(if self.sqlite { sqlite } else { postgres })
    }

    /// Adds a number.
    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.parts.push(Part::Int(value));
        self
    }

    /// Adds bytes.
    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.parts.push(Part::Bytes(value.to_vec()));
        self
    }

    /// Adds an id.
    pub(crate) fn id(&mut self, value: EntityId) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// Adds text as a value.
    pub(crate) fn string(&mut self, value: &str) -> &mut Self {
        self.parts.push(Part::String(value.to_owned()));
        self
    }

    /// Adds a truth value.
    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        self.parts.push(Part::Bool(value));
        self
    }

    /// Adds a bound list of numbers for PostgreSQL's functions.
    pub(crate) fn ints(&mut self, values: Vec<i64>) -> &mut Self {
        self.parts.push(Part::Ints(values));
        self
    }

    /// Adds a bound list of bytes for PostgreSQL's functions.
    pub(crate) fn byte_list(&mut self, values: Vec<Vec<u8>>) -> &mut Self {
        self.parts.push(Part::List(values));
        self
    }

    /// Adds a bound list of texts for PostgreSQL's functions.
    pub(crate) fn strings(&mut self, values: Vec<String>) -> &mut Self {
        self.parts.push(Part::Strings(values));
        self
    }

    /// Adds `= …` or `IN …`: one of these.
    pub(crate) fn one_of(&mut self, values: Vec<Vec<u8>>) -> &mut Self {
        match <[Vec<u8>; 1]>::try_from(values) {
            Ok([value]) => self.text(" = ").bytes(&value),
            Err(values) if self.sqlite => {
                self.text(" IN (SELECT unhex(value) FROM json_each(").byte_list(values).text("))")
            }
            Err(values) => self.text(" = ANY(").byte_list(values).text(")"),
        }
    }

    /// As [`Sql::one_of`], of ids.
    pub(crate) fn one_id_of(&mut self, ids: &[EntityId]) -> &mut Self {
        self.one_of(ids.iter().map(|id| id.as_bytes().to_vec()).collect())
    }

    /// As [`Sql::one_of`], of numbers.
    pub(crate) fn one_int_of(&mut self, values: Vec<i64>) -> &mut Self {
        match <[i64; 1]>::try_from(values) {
            Ok([value]) => self.text(" = ").int(value),
            Err(values) if self.sqlite => self.text(" IN (SELECT value FROM json_each(").ints(values).text("))"),
            Err(values) => self.text(" = ANY(").ints(values).text(")"),
        }
    }

    /// Adds a table of ids with the column `id`, to select from.
    pub(crate) fn id_table(&mut self, ids: &[EntityId], alias: &str) -> &mut Self {
        let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
        if self.sqlite {
            self.text("(SELECT unhex(value) AS id FROM json_each(").byte_list(ids).text(")) ").text(alias)
        } else {
            self.text("unnest(").byte_list(ids).text(") AS ").text(alias).text("(id)")
        }
    }

    /// A name for a table that the statement does not have yet.
    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("x{}", self.aliases)
    }

    /// Runs a statement that gives no rows.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn execute(self, conn: &mut Conn) -> QueryResult<usize> {
        let statement = Statement::<BigInt>::new(self);
        match conn {
            Conn::Sqlite(c) => statement.execute(c),
            Conn::Postgres(c) => statement.execute(c),
        }
    }

    /// Runs a query whose rows have the SQL types `S`.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn load<S, R>(self, conn: &mut Conn) -> QueryResult<Vec<R>>
    where
        Statement<S>: for<'q> LoadQuery<'q, SqliteConnection, R> + for<'q> LoadQuery<'q, PgConnection, R>,
    {
        let statement = Statement::<S>::new(self);
        match conn {
            Conn::Sqlite(c) => statement.internal_load(c)?.collect(),
            Conn::Postgres(c) => statement.internal_load(c)?.collect(),
        }
    }
}

/// A finished statement whose rows have the SQL types `S`.
pub(crate) struct Statement<S> {
    parts: Vec<Part>,
    is_kept: bool,
    types: PhantomData<fn() -> S>,
}

impl<S> Statement<S> {
    fn new(sql: Sql) -> Self {
        let mut parts = sql.parts;
        if sql.sqlite {
            for part in &mut parts {
                if matches!(part, Part::Ints(_) | Part::List(_) | Part::Strings(_)) {
                    *part = Part::String(as_json(part));
                }
            }
        }
        Self { is_kept: is_kept(&parts), parts, types: PhantomData }
    }
}

/// A list as SQLite takes it.
fn as_json(part: &Part) -> String {
    let mut out = String::from("[");
    let mut item = |text: &str| {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(text);
    };
    match part {
        Part::Ints(values) => values.iter().for_each(|value| item(&value.to_string())),
        Part::List(values) => values.iter().for_each(|value| item(&format!("\"{}\"", hex_encode(value)))),
        Part::Strings(values) => {
            values.iter().for_each(|value| item(&serde_json::Value::from(value.as_str()).to_string()));
        }
        _ => {}
    }
    out.push(']');
    out
}

/// The first so many shapes of this process are kept; there is no way to take one out again.
fn is_kept(parts: &[Part]) -> bool {
    static SHAPES: LazyLock<Mutex<HashSet<u64>>> = LazyLock::new(Mutex::default);
    let mut hasher = DefaultHasher::new();
    for part in parts {
        std::mem::discriminant(part).hash(&mut hasher);
        if let Part::Text(text) = part {
            text.hash(&mut hasher);
        }
    }
    let shape = hasher.finish();
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    shapes.contains(&shape) || (shapes.len() < PREPARED && shapes.insert(shape))
}

impl<S: 'static> QueryId for Statement<S> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S> Query for Statement<S> {
    type SqlType = S;
}

impl<S> RunQueryDsl<SqliteConnection> for Statement<S> {}
impl<S> RunQueryDsl<PgConnection> for Statement<S> {}

impl<S> QueryFragment<Sqlite> for Statement<S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        if !self.is_kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_sql(text),
                Part::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
                Part::Bytes(value) => out.push_bind_param::<Binary, _>(value)?,
                Part::String(value) => out.push_bind_param::<Text, _>(value)?,
                Part::Bool(value) => out.push_bind_param::<Bool, _>(value)?,
                // Written as JSON when the statement was finished.
                Part::Ints(_) | Part::List(_) | Part::Strings(_) => {}
            }
        }
        Ok(())
    }
}

impl<S> QueryFragment<Pg> for Statement<S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_sql(text),
                Part::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
                Part::Bytes(value) => out.push_bind_param::<Binary, _>(value)?,
                Part::String(value) => out.push_bind_param::<Text, _>(value)?,
                Part::Bool(value) => out.push_bind_param::<Bool, _>(value)?,
                Part::Ints(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
                Part::List(values) => out.push_bind_param::<Array<Binary>, _>(values)?,
                Part::Strings(values) => out.push_bind_param::<Array<Text>, _>(values)?,
            }
        }
        Ok(())
    }
}
