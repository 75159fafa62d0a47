//! Ctrl-C and SIGTERM end the run in the ordinary way: servers, databases and directories are cleaned up.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Starts to listen for signals.
///
/// # Errors
/// When no thread can be made.
pub(crate) fn listen() -> Result<()> {
    std::thread::Builder::new().name("signals".into()).spawn(|| -> Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
            let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            STOPPED.store(true, Ordering::Relaxed);
            Ok(())
        })
    })?;
    Ok(())
}

/// To be called now and then.
///
/// # Errors
/// Once a signal has come.
pub(crate) fn check() -> Result<()> {
    if STOPPED.load(Ordering::Relaxed) {
        bail!("stopped by a signal");
    }
    Ok(())
}
