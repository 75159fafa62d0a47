//! `bench files`: files of 64 MiB up and down, in parts of 4 MiB, from several connections at once; and what that costs the
//! server in memory. Bytes are random and encrypted by nobody: the server does not know the difference.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use keystead_protocol::files::{FileData, FileRegisterOutput, PART_SIZE};
use keystead_sdk_core::rng;

use crate::http::{self, Blocking};
use crate::report::{Goal, Report};
use crate::server::{Keystead, file_system};
use crate::stats::median;
use crate::{BenchArgs, stop, users};

/// Parts of a file: 64 MiB.
const PARTS: usize = 16;
/// The server may use this much memory, whatever passes through it.
const MOST_MIB: f64 = 100.0;

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let binary = args.keystead.canonicalize().with_context(|| args.keystead.display().to_string())?;
    let root = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let directory = tempfile::Builder::new().prefix("keystead-load-").tempdir_in(&root)?;
    let mut report = Report::new("files");
    report.note("file_system", file_system(&root));
    let keystead = Keystead { binary, data: directory.path().to_owned(), database_url: None, settings: Vec::new() };
    let mut server = keystead.start()?;
    let headers = users::headers_of_one(server.addr, &keystead.create_app()?.public_token)?;
    let part = rng::bytes::<4096>(&mut rng::os()).repeat(PART_SIZE / 4096);
    report.fact("idle_rss_mib", server.rss_mib()?);
    for &connections in args.connections.iter().filter(|c| **c <= 16) {
        let (mut disk, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..args.rounds {
            stop::check()?;
            disk.push(mb_per_s(1, on_disk(directory.path(), &part)?));
            let (took, ids) = timed(connections, |_| upload(server.addr, &headers, &part))?;
            up.push(mb_per_s(connections, took));
            let (took, _) =
                timed(connections, |n| download(server.addr, &headers, ids.get(n).context("a file")?, &part))?;
            down.push(mb_per_s(connections, took));
            for id in &ids {
                let request = http::render("DELETE", &format!("/api/v1/file/{id}"), &headers, "");
                Blocking::connect(server.addr)?.send(&request)?.expect_success()?;
            }
        }
        report.fact("disk_fsync_mb_per_s", median(disk));
        report.fact(&format!("upload_{connections}_conns_mb_per_s"), median(up));
        report.fact(&format!("download_{connections}_conns_mb_per_s"), median(down));
    }
    report.goal(Goal::at_most("peak RSS MiB", server.peak_mib()?, MOST_MIB));
    server.terminate()?;
    Ok(report)
}

/// Uploads a file and gives its id.
fn upload(addr: SocketAddr, headers: &[String], part: &[u8]) -> Result<String> {
    let mut server = Blocking::connect(addr)?;
    let body =
        r#"{"encrypted_key":"k","encrypted_key_alg":"AES-GCM-256","master_key_id":"k","belongs_to_type":"None"}"#;
    let answer = server.send(&http::render("POST", "/api/v1/file", headers, body))?;
    let file: FileRegisterOutput = keystead_protocol::parse(answer.text()?)?;
    for number in 1..=PARTS {
        let path = format!("/api/v1/file/part/{}/{number}/{}", file.session_id, number == PARTS);
        server.send(&http::render_bytes("POST", &path, headers, part))?.expect_success()?;
    }
    Ok(file.file_id)
}

/// Downloads a file and holds every part against what was sent.
fn download(addr: SocketAddr, headers: &[String], file_id: &str, part: &[u8]) -> Result<()> {
    let mut server = Blocking::connect(addr)?;
    let answer = server.send(&http::render("GET", &format!("/api/v1/file/{file_id}"), headers, ""))?;
    let file: FileData = keystead_protocol::parse(answer.text()?)?;
    ensure!(file.part_list.len() == PARTS, "{} parts", file.part_list.len());
    for item in &file.part_list {
        let path = format!("/api/v1/file/part/{}", item.part_id);
        let answer = server.send(&http::render("GET", &path, headers, ""))?;
        ensure!(answer.status == 200 && answer.body == part, "part {} is another one", item.sequence);
    }
    Ok(())
}

/// The yardstick: as many files of the same size, each on disk before the next.
fn on_disk(directory: &Path, part: &[u8]) -> Result<Duration> {
    let began = Instant::now();
    for number in 0..PARTS {
        let path = directory.join(format!("yardstick-{number}"));
        let mut file = std::fs::File::create(&path)?;
        file.write_all(part)?;
        file.sync_all()?;
    }
    let took = began.elapsed();
    for number in 0..PARTS {
        std::fs::remove_file(directory.join(format!("yardstick-{number}")))?;
    }
    Ok(took)
}

/// Runs `work` on so many threads at once; gives the time until the last is done, and what they give.
fn timed<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<(Duration, Vec<T>)> {
    let began = Instant::now();
    let results = std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads).map(|n| scope.spawn(move || work(n))).collect();
        let join = |t: std::thread::ScopedJoinHandle<'_, Result<T>>| {
            t.join().unwrap_or_else(|_panicked| Err(anyhow::anyhow!("a thread panicked")))
        };
        running.into_iter().map(join).collect::<Result<Vec<T>>>()
    })?;
    Ok((began.elapsed(), results))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mb_per_s(files: usize, took: Duration) -> f64 {
    (files * PARTS * PART_SIZE) as f64 / 1e6 / took.as_secs_f64()
}
