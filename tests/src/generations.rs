//! Further key generations of a group, written straight into the database: rotation, which makes them on the wire, is not
//! there yet.

use crate::server::TestServer;

const KEY_COLUMNS: &str = "group_key_alg, keypair_encrypt_alg, keypair_sign_alg, signed_by_user_id, \
    signed_by_user_sign_key_id, public_group_key, encrypted_private_group_key, verify_key, encrypted_sign_key, \
    public_key_sig, group_key_sig";

/// Adds copies of a group's only key under new ids, for every member who holds it. `after_ms` tells how much younger than
/// the first key each one is; 0 makes a tie. Gives the new ids in this order.
pub fn add(server: &TestServer, first_key: &str, after_ms: impl IntoIterator<Item = i64>) -> Vec<String> {
    let (mut sql, mut ids) = (String::from("BEGIN;"), Vec::new());
    for ms in after_ms {
        let id = uuid::Uuid::new_v4().hyphenated().to_string();
        sql.push_str(&format!(
            "INSERT INTO group_keys (id, group_id, created_ms, {KEY_COLUMNS}) \
             SELECT '{id}', group_id, created_ms + {ms}, {KEY_COLUMNS} FROM group_keys WHERE id = '{first_key}'; \
             INSERT INTO group_member_keys \
             (member_id, group_id, key_created_ms, key_id, encrypted_group_key_alg, user_public_key_id, encrypted_group_key) \
             SELECT member_id, group_id, key_created_ms + {ms}, '{id}', encrypted_group_key_alg, user_public_key_id, \
             encrypted_group_key FROM group_member_keys WHERE key_id = '{first_key}';"
        ));
        ids.push(id);
    }
    sql.push_str("COMMIT;");
    server.database().execute(&sql);
    ids
}
