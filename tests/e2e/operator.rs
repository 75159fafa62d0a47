//! The operator contract, with the real binary: first start, commands beside a running server, signals, settings.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::process::{Process, Site, binary};
use e2e::users::Template;
use e2e::{Backend, block_on, both_sites, tokens};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

both_sites! {
    the_first_start_makes_an_app_and_keys,
    a_wrong_or_missing_root_key_is_a_clear_error,
    apps_are_made_and_listed,
    changes_act_at_once_on_a_running_server,
    the_root_key_may_come_from_the_environment,
    sigterm_lets_open_requests_finish,
    commands_may_run_at_the_same_time,
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
}

/// `NAME=value` lines of the environment file of the app `default`.
fn default_app(site: &Site, name: &str) -> String {
    let text = std::fs::read_to_string(site.data_dir().join("default-app.env")).expect("the file");
    let value = text.lines().find_map(|l| l.strip_prefix(&format!("{name}=")));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

fn the_first_start_makes_an_app_and_keys(site: &Site) {
    let server = site.serve(&[]);
    let (env_file, root_key) = (site.data_dir().join("default-app.env"), site.data_dir().join("root.key"));
    let told = server.output_with("Try next");
    assert!(told.contains("default-app.env"), "{told}");
    assert_eq!((mode(&env_file), mode(&root_key)), (0o600, 0o600));
    let (public, secret) = (default_app(site, "KEYSTEAD_PUBLIC_TOKEN"), default_app(site, "KEYSTEAD_SECRET_TOKEN"));
    assert_eq!((public.len(), secret.len()), (40, 68));
    uuid::Uuid::parse_str(&default_app(site, "KEYSTEAD_APP_ID")).expect("a UUID");
    uuid::Uuid::parse_str(&default_app(site, "KEYSTEAD_ADMIN_TOKEN")).expect("a UUID");
    assert!(!told.contains(&secret), "printed nowhere");
    block_on(async {
        // The preset of the first app is `default`.
        let body = Template::of(Suite::CLASSIC).register("alice");
        server.call("POST", "/register").token(&public).json(&body).refused(203).await;
        server.call("POST", "/register").token(&secret).json(&body).ok().await;
        let login =
            server.call("POST", "/user/forced/login").token(&secret).json(&json!({ "user_identifier": "alice" }));
        let login = login.ok().await;
        let jwt = login["verify"]["jwt"].as_str().expect("a JWT");
        assert!(tokens::verifies(&default_app(site, "KEYSTEAD_JWT_VERIFY_KEY"), jwt));
        assert_eq!(tokens::header(jwt)["kid"], default_app(site, "KEYSTEAD_JWT_KID").as_str());
        let health = server.http().get(format!("{}/health", server.url)).send().await.expect("an answer");
        assert_eq!(health.status(), 200);
    });
    drop(server);
    // The second start makes nothing.
    let before = std::fs::read(&env_file).expect("the file");
    let server = site.serve(&[]);
    let told = server.output_with("Try next");
    assert!(!told.contains("First start"), "{told}");
    assert_eq!(std::fs::read(&env_file).expect("the file"), before);
    block_on(server.call("GET", "/nothing").refused(404));
}

fn a_wrong_or_missing_root_key_is_a_clear_error(site: &Site) {
    drop(site.serve(&[]));
    let file = site.data_dir().join("root.key");
    let original = std::fs::read(&file).expect("the key");
    let refused = |args: &[&str], text: &str| {
        let out = site.run(args);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && told.contains(text), "{args:?}: {} {told}", out.status);
        assert!(!told.contains("panicked"), "{told}");
    };
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for args in [&serve[..], &["app", "list"]] {
        std::fs::write(&file, keystead_crypto::encoding::b64_encode(&[7; 32])).expect("written");
        refused(args, "wrong root key");
        std::fs::write(&file, "AAAA").expect("written");
        refused(args, "32 bytes");
        std::fs::remove_file(&file).expect("removed");
        refused(args, "root key is missing");
        assert!(!file.exists(), "no new one is made in its place");
    }
    std::fs::write(&file, original).expect("written");
    drop(site.serve(&[]));
}

fn apps_are_made_and_listed(site: &Site) {
    let _server = site.serve(&[]);
    let new = site.json(&["app", "create", "shop", "--json"]);
    let fields: Vec<&String> = new.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["admin_token", "app_id", "jwt", "public_token", "secret_token"]);
    let fields: Vec<&String> = new["jwt"].as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["alg", "kid", "sign_key", "verify_key"]);
    assert_eq!(new["jwt"]["alg"], "ES384");
    assert_eq!(new["public_token"].as_str().map(str::len), Some(40));
    assert_eq!(new["secret_token"].as_str().map(str::len), Some(68));

    let list = site.json(&["app", "list", "--json"]);
    let names: Vec<&str> = list.as_array().expect("a list").iter().filter_map(|a| a["name"].as_str()).collect();
    assert_eq!(names, ["default", "shop"]);
    assert!(!list.to_string().contains("token"), "no secrets in a list: {list}");
    let text = String::from_utf8(site.run(&["app", "list"]).stdout).expect("text");
    assert!(text.contains("shop") && text.contains(new["app_id"].as_str().expect("an id")), "{text}");

    let options = site.json(&["app", "options", "shop", "--json"]);
    assert_eq!((&options["options"]["user_register"], &options["options"]["group_create"]), (&json!(2), &json!(1)));
    assert_eq!(options["options"].as_object().map(serde_json::Map::len), Some(48));
    for bad in [
        vec!["app", "create", ""],
        vec!["app", "options", "nothing"],
        vec!["app", "options", "shop", "--set", "nothing=1"],
        vec!["app", "options", "shop", "--set", "group_create=3"],
        vec!["app", "options", "shop", "--set", "group_create"],
        vec!["app", "rotate-tokens", "nothing"],
        vec!["app", "create", "x", "--preset", "nothing"],
    ] {
        let out = site.run(&bad);
        assert!(!out.status.success() && !out.stderr.is_empty(), "{bad:?}");
    }
    let _second = site.json(&["app", "create", "shop", "--json"]);
    assert!(!site.run(&["app", "options", "shop"]).status.success(), "two have the name");
}

fn changes_act_at_once_on_a_running_server(site: &Site) {
    let server = site.serve(&[]);
    let app = site.json(&["app", "create", "shop", "--preset", "lax", "--json"]);
    let id = app["app_id"].as_str().expect("an id");
    let token = app["public_token"].as_str().expect("a token");
    let exists = |token: &str| server.call("POST", "/exists").token(token).json(&json!({ "user_identifier": "a" }));
    block_on(async {
        exists(token).ok().await;
        let _ = site.json(&["app", "options", id, "--set", "user_exists=0", "--json"]);
        exists(token).refused(203).await;
        let _ = site.json(&["app", "options", "shop", "--set", "user_exists=1", "--set", "disabled=true", "--json"]);
        exists(token).refused(204).await;
        let _ = site.json(&["app", "options", id, "--set", "disabled=false", "--json"]);
        exists(token).ok().await;
        let _ = site.json(&["app", "options", id, "--preset", "default", "--json"]);
        let body = Template::of(Suite::CLASSIC).register("alice");
        server.call("POST", "/register").token(token).json(&body).refused(203).await;

        let new = site.json(&["app", "rotate-tokens", id, "--json"]);
        for old in [&app["public_token"], &app["secret_token"]] {
            exists(old.as_str().expect("a token")).refused(200).await;
        }
        for new in [&new["public_token"], &new["secret_token"]] {
            exists(new.as_str().expect("a token")).ok().await;
        }
        assert_eq!(new["app_id"], app["app_id"]);
    });
}

fn the_root_key_may_come_from_the_environment(site: &Site) {
    let key = keystead_crypto::encoding::b64_encode(&[7; 32]);
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    let server = Process::start(command.env("KEYSTEAD__SERVER__ROOT_KEY", &key));
    block_on(server.call("GET", "/nothing").refused(404));
    assert!(!site.data_dir().join("root.key").exists());
    assert!(!server.output().contains(&key));
    drop(server);
    let out = site.run(&["app", "list"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("root key is missing"));
}

/// A request whose body has come half when the signal comes is answered; then the process ends by itself.
fn sigterm_lets_open_requests_finish(site: &Site) {
    let mut server = site.serve(&[]);
    let token = default_app(site, "KEYSTEAD_PUBLIC_TOKEN");
    let body = json!({ "user_identifier": "alice" }).to_string();
    let (first, second) = body.split_at(10);
    let address = server.url.strip_prefix("http://").expect("an address").to_owned();
    let mut slow = TcpStream::connect(&address).expect("connects");
    write!(
        slow,
        "POST /api/v1/exists HTTP/1.1\r\nhost: x\r\nx-sentc-app-token: {token}\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    )
    .expect("sent");
    slow.flush().expect("sent");
    std::thread::sleep(Duration::from_millis(200));

    let start = Instant::now();
    server.signal("TERM");
    while TcpStream::connect(&address).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(5), "it still takes new connections");
        std::thread::sleep(Duration::from_millis(20));
    }
    slow.write_all(second.as_bytes()).expect("sent");
    slow.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let mut answer = [0; 4096];
    let read = slow.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"available\":true"), "{answer}");
    drop(slow);
    assert!(server.wait(Duration::from_secs(15)).success());
    assert!(start.elapsed() < Duration::from_secs(15));
    assert!(!server.output().contains("panicked"), "{}", server.output());
}

/// Also on an empty directory, where each would make the root key and the database.
fn commands_may_run_at_the_same_time(site: &Site) {
    let names: Vec<String> = (0..4).map(|i| format!("app {i}")).collect();
    let running = names.iter().map(|name| site.command(&["app", "create", name, "--json"]));
    let running = running.map(|mut c| c.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs"));
    for child in running.collect::<Vec<_>>() {
        let out = child.wait_with_output().expect("ends");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let list = site.json(&["app", "list", "--json"]);
    let mut found: Vec<&str> = list.as_array().expect("a list").iter().filter_map(|a| a["name"].as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, names);
}

/// Flags beat the environment, which beats the file, which beats the defaults. The directory that is made tells.
#[test]
fn flags_beat_environment_beats_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let made = |command: &mut Command| -> Vec<String> {
        let out = command.output().expect("runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir.path()).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.push(path.file_name().expect("a name").to_string_lossy().into_owned());
                std::fs::remove_dir_all(&path).expect("removed");
            }
        }
        found
    };
    let command = || {
        let mut command = Command::new(binary());
        command.current_dir(dir.path()).args(["app", "list"]);
        command.env_remove("KEYSTEAD__SERVER__DATA_DIR");
        command
    };
    assert_eq!(made(&mut command()), ["keystead-data"]);
    std::fs::write(dir.path().join("keystead.toml"), "[server]\ndata_dir = 'from-file'\n").expect("written");
    assert_eq!(made(&mut command()), ["from-file"]);
    let environment = ("KEYSTEAD__SERVER__DATA_DIR", "from-environment");
    assert_eq!(made(command().env(environment.0, environment.1)), ["from-environment"]);
    assert_eq!(made(command().env(environment.0, environment.1).args(["--data-dir", "from-flag"])), ["from-flag"]);
    std::fs::write(dir.path().join("other.toml"), "[server]\ndata_dir = 'from-other'\n").expect("written");
    assert_eq!(made(command().args(["--config", "other.toml"])), ["from-other"]);

    // What nobody knows or nobody can mean is refused with all problems.
    std::fs::write(dir.path().join("keystead.toml"), "[server]\nlisten = 'nowhere'\n[keys]\nchallenge_seconds = 0\n")
        .expect("written");
    let out = command().output().expect("runs");
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(
        !out.status.success() && told.contains("server.listen") && told.contains("keys.challenge_seconds"),
        "{told}"
    );
}

#[test]
fn the_demo_tells_its_story() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = Command::new(binary()).arg("demo").current_dir(dir.path()).output().expect("runs");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("10.") && text.contains("0 found"), "{text}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 0, "it leaves nothing behind");
}

#[test]
fn an_address_in_use_is_a_clear_error() {
    let Some(site) = Site::new(Backend::Sqlite) else { return };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let out = site.run(&["serve", "--listen", &address]);
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && told.contains(&address), "{told}");
    let value: Value = site.json(&["app", "list", "--json"]);
    assert!(value.is_array());
}
