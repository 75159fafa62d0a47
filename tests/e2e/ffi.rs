//! Keystead's own library and the unmodified npm client in one account. More of the library: `sdk-flutter-ffi/tests/outside.rs`.

use std::path::Path;

use e2e::{TestServer, both, node};

both! { npm_and_python_read_each_other }

/// A user, a group and a text of the npm client open in Python, and what Python answers opens in the npm client.
async fn npm_and_python_read_each_other(server: TestServer) {
    let shell = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join("sdk-flutter-ffi");
    let deps = std::env::current_exe().expect("a path").parent().expect("a directory").to_owned();
    let name = format!("{}keystead_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let (header, script) = (shell.join("include/keystead.h"), shell.join("tests/python/npm.py"));
    let (url, library) = (server.url(), deps.join(name));
    assert!(library.is_file(), "{} is missing: cargo build --workspace", library.display());
    let environment = [
        ("KEYSTEAD_URL", url.as_ref()),
        ("KEYSTEAD_PUBLIC_TOKEN", server.lax.public.as_ref()),
        ("KEYSTEAD_SECRET_TOKEN", server.lax.secret.as_ref()),
        ("KEYSTEAD_CROSS_SCRIPT", script.as_os_str()),
        ("KEYSTEAD_CROSS_LIBRARY", library.as_os_str()),
        ("KEYSTEAD_CROSS_HEADER", header.as_os_str()),
    ];
    assert_eq!(node::run("@sentclose/sentc", &["cross/ffi.mjs"], &environment), 1);
}
