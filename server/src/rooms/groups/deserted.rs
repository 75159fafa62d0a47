//! Groups that nobody can enter any more: they go with the last account that could.

use super::rules;
use super::store;
use crate::db::Conn;
use crate::error::KeyResult;

/// Removes a user who is gone for good from everywhere: memberships, wrapped keys, invites, join requests, upload sessions. A
/// hierarchy of groups goes with him when no member is left in any of its groups; what is only a member of others by then,
/// leaves them first, and they may follow.
///
/// # Errors
/// What the database says.
pub fn forget_user(tx: &mut Conn, user_id: &str) -> KeyResult<()> {
    // Groups before the user, and topmost parents before both: nobody joins or leaves them until the end.
    let groups = store::entered_by(tx, &[user_id.to_owned()])?;
    for id in tops(tx, &groups)?.iter().chain(&groups) {
        tx.lock(id)?;
    }
    tx.lock(user_id)?;
    // With what he has made or joined meanwhile.
    let groups = store::entered_by(tx, &[user_id.to_owned()])?;
    let mut tops = tops(tx, &groups)?;
    rules::forget_member(tx, user_id)?;
    while let Some(top) = tops.pop() {
        let tree = store::tree(tx, &top)?;
        if tree.is_empty() || store::has_members(tx, &tree)? {
            continue;
        }
        let others = store::entered_by(tx, &tree)?;
        rules::delete_group(tx, &top)?;
        tops.extend(self::tops(tx, &others)?);
    }
    Ok(())
}

/// The topmost parents of groups, each once, in an order that is everybody's.
fn tops(conn: &mut Conn, groups: &[String]) -> KeyResult<Vec<String>> {
    let mut tops = Vec::new();
    for id in groups {
        tops.extend(store::top(conn, id)?.map(|(top, _level)| top));
    }
    tops.sort();
    tops.dedup();
    Ok(tops)
}
