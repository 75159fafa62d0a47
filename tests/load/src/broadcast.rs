//! The yardstick of delivery: a bare actix server that sends the body of a POST to every open WebSocket. Frames are made
//! once, as in the server, so that nothing but the sending is measured.

#![expect(clippy::print_stdout, reason = "the parent process reads the address")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use actix_http::ws::{self, OpCode, Parser};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::{StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const WORKERS: usize = 2;

type Listeners = Arc<Mutex<Vec<UnboundedSender<Bytes>>>>;

struct Frames(UnboundedReceiver<Bytes>);

impl MessageBody for Frames {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

async fn open(listeners: web::Data<Listeners>, req: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let key = req.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| ws::hash_key(key.as_bytes()));
    let Some(key) = key else { return HttpResponse::BadRequest().finish() };
    let accept = String::from_utf8_lossy(&key).into_owned();
    let (send, receive) = unbounded_channel();
    listeners.lock().unwrap_or_else(PoisonError::into_inner).push(send);
    actix_web::rt::spawn(async move {
        use futures_util::StreamExt;
        while let Some(Ok(_)) = payload.next().await {}
    });
    HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((header::SEC_WEBSOCKET_ACCEPT, accept))
        .body(Frames(receive))
}

async fn broadcast(listeners: web::Data<Listeners>, body: Bytes) -> HttpResponse {
    let mut frame = BytesMut::new();
    Parser::write_message(&mut frame, &body, OpCode::Text, true, false);
    let frame = frame.freeze();
    listeners.lock().unwrap_or_else(PoisonError::into_inner).retain(|listener| listener.send(frame.clone()).is_ok());
    HttpResponse::Ok().body("{}")
}

/// Serves on a free loopback port and prints the address. Ends when standard input does.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn serve() -> Result<()> {
    std::thread::spawn(|| {
        // Read errors too mean that the parent has gone.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let listeners = web::Data::new(Listeners::default());
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(listeners.clone())
                .route("/open", web::get().to(open))
                .route("/broadcast", web::post().to(broadcast))
        })
        .workers(WORKERS)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
        println!("{}", server.addrs().first().context("no address")?);
        std::io::stdout().flush()?;
        Ok(server.run().await?)
    })
}
