//! A receiver of webhooks on loopback, which answers what it is told to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

/// A delivery as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Path.
    pub path: String,
    /// The header `Instant-Signature`.
    pub signature: String,
    /// The header `Idempotency-Key`.
    pub key: String,
    /// The body.
    pub body: String,
}

/// The receiver; it ends with this value.
pub struct Receiver {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Arc<Mutex<State>>,
    handle: actix_web::dev::ServerHandle,
}

#[derive(Default)]
struct State {
    heard: Vec<Delivery>,
    /// What the next calls are answered; then 200.
    answers: Vec<u16>,
}

impl Delivery {
    /// A member of the body, which is a JSON object of texts.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        body[key].as_str().expect("a text").to_owned()
    }
}

impl Receiver {
    /// Starts one that answers with these statuses, one after the other, and then 200.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(answers: &[u16]) -> Self {
        let mut answers = answers.to_vec();
        answers.reverse();
        let shared = Arc::new(Mutex::new(State { heard: Vec::new(), answers }));
        let state = Data::from(Arc::clone(&shared));
        let (found, started) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(state.clone()).default_service(web::to(heard));
                let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").expect("binds");
                let url = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                found.send((url, server.handle())).expect("somebody waits");
                server.await.expect("serves");
            });
        });
        let (url, handle) = started.recv().expect("the receiver starts");
        Self { url, shared, handle }
    }

    /// What has come so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Delivery> {
        lock(&self.shared).heard.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn heard(state: Data<Mutex<State>>, req: HttpRequest, body: Bytes) -> HttpResponse {
    let text = |name: &str| req.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut state = lock(&state);
    state.heard.push(Delivery {
        path: req.path().to_owned(),
        signature: text("instant-signature"),
        key: text("idempotency-key"),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let status = state.answers.pop().unwrap_or(200);
    let status = actix_web::http::StatusCode::from_u16(status).expect("a status");
    HttpResponse::build(status).insert_header(("location", "/elsewhere")).body("x".repeat(1_000))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
