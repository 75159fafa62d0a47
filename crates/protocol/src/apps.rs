//! Apps (sentc.md section 2): endpoint options, file and group options, the answer of an app's creation.

use serde::{Deserialize, Serialize};

/// Header with the app token.
pub const APP_TOKEN_HEADER: &str = "x-sentc-app-token";

/// Header with the id of the group through which the user enters a connected group.
pub const GROUP_ACCESS_HEADER: &str = "x-sentc-group-access-id";

/// Option value: nobody may call the endpoint.
pub const NOBODY: i32 = 0;
/// Option value: the public and the secret token may call the endpoint.
pub const ANY_TOKEN: i32 = 1;
/// Option value: only the secret token may call the endpoint.
pub const SECRET_ONLY: i32 = 2;

macro_rules! endpoint_options {
    ($($name:ident $variant:ident $default:literal;)*) => {
        /// Who may call which endpoint: 0 nobody, 1 public or secret token, 2 secret token only. All fields are required.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct EndpointOptions {
            $(#[doc = concat!("Option `", stringify!($name), "`.")] pub $name: i32,)*
        }

        /// Names one of the [`EndpointOptions`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Endpoint {
            $(#[doc = concat!("`", stringify!($name), "`")] $variant,)*
        }

        impl EndpointOptions {
            /// The names of all options, in the order of the wire reference.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The preset `default`: registration and deletion of users only with the secret token.
            #[must_use]
            pub const fn preset_default() -> Self {
                Self { $($name: $default,)* }
            }

            /// The preset `lax`: everything with either token.
            #[must_use]
            pub const fn preset_lax() -> Self {
                Self { $($name: ANY_TOKEN,)* }
            }

            /// The value of one option.
            #[must_use]
            pub const fn get(&self, endpoint: Endpoint) -> i32 {
                match endpoint { $(Endpoint::$variant => self.$name,)* }
            }

            /// Sets the option with this wire name; false when there is none.
            pub fn set(&mut self, name: &str, value: i32) -> bool {
                match name { $(stringify!($name) => self.$name = value,)* _ => return false }
                true
            }

            /// True when every value is 0, 1 or 2.
            #[must_use]
            pub fn is_valid(&self) -> bool {
                [$(self.$name,)*].iter().all(|v| (NOBODY..=SECRET_ONLY).contains(v))
            }
        }
    };
}

endpoint_options! {
    group_create GroupCreate 1;
    group_get GroupGet 1;
    group_user_keys GroupUserKeys 1;
    group_user_update_check GroupUserUpdateCheck 1;
    group_invite GroupInvite 1;
    group_reject_invite GroupRejectInvite 1;
    group_accept_invite GroupAcceptInvite 1;
    group_join_req GroupJoinReq 1;
    group_accept_join_req GroupAcceptJoinReq 1;
    group_reject_join_req GroupRejectJoinReq 1;
    group_key_rotation GroupKeyRotation 1;
    group_user_delete GroupUserDelete 1;
    group_delete GroupDelete 1;
    group_leave GroupLeave 1;
    group_change_rank GroupChangeRank 1;
    user_exists UserExists 1;
    user_register UserRegister 2;
    user_delete UserDelete 2;
    user_update UserUpdate 1;
    user_change_password UserChangePassword 1;
    user_reset_password UserResetPassword 1;
    user_prepare_login UserPrepareLogin 1;
    user_done_login UserDoneLogin 1;
    user_public_data UserPublicData 1;
    user_jwt_refresh UserJwtRefresh 1;
    key_register KeyRegister 1;
    key_get KeyGet 1;
    group_auto_invite GroupAutoInvite 1;
    group_list GroupList 1;
    file_register FileRegister 1;
    file_part_upload FilePartUpload 1;
    file_get FileGet 1;
    file_part_download FilePartDownload 1;
    user_device_register UserDeviceRegister 1;
    user_device_delete UserDeviceDelete 1;
    user_device_list UserDeviceList 1;
    group_invite_stop GroupInviteStop 1;
    user_key_update UserKeyUpdate 1;
    file_delete FileDelete 1;
    content Content 1;
    content_small ContentSmall 2;
    content_med ContentMed 2;
    content_large ContentLarge 2;
    content_x_large ContentXLarge 2;
    user_register_otp UserRegisterOtp 1;
    user_reset_otp UserResetOtp 1;
    user_disable_otp UserDisableOtp 1;
    user_get_otp_recovery_keys UserGetOtpRecoveryKeys 1;
}

/// Where file parts are kept; server storage by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOptions {
    /// -1 off, 0 server storage, 1 own storage (needs `storage_url`).
    pub file_storage: i32,
    /// Own storage: where deleted part ids are announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_url: Option<String>,
    /// Own storage: token of the announcement, at most 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<String>,
}

/// Limits of key rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOptions {
    /// Most rotations of one group in a month; at least 0.
    pub max_key_rotation_month: i32,
    /// Greatest rank number that may start a rotation; at least 0.
    pub min_rank_key_rotation: i32,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self { max_key_rotation_month: 100, min_rank_key_rotation: 4 }
    }
}

/// A JWT key pair as the owner of an app gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppJwtData {
    /// App id.
    pub app_id: String,
    /// Key id, the `kid` of the JWT header.
    pub jwt_id: String,
    /// b64 of the 97 byte uncompressed SEC1 point.
    pub jwt_verify_key: String,
    /// b64 of the PKCS#8 DER private key.
    pub jwt_sign_key: String,
    /// `ES384`.
    pub jwt_alg: String,
}

/// The answer of an app's creation. Tokens are shown here once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRegisterOutput {
    /// App id.
    pub app_id: String,
    /// b64 of 50 random bytes.
    pub secret_token: String,
    /// b64 of 30 random bytes.
    pub public_token: String,
    /// The first JWT key pair.
    pub jwt_data: AppJwtData,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_those_of_the_wire_reference() {
        assert_eq!(EndpointOptions::NAMES.len(), 48);
        insta::assert_json_snapshot!(EndpointOptions::preset_default());
        assert!(EndpointOptions::preset_lax().is_valid());
        let mut o = EndpointOptions::preset_lax();
        assert!(o.set("file_get", 3) && !o.is_valid() && !o.set("nothing", 1));
    }
}
