//! Starting and stopping the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as ActixApp, HttpServer};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::Config;
use crate::error::StartError;
use crate::operator::{self, FirstStart};
use crate::web::metrics;
use crate::{jobs, routes};

/// A running server.
pub struct Handle {
    /// Where it listens; with port 0 in the configuration, the port it got.
    pub addr: SocketAddr,
    /// What the first start made, if this was it.
    pub first_start: Option<FirstStart>,
    /// The server's parts.
    pub app: Arc<App>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
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
    let listen = app.config.server.listen.clone();
    let shared = Arc::clone(&app);
    let routes = routes::routes_of(&app.config.apis);
    let server = HttpServer::new(move || {
        let shared = Arc::clone(&shared);
        ActixApp::new().configure(move |config| routes::configure(&shared, routes, config))
    })
    .workers(app.config.workers())
    .shutdown_timeout(app.config.server.shutdown_seconds)
    .keep_alive(Duration::from_secs(75))
    .disable_signals()
    .bind(&listen)
    .map_err(StartError::io(format!("cannot listen on {listen}")))?;
    let addr =
        server.addrs().first().copied().ok_or_else(|| StartError::Refused(format!("cannot listen on {listen}")))?;
    let server = server.run();
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
