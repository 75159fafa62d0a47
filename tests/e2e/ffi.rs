//! The C ABI from outside: the cross vectors and whole flows, from C under valgrind and from Python, and beside the npm client.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{TestServer, both, node};

both! { c_decrypts, python_decrypts, npm_and_python_read_each_other }

const VALGRIND: [&str; 4] =
    ["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible"];

fn shell() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join("sdk-flutter-ffi")
}

/// The library beside the test binary's directory, as `cargo build --workspace` puts it; `KEYSTEAD_FFI` names another.
fn library() -> PathBuf {
    let name = format!("{}keystead_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join(name));
    let path = std::env::var_os("KEYSTEAD_FFI").map(PathBuf::from).or_else(built).expect("a path");
    assert!(path.is_file(), "{} is missing: cargo build -p keystead-ffi --features vectors", path.display());
    path
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sdk.json")
}

fn success(command: &mut Command) -> String {
    let run = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}: run `cargo xtask setup`"));
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{command:?}\n{text}\n{}", String::from_utf8_lossy(&run.stderr));
    text
}

/// Compiles a C program against the header and runs it under valgrind.
fn c(program: &str, args: &[&OsStr]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let (library, binary) = (library(), dir.path().join("program"));
    let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
    rpath.push(library.parent().expect("its directory"));
    let flags = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-o"];
    success(
        Command::new("cc")
            .args(flags)
            .arg(&binary)
            .arg(shell().join(program))
            .arg(&library)
            .arg("-lpthread")
            .arg(rpath),
    );
    success(Command::new("valgrind").args(VALGRIND).arg(&binary).args(args))
}

fn python(program: &str, args: &[&OsStr]) -> String {
    success(
        Command::new("python3")
            .arg(shell().join(program))
            .arg(library())
            .arg(shell().join("include/keystead.h"))
            .args(args),
    )
}

#[test]
fn c_makes_the_vectors_again_without_a_leak() {
    let said = c("tests/c/vectors.c", &[vectors().as_os_str()]);
    assert!(said.ends_with(" 0 failures\n"), "{said}");
}

#[test]
fn python_makes_the_vectors_again() {
    assert!(python("tests/python/vectors.py", &[vectors().as_os_str()]).contains(" cases, "));
}

async fn c_decrypts(server: TestServer) {
    let (url, public) = (server.url(), server.lax.public.clone());
    let said = apart(move || c("examples/first_decrypt.c", &[url.as_ref(), public.as_ref()])).await;
    assert_eq!(said, "decrypted\n");
}

async fn python_decrypts(server: TestServer) {
    let (url, public, secret) = (server.url(), server.lax.public.clone(), server.lax.secret.clone());
    let run = move || python("examples/first_decrypt.py", &[url.as_ref(), public.as_ref(), secret.as_ref()]);
    assert_eq!(apart(run).await, "decrypted\n");
}

/// A user, a group and a text of the unmodified npm client open in Python, and what Python answers opens in the npm client.
async fn npm_and_python_read_each_other(server: TestServer) {
    let header = shell().join("include/keystead.h");
    let script = shell().join("tests/python/npm.py");
    let library = library();
    let environment = [
        ("KEYSTEAD_URL", server.url().into()),
        ("KEYSTEAD_PUBLIC_TOKEN", server.lax.public.clone().into()),
        ("KEYSTEAD_SECRET_TOKEN", server.lax.secret.clone().into()),
        ("KEYSTEAD_CROSS_SCRIPT", script.into_os_string()),
        ("KEYSTEAD_CROSS_LIBRARY", library.into_os_string()),
        ("KEYSTEAD_CROSS_HEADER", header.into_os_string()),
    ];
    let passed = apart(move || {
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_os_str())).collect();
        node::run("@sentclose/sentc", &["cross/ffi.mjs"], &environment)
    });
    assert_eq!(passed.await, 1);
}

/// Runs what blocks on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it does not panic")
}
