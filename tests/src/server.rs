//! The server under test, embedded: a thread of its own with an actix system, port 0, a directory or database of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use keystead_protocol::apps::EndpointOptions;
use keystead_server::app::App;
use keystead_server::config::Secret;
use keystead_server::rooms::apps::rules::NewApp;
use keystead_server::{Config, operator};
use tokio::sync::oneshot;

use crate::database::Database;
use crate::postgres::{self, TestDatabase};
use crate::raw::{self, Call};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A SQLite file in the test's directory.
    Sqlite,
    /// A new database on the PostgreSQL server of the tests.
    Postgres,
}

/// How the server of a test differs from the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    rate_limit: bool,
    change: Option<fn(&mut Config)>,
}

impl Setup {
    /// With rate limits, which are off in other tests.
    #[must_use]
    pub fn limited() -> Self {
        Self { rate_limit: true, change: None }
    }

    /// With other settings.
    #[must_use]
    pub fn with(self, change: fn(&mut Config)) -> Self {
        Self { change: Some(change), ..self }
    }
}

/// An app and its credentials.
#[derive(Debug, Clone)]
pub struct TestApp {
    /// App id.
    pub id: String,
    /// Public token.
    pub public: String,
    /// Secret token.
    pub secret: String,
    /// Admin token of the data API.
    pub admin: String,
    /// Id of the JWT key pair.
    pub kid: String,
    /// Exported sign key, b64 of PKCS#8 DER.
    pub sign_key: String,
    /// Exported verify key, b64 of the uncompressed point.
    pub verify_key: String,
}

/// A server under test. Clones are the same server.
#[derive(Clone)]
pub struct TestServer {
    /// An app with the preset `lax`, which most tests use.
    pub lax: TestApp,
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    config: Config,
    running: Mutex<Option<Running>>,
    http: reqwest::Client,
    // Dropped last, in this order.
    database: Option<TestDatabase>,
    dir: tempfile::TempDir,
}

struct Running {
    addr: SocketAddr,
    app: Arc<App>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl TestServer {
    /// Starts a server. `None` when its database is missing and that was allowed (see [`postgres`]).
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(backend: Backend, setup: &Setup) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(postgres::create()?),
        };
        let config = config(dir.path(), database.as_ref(), setup);
        let running = launch(config.clone());
        let lax = create_app(&running.app, "lax", EndpointOptions::preset_lax());
        let running = Mutex::new(Some(running));
        let inner = Inner { backend, config, running, http: raw::http_client(), database, dir };
        Some(Self { lax, inner: Arc::new(inner) })
    }

    /// Stops the server; its database goes with the last clone.
    ///
    /// # Panics
    /// When the server's thread has panicked.
    pub fn stop(&self) {
        let running = self.running().take();
        if let Some(Running { app, stop, thread, .. }) = running {
            drop(app);
            // The server may have ended by itself; the join tells.
            drop(stop);
            assert!(thread.join().is_ok() || std::thread::panicking(), "the server's thread panicked");
        }
    }

    /// Stops and starts the server on the same data. Its address changes.
    pub fn restart(&self) {
        self.stop();
        *self.running() = Some(launch(self.inner.config.clone()));
    }

    /// Starts one more server on the same data, as several nodes stand over one PostgreSQL.
    #[must_use]
    pub fn another_node(&self) -> Node {
        Node { http: self.inner.http.clone(), running: Some(launch(self.inner.config.clone())) }
    }

    /// Waits for what a background job of the server does.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn until(&self, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..2000 {
            if done().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("what was waited for does not come");
    }

    /// Which database this is about.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// `http://ADDRESS:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.with_running(|r| r.addr))
    }

    /// The embedded server's own parts, for what no API shows.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        self.with_running(|r| Arc::clone(&r.app))
    }

    /// The configuration it runs with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Data directory: SQLite file, root key, environment file of the app `default`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.inner.dir.path()
    }

    /// Looks into the database.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::open(&self.inner.config)
    }

    /// Makes an app.
    #[must_use]
    pub fn create_app(&self, name: &str, options: EndpointOptions) -> TestApp {
        create_app(&self.app(), name, options)
    }

    /// Changes settings of an app, as `keystead app options --set` does.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn set_options(&self, app: &TestApp, changes: &[(&str, &str)]) {
        let changes: Vec<_> = changes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        operator::set_options(&self.app(), &app.id, None, &changes).await.expect("options are set");
    }

    /// Moves the server's clock forward, for all that it does from now on.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn advance(&self, seconds: i64) {
        let file = self.dir().join("clock");
        let now: i64 = std::fs::read_to_string(&file).ok().and_then(|t| t.parse().ok()).unwrap_or(0);
        let new = self.dir().join("clock.new");
        std::fs::write(&new, (now + seconds).to_string()).expect("written");
        // The server must never read half a number.
        std::fs::rename(&new, &file).expect("renamed");
    }

    /// Milliseconds since 1970, as the server sees it.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.app().clock.now_ms()
    }

    /// `GET /api/v1…`
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// `POST /api/v1…`
    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    /// `PUT /api/v1…`
    pub fn put(&self, path: &str) -> Call {
        self.call("PUT", path)
    }

    /// `PATCH /api/v1…`
    pub fn patch(&self, path: &str) -> Call {
        self.call("PATCH", path)
    }

    /// `DELETE /api/v1…`
    pub fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    /// A call of the key API with any method; the public token of the app `lax` is set until another one is.
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(&self.inner.http, method, &format!("{}/api/v1{path}", self.url())).token(&self.lax.public)
    }

    /// The HTTP client of this test.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    /// A client of the SDK with this app token.
    ///
    /// # Panics
    /// When the token cannot stand in a header.
    #[must_use]
    pub fn sdk(&self, token: &str) -> keystead::Client {
        keystead::Client::with_http(self.inner.http.clone(), &self.url(), token).expect("a client")
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_running<T>(&self, f: impl FnOnce(&Running) -> T) -> T {
        f(self.running().as_ref().expect("the server runs"))
    }
}

/// One more server on the data of a [`TestServer`].
pub struct Node {
    http: reqwest::Client,
    running: Option<Running>,
}

impl Node {
    /// Starts a server with any configuration; its database is the caller's business.
    #[must_use]
    pub fn start(config: Config) -> Self {
        Self { http: raw::http_client(), running: Some(launch(config)) }
    }

    /// A call of the key API, without a token.
    ///
    /// # Panics
    /// Never: it runs until it is dropped.
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(&self.http, method, &format!("{}/api/v1{path}", self.url()))
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// Never: it runs until it is dropped.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.running.as_ref().expect("it runs until it is dropped").addr)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(Running { app, stop, thread, .. }) = self.running.take() {
            drop(app);
            drop(stop);
            // How a node ends is of no interest any more.
            drop(thread.join());
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { app, stop, thread, .. }) = running {
            drop(app);
            drop(stop);
            // A test that fails leaves its server to us; how that ends is of no interest any more.
            drop(thread.join());
        }
        drop(self.database.take());
    }
}

impl From<NewApp> for TestApp {
    fn from(new: NewApp) -> Self {
        Self {
            id: new.tokens.app_id,
            public: new.tokens.public_token,
            secret: new.tokens.secret_token,
            admin: new.tokens.admin_token,
            kid: new.jwt.kid,
            sign_key: new.jwt.sign_key,
            verify_key: new.jwt.verify_key,
        }
    }
}

fn config(dir: &Path, database: Option<&TestDatabase>, setup: &Setup) -> Config {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".into();
    config.server.data_dir = dir.into();
    config.server.workers = 2;
    config.server.shutdown_seconds = 0;
    config.server.clock_offset_file = Some(dir.join("clock"));
    config.database.url = database.map(|d| Secret::new(&d.url));
    config.database.pool = 6;
    config.limits.rate_limit = setup.rate_limit;
    // Passwords at a nominal cost: how dear a hash is, is not what most tests are about.
    config.identity.hash_memory_kib = 64;
    config.identity.hash_passes = 1;
    config.identity.hash_lanes = 1;
    // Tests run this job themselves.
    config.files.delete_every_seconds = 3600;
    if let Some(change) = setup.change {
        change(&mut config);
    }
    config
}

fn launch(config: Config) -> Running {
    let (ready, started) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let serve = async move {
        match keystead_server::run(config).await {
            Ok(handle) => {
                drop(ready.send(Ok((handle.addr, Arc::clone(&handle.app)))));
                // Dropping the sender is the sign to stop.
                drop(stopped.await);
                handle.stop().await;
            }
            Err(e) => drop(ready.send(Err(e.to_string()))),
        }
    };
    let thread = std::thread::Builder::new()
        .name("server under test".into())
        .spawn(move || actix_web::rt::System::new().block_on(serve))
        .expect("a thread");
    match started.recv() {
        Ok(Ok((addr, app))) => Running { addr, app, stop, thread },
        Ok(Err(e)) => panic!("the server does not start: {e}"),
        Err(_gone) => panic!("the server's thread panicked at the start"),
    }
}

/// Called from async tests too, which must not block on a runtime of their own.
fn create_app(app: &Arc<App>, name: &str, options: EndpointOptions) -> TestApp {
    let (app, name) = (Arc::clone(app), name.to_owned());
    let make = move || crate::block_on(operator::create_app(&app, &name, options)).map_err(|e| e.to_string());
    let made = std::thread::spawn(make).join().expect("the thread does not panic");
    made.expect("an app is made").into()
}
