//! The customer API (sentc.md section 2.1): accounts of those who own apps, for a dashboard.
//!
//! Customers are light users of an app of the server's own; their e-mail address is the login identifier.

use serde::{Deserialize, Serialize};

use crate::apps::{EndpointOptions, FileOptions, GroupOptions};
use crate::groups::GroupUserListItem;
use crate::keys::UserDeviceRegisterInput;

/// Answer of `GET /customer/captcha`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptchaCreateOutput {
    /// Names the captcha in the call that it allows.
    pub captcha_id: String,
    /// b64 of a PNG image; valid for 20 minutes and one try.
    pub png: String,
}

/// What a human read in a captcha.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptchaInput {
    /// The characters; case does not matter.
    pub captcha_solution: String,
    /// Id of the captcha.
    pub captcha_id: String,
}

/// Who a customer is; `PUT /customer/data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerData {
    /// Family name.
    pub name: String,
    /// First name.
    pub first_name: String,
    /// Company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
}

/// `POST /customer/register`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRegisterData {
    /// Who he is.
    pub customer_data: CustomerData,
    /// Address; also the login identifier.
    pub email: String,
    /// His first device.
    pub register_data: UserDeviceRegisterInput,
    /// Proof of a human.
    pub captcha_input: CaptchaInput,
}

/// Answer of `POST /customer/register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRegisterOutput {
    /// New customer id: a user id of the server's own app.
    pub customer_id: String,
}

/// The tokens of a customer's login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerTokens {
    /// Fresh JWT.
    pub jwt: String,
    /// Refresh token.
    pub refresh_token: String,
}

/// Answer of `POST /customer/verify_login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerVerifyLoginOutput {
    /// The tokens.
    pub verify: CustomerTokens,
    /// The account.
    pub email_data: CustomerAccount,
}

/// A customer's account as he sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerAccount {
    /// True when the address has been confirmed.
    pub validate_email: bool,
    /// Address.
    pub email: String,
    /// When the last confirmation letter was handed over, milliseconds; 0 = never.
    pub email_send: i64,
    /// 1 = handed over, 0 = not.
    pub email_status: i32,
    /// Family name.
    pub name: String,
    /// First name.
    pub first_name: String,
    /// Company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
}

/// `POST /customer/register_validation`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerEmailToken {
    /// From the letter: b64url of 30 bytes.
    pub token: String,
}

/// `PUT /customer`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerUpdateInput {
    /// New address.
    pub new_email: String,
}

/// `PUT /customer/password_reset`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerResetPasswordInput {
    /// Address of the account.
    pub email: String,
    /// Proof of a human.
    pub captcha_input: CaptchaInput,
}

/// `PUT /customer/password_reset_validation`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDonePasswordReset {
    /// From the letter.
    pub token: String,
    /// The device with its new password.
    pub reset_password_data: UserDeviceRegisterInput,
}

/// `POST /customer/group`, `PUT /customer/group/:g/update`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerGroupInput {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub des: Option<String>,
}

/// A customer group in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerGroupListItem {
    /// Group id.
    pub id: String,
    /// Creation, milliseconds.
    pub time: i64,
    /// The caller's rank.
    pub rank: i32,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub des: Option<String>,
}

/// Answer of `GET /customer/group/:g`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerGroupView {
    /// The group.
    pub data: CustomerGroupListItem,
    /// First page of its apps.
    pub apps: Vec<AppListItem>,
}

/// Answer of `GET /customer/group/:g/member/T/I`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerGroupMembers {
    /// Members without the caller.
    pub group_member: Vec<GroupUserListItem>,
    /// Who they are, as far as they have accounts.
    pub customer_data: Vec<CustomerListItem>,
}

/// A customer as members of his groups see him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerListItem {
    /// Customer id.
    pub id: String,
    /// First name.
    pub first_name: String,
    /// Family name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// An app in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppListItem {
    /// App id.
    pub id: String,
    /// Name, empty when there is none.
    pub identifier: String,
    /// Creation, milliseconds.
    pub time: i64,
    /// Name of the customer group that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// True when the operator has switched it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Since when, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_ts: Option<i64>,
}

/// `POST /customer/app`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRegisterInput {
    /// Name.
    #[serde(default)]
    pub identifier: Option<String>,
    /// Who may call what.
    pub options: EndpointOptions,
    /// Where files go.
    pub file_options: FileOptions,
    /// Limits of key rotation.
    pub group_options: GroupOptions,
}

/// `PUT /customer/app/:app_id`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppUpdateInput {
    /// Name.
    #[serde(default)]
    pub identifier: Option<String>,
}

/// Answer of `GET /customer/app/:app_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppDetails {
    /// Who may call what.
    pub options: EndpointOptions,
    /// Where files go.
    pub file_options: FileOptions,
    /// Limits of key rotation.
    pub group_options: GroupOptions,
    /// The rest.
    pub details: AppListItem,
}

/// Answer of `PATCH /customer/app/:app_id/token_renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppTokenRenewOutput {
    /// b64 of 50 random bytes.
    pub secret_token: String,
    /// b64 of 30 random bytes.
    pub public_token: String,
}

/// A JWT key pair in the list of `GET /customer/app/:app_id/jwt`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppJwtKey {
    /// The `kid`.
    pub jwt_key_id: String,
    /// `ES384`.
    pub jwt_alg: String,
    /// Creation, milliseconds.
    pub time: i64,
    /// b64 of the PKCS#8 DER private key.
    pub sign_key: String,
    /// b64 of the 97 byte uncompressed SEC1 point.
    pub verify_key: String,
}
