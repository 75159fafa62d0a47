//! Drives many keep-alive connections in a closed loop: each sends, waits for the answer, sends again.
//!
//! The machine's cores are shared with the server, so a request must cost the client almost nothing: ready bytes, one
//! write, one read, a scan of the head. Threads share nothing but the start and end of the window.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::http::{self, Answer};
use crate::server::cpu_seconds;
use crate::stats::Slice;
use crate::stop;

/// Open requests get so long after the window, so that they do not disturb the next contestant.
const DRAIN: Duration = Duration::from_secs(5);
const BUFFER: usize = 64 << 10;

/// What one connection does.
pub(crate) trait Client: Send {
    /// Makes [`bytes`](Self::bytes) the next request.
    ///
    /// # Errors
    /// When there is none; ends the run.
    fn next(&mut self) -> Result<()>;

    /// The request to send.
    fn bytes(&self) -> &[u8];

    /// Takes the answer; true when an operation (one or more requests) has ended with it.
    ///
    /// # Errors
    /// For an answer that is not as it should be; ends the run.
    fn answer(&mut self, answer: &Answer<'_>) -> Result<bool>;
}

/// Makes the client of a connection: its number, of how many.
pub(crate) type MakeClient<'a> = dyn Fn(usize, usize) -> Result<Box<dyn Client>> + Sync + 'a;

/// One measured window.
pub(crate) struct Window {
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
}

impl Window {
    /// Loads the server at `addr` and measures.
    ///
    /// # Errors
    /// The first wrong answer or broken connection of any client, or that nothing ended in the window.
    pub(crate) fn run(&self, addr: SocketAddr, pid: u32, make: &MakeClient<'_>) -> Result<Slice> {
        let threads = self.threads.clamp(1, self.connections);
        let mut lanes: Vec<Vec<Connection>> = (0..threads).map(|_| Vec::new()).collect();
        for number in 0..self.connections {
            let client = make(number, self.connections)?;
            let lane = lanes.get_mut(number % threads).context("no lane")?;
            lane.push(Connection::open(addr, client)?);
        }
        let start = Instant::now() + self.warm_up;
        let end = start + self.measure;
        std::thread::scope(|scope| {
            let workers: Vec<_> = lanes.into_iter().map(|lane| scope.spawn(move || drive(lane, start, end))).collect();
            let used = || anyhow::Ok((cpu_seconds(pid)?, cpu_seconds(std::process::id())?));
            std::thread::sleep(start.saturating_duration_since(Instant::now()));
            let before = used();
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
            let after = used();
            let mut slice = Slice { seconds: self.measure.as_secs_f64(), ..Slice::default() };
            for worker in workers {
                slice.nanos.extend(worker.join().ok().context("a client thread panicked")??);
            }
            let (before, after) = (before?, after?);
            (slice.server_cpu, slice.client_cpu) = (after.0 - before.0, after.1 - before.1);
            ensure!(!slice.nanos.is_empty(), "no operation ended in the window");
            Ok(slice)
        })
    }
}

struct Connection {
    stream: TcpStream,
    client: Box<dyn Client>,
    buffer: Vec<u8>,
    filled: usize,
    sent: usize,
    /// Start of the operation.
    begun: Instant,
    /// False between operations, once the window has ended.
    busy: bool,
}

impl Connection {
    fn open(addr: SocketAddr, client: Box<dyn Client>) -> Result<Self> {
        let stream = std::net::TcpStream::connect(addr).context("connect")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        Ok(Self { stream, client, buffer: vec![0; BUFFER], filled: 0, sent: 0, begun: Instant::now(), busy: true })
    }

    fn send_next(&mut self) -> Result<()> {
        self.client.next()?;
        self.sent = 0;
        self.flush()
    }

    /// Writes until all is sent or the socket is full.
    fn flush(&mut self) -> Result<()> {
        loop {
            let rest = self.client.bytes().get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            match self.stream.write(rest) {
                Ok(written) => self.sent += written,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e).context("sending a request"),
            }
        }
    }

    /// Reads what is there; true when it is a whole answer. A short read means that the socket is empty: no second one.
    fn receive(&mut self) -> Result<bool> {
        loop {
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.filled * 2, 0);
            }
            let space = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let size = space.len();
            match self.stream.read(space) {
                Ok(0) => anyhow::bail!("the server closed the connection"),
                Ok(read) => {
                    self.filled += read;
                    if read < size {
                        return Ok(self.answer()?.is_some());
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e).context("reading an answer"),
            }
        }
    }

    fn answer(&self) -> Result<Option<Answer<'_>>> {
        http::parse(self.buffer.get(..self.filled).unwrap_or_default())
    }

    /// Hands the whole answer to the client; true when its operation has ended.
    fn take(&mut self) -> Result<bool> {
        let answer = http::parse(self.buffer.get(..self.filled).unwrap_or_default())?.context("incomplete answer")?;
        ensure!(answer.length == self.filled, "bytes after the answer");
        let ended = self.client.answer(&answer)?;
        self.filled = 0;
        Ok(ended)
    }
}

/// One thread's connections until the end of the window; gives the operations' nanoseconds.
fn drive(mut lane: Vec<Connection>, start: Instant, end: Instant) -> Result<Vec<u64>> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut nanos = Vec::with_capacity(64 << 10);
    for (number, connection) in lane.iter_mut().enumerate() {
        poll.registry().register(&mut connection.stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        connection.begun = Instant::now();
        connection.send_next()?;
    }
    let mut busy = lane.len();
    while busy > 0 {
        match poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
        stop::check()?;
        if Instant::now() > end + DRAIN {
            // Whoever is still waiting now would be an outlier beyond every percentile; the window is long over.
            anyhow::bail!("{busy} requests without an answer {DRAIN:?} after the window");
        }
        for event in &events {
            let Some(connection) = lane.get_mut(event.token().0).filter(|c| c.busy) else { continue };
            connection.flush()?;
            if !event.is_readable() || !connection.receive()? {
                continue;
            }
            let ended = connection.take()?;
            let now = Instant::now();
            if ended {
                if now >= start && now < end {
                    let took = now.duration_since(connection.begun).as_nanos();
                    nanos.push(u64::try_from(took).unwrap_or(u64::MAX));
                }
                connection.begun = now;
            }
            if now >= end {
                connection.busy = false;
                busy -= 1;
            } else {
                connection.send_next()?;
            }
        }
    }
    Ok(nanos)
}
