//! `keystead serve`

use std::io::IsTerminal;

use keystead_server::config::{LogConfig, LogFormat};
use keystead_server::{Handle, run};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::{Common, ServeArgs};

/// Serves until SIGTERM or Ctrl-C, then lets open requests finish.
pub(crate) async fn serve(common: &Common, args: &ServeArgs) -> anyhow::Result<()> {
    let config = common.load()?;
    start_log(&config.log)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut handle = run(config).await?;
    if !args.quiet {
        welcome(&handle);
    }
    #[cfg(target_os = "linux")]
    tokio::spawn(crate::memory::give_back_when_idle());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        ended = handle.ended() => { ended?; anyhow::bail!("the server ended by itself"); }
    }
    tracing::info!("stopping: open requests get their answers");
    handle.stop().await;
    Ok(())
}

fn start_log(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the operator reads this")]
fn welcome(handle: &Handle) {
    let config = &handle.app.config;
    let database = match &config.database.url {
        Some(_) => "PostgreSQL".to_owned(),
        None => format!("SQLite in {}", config.server.data_dir.display()),
    };
    let url = format!("http://{}", handle.addr);
    println!("Keystead serves {url} ({database})\n");
    if let Some(first) = &handle.first_start {
        println!("First start: made the app \"default\". Its tokens are in {}\n", first.env_file.display());
    }
    println!("Try next:");
    println!("  curl {url}/health");
    println!("  keystead demo                              two users share a secret; see what the server stored");
    println!("  keystead app create myapp --preset lax     an app whose users register themselves: shows its tokens");
    println!("  keystead import instant BACKUP.zip         an app of Instant with its records, rules and files");
    println!("  keystead app list");
    println!("(From the source tree, `cargo run --release --` stands for `keystead`.)");
}
