//! The WebSocket of the data API as a client that reads by hand.

use actix_http::ws::{Codec, Frame, Message};
use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

/// An open socket. What comes unasked waits until it is looked for.
pub struct Socket {
    stream: TcpStream,
    codec: Codec,
    buffer: BytesMut,
    waiting: Vec<Value>,
    number: u32,
    attrs: Value,
}

impl Socket {
    /// Opens a socket of an app at a server (`http://ADDRESS:PORT`).
    ///
    /// # Panics
    /// When the server does not want it.
    pub async fn open(url: &str, app_id: &str) -> Self {
        let address = url.strip_prefix("http://").expect("http");
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let request = format!(
            "GET /runtime/session?app_id={app_id} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut buffer = BytesMut::new();
        loop {
            assert!(stream.read_buf(&mut buffer).await.expect("read") > 0, "closed");
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer.split_to(end + 4)).into_owned();
                assert!(head.starts_with("HTTP/1.1 101"), "{head}");
                // RFC 6455 section 1.3 has the answer to this key.
                assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
                break;
            }
        }
        Self {
            stream,
            codec: Codec::new().client_mode().max_size(64 << 20),
            buffer,
            waiting: Vec::new(),
            number: 0,
            attrs: Value::Null,
        }
    }

    /// Opens a socket and says who it is: `tokens` are members of `init`.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn init(url: &str, app_id: &str, tokens: Value) -> Self {
        let mut socket = Self::open(url, app_id).await;
        let mut init = tokens;
        init["op"] = "init".into();
        init["app-id"] = app_id.into();
        let answer = socket.ask(init).await;
        assert_eq!(answer["op"], "init-ok", "{answer}");
        socket
    }

    /// As [`Socket::init`]; none when the server is not there.
    pub async fn try_init(url: &str, app_id: &str, tokens: Value) -> Option<Self> {
        let (url, app_id) = (url.to_owned(), app_id.to_owned());
        // What the other does not do panics in there.
        tokio::spawn(async move { Self::init(&url, &app_id, tokens).await }).await.ok()
    }

    /// As [`Socket::ask`]; none when the connection is gone.
    pub async fn try_ask(&mut self, mut message: Value) -> Option<Value> {
        self.number += 1;
        let id = json!(self.last_event());
        message["client-event-id"] = id.clone();
        let mut out = BytesMut::new();
        self.codec.encode(Message::Text(message.to_string().into()), &mut out).expect("encodes");
        self.stream.write_all(&out).await.ok()?;
        loop {
            let answer = self.next().await?;
            if answer["client-event-id"] == id {
                return Some(answer);
            }
            self.waiting.push(answer);
        }
    }

    /// Sends a message as it is.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send(&mut self, message: &str) {
        let mut out = BytesMut::new();
        self.codec.encode(Message::Text(message.into()), &mut out).expect("encodes");
        self.stream.write_all(&out).await.expect("sent");
    }

    /// Sends a message under a new id, and gives the answer to it.
    ///
    /// # Panics
    /// When there is none.
    pub async fn ask(&mut self, mut message: Value) -> Value {
        if message.get("client-event-id").is_none() {
            self.number += 1;
            message["client-event-id"] = format!("event {}", self.number).into();
        }
        let id = message["client-event-id"].clone();
        self.send(&message.to_string()).await;
        self.find(|answer| answer["client-event-id"] == id).await
    }

    /// The next message that `wanted` says yes to; others wait.
    ///
    /// # Panics
    /// When the connection is closed before.
    pub async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at);
        }
        loop {
            let message = self.next().await.expect("the connection is closed");
            if wanted(&message) {
                return message;
            }
            self.waiting.push(message);
        }
    }

    /// The id under which the last message was sent.
    #[must_use]
    pub fn last_event(&self) -> String {
        format!("event {}", self.number)
    }

    /// The ids of the attrs that the server told last, by `namespace.label`.
    #[must_use]
    pub fn attrs(&self) -> Value {
        let mut ids = json!({});
        for attr in self.attrs.as_array().into_iter().flatten() {
            let name = &attr["forward-identity"];
            let name = format!("{}.{}", name[1].as_str().unwrap_or_default(), name[2].as_str().unwrap_or_default());
            ids[name] = attr["id"].clone();
        }
        ids
    }

    /// The next message with this `op`.
    pub async fn op(&mut self, op: &str) -> Value {
        self.find(|message| message["op"] == op).await
    }

    /// The messages that have come and that nobody has looked for, after a round trip: what the server had to say before.
    pub async fn rest(&mut self) -> Vec<Value> {
        self.ask(json!({"op": "remove-query", "q": {"nothing": {}}})).await;
        std::mem::take(&mut self.waiting)
    }

    /// Subscribes to a query as a tree and gives its result.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn subscribe(&mut self, query: &Value) -> Value {
        let mut answer = self.ask(json!({"op": "add-query", "q": query, "return-type": "tree"})).await;
        assert_eq!(answer["op"], "add-query-ok", "{answer}");
        answer["result"].take()
    }

    /// The next result of a query.
    pub async fn refreshed(&mut self, query: &Value) -> Value {
        let is_it =
            |message: &Value| message["op"] == "refresh-ok" && message["computations"][0]["instaql-query"] == *query;
        self.find(is_it).await["computations"][0]["instaql-result"].take()
    }

    /// The next message; none when the connection is closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(Frame::Text(text))) => {
                    let message: Value = serde_json::from_slice(&text).expect("JSON");
                    if message["attrs"].is_array() {
                        self.attrs = message["attrs"].clone();
                    }
                    return Some(message);
                }
                Ok(Some(Frame::Ping(_))) => {
                    let mut out = BytesMut::new();
                    self.codec.encode(Message::Pong(bytes::Bytes::new()), &mut out).expect("encodes");
                    self.stream.write_all(&out).await.ok()?;
                }
                Ok(Some(Frame::Close(_))) | Err(_) => return None,
                Ok(Some(_)) => {}
                Ok(None) => {
                    if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                        return None;
                    }
                }
            }
        }
    }
}
