//! The error codes of the key API: one table from which the documentation is generated.
//!
//! A number is never reused. The HTTP status is what the server sends beside the code; clients only read the code.

macro_rules! error_codes {
    ($($name:ident = $code:literal, $status:literal, $text:literal;)*) => {
        /// An error code of the key API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum ErrorCode {
            $(#[doc = $text] $name = $code,)*
        }

        impl ErrorCode {
            /// Every code, in ascending order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];

            /// The number on the wire (`err_code`).
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// The stable name, for logs and for clients that show a symbol.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(ErrorCode::$name => stringify!($name),)* }
            }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)* }
            }

            /// The text of `err_msg` where the place of the error has nothing better to say.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// The code with this number, if there is one.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(ErrorCode::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    JsonSerialize = 10, 422, "Cannot serialise the answer";
    JsonParse = 11, 422, "Wrong input: cannot parse the input";
    InputTooBig = 12, 413, "The input is too big";
    TimeParameter = 13, 400, "The time parameter is not a number";
    DbConnect = 20, 500, "No connection to the database";
    DbQuery = 21, 500, "A database query failed";
    DbExecute = 22, 500, "A database command failed";
    DbBulkInsert = 23, 500, "A database insert failed";
    DbTransaction = 24, 500, "A database transaction failed";
    JwtInvalid = 30, 401, "The JWT is invalid or expired";
    JwtMissing = 31, 401, "No JWT was sent";
    JwtDecode = 32, 401, "The JWT cannot be decoded";
    JwtCreate = 33, 500, "The JWT cannot be created";
    JwtKeyCreate = 34, 500, "The JWT key cannot be created";
    JwtKeyNotFound = 35, 200, "The JWT key was not found";
    UrlParameter = 40, 400, "A parameter is missing in the path";
    UrlQuery = 41, 400, "A parameter is missing in the query";
    EmailSend = 50, 500, "The e-mail cannot be sent";
    EmailMessage = 51, 500, "The e-mail cannot be made";
    CustomerWrongAppToken = 60, 401, "Wrong app token for the customer API";
    CustomerEmailNotValidated = 61, 400, "The e-mail address is not validated";
    CustomerNotFound = 62, 400, "The customer was not found";
    CustomerEmailToken = 63, 400, "The e-mail token is wrong";
    CustomerEmailSyntax = 64, 400, "The e-mail address is not valid";
    CustomerRegistrationDisabled = 65, 400, "Registration is switched off";
    UserNotFound = 100, 400, "User, device or key of the user not found";
    UserExists = 101, 400, "The identifier is already used";
    SaltCreate = 110, 400, "The salt cannot be made";
    AuthKeyFormat = 111, 400, "The authentication key has the wrong format";
    LoginFailed = 112, 401, "Wrong username or password";
    WrongJwtAction = 113, 401, "This action needs a fresh JWT";
    RefreshTokenNotFound = 114, 400, "The refresh token was not found";
    LastDevice = 115, 400, "The last device cannot be deleted";
    DeviceNotFound = 116, 400, "The device was not found";
    UserGroupKeysMissing = 117, 400, "Keys of the user group are missing in the input";
    AppTokenNotFound = 200, 401, "The app token is missing or unknown";
    AppTokenFormat = 201, 401, "The app token has the wrong format";
    AppNotFound = 202, 400, "The app was not found";
    AppAction = 203, 400, "This endpoint is not allowed for this app token";
    AppDisabled = 204, 401, "The app is disabled";
    GroupMemberNotFound = 300, 400, "The member was not found in the group";
    GroupRank = 301, 400, "The rank does not allow this";
    GroupAlreadyMember = 302, 200, "Already a member, or already invited";
    GroupNoKeys = 303, 400, "No keys in the input";
    GroupKeyNotFound = 304, 400, "The group key was not found";
    GroupTooManyKeys = 305, 400, "More than 100 keys in one call";
    GroupKeySession = 306, 400, "The key upload session was not found";
    GroupInviteNotFound = 307, 400, "No invite was found";
    GroupOnlyOneAdmin = 308, 400, "The last admin cannot leave the group";
    GroupJoinRequestNotFound = 309, 400, "The join request was not found";
    GroupAccess = 310, 400, "No access to this group";
    GroupRotationKeysNotFound = 311, 400, "The keys for the rotation were not found";
    GroupRotationThread = 312, 500, "The key rotation cannot be started";
    GroupRotationEncrypt = 313, 400, "A key of the rotation cannot be encrypted";
    GroupRankChange = 314, 400, "This rank change is not allowed";
    GroupKickCreator = 315, 400, "The creator cannot be removed from the group";
    GroupKickRank = 316, 400, "A member of a higher rank cannot be removed";
    GroupInvitesStopped = 317, 400, "Invites and join requests are stopped for this group";
    GroupConnectedFromConnected = 318, 400, "A connected group cannot create a connected group";
    GroupConnectedRule = 319, 400, "Only connected groups accept groups as members";
    GroupReInviteNotMember = 320, 400, "Only members can be invited again";
    GroupRotationLimit = 321, 400, "The monthly limit of key rotations is reached";
    SymKeyNotFound = 400, 400, "The key was not found";
    NotFound = 404, 404, "Not found";
    TooManyRequests = 429, 429, "Too many requests";
    FileOpen = 500, 500, "The file cannot be opened";
    FileRemove = 501, 500, "The file cannot be removed";
    FileSave = 502, 500, "The file cannot be saved";
    FileDownload = 503, 400, "The file cannot be downloaded";
    FileTooLarge = 504, 413, "The file part is too large";
    FileSessionNotFound = 510, 400, "The upload session was not found";
    FileSessionExpired = 511, 400, "The upload session has expired";
    FileNotFound = 512, 400, "The file was not found";
    FileUploadNotAllowed = 520, 400, "Upload is not allowed for this app";
    FileAccess = 521, 400, "No access to this file";
    CaptchaCreate = 600, 500, "The captcha cannot be made";
    CaptchaNotFound = 601, 400, "The captcha was not found";
    CaptchaTooOld = 602, 400, "The captcha is too old";
    CaptchaWrong = 603, 400, "The captcha is wrong";
    TotpSecretDecode = 900, 400, "The secret of the second factor cannot be decoded";
    TotpNotSet = 901, 400, "No second factor is set, or the recovery key was not found";
    TotpWrong = 902, 402, "Wrong code of the second factor";
    TotpExists = 903, 400, "A second factor is set already";
    RootKeyEncrypt = 10000, 500, "Encryption at rest failed";
    RootKeyDecrypt = 10001, 500, "Decryption at rest failed";
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    /// `KEYSTEAD_BLESS=1 cargo test -p keystead-protocol` writes the file anew.
    #[test]
    fn documentation_is_generated_from_the_table() {
        let mut text = String::from(
            "# Error codes of the key API\n\nGenerated from `crates/protocol/src/error.rs`. Clients read the code; the HTTP status goes with it.\n\n\
             | code | HTTP | name | meaning |\n|---|---|---|---|\n",
        );
        for e in ErrorCode::ALL {
            text.push_str(&format!("| {} | {} | {} | {} |\n", e.code(), e.http_status(), e.name(), e.text()));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("KEYSTEAD_BLESS").is_some() {
            std::fs::write(path, &text).expect("written");
        }
        assert_eq!(std::fs::read_to_string(path).expect("docs/errors.md"), text);
    }

    #[test]
    fn codes_are_ascending_and_found_again() {
        let numbers: Vec<u32> = ErrorCode::ALL.iter().map(|e| e.code()).collect();
        assert!(numbers.windows(2).all(|w| w[0] < w[1]));
        for e in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(e.code()), Some(*e));
        }
        assert_eq!(ErrorCode::from_code(1), None);
    }
}
