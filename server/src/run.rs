//! Starting and stopping the server.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, Request};
use actix_web::dev::{Server, ServerHandle};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::Config;
use crate::error::StartError;
use crate::operator::{self, FirstStart};
use crate::web::{dispatch, metrics, upgrade};
use crate::{jobs, routes};

/// How long a connection may be quiet between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to close a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

/// A running server.
pub struct Handle {
    /// Where it listens; with port 0 in the configuration, the port it got.
    pub addr: SocketAddr,
    /// What the first start made, if this was it.
    pub first_start: Option<FirstStart>,
    /// The server's parts.
    pub app: Arc<App>,
    server: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    metrics: Option<ServerHandle>,
    jobs: Vec<JoinHandle<()>>,
}

/// Starts the server and comes back when it answers. Must be called inside an actix runtime.
///
/// # Errors
/// Why it cannot start.
pub async fn run(config: Config) -> Result<Handle, StartError> {
    let app = App::open(config)?;
    let first_start = operator::first_start(&app).await?;
    if app.config.apis.customer {
        operator::customer_start(&app).await?;
    }
    warm_up();
    let metrics = match app.config.metrics.listen.as_str() {
        "" => None,
        listen => Some(metrics::start(listen)?),
    };
    let (server, addr) = serve(&app)?;
    let handle = server.handle();
    Ok(Handle {
        addr,
        first_start,
        jobs: jobs::start(&app),
        app,
        metrics,
        server: handle,
        serving: actix_web::rt::spawn(server),
    })
}

/// The server itself, which runs when it is polled, and where it listens.
fn serve(app: &Arc<App>) -> Result<(Server, SocketAddr), StartError> {
    let listen = &app.config.server.listen;
    let failed = || StartError::io(format!("cannot listen on {listen}"));
    let listeners = bind(listen).map_err(failed())?;
    let addr = listeners.first().map(TcpListener::local_addr);
    let addr = addr.ok_or_else(|| StartError::Refused(format!("{listen} has no address")))?.map_err(failed())?;
    let routes = routes::routes_of(&app.config.apis);
    let mut server = Server::build()
        .workers(app.config.workers())
        .shutdown_timeout(app.config.server.shutdown_seconds)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    for listener in listeners {
        let (app, stopping) = (Arc::clone(app), stopping.clone());
        let connections = move || {
            let (app, stopping) = (Arc::clone(&app), stopping.clone());
            let road = move |request: Request| dispatch::dispatch(Arc::clone(&app), routes, request);
            let sockets = road.clone();
            let answer = move |request: Request| {
                let answering = road(request);
                async move { Ok::<_, Infallible>(answering.await) }
            };
            HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .client_disconnect_timeout(DISCONNECT)
                // Without it the end of an answer, or a second message, waits for the client's delayed acknowledgement: 40 ms.
                .tcp_nodelay(true)
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .upgrade(move |asked| upgrade::serve(asked, sockets.clone()))
                .finish(answer)
                .tcp()
        };
        server = server.listen("keystead", listener, connections).map_err(failed())?;
    }
    Ok((server.run(), addr))
}

/// Listens on every address that a name stands for, of which one is enough.
fn bind(listen: &str) -> io::Result<Vec<TcpListener>> {
    let mut failure = None;
    let mut listeners = Vec::new();
    for addr in listen.to_socket_addrs()? {
        match TcpListener::bind(addr) {
            Ok(listener) => listeners.push(listener),
            Err(e) => failure = Some(e),
        }
    }
    match failure {
        Some(e) if listeners.is_empty() => Err(e),
        _ => Ok(listeners),
    }
}

impl Handle {
    /// Comes back when the server has ended by itself.
    ///
    /// # Errors
    /// What made it end.
    pub async fn ended(&mut self) -> Result<(), StartError> {
        match (&mut self.serving).await {
            Ok(result) => result.map_err(StartError::io("the server ended")),
            Err(e) => Err(StartError::Refused(format!("the server ended: {e}"))),
        }
    }

    /// Stops taking connections, lets open requests finish, and stops.
    pub async fn stop(self) {
        // Open sockets would be waited for; their clients come back elsewhere.
        self.app.live.stop();
        self.server.stop(true).await;
        if let Some(metrics) = self.metrics {
            metrics.stop(false).await;
        }
        for job in self.jobs {
            job.abort();
        }
        // It has been told to stop; how it ended is of no interest any more.
        drop(self.serving.await);
    }
}

/// aws-lc seeds its generator at the first use, which takes a tenth of a second: better now than in somebody's login.
fn warm_up() {
    use aws_lc_rs::rand::SecureRandom;
    let fill = || aws_lc_rs::rand::SystemRandom::new().fill(&mut [0; 1]);
    let started = std::thread::Builder::new().name("warm-up".into()).spawn(fill);
    drop(started.inspect_err(|e| tracing::warn!(error = %e, "no warm-up")));
}
