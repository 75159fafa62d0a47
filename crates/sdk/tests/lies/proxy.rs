//! HTTP in front of the fake server of sdk-core's tests, with somebody in between who may change every answer.

use std::sync::{Arc, Mutex};

use keystead::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fake_server::{FakeServer, ok, refused};

/// Changes the answer to a path (without `/api/v1`); `None` lets it through.
type Lie = Box<dyn FnMut(&str, &str) -> Option<String> + Send>;

/// A server that says what it is told to.
#[derive(Clone)]
pub(crate) struct Proxy {
    url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    server: FakeServer,
    members: Value,
    lie: Lie,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { server: FakeServer::new(), members: json!([]), lie: Box::new(|_, _| None) };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url, "t").unwrap()
    }

    /// From now on this lie is told, in place of the one before.
    pub(crate) fn lie(&self, lie: impl FnMut(&str, &str) -> Option<String> + Send + 'static) {
        self.state.lock().unwrap().lie = Box::new(lie);
    }

    /// Lies about one path that ends like this: the value at a JSON pointer below `result` is another one.
    pub(crate) fn lie_at(&self, path_end: &'static str, pointer: &'static str, value: Value) {
        self.lie(move |path, answer| path.ends_with(path_end).then(|| with(answer, pointer, value.clone())));
    }

    pub(crate) fn honest(&self) {
        self.lie(|_, _| None);
    }

    pub(crate) fn members(&self, list: Value) {
        self.state.lock().unwrap().members = list;
    }
}

/// Replaces a value in an answer; `pointer` is a JSON pointer below `result`.
pub(crate) fn with(answer: &str, pointer: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_str(answer).unwrap();
    *json.pointer_mut(&format!("/result{pointer}")).unwrap() = value;
    json.to_string()
}

pub(crate) fn result(answer: &str) -> Value {
    serde_json::from_str::<Value>(answer).unwrap()["result"].clone()
}

impl State {
    /// JWTs are the user's id between dots: the fake server knows no sessions.
    fn answer(&mut self, method: &str, path: &str, jwt: Option<&str>, body: &str) -> String {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let me = jwt.and_then(|j| j.split('.').nth(1)).unwrap_or_default();
        match (method, parts.as_slice()) {
            ("POST", ["register"]) => self.server.register(body),
            ("POST", ["prepare_login"]) => self.server.prepare_login(body),
            ("POST", ["done_login"]) => self.server.done_login(body),
            ("POST", ["verify_login"]) => self.verify_login(body),
            ("PUT", ["refresh"]) => ok(json!({"user_id": me, "jwt": jwt, "device_id": "device-2"})),
            ("GET", ["user", id, "public_key"]) => self.server.public_key(id),
            ("GET", ["user", id, "verify_key", _]) => self.server.verify_key(id),
            ("POST", ["group"]) => self.server.create_group(me, body),
            ("GET", ["group", id]) => self.server.get_group(id, me),
            ("GET", ["group", id, "key", _]) => ok(&result(&self.server.get_group(id, me))["keys"][0]),
            ("GET", ["group", id, "keys", ..]) => ok(&result(&self.server.get_group(id, me))["keys"]),
            ("PUT", ["group", id, "invite_auto", user]) => self.server.invite_auto(id, user, body),
            ("GET", ["group", _, "member", ..]) => ok(&self.members),
            _ => refused(404),
        }
    }

    fn verify_login(&mut self, body: &str) -> String {
        let out = self.server.verify_login(body);
        let identifier: Value = serde_json::from_str(body).unwrap();
        let user = self.server.user_id_of(identifier["device_identifier"].as_str().unwrap());
        with(&out, "/jwt", json!(format!("jwt.{user}.sig")))
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut request = Vec::new();
    let mut chunk = [0; 16384];
    let (head, body) = loop {
        let n = stream.read(&mut chunk).await.unwrap();
        if n == 0 {
            return;
        }
        request.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap_or("0");
        if body.len() >= length.parse().unwrap() {
            break (head.to_owned(), body.to_owned());
        }
    };
    let mut line = head.split(' ');
    let (method, path) = (line.next().unwrap(), line.next().unwrap().strip_prefix("/api/v1").unwrap());
    let jwt = head.lines().find_map(|l| l.strip_prefix("authorization: Bearer "));
    let answer = {
        let state = &mut *state.lock().unwrap();
        let honest = state.answer(method, path, jwt, &body);
        (state.lie)(path, &honest).unwrap_or(honest)
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
}
