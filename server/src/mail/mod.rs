//! Sending mail: by SMTP, or into `<data-dir>/outbox/*.eml` where none is configured.
//!
//! Rooms write their letters in their own `mail.rs` and hand them over after the commit. A letter for the outbox is a file before
//! [`Mailer::send`] comes back. One for SMTP is queued and tried again for some minutes, so that no answer waits for a
//! mail server, or shows by its time whether one was written. Nothing of a letter is ever logged.

mod outbox;
mod smtp;
mod template;

pub use template::{Template, TemplateError};

use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use crate::config::MailConfig;
use crate::error::StartError;

/// A letter of the server.
#[derive(Clone)]
pub struct Mail {
    /// One address, as the user gave it.
    pub to: String,
    /// Subject, one line.
    pub subject: String,
    /// Body as plain text.
    pub text: String,
    /// Body as HTML; what users gave must have been escaped.
    pub html: String,
}

/// Why a letter is not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The address is no mail address.
    #[error("this is no mail address")]
    Address,
    /// The letter cannot be put together.
    #[error("the mail cannot be made")]
    Message,
    /// The outbox cannot be written.
    #[error("the outbox cannot be written: {0}")]
    Outbox(#[from] std::io::Error),
    /// Too many letters wait for the mail server.
    #[error("too many mails are waiting")]
    Busy,
}

/// Sends letters.
pub struct Mailer {
    from: Mailbox,
    road: Road,
}

enum Road {
    Outbox(outbox::Outbox),
    // Larger than the other by far.
    Smtp(Box<smtp::Queue>),
}

impl Mailer {
    /// Opens the road that the configuration names. `data_dir` holds the outbox.
    ///
    /// # Errors
    /// When the sender or the server cannot be used.
    pub fn open(config: &MailConfig, data_dir: &std::path::Path) -> Result<Self, StartError> {
        let from = config.from.parse().map_err(|e| StartError::Refused(format!("mail.from: {e}")))?;
        let road = if config.smtp_host.is_empty() {
            Road::Outbox(outbox::Outbox::new(data_dir.join("outbox")))
        } else {
            Road::Smtp(Box::new(smtp::Queue::new(config)?))
        };
        Ok(Self { from, road })
    }

    /// Hands a letter over. Call it after the transaction that the letter speaks of.
    ///
    /// # Errors
    /// An address that is none, a full queue, or an outbox that cannot be written.
    pub fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match &self.road {
            Road::Outbox(outbox) => Ok(outbox.write(&message)?),
            Road::Smtp(queue) => queue.push(message),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to: Address = mail.to.parse().map_err(|_source| MailError::Address)?;
        // Header injection: the library encodes, but a subject of ours has one line anyway.
        let subject = mail.subject.replace(['\r', '\n'], " ");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_source| MailError::Message)
    }
}

/// True for what can be written to: the syntax check of the mail library, at most 254 bytes (RFC 5321 section 4.5.3.1.3).
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.len() <= 254 && text.parse::<Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str) -> Mail {
        Mail {
            to: to.into(),
            subject: "Hello\r\nBcc: eve@example.com".into(),
            text: "Your code: 123456\n".into(),
            html: "<p>Your code: 123456</p>".into(),
        }
    }

    #[test]
    fn the_outbox_holds_whole_letters() {
        let dir = tempfile::tempdir().expect("a directory");
        let mailer = Mailer::open(&MailConfig::default(), dir.path()).expect("opens");
        mailer.send(&mail("alice@example.com")).expect("sent");
        mailer.send(&mail("bob@example.com")).expect("sent");
        let mut names: Vec<_> = std::fs::read_dir(dir.path().join("outbox")).expect("outbox").flatten().collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        assert_eq!(names.len(), 2);
        let text = std::fs::read_to_string(names.first().expect("one").path()).expect("reads");
        assert!(text.contains("To: alice@example.com") && text.contains("Your code: 123456"), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
        assert!(names.iter().all(|n| n.path().extension().is_some_and(|e| e == "eml")));
    }

    #[test]
    fn only_addresses_are_written_to() {
        let dir = tempfile::tempdir().expect("a directory");
        let mailer = Mailer::open(&MailConfig::default(), dir.path()).expect("opens");
        for bad in ["", "alice", "a@b@c", "alice@example.com\r\nBcc: eve@example.com", "<alice@example.com>"] {
            assert!(matches!(mailer.send(&mail(bad)), Err(MailError::Address)), "{bad:?}");
            assert!(!is_address(bad), "{bad:?}");
        }
        assert!(is_address("alice@example.com"));
        assert!(!is_address(&format!("{}@example.com", "a".repeat(250))));
    }
}
