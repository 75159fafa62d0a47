//! Accounts of another Nuxt IAM, as CSV of its `users` table: RFC 4180, the column names in the first line, in any order. Argon2 hashes
//! are kept, so everybody logs in with the password he has.

use std::collections::HashMap;

use keystead_crypto::password_hash;
use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::model::Role;
use super::super::store::users::{self as store, NewUser};
use super::{accounts, emails};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::directory::rules as directory;

/// An account as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    line: usize,
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
}

/// How many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Made.
    pub imported: usize,
    /// Left alone, because an account with the address is there.
    pub skipped: usize,
}

/// Reads the file.
///
/// # Errors
/// 400 with the number of the record that cannot be taken. Record 1 holds the names.
pub fn read(csv: &str) -> IamResult<Vec<Account>> {
    let mut records = records(csv)?.into_iter();
    let names = records.next().ok_or_else(|| IamError::bad("the file is empty"))?;
    let columns: HashMap<String, usize> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.trim().trim_start_matches('\u{feff}').to_owned(), at))
        .collect();
    for needed in ["email", "password", "first_name", "last_name"] {
        if !columns.contains_key(needed) {
            return Err(IamError::bad(format!("there is no column '{needed}'")));
        }
    }
    records.enumerate().map(|(at, record)| account(&columns, at + 2, &record)).collect()
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
            return Err(IamError::new(409, format!("record {}: the uuid is taken", account.line)));
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
                last_login_ms: None,
                created_ms: app.clock.now_ms(),
            },
        )?;
        audit::record(app, tx, app_id, &Event { name: "identity.imported", subject: Some(&uuid), ..Event::default() })?;
        done.imported += 1;
    }
    Ok(done)
}

fn account(columns: &HashMap<String, usize>, line: usize, record: &[String]) -> IamResult<Account> {
    let wrong = |what: &str| IamError::bad(format!("record {line}: {what}"));
    // `\N` and `NULL` are what MySQL and MariaDB write for nothing.
    let value = |name: &str| {
        let text = record.get(*columns.get(name)?)?;
        (!text.is_empty() && text != "\\N" && text != "NULL").then(|| text.clone())
    };
    let required = |name: &str| value(name).ok_or_else(|| wrong(&format!("'{name}' is empty")));
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
        line,
        uuid,
        email_key: emails::key(&email).ok_or_else(|| wrong("the email is no address"))?,
        email,
        password,
        avatar: value("avatar"),
        permissions: value("permissions"),
        first_name: required("first_name")?,
        last_name: required("last_name")?,
        role: role.ok_or_else(|| wrong("the role is unknown"))?,
        email_verified: truth("email_verified", false)?,
        is_active: truth("is_active", true)?,
    };
    let texts =
        [&account.first_name, &account.last_name].into_iter().chain(&account.avatar).chain(&account.permissions);
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err(wrong("a text holds a NUL character"));
    }
    Ok(account)
}

/// The records of a CSV text (RFC 4180); empty lines are left out.
fn records(text: &str) -> IamResult<Vec<Vec<String>>> {
    let (mut all, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                all.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    if quoted {
        return Err(IamError::bad("a quotation mark is never closed"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        all.push(record);
    }
    all.retain(|record| record.iter().any(|field| !field.is_empty()));
    Ok(all)
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
        let accounts = read(&csv).expect("reads");
        let [jo, jane] = accounts.as_slice() else { panic!("{accounts:?}") };
        assert_eq!(
            (jo.first_name.as_str(), jo.last_name.as_str(), jo.role),
            ("Jo \"J\"", "Doe, Jr.", Role::SuperAdmin)
        );
        assert_eq!(jo.uuid.as_deref(), Some("3f2b8c1e-0000-4000-8000-000000000001"));
        assert_eq!((jo.email_key.as_str(), jo.avatar.as_deref(), jo.email_verified), ("jo@example.com", None, true));
        assert_eq!((jane.uuid.as_deref(), jane.is_active, jane.line), (None, false, 3));
    }

    #[test]
    fn what_cannot_be_taken_is_told_with_its_number() {
        let read = |row: &str| read(&format!("email,password,first_name,last_name,role\n{row}\n"));
        read(&format!("a@b.co,\"{HASH}\",A,B,ADMIN")).expect("reads");
        for row in [
            format!("a,\"{HASH}\",A,B,ADMIN"),
            "a@b.co,secret,A,B,ADMIN".to_owned(),
            format!("a@b.co,\"{HASH}\",,B,ADMIN"),
            format!("a@b.co,\"{HASH}\",A,B,OWNER"),
        ] {
            let e = read(&row).expect_err(&row);
            assert!(e.message.starts_with("record 2: "), "{}", e.message);
        }
        assert!(read("\"a").is_err() && super::read("").is_err() && super::read("email\na@b.co").is_err());
    }
}
