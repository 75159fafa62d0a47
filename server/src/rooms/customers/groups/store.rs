//! Table `customer_groups`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::customer_groups as groups;

/// Name and description.
#[derive(Debug, Clone, Default, Queryable)]
pub(super) struct GroupText {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
}

pub(super) fn insert(tx: &mut Conn, group_id: &str, name: Option<&str>, description: Option<&str>) -> QueryResult<()> {
    let row = (groups::group_id.eq(group_id), groups::name.eq(name), groups::description.eq(description));
    diesel::insert_into(groups::table).values(row).execute(tx).map(drop)
}

pub(super) fn update(tx: &mut Conn, group_id: &str, name: Option<&str>, description: Option<&str>) -> QueryResult<()> {
    diesel::update(groups::table.find(group_id))
        .set((groups::name.eq(name), groups::description.eq(description)))
        .execute(tx)
        .map(drop)
}

pub(super) fn find(conn: &mut Conn, group_id: &str) -> QueryResult<Option<GroupText>> {
    groups::table.find(group_id).select((groups::name, groups::description)).get_result(conn).optional()
}

pub(super) fn of(conn: &mut Conn, group_ids: &[String]) -> QueryResult<Vec<(String, GroupText)>> {
    let rows: Vec<(String, Option<String>, Option<String>)> = groups::table
        .filter(groups::group_id.eq_any(group_ids))
        .select((groups::group_id, groups::name, groups::description))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, name, description)| (id, GroupText { name, description })).collect())
}
