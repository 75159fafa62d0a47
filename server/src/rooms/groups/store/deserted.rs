//! Who is still in a group.

use diesel::QueryResult;
use diesel::prelude::*;

use super::KIND_GROUP;
use crate::db::Conn;
use crate::db::schema::{group_members as members, groups};

/// Parameters of one statement.
const AT_ONCE: usize = 500;

/// The groups that people made of which any of these is a direct member, each once, in order.
pub(in crate::rooms::groups) fn entered_by(conn: &mut Conn, member_ids: &[String]) -> QueryResult<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for ids in member_ids.chunks(AT_ONCE) {
        let some: Vec<String> = members::table
            .inner_join(groups::table.on(groups::id.eq(members::group_id)))
            .filter(members::member_id.eq_any(ids).and(groups::kind.eq(KIND_GROUP)))
            .select(members::group_id)
            .load(conn)?;
        all.extend(some);
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// True when any of these groups has a direct member.
pub(in crate::rooms::groups) fn has_members(conn: &mut Conn, group_ids: &[String]) -> QueryResult<bool> {
    for ids in group_ids.chunks(AT_ONCE) {
        let one: Option<String> = members::table
            .filter(members::group_id.eq_any(ids))
            .select(members::member_id)
            .limit(1)
            .get_result(conn)
            .optional()?;
        if one.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
