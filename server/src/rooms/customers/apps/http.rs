//! Routes of customers' apps.

use keystead_protocol::apps::{AppJwtData, AppRegisterOutput, EndpointOptions, FileOptions, GroupOptions};
use keystead_protocol::customers::{
    AppDetails, AppJwtKey, AppListItem, AppRegisterInput, AppTokenRenewOutput, AppUpdateInput,
};
use keystead_protocol::envelope::SUCCESS;

use super::rules::{self, Change, Customer, Need};
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::apps::rules as all_apps;
use crate::web::call::Call;

/// `POST /customer/app`
///
/// # Errors
/// 11, 61, 203.
pub async fn create(call: Call, input: AppRegisterInput) -> KeyResult<AppRegisterOutput> {
    let (app, customer) = (call.app.clone(), customer(&call)?);
    call.write(move |tx| rules::create(&app, tx, &customer, None, &input)).await
}

/// `POST /customer/app/:group_id`
///
/// # Errors
/// 11, 61, 203, 301, 310.
pub async fn create_in_group(call: Call, input: AppRegisterInput) -> KeyResult<AppRegisterOutput> {
    let (app, customer, group_id) = (call.app.clone(), customer(&call)?, call.param(0)?.to_owned());
    call.write(move |tx| rules::create(&app, tx, &customer, Some(&group_id), &input)).await
}

/// `GET /customer/apps/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<AppListItem>> {
    let (customer_id, page) = (call.session()?.user_id.clone(), call.page()?);
    call.app.db.read(move |c| rules::of_customer(c, &customer_id, &page)).await
}

/// `GET /customer/group/:g/apps/:time/:id`
///
/// # Errors
/// 13, 310.
pub async fn list_of_group(call: Call) -> KeyResult<Vec<AppListItem>> {
    let (group_id, page) = (call.group()?.group_id.clone(), call.page()?);
    call.app.db.read(move |c| rules::of_group(c, &group_id, &page)).await
}

/// `GET /customer/app/:app_id`
///
/// # Errors
/// 202.
pub async fn get(call: Call) -> KeyResult<AppDetails> {
    read(&call, Need::Read, rules::details).await
}

/// `PUT /customer/app/:app_id`
///
/// # Errors
/// 11, 202, 301.
pub async fn rename(call: Call, input: AppUpdateInput) -> KeyResult<&'static str> {
    change(&call, Change::Name(input.identifier)).await
}

/// `PUT /customer/app/:app_id/options`
///
/// # Errors
/// 202, 203, 301.
pub async fn options(call: Call, input: EndpointOptions) -> KeyResult<&'static str> {
    change(&call, Change::Options(Box::new(input))).await
}

/// `PUT /customer/app/:app_id/file_options`
///
/// # Errors
/// 202, 203, 301.
pub async fn file_options(call: Call, input: FileOptions) -> KeyResult<&'static str> {
    change(&call, Change::Files(input)).await
}

/// `PUT /customer/app/:app_id/group_options`
///
/// # Errors
/// 202, 203, 301.
pub async fn group_options(call: Call, input: GroupOptions) -> KeyResult<&'static str> {
    change(&call, Change::Groups(input)).await
}

/// `PATCH /customer/app/:app_id/token_renew`
///
/// # Errors
/// 202, 301.
pub async fn renew_tokens(call: Call) -> KeyResult<AppTokenRenewOutput> {
    let app = call.app.clone();
    write(&call, Need::Change, move |tx, app_id| rules::renew_tokens(&app, tx, app_id)).await
}

/// `PATCH /customer/app/:app_id/new_jwt_keys`
///
/// # Errors
/// 202, 301.
pub async fn new_jwt_keys(call: Call) -> KeyResult<AppJwtData> {
    let app = call.app.clone();
    write(&call, Need::Change, move |tx, app_id| rules::new_jwt_keys(&app, tx, app_id)).await
}

/// `GET /customer/app/:app_id/jwt`
///
/// # Errors
/// 202, 301.
pub async fn jwt_keys(call: Call) -> KeyResult<Vec<AppJwtKey>> {
    let app = call.app.clone();
    read(&call, Need::Change, move |c, app_id| rules::jwt_keys(&app, c, app_id)).await
}

/// `DELETE /customer/app/:app_id/jwt/:jwt_id`
///
/// # Errors
/// 35, 202, 203 the last one, 301.
pub async fn delete_jwt_key(call: Call) -> KeyResult<&'static str> {
    let kid = call.param(1)?.to_owned();
    write(&call, Need::Change, move |tx, app_id| all_apps::delete_jwt_key(tx, app_id, &kid)).await?;
    Ok(SUCCESS)
}

/// `DELETE /customer/app/:app_id`
///
/// # Errors
/// 202, 301.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    write(&call, Need::Delete, all_apps::delete).await?;
    Ok(SUCCESS)
}

/// `DELETE /customer/app/:app_id/reset`
///
/// # Errors
/// 202, 301.
pub async fn reset(call: Call) -> KeyResult<&'static str> {
    write(&call, Need::Delete, all_apps::reset).await?;
    Ok(SUCCESS)
}

fn customer(call: &Call) -> KeyResult<Customer> {
    Ok(Customer { id: call.session()?.user_id.clone(), home: call.tenant.id.clone() })
}

async fn change(call: &Call, change: Change) -> KeyResult<&'static str> {
    let app = call.app.clone();
    write(call, Need::Change, move |tx, app_id| rules::change(&app, tx, app_id, &change)).await?;
    Ok(SUCCESS)
}

/// Checks the caller's right and reads, in one state of the database.
async fn read<T, F>(call: &Call, need: Need, f: F) -> KeyResult<T>
where
    T: Send + 'static,
    F: FnOnce(&mut Conn, &str) -> KeyResult<T> + Send + 'static,
{
    let (customer, app_id) = (customer(call)?, call.param(0)?.to_owned());
    let work = move |c: &mut Conn| {
        rules::may(c, &customer, &app_id, need)?;
        f(c, &app_id)
    };
    call.app.db.read_snapshot(work).await
}

/// Checks the caller's right and writes, in one transaction.
async fn write<T, F>(call: &Call, need: Need, f: F) -> KeyResult<T>
where
    T: Send + 'static,
    F: Fn(&mut Conn, &str) -> KeyResult<T> + Send + 'static,
{
    let (customer, app_id) = (customer(call)?, call.param(0)?.to_owned());
    let work = move |tx: &mut Conn| {
        rules::may(tx, &customer, &app_id, need)?;
        f(tx, &app_id)
    };
    call.write(work).await
}
