//! The unmodified Python client `instantdb`, its tests in `tests/clients_py`, against a server of this process.

use std::path::Path;
use std::process::Command;

use e2e::{TestServer, both};

/// Tests in `test_instant.py`.
const TESTS: usize = 7;

both! { the_python_client_works }

async fn the_python_client_works(server: TestServer) {
    let target = std::env::current_exe().expect("a path").ancestors().nth(3).expect("a target directory").to_owned();
    let python = target.join("python-clients/bin/python");
    assert!(python.is_file(), "the Python client is not installed: run `cargo xtask setup`");
    let app = server.data();
    let mut command = Command::new(python);
    command
        .args(["-B", "-m", "unittest", "-v", "test_instant"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients_py"))
        .env("KEYSTEAD_URL", server.url())
        .env("KEYSTEAD_DATA_APP", &app.id)
        .env("KEYSTEAD_DATA_ADMIN_TOKEN", &app.admin);
    let run = tokio::task::spawn_blocking(move || command.output()).await.expect("it runs").expect("Python 3");
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && told.contains(&format!("Ran {TESTS} tests")) && told.ends_with("OK\n"), "{told}");
}
