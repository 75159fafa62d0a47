//! The hierarchy of groups: from a group up its line of parents, and down to all its children.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel::{PgConnection, QueryResult, SqliteConnection};

use crate::db::{Conn, each};

/// Groups of one line, from the top one down. What a user can reach, the statements below do: none looks further.
pub(in crate::rooms::groups) const MAX_LEVELS: i32 = 64;
const LAST_LEVEL: i32 = MAX_LEVELS - 1;

/// A group as a member of it, or of one of its parents, enters it.
#[derive(Debug, Queryable)]
pub(in crate::rooms::groups) struct EntryRow {
    pub(in crate::rooms::groups) parent_id: Option<String>,
    pub(in crate::rooms::groups) is_connected: bool,
    pub(in crate::rooms::groups) created_ms: i64,
    /// His rank, where he is a member.
    pub(in crate::rooms::groups) rank: i32,
    /// When he became a member there.
    pub(in crate::rooms::groups) joined_ms: i64,
    /// How many parents above the group that is; 0 is the group itself.
    pub(in crate::rooms::groups) levels_up: i32,
}

/// The nearest membership on the way from a group up to its topmost parent, in one statement.
pub(in crate::rooms::groups) fn entry(
    conn: &mut Conn,
    app_id: &str,
    group_id: &str,
    member_id: &str,
) -> QueryResult<Option<EntryRow>> {
    let query = Entry { app_id, group_id, member_id };
    each!(conn, |c| query.get_result(c).optional())
}

/// The topmost parent of a group (itself when it has none), and how many levels above it that is.
pub(in crate::rooms::groups) fn top(conn: &mut Conn, group_id: &str) -> QueryResult<Option<(String, i32)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: String,
        #[diesel(sql_type = Integer)]
        level: i32,
    }
    let query = diesel::sql_query(
        "WITH RECURSIVE line (id, parent_id, level) AS (\
         SELECT id, parent_id, 0 FROM groups WHERE id = $1 UNION ALL \
         SELECT g.id, g.parent_id, line.level + 1 FROM line JOIN groups g ON g.id = line.parent_id) \
         SELECT id, level FROM line WHERE parent_id IS NULL",
    );
    let row: Option<Row> = each!(conn, |c| query.bind::<Text, _>(group_id).get_result(c).optional())?;
    Ok(row.map(|row| (row.id, row.level)))
}

/// A group and all below it.
pub(in crate::rooms::groups) fn tree(conn: &mut Conn, group_id: &str) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: String,
    }
    let query = diesel::sql_query(
        "WITH RECURSIVE tree (id) AS (SELECT id FROM groups WHERE id = $1 UNION ALL \
         SELECT g.id FROM tree JOIN groups g ON g.parent_id = tree.id) SELECT id FROM tree",
    );
    let rows: Vec<Row> = each!(conn, |c| query.bind::<Text, _>(group_id).load(c))?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The statement of [`entry`]. A type of its own, because the text of `sql_query` would be parsed anew at every request.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    app_id: &'a str,
    group_id: &'a str,
    member_id: &'a str,
}

impl QueryId for Entry<'_> {
    type QueryId = Entry<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Entry<'_> {
    type SqlType = (Nullable<Text>, Bool, BigInt, Integer, BigInt, Integer);
}

impl RunQueryDsl<SqliteConnection> for Entry<'_> {}
impl RunQueryDsl<PgConnection> for Entry<'_> {}

impl<DB: Backend> QueryFragment<DB> for Entry<'_>
where
    str: ToSql<Text, DB>,
    i32: ToSql<Integer, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(
            "WITH RECURSIVE line (id, parent_id, level) AS (\
             SELECT id, parent_id, 0 FROM groups WHERE kind = 0 AND id = ",
        );
        out.push_bind_param::<Text, _>(self.group_id)?;
        out.push_sql(" AND app_id = ");
        out.push_bind_param::<Text, _>(self.app_id)?;
        out.push_sql(
            " UNION ALL SELECT g.id, g.parent_id, line.level + 1 FROM line JOIN groups g ON g.id = line.parent_id \
             WHERE line.level < ",
        );
        out.push_bind_param::<Integer, _>(&LAST_LEVEL)?;
        out.push_sql(
            ") SELECT g.parent_id, g.is_connected, g.created_ms, m.rank, m.joined_ms, line.level \
             FROM line JOIN group_members m ON m.group_id = line.id AND m.member_id = ",
        );
        out.push_bind_param::<Text, _>(self.member_id)?;
        out.push_sql(" JOIN groups g ON g.id = ");
        out.push_bind_param::<Text, _>(self.group_id)?;
        out.push_sql(" ORDER BY line.level LIMIT 1");
        Ok(())
    }
}
