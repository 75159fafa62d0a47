//! Letters as files, for development and tests, and for operators whose own program sends them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use lettre::Message;

pub(super) struct Outbox {
    folder: PathBuf,
    next: AtomicU64,
}

impl Outbox {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, next: AtomicU64::new(0) }
    }

    /// Writes `NNN.eml`. Names sort by time; a file appears whole or not at all, and belongs to the server's user alone.
    pub(super) fn write(&self, message: &Message) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        // The system's time, not the server's clock: file names must not repeat when tests move that one.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{now:017}-{}-{number:06}", std::process::id());
        let (part, whole) = (self.folder.join(format!("{name}.part")), self.folder.join(format!("{name}.eml")));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&part)?.write_all(&message.formatted())?;
        std::fs::rename(part, whole)
    }
}
