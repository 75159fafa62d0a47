//! WebSocket. Frames are made by the outbox, so that one message for many connections is one piece of memory.

use std::sync::Arc;

use actix_http::ws::{self, CloseCode, CloseReason, Codec, Frame, Item, OpCode, Parser, ProtocolError};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio_util::codec::Decoder;

use super::OutboxBody;
use crate::app::App;
use crate::rooms::live::hub::frame::ws_frame;
use crate::rooms::live::sessions::{Session, ops};
use crate::web::request::{Body, Request};

/// The answer that opens the socket; the session is served from now on. None when this is no WebSocket handshake.
#[must_use]
pub fn open(app: &Arc<App>, req: &Request, body: Body, session: &Arc<Session>) -> Option<HttpResponse> {
    ws::verify_handshake(req.head()).ok()?;
    let key = ws::hash_key(req.headers().get(header::SEC_WEBSOCKET_KEY)?.as_bytes());
    let outbox = OutboxBody { app: Arc::clone(app), session: Arc::clone(session), first: None };
    let accept = std::str::from_utf8(&key).ok()?.to_owned();
    let response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((header::SEC_WEBSOCKET_ACCEPT, accept))
        .body(outbox);
    actix_web::rt::spawn(read(Arc::clone(app), Arc::clone(session), body));
    Some(response)
}

/// A frame with a ping.
#[must_use]
pub fn ping() -> Bytes {
    ws_frame(OpCode::Ping, b"")
}

/// A frame that ends a connection; the client comes back.
#[must_use]
pub fn goodbye(why: &str) -> Bytes {
    close(CloseCode::Away, why)
}

fn close(code: CloseCode, why: &str) -> Bytes {
    let mut out = BytesMut::new();
    Parser::write_close(&mut out, Some(CloseReason { code, description: Some(why.to_owned()) }), false);
    out.freeze()
}

/// Serves what the client sends, one message after the other.
async fn read(app: Arc<App>, session: Arc<Session>, mut incoming: Body) {
    let most = app.config.live.message_bytes;
    let mut reader = Reader { codec: Codec::new().max_size(most), buffer: BytesMut::new(), long: None, most };
    while let Some(Ok(bytes)) = incoming.next().await {
        reader.buffer.extend_from_slice(&bytes);
        loop {
            match reader.next() {
                // In a box of its own: a quiet connection keeps no room for what a message may need.
                Ok(Some(Input::Text(text))) => Box::pin(ops::serve_text(&app, &session, &text)).await,
                Ok(Some(Input::Ping(bytes))) => {
                    session.heard(app.live.sessions.tick());
                    session.outbox.push(ws_frame(OpCode::Pong, &bytes));
                }
                Ok(Some(Input::Heard)) => session.heard(app.live.sessions.tick()),
                Ok(Some(Input::End)) => {
                    session.outbox.end(Some(close(CloseCode::Normal, "")));
                    return;
                }
                Ok(None) => break,
                Err(e) => {
                    let code = match e {
                        ProtocolError::Overflow => CloseCode::Size,
                        _ => CloseCode::Protocol,
                    };
                    session.outbox.end(Some(close(code, &e.to_string())));
                    return;
                }
            }
        }
        if reader.buffer.is_empty() {
            // Most connections are quiet: no memory for those.
            reader.buffer = BytesMut::new();
        }
    }
    session.outbox.close();
}

enum Input {
    Text(String),
    Ping(Bytes),
    Heard,
    End,
}

struct Reader {
    codec: Codec,
    buffer: BytesMut,
    /// A message that comes in several frames.
    long: Option<BytesMut>,
    most: usize,
}

impl Reader {
    fn next(&mut self) -> Result<Option<Input>, ProtocolError> {
        let Some(frame) = self.codec.decode(&mut self.buffer)? else { return Ok(None) };
        let whole = match frame {
            Frame::Text(bytes) | Frame::Binary(bytes) => bytes,
            Frame::Ping(bytes) => return Ok(Some(Input::Ping(bytes))),
            Frame::Pong(_) => return Ok(Some(Input::Heard)),
            Frame::Close(_) => return Ok(Some(Input::End)),
            Frame::Continuation(Item::FirstText(part) | Item::FirstBinary(part)) => {
                self.long = Some(BytesMut::from(&part[..]));
                return Ok(Some(Input::Heard));
            }
            Frame::Continuation(Item::Continue(part)) => {
                self.add(&part)?;
                return Ok(Some(Input::Heard));
            }
            Frame::Continuation(Item::Last(part)) => {
                self.add(&part)?;
                self.long.take().unwrap_or_default().freeze()
            }
        };
        let text = String::from_utf8(whole.into()).map_err(|_not_text| ProtocolError::BadOpCode)?;
        Ok(Some(Input::Text(text)))
    }

    fn add(&mut self, part: &[u8]) -> Result<(), ProtocolError> {
        let long = self.long.get_or_insert_default();
        if long.len() + part.len() > self.most {
            return Err(ProtocolError::Overflow);
        }
        long.extend_from_slice(part);
        Ok(())
    }
}
