//! Live queries over server-sent events.

use std::collections::VecDeque;
use std::time::Duration;

use keystead_protocol::data::ErrorBody;
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::client::{Query, checked};
use crate::{ApiError, Db, Error, Result};

/// Wait before a reconnect, until the server names another.
const RETRY: Duration = Duration::from_secs(3);
/// Longest event that is kept.
const MAX_EVENT: usize = 256 << 20;

/// One answer of a live query.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// The whole result tree.
    pub data: Value,
    /// `page-info` by namespace, where the query has pages.
    pub page_info: Option<Value>,
    /// `aggregate` by namespace.
    pub aggregate: Option<Value>,
}

/// A live query. Dropping it ends it. Broken connections are made again; the whole result comes again then.
#[derive(Debug)]
pub struct Subscription {
    db: Db,
    query: Query,
    connection_id: Uuid,
    stream: Option<Response>,
    lines: Lines,
    retry: Duration,
    wait: bool,
    closed: bool,
}

impl Subscription {
    pub(crate) fn new(db: Db, query: Query) -> Self {
        Self {
            db,
            query,
            connection_id: Uuid::new_v4(),
            stream: None,
            lines: Lines::default(),
            retry: RETRY,
            wait: false,
            closed: false,
        }
    }

    /// Ends it: [`next`](Self::next) gives no more.
    pub fn close(&mut self) {
        self.closed = true;
        self.stream = None;
    }

    /// The next answer; none after [`close`](Self::close), or after the server refused the subscription itself. An error of the
    /// query leaves the subscription open.
    pub async fn next(&mut self) -> Option<Result<Payload>> {
        loop {
            if self.closed {
                return None;
            }
            while let Some(event) = self.lines.event(&mut self.retry) {
                if let Some(payload) = payload(&event) {
                    return Some(payload);
                }
            }
            match self.read().await {
                Ok(()) => {}
                Err(Error::Network(_)) => {
                    self.stream = None;
                    self.wait = true;
                }
                Err(e) => {
                    self.close();
                    return Some(Err(e));
                }
            }
        }
    }

    /// Reads some more, connecting when there is no connection.
    async fn read(&mut self) -> Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                if std::mem::take(&mut self.wait) {
                    tokio::time::sleep(self.retry).await;
                }
                self.lines = Lines::default();
                let id = self.connection_id.to_string();
                let body = json!({
                    "query": self.query,
                    "inference?": self.db.with_schema(),
                    "versions": {"keystead-admin": env!("CARGO_PKG_VERSION")},
                });
                let path = "/admin/subscribe-query";
                let request = self.db.request(Method::POST, path, &[("local_connection_id", id.as_str())])?;
                let answer = request.header("accept", "text/event-stream").json(&body).send().await?;
                self.stream.insert(checked(answer).await?)
            }
        };
        match stream.chunk().await? {
            Some(chunk) => self.lines.push(&chunk),
            None => {
                self.stream = None;
                self.wait = true;
                Ok(())
            }
        }
    }
}

/// Bytes of the stream until they make lines, and lines until they make events.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    data: String,
    events: VecDeque<String>,
    retry: Option<Duration>,
}

impl Lines {
    fn push(&mut self, chunk: &[u8]) -> Result<()> {
        let mut chunk = chunk;
        while let Some(at) = chunk.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = chunk.split_at(at);
            self.rest.extend_from_slice(line);
            let line = std::mem::take(&mut self.rest);
            self.line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            chunk = rest.get(1..).unwrap_or_default();
        }
        self.rest.extend_from_slice(chunk);
        if self.rest.len() + self.data.len() > MAX_EVENT { Err(Error::TooLarge) } else { Ok(()) }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            if !self.data.is_empty() {
                self.events.push_back(std::mem::take(&mut self.data));
            }
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "retry" => self.retry = value.parse().map(Duration::from_millis).ok(),
            // Comments, names and ids of events.
            _ => {}
        }
    }

    fn event(&mut self, retry: &mut Duration) -> Option<String> {
        if let Some(told) = self.retry.take() {
            *retry = told;
        }
        self.events.pop_front()
    }
}

/// What an event means; none for those that only concern the connection.
fn payload(event: &str) -> Option<Result<Payload>> {
    let mut event: Map<String, Value> = match serde_json::from_str(event) {
        Ok(event) => event,
        Err(e) => return Some(Err(Error::Answer(e))),
    };
    let op = event.get("op").and_then(Value::as_str)?.to_owned();
    match op.as_str() {
        "add-query-ok" => Some(Ok(answer(event.remove("result")?, event.get("result-meta")))),
        "refresh-ok" => {
            let first = event.get_mut("computations")?.get_mut(0)?;
            let result = first.get_mut("instaql-result")?.take();
            Some(Ok(answer(result, first.get("result-meta"))))
        }
        "error" => {
            let status = event.get("status").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()).unwrap_or(400);
            let body = serde_json::from_value::<ErrorBody>(Value::Object(event)).unwrap_or_default();
            Some(Err(Box::new(ApiError { status, body }).into()))
        }
        _ => None,
    }
}

fn answer(data: Value, meta: Option<&Value>) -> Payload {
    let part = |name| meta.and_then(|meta| meta.get(name)).cloned();
    Payload { data, page_info: part("page-info"), aggregate: part("aggregate") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_in_any_chunks() {
        let text = "retry: 500\r\n\r\ndata: {\"op\":\"sse-init\"}\n\n: keepalive\n\ndata: {\"op\":\"add-query-ok\",\n\
                    data: \"result\":{\"a\":[\"é\"]}}\n\ndata: {\"op\":\"error\",\"status\":400,\"type\":\"timeout\"}\n\n";
        for size in [1, 2, 3, 7, 1000] {
            let (mut lines, mut retry, mut seen) = (Lines::default(), RETRY, Vec::new());
            for chunk in text.as_bytes().chunks(size) {
                lines.push(chunk).unwrap();
                while let Some(event) = lines.event(&mut retry) {
                    seen.extend(payload(&event));
                }
            }
            assert_eq!(retry, Duration::from_millis(500));
            let [Ok(first), Err(second)] = seen.as_slice() else { panic!("{seen:?}") };
            assert_eq!(first.data, json!({"a": ["é"]}));
            assert_eq!(second.kind(), Some("timeout"));
        }
    }
}
