//! The sealed secrets of the identity API, one row of table `settings`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::settings;
use crate::db::{Conn, is_unique_violation};

const NAME: &str = "iam_secrets";

pub(crate) fn find(conn: &mut Conn) -> QueryResult<Option<String>> {
    settings::table.find(NAME).select(settings::value).get_result(conn).optional()
}

/// False when another node was faster.
pub(crate) fn insert(conn: &mut Conn, sealed: &str) -> QueryResult<bool> {
    let row = (settings::name.eq(NAME), settings::value.eq(sealed));
    match diesel::insert_into(settings::table).values(row).execute(conn) {
        Ok(_) => Ok(true),
        Err(e) if is_unique_violation(&e) => Ok(false),
        Err(e) => Err(e),
    }
}
