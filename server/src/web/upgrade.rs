//! Connections that become WebSockets. They may be many and quiet for hours, so the server takes them out of actix-http, whose
//! connections keep 8 KiB of buffers each way: here frames are written from where they are, and what comes is read into a buffer
//! that the connections of a thread share.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_codec::Framed;
use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::h1::{self, Message};
use actix_http::{BoxedPayloadStream, ConnectionType, Payload, Request, Response};
use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::rt::net::TcpStream;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use tokio::io::AsyncWrite;
use tokio_util::codec::Encoder;

/// Frames that are written at once.
const FRAMES: usize = 16;
/// Bytes of waiting frames, after which no more are taken.
const BYTES: usize = 64 * 1024;
/// Bytes that are read at once.
const READ: usize = 16 * 1024;
/// How long a client may take to close a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// Answers the request that asks for it, and serves the connection until it ends. `answer` is the road of every request.
pub async fn serve<F: Future<Output = HttpResponse>>(
    (request, framed): (Request, Framed<TcpStream, h1::Codec>),
    answer: impl FnOnce(Request) -> F,
) -> Result<(), Infallible> {
    let mut parts = framed.into_parts();
    let is_head = request.method() == Method::HEAD;
    let incoming = Incoming::default();
    if !parts.read_buf.is_empty() {
        // A copy, so that the large buffer goes.
        incoming.put(Bytes::copy_from_slice(&parts.read_buf));
    }
    parts.read_buf = BytesMut::new();
    let payload: BoxedPayloadStream = Box::pin(incoming.reader());
    let (request, _) = request.replace_payload(Payload::Stream { payload });
    let mut response: Response<BoxBody> = answer(request).await.into();
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let (head, body) = response.into_parts();
    if let Err(e) = parts.codec.encode(Message::Item((head, body.size())), &mut parts.write_buf) {
        tracing::debug!(error = %e, "an answer cannot be written");
        return Ok(());
    }
    let is_ended = is_head || matches!(body.size(), BodySize::None | BodySize::Sized(0));
    // The buffer of the head goes with the head.
    let waiting = VecDeque::from([Bytes::copy_from_slice(&parts.write_buf)]);
    let bytes = waiting.iter().map(Bytes::len).sum();
    let mut connection = Connection { io: parts.io, body, incoming, waiting, bytes, is_ended };
    drop((parts.codec, parts.write_buf));
    if let Err(e) = poll_fn(|cx| connection.poll(cx)).await {
        tracing::debug!(error = %e, "a connection broke off");
        return Ok(());
    }
    let closed = poll_fn(|cx| Pin::new(&mut connection.io).poll_shutdown(cx));
    // A client that does not close is left.
    drop(tokio::time::timeout(DISCONNECT, closed).await);
    Ok(())
}

struct Connection {
    io: TcpStream,
    body: BoxBody,
    /// Where that goes which comes.
    incoming: Incoming,
    waiting: VecDeque<Bytes>,
    bytes: usize,
    /// The body has ended.
    is_ended: bool,
}

impl Connection {
    /// Ready when everything has been written.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_read(cx)?.is_ready() {
            self.incoming.end();
        }
        self.poll_write(cx)
    }

    /// Ready when there is nothing to read any more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.incoming.poll_room(cx));
            ready!(self.io.poll_read_ready(cx))?;
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = self.io.try_read(scratch)?;
                Ok::<_, io::Error>(Bytes::copy_from_slice(scratch.get(..read).unwrap_or_default()))
            });
            match read {
                Ok(bytes) if bytes.is_empty() => return Poll::Ready(Ok(())),
                Ok(bytes) => self.incoming.put(bytes),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.is_ended && self.waiting.len() < FRAMES && self.bytes < BYTES {
                match Pin::new(&mut self.body).poll_next(cx) {
                    Poll::Ready(Some(Ok(bytes))) => {
                        self.bytes += bytes.len();
                        self.waiting.push_back(bytes);
                    }
                    Poll::Ready(Some(Err(e))) => return Poll::Ready(Err(io::Error::other(e.to_string()))),
                    Poll::Ready(None) => self.is_ended = true,
                    Poll::Pending => break,
                }
            }
            if self.bytes == 0 {
                // Most connections are quiet: no memory for those.
                self.waiting = VecDeque::new();
                return if self.is_ended { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            let mut slices = [IoSlice::new(&[]); FRAMES];
            for (slice, bytes) in slices.iter_mut().zip(&self.waiting) {
                *slice = IoSlice::new(bytes);
            }
            let count = self.waiting.len().min(FRAMES);
            let slices = slices.get(..count).unwrap_or_default();
            match ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written(written),
            }
        }
    }

    fn written(&mut self, mut count: usize) {
        self.bytes -= count;
        while let Some(first) = self.waiting.front_mut() {
            if first.len() > count {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.waiting.pop_front();
        }
    }
}

/// What has come, one piece at a time: nothing more is read before that is taken.
#[derive(Default)]
struct Incoming(Rc<RefCell<Slot>>);

/// The other end of [`Incoming`].
struct Reader(Rc<RefCell<Slot>>);

#[derive(Default)]
struct Slot {
    bytes: Option<Bytes>,
    is_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Incoming {
    fn reader(&self) -> Reader {
        Reader(Rc::clone(&self.0))
    }

    /// Ready when there is room; never again after the end, or when nobody reads.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.0.borrow_mut();
        if slot.bytes.is_some() || slot.is_ended {
            slot.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn put(&self, bytes: Bytes) {
        let mut slot = self.0.borrow_mut();
        slot.bytes = Some(bytes);
        wake(slot.reader.take());
    }

    fn end(&self) {
        let mut slot = self.0.borrow_mut();
        slot.is_ended = true;
        wake(slot.reader.take());
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.end();
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut slot = self.0.borrow_mut();
        match slot.bytes.take() {
            Some(bytes) => {
                wake(slot.writer.take());
                Poll::Ready(Some(Ok(bytes)))
            }
            None if slot.is_ended => Poll::Ready(None),
            None => {
                slot.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // What comes now is for nobody: it stays in the socket.
        self.0.borrow_mut().is_ended = true;
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::task::noop_waker;

    use super::*;

    #[actix_web::test]
    async fn what_comes_is_taken_piece_by_piece() {
        let incoming = Incoming::default();
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        let mut reader = incoming.reader();
        assert!(incoming.poll_room(&mut cx).is_ready() && reader.poll_next_unpin(&mut cx).is_pending());
        incoming.put(Bytes::from_static(b"a"));
        assert!(incoming.poll_room(&mut cx).is_pending(), "one piece at a time");
        assert_eq!(reader.next().await.and_then(Result::ok).as_deref(), Some(&b"a"[..]));
        assert!(incoming.poll_room(&mut cx).is_ready());
        incoming.put(Bytes::from_static(b"b"));
        drop(incoming);
        assert_eq!(reader.next().await.and_then(Result::ok).as_deref(), Some(&b"b"[..]));
        assert!(reader.next().await.is_none());
        let incoming = Incoming::default();
        drop(incoming.reader());
        assert!(incoming.poll_room(&mut cx).is_pending(), "nobody reads");
    }
}
