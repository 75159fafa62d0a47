//! Table `customer_captchas`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::customer_captchas as captchas;

pub(super) fn insert(tx: &mut Conn, id: &str, solution_sealed: &str, now_ms: i64) -> QueryResult<()> {
    let row = (captchas::id.eq(id), captchas::solution_sealed.eq(solution_sealed), captchas::created_ms.eq(now_ms));
    diesel::insert_into(captchas::table).values(row).execute(tx).map(drop)
}

/// Sealed solution and time of making.
pub(super) fn find(tx: &mut Conn, id: &str) -> QueryResult<Option<(String, i64)>> {
    captchas::table.find(id).select((captchas::solution_sealed, captchas::created_ms)).get_result(tx).optional()
}

pub(super) fn delete(tx: &mut Conn, id: &str) -> QueryResult<usize> {
    diesel::delete(captchas::table.find(id)).execute(tx)
}

pub(super) fn delete_before(tx: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(captchas::table.filter(captchas::created_ms.lt(before_ms))).execute(tx)
}
