//! Reads the claims of a JWT without verifying it.
//!
//! A client cannot verify (the key is the server's) and need not: it only wants to know when to refresh. Never decide
//! about anybody's rights with these values.

use keystead_crypto::encoding::b64url_decode;
pub use keystead_protocol::jwt::Claims;

use crate::{Result, SdkError};

/// A JWT is refreshed this many seconds before its expiry.
pub const REFRESH_BEFORE_S: i64 = 30;

/// The unverified claims. Errors: `Jwt`.
///
/// ```
/// let jwt = "e30.eyJhdWQiOiJ1Iiwic3ViIjoiZCIsImV4cCI6MzAwLCJpYXQiOjAsImZyZXNoIjp0cnVlfQ.c2ln";
/// let claims = keystead_sdk_core::jwt::claims(jwt)?;
/// assert_eq!((claims.aud.as_str(), claims.exp, claims.fresh), ("u", 300, true));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn claims(jwt: &str) -> Result<Claims> {
    let mut parts = jwt.split('.');
    let (Some(_head), Some(body), Some(_sig), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(SdkError::Jwt);
    };
    let json = b64url_decode(body).or(Err(SdkError::Jwt))?;
    serde_json::from_slice(&json).or(Err(SdkError::Jwt))
}

/// True when the JWT expires within [`REFRESH_BEFORE_S`] seconds of `now_s` (seconds since 1970).
/// Errors: `Jwt`.
///
/// ```
/// let jwt = "e30.eyJhdWQiOiJ1Iiwic3ViIjoiZCIsImV4cCI6MzAwLCJpYXQiOjAsImZyZXNoIjp0cnVlfQ.c2ln"; // expires at 300
/// assert!(!keystead_sdk_core::jwt::needs_refresh(jwt, 200)?);
/// assert!(keystead_sdk_core::jwt::needs_refresh(jwt, 271)?);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn needs_refresh(jwt: &str, now_s: i64) -> Result<bool> {
    Ok(claims(jwt)?.exp <= now_s.saturating_add(REFRESH_BEFORE_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_border_and_bad_texts() {
        let jwt = "e30.eyJhdWQiOiJ1Iiwic3ViIjoiZCIsImV4cCI6MzAwLCJpYXQiOjAsImZyZXNoIjp0cnVlfQ.c2ln";
        assert_eq!(needs_refresh(jwt, 269), Ok(false));
        assert_eq!(needs_refresh(jwt, 270), Ok(true));
        assert_eq!(needs_refresh(jwt, i64::MAX), Ok(true));
        for bad in ["", ".", "..", "a.b", "a.b.c", "a.e30.c", "a.e30.c.d"] {
            assert_eq!(claims(bad), Err(SdkError::Jwt), "{bad}");
        }
    }
}
