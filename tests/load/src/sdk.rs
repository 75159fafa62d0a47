//! `bench sdk`: what the clients cost their app. Registration, login, and encryption of 1 KiB, 1 MiB and 64 MiB with the Rust client
//! beside raw aws-lc-rs, and in Node.js and a headless Chromium with `@keystead/sdk` beside WebCrypto and the npm client of 2022
//! (`sdk-wasm/npm/bench.mjs`). In every round each yardstick runs right after what it is the yardstick of.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use keystead::keys::{StdGroup, StdUser};
use keystead::{Client, CreateFile, DownloadFile};
use keystead_protocol::files::PART_SIZE;
use keystead_sdk_core::rng;
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use crate::report::{Goal, Report};
use crate::server::{AppTokens, Keystead, Server};
use crate::stage::mib;
use crate::stats::median;
use crate::{BenchArgs, stop};

const SIZES: [(&str, usize); 3] = [("1 KiB", 1 << 10), ("1 MiB", 1 << 20), ("64 MiB", 64 << 20)];
const FILE: usize = 64 << 20;
const PASSWORD: &str = "correct horse battery staple";
/// What the clients must reach of their yardstick with 64 MiB.
const SHARE: f64 = 0.8;
/// The npm package with its bench, which `cargo xtask bench sdk` builds before.
const NPM: &str = "sdk-wasm/npm";
/// Short work is repeated this long.
const LEAST: Duration = Duration::from_millis(100);

const RUST: &str = "rust";
const RAW: &str = "aws-lc-rs";

/// A line of the JavaScript bench.
#[derive(Deserialize)]
struct Line {
    /// Row of the table, with its unit.
    row: String,
    /// Column.
    of: String,
    value: f64,
    /// Against the yardstick of the same rounds.
    share: Option<f64>,
}

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a failed call, an npm package that is not built.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let binary = args.keystead.canonicalize().with_context(|| args.keystead.display().to_string())?;
    let directory = tempfile::Builder::new()
        .prefix("keystead-load-")
        .tempdir_in(args.dir.clone().unwrap_or_else(std::env::temp_dir))?;
    let data = directory.path().to_owned();
    let keystead = Keystead { binary, data, database_url: None, settings: Vec::new() };
    let mut server = keystead.start()?;
    let app = keystead.create_app()?;
    let mut report = Report::new("sdk");
    if args.wants("rust") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(native(args, &format!("http://{}", server.addr), &app.public_token, &mut report))?;
    }
    if args.wants("js") {
        javascript(args, &server, &app, &mut report)?;
    }
    server.terminate()?;
    Ok(report)
}

/// The Rust client.
async fn native(args: &BenchArgs, url: &str, token: &str, report: &mut Report) -> Result<()> {
    let client = Client::new(url, token)?;
    let user = accounts(args, &client, report).await?;
    let group = user.get_group(&user.create_group().await?).await?;
    for (name, size) in SIZES {
        let shares = content(args, &group, name, size, report)?;
        if size == FILE {
            report.goal(Goal::at_least("rust encrypt / aws-lc-rs", shares.encrypt, SHARE));
            report.goal(Goal::at_least("rust decrypt / aws-lc-rs", shares.decrypt, SHARE));
        }
    }
    files(args, &group, report).await
}

/// Registration and login, milliseconds; gives a user.
async fn accounts(args: &BenchArgs, client: &Client, report: &mut Report) -> Result<StdUser> {
    let (mut register, mut login) = (Vec::new(), Vec::new());
    let mut user = None;
    for round in 0..args.rounds {
        stop::check()?;
        let name = format!("native-{round}");
        let began = Instant::now();
        client.register(&name, PASSWORD).await?;
        register.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        user = Some(client.login(&name, PASSWORD).await?);
        login.push(began.elapsed().as_secs_f64() * 1e3);
    }
    report.figure("register, ms", RUST, median(register));
    report.figure("login, ms", RUST, median(login));
    user.context("no round")
}

/// Of the yardstick, the median of the rounds.
struct Shares {
    encrypt: f64,
    decrypt: f64,
}

/// Encrypts and decrypts with the group's key and with aws-lc-rs alone.
fn content(args: &BenchArgs, group: &StdGroup, name: &str, size: usize, report: &mut Report) -> Result<Shares> {
    let plain = vec![7; size];
    let sealed = group.encrypt(&plain)?;
    ensure!(group.decrypt(&sealed)? == plain, "another text");
    let key = raw_key()?;
    let raw = raw_seal(&key, &plain)?;
    let mut speeds: [Vec<f64>; 5] = Default::default();
    for _ in 0..args.rounds {
        stop::check()?;
        let round = [
            speed(size, || group.encrypt(&plain))?,
            speed(size, || raw_seal(&key, &plain))?,
            speed(size, || group.decrypt(&sealed))?,
            speed(size, || raw_open(&key, &raw))?,
            in_place(size, &key)?,
        ];
        speeds.iter_mut().zip(round).for_each(|(all, one)| all.push(one));
    }
    let [encrypt, raw_encrypt, decrypt, raw_decrypt, in_place] = &speeds;
    let share = |of: &[f64], to: &[f64]| median(of.iter().zip(to).map(|(a, b)| a / b).collect());
    let shares = Shares { encrypt: share(encrypt, raw_encrypt), decrypt: share(decrypt, raw_decrypt) };
    report.figure(&format!("encrypt {name}, MB/s"), RUST, median(encrypt.clone()));
    report.figure(&format!("encrypt {name}, MB/s"), RAW, median(raw_encrypt.clone()));
    report.figure(&format!("encrypt {name}, MB/s"), "aws-lc-rs in place", median(in_place.clone()));
    report.figure(&format!("decrypt {name}, MB/s"), RUST, median(decrypt.clone()));
    report.figure(&format!("decrypt {name}, MB/s"), RAW, median(raw_decrypt.clone()));
    Ok(shares)
}

/// A file of 64 MiB up and down: MB/s, and what memory grows by meanwhile.
async fn files(args: &BenchArgs, group: &StdGroup, report: &mut Report) -> Result<()> {
    let (mut up, mut down, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        stop::check()?;
        let memory = Memory::start()?;
        let began = Instant::now();
        let mut source = tokio::io::repeat(7).take(u64::try_from(FILE)?);
        let file = group.create_file(&mut source, CreateFile::default()).await?;
        up.push(mb_per_s(FILE, began.elapsed()));
        let began = Instant::now();
        let read = group.download_file(&file.file_id, &mut tokio::io::sink(), DownloadFile::default()).await?;
        down.push(mb_per_s(FILE, began.elapsed()));
        ensure!(read.size == file.size, "{} of {} bytes came back", read.size, file.size);
        peaks.push(memory.grown_mib()?);
        group.delete_file(&file.file_id).await?;
    }
    report.figure("file up 64 MiB, MB/s", RUST, median(up));
    report.figure("file down 64 MiB, MB/s", RUST, median(down));
    report.fact("part_mib", mib(u64::try_from(PART_SIZE)?));
    report.figure("file peak, MiB", RUST, peaks.iter().copied().fold(0.0, f64::max));
    Ok(())
}

/// Node.js and Chromium.
fn javascript(args: &BenchArgs, server: &Server, app: &AppTokens, report: &mut Report) -> Result<()> {
    ensure!(Path::new(NPM).join("dist/index.js").is_file(), "{NPM} is not built: cargo xtask bench sdk does it");
    let mut node = Command::new("node")
        .arg("--expose-gc")
        .arg("bench.mjs")
        .current_dir(NPM)
        .env("KEYSTEAD_URL", format!("http://{}", server.addr))
        .env("KEYSTEAD_PUBLIC_TOKEN", &app.public_token)
        .env("KEYSTEAD_ROUNDS", args.rounds.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .context("node")?;
    for line in BufReader::new(node.stdout.take().context("stdout")?).lines() {
        let line = line?;
        let line: Line = serde_json::from_str(&line).with_context(|| format!("bench.mjs said {line}"))?;
        report.figure(&line.row, &line.of, line.value);
        if let Some(share) = line.share.filter(|_| line.row.contains("64 MiB")) {
            let name = line.row.split(" 64 MiB").next().unwrap_or_default();
            report.goal(Goal::at_least(&format!("{} {name} / WebCrypto", line.of), share, SHARE));
        }
    }
    let status = node.wait()?;
    ensure!(status.success(), "bench.mjs ended with {status}");
    Ok(())
}

fn raw_key() -> Result<LessSafeKey> {
    let bytes = rng::bytes::<32>(&mut rng::os());
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok().context("a key")?))
}

/// Nonce, ciphertext and tag in a buffer of their own, as a caller wants them.
fn raw_seal(key: &LessSafeKey, plain: &[u8]) -> Result<Vec<u8>> {
    let nonce: [u8; 12] = rng::bytes(&mut rng::os());
    let mut out = Vec::with_capacity(plain.len() + 28);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plain);
    let body = out.get_mut(12..).context("body")?;
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), body);
    out.extend_from_slice(tag.ok().context("seals")?.as_ref());
    Ok(out)
}

fn raw_open(key: &LessSafeKey, sealed: &[u8]) -> Result<Vec<u8>> {
    let (nonce, body) = sealed.split_first_chunk::<12>().context("nonce")?;
    let (body, tag) = body.split_last_chunk::<16>().context("tag")?;
    let mut out = vec![0; body.len()];
    let nonce = Nonce::assume_unique_for_key(*nonce);
    key.open_separate_gather(nonce, Aad::empty(), body, tag, &mut out).ok().context("opens")?;
    Ok(out)
}

/// Over the same buffer again and again: what nobody can have who keeps his plain text.
fn in_place(size: usize, key: &LessSafeKey) -> Result<f64> {
    let mut buffer = vec![7; size];
    speed(size, || {
        let nonce = Nonce::assume_unique_for_key(rng::bytes(&mut rng::os()));
        key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer)
    })
}

/// MB/s of work on so many bytes.
fn speed<T, E>(bytes: usize, mut work: impl FnMut() -> Result<T, E>) -> Result<f64>
where
    anyhow::Error: From<E>,
{
    let began = Instant::now();
    let mut done = 0;
    while done == 0 || began.elapsed() < LEAST {
        drop(work()?);
        done += bytes;
    }
    Ok(mb_per_s(done, began.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mb_per_s(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

/// Resident memory of this process from here on.
struct Memory {
    before: f64,
}

impl Memory {
    /// Lets the kernel forget the highest value.
    fn start() -> Result<Self> {
        std::fs::write("/proc/self/clear_refs", "5").context("/proc/self/clear_refs")?;
        Ok(Self { before: crate::server::memory_mib(std::process::id(), "VmRSS:")? })
    }

    fn grown_mib(&self) -> Result<f64> {
        Ok(crate::server::memory_mib(std::process::id(), "VmHWM:")? - self.before)
    }
}
