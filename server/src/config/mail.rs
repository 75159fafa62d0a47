//! How mail is sent.

use serde::{Deserialize, Serialize};

use super::Secret;

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// Sender: `name@host` or `Name <name@host>`.
    pub from: String,
    /// Mail server; empty = letters become files in `<data-dir>/outbox`.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// How the connection is protected.
    pub smtp_tls: SmtpTls,
    /// User, empty = no sign-in.
    pub smtp_user: String,
    /// Password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_password: Option<Secret>,
    /// Seconds between two letters of one kind to one address.
    pub interval_seconds: u64,
}

/// Protection of the connection to the mail server. Certificates are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS is demanded after a greeting in clear (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None: for a mail server on the same machine.
    None,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            from: "Keystead <keystead@localhost>".into(),
            smtp_host: String::new(),
            smtp_port: 587,
            smtp_tls: SmtpTls::Starttls,
            smtp_user: String::new(),
            smtp_password: None,
            interval_seconds: 60,
        }
    }
}

impl MailConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            problems.push(format!("mail.from: '{}' is no mail address", self.from));
        }
        if self.smtp_port == 0 {
            problems.push("mail.smtp_port: must be at least 1".into());
        }
    }
}
