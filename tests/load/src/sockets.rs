//! WebSockets as a load generator needs them: many on one thread, each notes when messages come.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_http::ws::{Codec, Frame, Message};
use anyhow::{Context, Result, bail, ensure};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::codec::{Decoder, Encoder};

/// What is waited for at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// A socket that is read by hand.
pub(crate) struct Socket {
    stream: TcpStream,
    codec: Codec,
    buffer: BytesMut,
}

impl Socket {
    /// Opens a socket at `path`.
    ///
    /// # Errors
    /// When the server does not want it.
    pub(crate) async fn open(addr: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::with_capacity(1_024);
        loop {
            ensure!(stream.read_buf(&mut buffer).await? > 0, "the server closed the connection");
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = buffer.split_to(end + 4);
                ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
                return Ok(Self { stream, codec: Codec::new().client_mode().max_size(16 << 20), buffer });
            }
        }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        let mut out = BytesMut::new();
        self.codec.encode(Message::Text(text.into()), &mut out)?;
        Ok(self.stream.write_all(&out).await?)
    }

    /// The next text; pings are answered.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(crate) async fn next(&mut self) -> Result<bytes::Bytes> {
        loop {
            match self.codec.decode(&mut self.buffer)? {
                Some(Frame::Text(text)) => return Ok(text),
                Some(Frame::Ping(_)) => {
                    let mut out = BytesMut::new();
                    self.codec.encode(Message::Pong(bytes::Bytes::new()), &mut out)?;
                    self.stream.write_all(&out).await?;
                }
                Some(Frame::Close(why)) => bail!("the server closed the socket: {why:?}"),
                Some(_) => {}
                None => {
                    if self.buffer.is_empty() {
                        self.buffer = BytesMut::new();
                    }
                    ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the connection");
                }
            }
        }
    }

    /// Sends a message and waits for the answer with this `op`.
    ///
    /// # Errors
    /// An `error`, or no answer.
    pub(crate) async fn ask(&mut self, message: &str, op: &str) -> Result<()> {
        self.send(message).await?;
        let wanted = format!(r#""op":"{op}""#);
        let answer = async {
            loop {
                let text = self.next().await?;
                let text = std::str::from_utf8(&text)?;
                if text.contains(&wanted) {
                    return Ok(());
                }
                ensure!(!text.contains(r#""op":"error""#), "{text}");
            }
        };
        tokio::time::timeout(PATIENCE, answer).await.context("no answer")?
    }
}

/// Counts what a crowd of sockets receives.
#[derive(Default)]
pub(crate) struct Crowd {
    /// Messages so far.
    received: AtomicUsize,
    /// Of which a round is complete.
    wanted: AtomicUsize,
    /// When each message of the round came, nanoseconds since its start.
    times: Mutex<Vec<u64>>,
    started: Mutex<Option<Instant>>,
    complete: Notify,
    broken: AtomicU64,
}

impl Crowd {
    /// Lets a socket be one of the crowd: it counts texts that hold `what`.
    pub(crate) fn join(self: &Arc<Self>, mut socket: Socket, what: &'static str) -> tokio::task::JoinHandle<()> {
        let crowd = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok(text) = socket.next().await {
                let head = text.get(..text.len().min(400)).unwrap_or_default();
                if memchr::memmem::find(head, what.as_bytes()).is_some() {
                    crowd.count();
                }
            }
            crowd.broken.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn count(&self) {
        let now = Instant::now();
        let started = *self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let at = started.map_or(0, |started| u64::try_from((now - started).as_nanos()).unwrap_or(u64::MAX));
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(at);
        if self.received.fetch_add(1, Ordering::AcqRel) + 1 == self.wanted.load(Ordering::Acquire) {
            self.complete.notify_one();
        }
    }

    /// A new round, complete with so many messages.
    pub(crate) fn begin(&self, wanted: usize) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.received.store(0, Ordering::Release);
        self.wanted.store(wanted, Ordering::Release);
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// When each message of the round came, in order, nanoseconds since [`Crowd::begin`].
    ///
    /// # Errors
    /// When they do not all come.
    pub(crate) async fn end(&self) -> Result<Vec<u64>> {
        let all = || self.received.load(Ordering::Acquire) >= self.wanted.load(Ordering::Acquire);
        let waited = tokio::time::timeout(PATIENCE, async {
            while !all() {
                self.complete.notified().await;
            }
        });
        let in_time = waited.await.is_ok();
        let broken = self.broken.load(Ordering::Relaxed);
        ensure!(
            in_time,
            "{} of {} messages came; {broken} connections are gone",
            self.received.load(Ordering::Acquire),
            self.wanted.load(Ordering::Acquire)
        );
        let mut times = std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        Ok(times)
    }

    /// Messages so far.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::Acquire)
    }
}
