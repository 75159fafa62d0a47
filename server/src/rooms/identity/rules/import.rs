//! Accounts of another Nuxt IAM, from a file of its `users` table (read by `table_file`), columns in any order. Argon2 hashes
//! are kept, so everybody logs in with the password he has.

use keystead_crypto::password_hash;
use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::model::Role;
use super::super::store::users::{self as store, NewUser};
use super::table_file::{Row, Table};
use super::{accounts, emails};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::directory::rules as directory;

/// An account as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    record: usize,
    uuid: Option<String>,
    email: String,
    email_key: String,
    password: String,
    avatar: Option<String>,
    permissions: Option<String>,
    first_name: String,
    last_name: String,
    role: Role,
    email_verified: bool,
    is_active: bool,
    created_ms: Option<i64>,
    last_login_ms: Option<i64>,
}

/// How many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Made.
    pub imported: usize,
    /// Left alone, because an account with the address is there.
    pub skipped: usize,
}

/// Reads the file. `schema`: the `.sql` file beside one of `mysqldump --tab`, which has no column names.
///
/// # Errors
/// 400 with the number of the record that cannot be taken. Where the first one holds the names, it counts too.
pub fn read(text: &str, schema: Option<&str>) -> IamResult<Vec<Account>> {
    let table = Table::read(text, schema, &["email", "password", "first_name", "last_name"])?;
    table.rows().map(account).collect()
}

/// Makes the accounts. One whose address is there is left alone.
///
/// # Errors
/// 409 when a uuid is taken; what the database says.
pub fn write(app: &App, tx: &mut Conn, app_id: &str, accounts: &[Account]) -> IamResult<Imported> {
    let mut done = Imported::default();
    for account in accounts {
        if store::by_email(tx, app_id, &account.email_key)?.is_some() {
            done.skipped += 1;
            continue;
        }
        let uuid = account.uuid.clone().unwrap_or_else(|| app.new_id());
        if directory::is_taken(tx, &uuid)? {
            return Err(IamError::new(409, format!("record {}: the uuid is taken", account.record)));
        }
        directory::adopt_user(app, tx, app_id, &uuid)?;
        store::insert(
            tx,
            &NewUser {
                uuid: &uuid,
                app_id,
                email: &account.email,
                email_key: &account.email_key,
                password_hash: &account.password,
                avatar: account.avatar.as_deref(),
                permissions: account.permissions.as_deref(),
                first_name: &account.first_name,
                last_name: &account.last_name,
                role: account.role.name(),
                email_verified: account.email_verified,
                is_active: account.is_active,
                last_login_ms: account.last_login_ms,
                created_ms: account.created_ms.unwrap_or_else(|| app.clock.now_ms()),
            },
        )?;
        audit::record(app, tx, app_id, &Event { name: "identity.imported", subject: Some(&uuid), ..Event::default() })?;
        done.imported += 1;
    }
    Ok(done)
}

fn account(row: Row<'_>) -> IamResult<Account> {
    let wrong = |what: &str| IamError::bad(format!("record {}: {what}", row.number));
    let value = |name: &str| row.value(name).map(str::to_owned);
    let required = |name: &str| value(name).ok_or_else(|| wrong(&format!("'{name}' is empty")));
    let time = |name: &str| match row.value(name) {
        Some(text) => time(text).map_err(|_source| wrong(&format!("'{name}' is no time"))),
        None => Ok(None),
    };
    let truth = |name: &str, default| match value(name).as_deref() {
        None => Ok(default),
        Some("1" | "true" | "TRUE") => Ok(true),
        Some("0" | "false" | "FALSE") => Ok(false),
        Some(_) => Err(wrong(&format!("'{name}' is neither 0 nor 1"))),
    };
    let (email, password) = (required("email")?, required("password")?);
    if !password_hash::is_readable(&password) {
        return Err(wrong("the password is no argon2id hash"));
    }
    let uuid = value("uuid").map(|text| text.to_ascii_lowercase());
    if uuid.as_deref().is_some_and(|text| !accounts::is_id(text)) {
        return Err(wrong("the uuid is none"));
    }
    let role = value("role").map_or(Some(Role::General), |name| Role::parse(&name));
    let account = Account {
        record: row.number,
        uuid,
        email_key: emails::key(&email).ok_or_else(|| wrong("the email is no address"))?,
        email,
        password,
        avatar: value("avatar"),
        permissions: value("permissions"),
        // Who came with Google may have none.
        first_name: value("first_name").unwrap_or_default(),
        last_name: value("last_name").unwrap_or_default(),
        role: role.ok_or_else(|| wrong("the role is unknown"))?,
        email_verified: truth("email_verified", false)?,
        is_active: truth("is_active", true)?,
        created_ms: time("created_at")?,
        last_login_ms: time("last_login")?,
    };
    let texts =
        [&account.first_name, &account.last_name].into_iter().chain(&account.avatar).chain(&account.permissions);
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err(wrong("a text holds a NUL character"));
    }
    Ok(account)
}

/// A time as databases write it, `2023-03-10 12:00:00.000`, or as ISO 8601; UTC. MySQL's zero date is none.
fn time(text: &str) -> Result<Option<i64>, chrono::ParseError> {
    if text.starts_with("0000-") {
        return Ok(None);
    }
    let text = text.trim_end_matches('Z').replace('T', " ");
    let time = chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f")?;
    Ok(Some(time.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

    #[test]
    fn a_dump_is_read() {
        let csv = format!(
            "\u{feff}id,uuid,email,password,avatar,permissions,first_name,last_name,role,email_verified,is_active\r\n\
             1,3F2B8C1E-0000-4000-8000-000000000001,Jo@Example.com,\"{HASH}\",\\N,NULL,\"Jo \"\"J\"\"\",\"Doe, Jr.\",SUPER_ADMIN,1,1\r\n\r\n\
             2,,jane@example.com,\"{HASH}\",,,Jane,Roe,GENERAL,0,0"
        );
        let accounts = read(&csv, None).expect("reads");
        let [jo, jane] = accounts.as_slice() else { panic!("{accounts:?}") };
        assert_eq!(
            (jo.first_name.as_str(), jo.last_name.as_str(), jo.role),
            ("Jo \"J\"", "Doe, Jr.", Role::SuperAdmin)
        );
        assert_eq!(jo.uuid.as_deref(), Some("3f2b8c1e-0000-4000-8000-000000000001"));
        assert_eq!((jo.email_key.as_str(), jo.avatar.as_deref(), jo.email_verified), ("jo@example.com", None, true));
        assert_eq!((jane.uuid.as_deref(), jane.is_active, jane.record), (None, false, 3));
    }

    #[test]
    fn what_cannot_be_taken_is_told_with_its_number() {
        let read = |row: &str| read(&format!("email,password,first_name,last_name,role,created_at\n{row}\n"), None);
        read(&format!("a@b.co,\"{HASH}\",A,,ADMIN,2023-03-10T12:00:00.000Z")).expect("reads");
        for row in [
            format!("a,\"{HASH}\",A,B,ADMIN"),
            "a@b.co,secret,A,B,ADMIN".to_owned(),
            format!("a@b.co,\"{HASH}\",A,B,ADMIN,yesterday"),
            format!("a@b.co,\"{HASH}\",A,B,OWNER"),
        ] {
            let e = read(&row).expect_err(&row);
            assert!(e.message.starts_with("record 2: "), "{}", e.message);
        }
        assert!(super::read("email\na@b.co", None).is_err());
    }

    #[test]
    fn times_of_databases() {
        for (text, ms) in [
            ("2023-03-10 12:00:00", Some(1_678_449_600_000)),
            ("2023-03-10 12:00:00.250", Some(1_678_449_600_250)),
            ("2023-03-10T12:00:00.000Z", Some(1_678_449_600_000)),
            ("0000-00-00 00:00:00", None),
        ] {
            assert_eq!(time(text), Ok(ms), "{text}");
        }
        assert!(time("yesterday").is_err() && time("2023-02-30 00:00:00").is_err());
    }
}
