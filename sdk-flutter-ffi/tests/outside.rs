//! The C ABI from outside: the cross vectors and whole flows against a server, from C under valgrind and from Python.
#![expect(clippy::panic, reason = "a test may stop where it fails")]

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const VALGRIND: [&str; 4] =
    ["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible"];

#[test]
fn c_makes_the_vectors_again_without_a_leak() {
    let said = c("tests/c/vectors.c", &[vectors().as_os_str()]);
    assert!(said.ends_with(" 0 failures\n"), "{said}");
}

#[test]
fn python_makes_the_vectors_again() {
    assert!(python("tests/python/vectors.py", &[vectors().as_os_str()]).contains(" cases, "));
}

#[test]
fn c_and_python_come_from_registration_to_decryption() {
    let server = Server::start();
    let [url, public, secret] = [&server.url, &server.public, &server.secret].map(OsStr::new);
    assert_eq!(c("examples/first_decrypt.c", &[url, public]), "decrypted\n");
    assert_eq!(python("examples/first_decrypt.py", &[url, public, secret]), "decrypted\n");
}

fn shell() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn vectors() -> PathBuf {
    shell().join("../tests/vectors/sdk.json")
}

/// Where this test is: `target/debug/deps`.
fn deps() -> PathBuf {
    let exe = std::env::current_exe().expect("a path");
    exe.parent().expect("a directory").to_owned()
}

/// The library as it was built for this test, with the generator of the vectors.
fn library() -> PathBuf {
    let name = format!("{}keystead_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let path = deps().join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path
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
    let binary = dir.path().join("program");
    let mut rpath = OsString::from("-Wl,-rpath,");
    rpath.push(deps());
    let flags = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-o"];
    let mut compile = Command::new("cc");
    success(compile.args(flags).arg(&binary).arg(shell().join(program)).arg(library()).arg("-lpthread").arg(rpath));
    success(Command::new("valgrind").args(VALGRIND).arg(&binary).args(args))
}

fn python(program: &str, args: &[&OsStr]) -> String {
    let header = shell().join("include/keystead.h");
    success(Command::new("python3").arg(shell().join(program)).arg(library()).arg(header).args(args))
}

/// A server with an app of the preset `lax`; gone with this value.
struct Server {
    url: String,
    public: String,
    secret: String,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Server {
    /// `KEYSTEAD_BIN` names the program; else it is the one that `cargo build --workspace` makes.
    fn start() -> Self {
        let built = || deps().parent().expect("target/debug").join("keystead");
        let binary = std::env::var_os("KEYSTEAD_BIN").map_or_else(built, PathBuf::from);
        assert!(binary.is_file(), "{} is missing: cargo build -p keystead-cli", binary.display());
        let dir = tempfile::tempdir().expect("a directory");
        let at = ["--data-dir".as_ref(), dir.path().as_os_str()];
        let app = success(Command::new(&binary).args(["app", "create", "lax", "--preset", "lax", "--json"]).args(at));
        let app: Value = serde_json::from_str(&app).expect("JSON");
        let token = |name: &str| app.get(name).and_then(Value::as_str).expect("a token").to_owned();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--rate-limit", "off"];
        let mut serving = Command::new(&binary);
        let mut child =
            serving.args(serve).args(at).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.split_whitespace().find(|w| w.starts_with("http://")).map(str::to_owned));
        // What it says later must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            url: url.expect("an address"),
            public: token("public_token"),
            secret: token("secret_token"),
            child,
            _dir: dir,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
