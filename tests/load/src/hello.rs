//! The yardstick of everything served over HTTP: a bare actix server in its own process.

#![expect(clippy::print_stdout, reason = "the parent process reads the address")]

use std::io::{Read, Write};

use actix_web::{App, HttpServer, web};
use anyhow::{Context, Result};

/// Workers of the server, as many as cores of the machine the goals were made on.
const WORKERS: usize = 2;

/// Serves `hello` on a free loopback port and prints the address. Ends when standard input does, so that it never
/// outlives the load generator.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn serve() -> Result<()> {
    std::thread::spawn(|| {
        // Read errors too mean that the parent has gone.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().route("/", web::get().to(async || "hello")))
            .workers(WORKERS)
            .disable_signals()
            .bind(("127.0.0.1", 0))?;
        println!("{}", server.addrs().first().context("no address")?);
        std::io::stdout().flush()?;
        Ok(server.run().await?)
    })
}
