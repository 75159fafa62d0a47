//! Invariant 1: the server cannot decrypt, and keeps no name, password or secret in clear. Canary strings go through
//! everything an application does; afterwards they are searched in the database, the log at its most talkative, and the
//! metrics.

use e2e::process::{Process, Site};
use e2e::users::Template;
use e2e::{Backend, block_on, tokens};
use keystead::{Client, CreateFile, DownloadFile};
use keystead_crypto::encoding::{b64_decode, b64_encode, b64url_encode};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

#[test]
fn sqlite() {
    run(Backend::Sqlite);
}

#[test]
fn postgres() {
    run(Backend::Postgres);
}

/// What must not be found, with a name for the message.
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    /// A new canary: long, random, and without meaning.
    fn make(&mut self, what: &'static str) -> String {
        let text = format!("canary-{}-{}", what.replace(' ', "-"), uuid::Uuid::new_v4().simple());
        self.add(what, &text);
        text
    }

    /// Text and its usual encodings.
    fn add(&mut self, what: &'static str, text: &str) {
        let bytes = text.as_bytes();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        for form in [text.to_owned(), b64_encode(bytes), b64url_encode(bytes), hex, text.to_uppercase()] {
            self.0.push((what, form));
        }
    }

    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        for (what, canary) in &self.0 {
            // The last characters of base64 depend on what follows.
            let needle = canary.trim_end_matches('=').as_bytes();
            let needle = &needle[..needle.len() - 2];
            assert!(!contains(bytes, needle), "{what} found in {place}: {canary}");
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| b == first) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn run(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let metrics = free_address();
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("KEYSTEAD__LOG__FILTER", "trace").env("KEYSTEAD__METRICS__LISTEN", &metrics);
    let server = Process::start(&mut command);
    let app = site.json(&["app", "create", "canary", "--preset", "lax", "--json"]);

    let mut canaries = Canaries(Vec::new());
    let user_id = block_on(live(&server, &app, &mut canaries));
    for token in ["public_token", "secret_token", "admin_token"] {
        canaries.add("app token", app[token].as_str().expect("a token"));
    }
    canaries.add("sign key", app["jwt"]["sign_key"].as_str().expect("a key"));

    let scraped = block_on(async {
        let answer = server.http().get(format!("http://{metrics}/metrics")).send().await.expect("metrics");
        answer.text().await.expect("text")
    });
    assert!(scraped.contains("keystead_requests_total"), "{scraped}");
    canaries.assert_absent("the metrics", scraped.as_bytes());

    let while_it_runs = stored(&site);
    assert!(contains(&while_it_runs, user_id.as_bytes()), "the search finds what is there");
    canaries.assert_absent("the database", &while_it_runs);

    let log = server.end();
    assert!(log.contains("answered") && log.contains("/api/v1/verify_login"), "the log was captured: {log}");
    canaries.assert_absent("the log", log.as_bytes());
    // After the end too, when everything has been written.
    canaries.assert_absent("the database", &stored(&site));
}

/// Everything a database holds: the files of SQLite with its write-ahead log, or all rows of PostgreSQL as text. And what lies
/// beside it: the parts of files.
fn stored(site: &Site) -> Vec<u8> {
    let mut bytes = Vec::new();
    match site.backend() {
        Backend::Sqlite => {
            for entry in std::fs::read_dir(site.data_dir()).expect("the data directory") {
                let path = entry.expect("an entry").path();
                if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("keystead.sqlite")) {
                    bytes.extend(std::fs::read(path).expect("readable"));
                }
            }
        }
        Backend::Postgres => {
            for (table, rows) in site.database().rows() {
                bytes.extend(table.into_bytes());
                bytes.extend(rows.join("\n").into_bytes());
            }
        }
    }
    assert!(bytes.len() > 10_000, "{} bytes", bytes.len());
    let mut parts = 0;
    for folder in std::fs::read_dir(site.data_dir().join("files/parts")).expect("a directory of parts") {
        for part in std::fs::read_dir(folder.expect("an entry").path()).expect("a folder") {
            bytes.extend(std::fs::read(part.expect("an entry").path()).expect("readable"));
            parts += 1;
        }
    }
    assert!(parts > 0, "the file that was uploaded");
    bytes
}

/// Two users do what users do; everything secret becomes a canary. Gives an id that the server does know.
async fn live(server: &Process, app: &Value, canaries: &mut Canaries) -> String {
    let client = Client::with_http(server.http().clone(), &server.url, app["public_token"].as_str().expect("a token"));
    let client = client.expect("a client");
    let (alice_name, alice_password) = (canaries.make("identifier"), canaries.make("password"));
    let (bob_name, bob_password) = (canaries.make("identifier"), canaries.make("password"));
    client.check_identifier(&alice_name).await.expect("asked");
    client.register(&alice_name, &alice_password).await.expect("registers");
    let bob_id = client.register_suite(Suite::CLASSIC, &bob_name, &bob_password).await.expect("registers");
    client.register(&alice_name, &alice_password).await.expect_err("taken");
    let alice = client.login(&alice_name, &alice_password).await.expect("logs in");
    client.login(&alice_name, &canaries.make("wrong password")).await.expect_err("refused");
    client.login(&canaries.make("unknown identifier"), &bob_password).await.expect_err("refused");

    let group = alice.get_group(&alice.create_group().await.expect("created")).await.expect("a group");
    group.invite(&bob_id, None).await.expect("invited");
    let bob = client.login(&bob_name, &bob_password).await.expect("logs in");
    bob.accept_group_invite(group.group_id()).await.expect("accepted");
    let (content, letter) = (canaries.make("group content"), canaries.make("letter"));
    let secret = group.encrypt_string_signed(&content).expect("encrypts");
    let his = bob.get_group(group.group_id()).await.expect("a group");
    assert_eq!(his.decrypt_string(&secret).expect("decrypts"), content);
    let (file_name, inside) = (canaries.make("file name"), canaries.make("file content"));
    let options = CreateFile { name: Some(&file_name), sign: true, ..CreateFile::default() };
    let file = group.create_file(&mut inside.as_bytes(), options).await.expect("uploads");
    canaries.add("file key", &b64_encode(file.key.key.as_bytes()));
    let mut read = Vec::new();
    his.download_file(&file.file_id, &mut read, DownloadFile::default()).await.expect("downloads");
    assert_eq!(read, inside.as_bytes());
    let sealed = alice.encrypt_string_for(&bob_id, &letter, true).await.expect("encrypts");
    assert_eq!(bob.decrypt_string_for_me(&sealed, Some(alice.user_id())).await.expect("decrypts"), letter);
    group.create_search_raw(&canaries.make("search word"), false, None).expect("hashes");
    for key in group.keys() {
        canaries.add("group key", &b64_encode(key.key().as_bytes()));
    }

    alice.refresh_jwt().await.expect("refreshes");
    alice.init().await.expect("starts");
    alice.update_identifier(&canaries.make("new identifier")).await.expect("renames");
    for user in [&alice, &bob] {
        canaries.add("refresh token", user.refresh_token());
        canaries.add("jwt", &user.jwt());
    }
    raw_login(server, app, canaries).await;
    alice.user_id().to_owned()
}

/// A login by hand, for the secrets that the SDK does not show.
async fn raw_login(server: &Process, app: &Value, canaries: &mut Canaries) {
    let name = canaries.make("identifier");
    let (template, token) = (Template::of(Suite::CLASSIC), app["public_token"].as_str().expect("a token"));
    let post = |path: &str| server.call("POST", path).token(token);
    post("/register").json(&template.register(&name)).ok().await;
    let done = post("/done_login").json(&template.done_login(&name)).send().await;
    let body = template.verify_login(&name, &done.text());
    canaries.add("challenge", &body.challenge);
    canaries.add("auth key", &body.auth_key);
    let raw = b64_decode(&body.auth_key).expect("b64");
    canaries.add("auth key", &b64url_encode(&raw));
    let login = post("/verify_login").json(&body).ok().await;
    let jwt = login["jwt"].as_str().expect("a JWT");
    canaries.add("jwt", jwt);
    canaries.add("refresh token", login["refresh_token"].as_str().expect("a token"));
    // Refused calls are logged too.
    server.call("GET", "/group/all/0/none").token(token).jwt(&tokens::with_broken_signature(jwt)).refused(30).await;
    let (broken, bad_path) = (canaries.make("broken body"), canaries.make("path"));
    post("/exists").text(&format!("{{\"user_identifier\": {broken}")).refused(11).await;
    post("/exists").json(&json!({ broken: 1 })).refused(11).await;
    server.call("GET", &format!("/user/{bad_path}/public_key?{bad_path}")).token(token).refused(100).await;
    server.call("GET", &format!("/{bad_path}")).token(token).refused(404).await;
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}
