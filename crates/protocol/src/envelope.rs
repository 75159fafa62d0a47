//! The envelope of the key API (sentc.md section 1): `{"status":true,"result":…}` or `{"status":false,"err_msg","err_code"}`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The answer of an endpoint that has nothing to say: the literal string `Success` as `result`.
pub const SUCCESS: &str = "Success";

/// A successful answer. `status` is always true.
#[derive(Debug, Serialize)]
pub struct Envelope<'a, T> {
    /// Always true.
    pub status: bool,
    /// The answer itself.
    pub result: &'a T,
}

impl<'a, T> Envelope<'a, T> {
    /// Wraps an answer.
    pub const fn new(result: &'a T) -> Self {
        Self { status: true, result }
    }
}

/// A failed answer. `status` is always false.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Always false.
    pub status: bool,
    /// What happened, for a person.
    pub err_msg: String,
    /// What happened, for a program: see [`crate::ErrorCode`].
    pub err_code: u32,
}

/// Why an answer of the server gives no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerOutput {
    /// The server refused: its code and text.
    #[error("server error {code}: {message}")]
    Refused {
        /// `err_code` of the answer.
        code: u32,
        /// `err_msg` of the answer.
        message: String,
    },
    /// The text is no envelope, or its `result` has another shape than expected.
    #[error("the server's answer cannot be read")]
    Unreadable,
}

#[derive(Deserialize)]
struct Raw<'a> {
    status: bool,
    #[serde(borrow)]
    result: Option<&'a serde_json::value::RawValue>,
    err_msg: Option<String>,
    err_code: Option<u32>,
}

/// Reads an answer: gives `result`, or says why there is none.
///
/// # Errors
/// `Refused` for a failure envelope, `Unreadable` for anything that is not an envelope around a `T`.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ServerOutput> {
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|_source| ServerOutput::Unreadable)?;
    if !raw.status {
        return Err(match (raw.err_code, raw.err_msg) {
            (Some(code), message) if code != 0 => ServerOutput::Refused { code, message: message.unwrap_or_default() },
            _ => ServerOutput::Unreadable,
        });
    }
    let result = raw.result.ok_or(ServerOutput::Unreadable)?;
    serde_json::from_str(result.get()).map_err(|_source| ServerOutput::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_success_and_failure() {
        assert_eq!(parse::<u32>(r#"{"status":true,"result":7,"new":1}"#), Ok(7));
        assert_eq!(
            parse::<u32>(r#"{"status":false,"err_msg":"no","err_code":310}"#),
            Err(ServerOutput::Refused { code: 310, message: "no".into() })
        );
        for bad in ["", "[]", "{}", r#"{"status":true}"#, r#"{"status":true,"result":"x"}"#, r#"{"status":false}"#] {
            assert_eq!(parse::<u32>(bad), Err(ServerOutput::Unreadable), "{bad}");
        }
    }

    #[test]
    fn writes_the_wire_shape() {
        assert_eq!(
            serde_json::to_string(&Envelope::new(&SUCCESS)).expect("serialises"),
            r#"{"status":true,"result":"Success"}"#
        );
    }
}
