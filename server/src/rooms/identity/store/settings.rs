//! What the identity API keeps in table `settings`: its sealed secrets, and which apps demand keys at registration.

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

/// True when an account of this app may not be made without keys.
pub(crate) fn demands_keys(conn: &mut Conn, app_id: &str) -> QueryResult<bool> {
    let found: Option<String> =
        settings::table.find(demand_name(app_id)).select(settings::value).get_result(conn).optional()?;
    Ok(found.is_some())
}

pub(crate) fn set_demands_keys(conn: &mut Conn, app_id: &str, demands: bool) -> QueryResult<()> {
    diesel::delete(settings::table.find(demand_name(app_id))).execute(conn)?;
    if demands {
        let row = (settings::name.eq(demand_name(app_id)), settings::value.eq("true"));
        diesel::insert_into(settings::table).values(row).execute(conn)?;
    }
    Ok(())
}

fn demand_name(app_id: &str) -> String {
    format!("iam_demands_keys {app_id}")
}
