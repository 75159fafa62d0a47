//! Letters by SMTP (RFC 5321), over TLS that is verified.

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::MailError;
use crate::config::{MailConfig, SmtpTls};
use crate::error::StartError;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Letters that wait at most; more are refused.
const WAITING: usize = 1_000;
/// Pauses before further tries, seconds.
const PAUSES_S: [u64; 5] = [1, 5, 20, 60, 180];

/// The way to the mail server. The thread that sends starts with the first letter: commands that send none need none.
pub(super) struct Queue {
    sender: Sender<Message>,
    waiting: Mutex<Option<(Transport, Receiver<Message>)>>,
}

impl Queue {
    pub(super) fn new(config: &MailConfig) -> Result<Self, StartError> {
        let refused = |e| StartError::Refused(format!("mail.smtp_host: {e}"));
        let host = config.smtp_host.as_str();
        let builder = match config.smtp_tls {
            SmtpTls::Starttls => Transport::starttls_relay(host).map_err(refused)?,
            SmtpTls::Tls => Transport::relay(host).map_err(refused)?,
            SmtpTls::None => Transport::builder_dangerous(host),
        };
        let mut builder = builder.port(config.smtp_port).timeout(Some(Duration::from_secs(30)));
        if !config.smtp_user.is_empty() {
            let password = config.smtp_password.as_ref().map(|p| p.expose().to_owned()).unwrap_or_default();
            builder = builder.credentials(Credentials::new(config.smtp_user.clone(), password));
        }
        let (sender, receiver) = channel(WAITING);
        Ok(Self { sender, waiting: Mutex::new(Some((builder.build(), receiver))) })
    }

    pub(super) fn push(&self, message: Message) -> Result<(), MailError> {
        self.sender.try_send(message).map_err(|_full| MailError::Busy)?;
        let Some((transport, receiver)) = self.waiting.try_lock().ok().and_then(|mut w| w.take()) else {
            return Ok(());
        };
        std::thread::Builder::new()
            .name("mail".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(deliver(transport, receiver)),
                    Err(e) => tracing::error!(error = %e, "mails cannot be sent"),
                }
            })
            .map(drop)
            .map_err(MailError::Outbox)
    }
}

async fn deliver(transport: Transport, mut receiver: Receiver<Message>) {
    while let Some(message) = receiver.recv().await {
        let mut pauses = PAUSES_S.iter();
        while let Err(e) = transport.send(message.clone()).await {
            // The server's reply may quote the address: its kind is enough.
            let Some(pause) = pauses.next().filter(|_| !e.is_permanent()) else {
                tracing::error!(permanent = e.is_permanent(), "a mail was given up");
                break;
            };
            tracing::warn!(again_in_s = pause, timeout = e.is_timeout(), "the mail server did not take a mail");
            tokio::time::sleep(Duration::from_secs(*pause)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};

    use super::super::{Mail, Mailer};
    use crate::config::{MailConfig, SmtpTls};

    /// Takes one letter; the first attempt of a sender is put off.
    fn conversation(stream: TcpStream, put_off: bool) -> Option<String> {
        let mut out = stream.try_clone().expect("a second handle");
        let mut lines = BufReader::new(stream).lines();
        writeln!(out, "220 test\r").expect("greeting");
        let mut letter = None;
        while let Some(Ok(line)) = lines.next() {
            let answer = match line.get(..4) {
                Some("MAIL") if put_off => "451 later",
                Some("DATA") => {
                    writeln!(out, "354 go on\r").expect("answer");
                    let text: Vec<_> = lines.by_ref().map_while(Result::ok).take_while(|l| l != ".").collect();
                    letter = Some(text.join("\n"));
                    "250 taken"
                }
                Some("QUIT") => "221 bye",
                _ => "250 fine",
            };
            writeln!(out, "{answer}\r").expect("answer");
            if letter.is_some() || answer.starts_with("451") {
                break;
            }
        }
        letter
    }

    #[test]
    fn a_letter_that_is_put_off_comes_later() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let config = MailConfig {
            smtp_host: "127.0.0.1".into(),
            smtp_port: listener.local_addr().expect("bound").port(),
            smtp_tls: SmtpTls::None,
            ..MailConfig::default()
        };
        let mailer = Mailer::open(&config, std::path::Path::new(".")).expect("opens");
        let (to, subject) = ("alice@example.com".into(), "Hello".into());
        mailer.send(&Mail { to, subject, text: "line one".into(), html: "<p>line one</p>".into() }).expect("queued");
        let mut streams = listener.incoming().map_while(Result::ok);
        assert_eq!(conversation(streams.next().expect("a first attempt"), true), None);
        let letter = conversation(streams.next().expect("a second attempt"), false).expect("a letter");
        assert!(letter.contains("To: alice@example.com") && letter.contains("line one"), "{letter}");
    }
}
