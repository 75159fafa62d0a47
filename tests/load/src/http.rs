//! HTTP/1.1 as a load generator needs it: rendered requests out, status and body in, nothing else looked at.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Where an answer that stays out ends the run.
const PATIENCE: Duration = Duration::from_secs(20);
const MAX_ANSWER: usize = 8 << 20;

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
    /// Bytes of head and body together.
    pub(crate) length: usize,
}

impl Answer<'_> {
    /// The body as text.
    ///
    /// # Errors
    /// When it is no UTF-8, or the status is not 200.
    pub(crate) fn text(&self) -> Result<&str> {
        let text = std::str::from_utf8(self.body)?;
        ensure!(self.status == 200, "HTTP {}: {text}", self.status);
        Ok(text)
    }

    /// The value of a header, named in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name = format!("{name}:");
        self.head.split(|b| *b == b'\n').find_map(|line| value_of(line, name.as_bytes()))
    }

    /// Refuses everything but an envelope, of either API, that says yes; cheap enough for every answer.
    pub(crate) fn expect_success(&self) -> Result<()> {
        let yes: [&[u8]; 2] = [br#"{"status":true"#, br#"{"status":"success""#];
        if self.status == 200 && yes.iter().any(|start| self.body.starts_with(start)) {
            return Ok(());
        }
        bail!("HTTP {}: {}", self.status, String::from_utf8_lossy(self.body.get(..300).unwrap_or(self.body)))
    }
}

/// Reads the answer at the start of `bytes`; `None` while it is not complete.
///
/// # Errors
/// When it is not HTTP/1.1 with a Content-Length.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Answer<'_>>> {
    let mut at = 0;
    let mut status = None;
    let mut length = None;
    loop {
        let Some(rest) = bytes.get(at..) else { return Ok(None) };
        let Some(end) = memchr::memchr(b'\n', rest) else { return Ok(None) };
        let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
        at += end + 1;
        if status.is_none() {
            status = Some(status_of(line).with_context(|| format!("status line {}", String::from_utf8_lossy(line)))?);
        } else if line.is_empty() {
            break;
        } else if let Some(value) = value_of(line, b"content-length:") {
            length = Some(value.parse::<usize>().context("Content-Length")?);
        }
    }
    let (status, length) = (status.context("no status")?, length.context("no Content-Length")?);
    ensure!(length <= MAX_ANSWER, "an answer of {length} bytes");
    let head = bytes.get(..at).unwrap_or_default();
    Ok(bytes.get(at..at + length).map(|body| Answer { status, head, body, length: at + length }))
}

fn status_of(line: &[u8]) -> Option<u16> {
    let code = line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (key, value) = line.split_at_checked(name.len())?;
    key.eq_ignore_ascii_case(name).then(|| std::str::from_utf8(value).ok().map(str::trim)).flatten()
}

/// The bytes of a request. `headers` are whole lines without line ends.
pub(crate) fn render(method: &str, path: &str, headers: &[String], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    if !body.is_empty() || method != "GET" {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// As [`render`], with a body of bytes.
pub(crate) fn render_bytes(method: &str, path: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    for line in headers.iter().chain([&length]) {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// One keep-alive connection that waits for each answer; for setting up, not for load.
pub(crate) struct Blocking {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Blocking {
    /// Connects.
    pub(crate) fn connect(addr: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends rendered bytes and gives the answer.
    ///
    /// # Errors
    /// When the connection ends or the answer cannot be read.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut chunk = [0; 16 << 10];
        while parse(&self.buffer)?.is_none() {
            let read = self.stream.read(&mut chunk)?;
            ensure!(read > 0, "the server closed the connection");
            self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
        parse(&self.buffer)?.context("incomplete answer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx-request-id: 7\r\n\r\nhelloHTTP/1.1";

    #[test]
    fn reads_status_body_and_length() {
        let answer = parse(ANSWER).unwrap().unwrap();
        assert_eq!((answer.status, answer.body, answer.length), (200, &b"hello"[..], ANSWER.len() - 8));
        assert_eq!((answer.header("x-request-id"), answer.header("request-id")), (Some("7"), None));
    }

    #[test]
    fn waits_for_the_rest_at_every_cut() {
        for cut in 0..ANSWER.len() - 8 {
            assert_eq!(parse(&ANSWER[..cut]).unwrap(), None, "cut at {cut}");
        }
    }

    #[test]
    fn takes_headers_in_any_case_and_an_empty_body() {
        let answer = parse(b"HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n").unwrap().unwrap();
        assert_eq!((answer.status, answer.body.len()), (404, 0));
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for wrong in [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n",
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_positive_envelope_is_success() {
        let answer = |status, body| Answer { status, head: b"", body, length: 0 };
        assert!(answer(200, br#"{"status":true,"result":1}"#).expect_success().is_ok());
        assert!(answer(200, br#"{"status":"success"}"#).expect_success().is_ok());
        assert!(answer(200, br#"{"status":"fail"}"#).expect_success().is_err());
        assert!(answer(200, br#"{"status":false}"#).expect_success().is_err());
        assert!(answer(400, br#"{"status":true}"#).expect_success().is_err());
    }

    #[test]
    fn renders_a_request() {
        let get = render("GET", "/health", &["a: b".to_owned()], "");
        assert_eq!(get, b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\na: b\r\n\r\n");
        assert!(render("POST", "/", &[], "{}").ends_with(b"content-length: 2\r\n\r\n{}"));
    }
}
