//! Where parts lie: through a sudden death of the server, and in a bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use actix_web::web::{Bytes, Data, Path as UrlPath};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use e2e::files::for_nobody;
use e2e::process::{Process, Site};
use e2e::users::{Session, Template};
use e2e::{Backend, Node, TestServer, block_on, both};
use futures_util::stream;
use keystead_protocol::files::{FileData, FileRegisterOutput, FileSessionOutput};
use keystead_protocol::keys::ForcedLoginOutput;
use keystead_sdk_core::Suite;
use keystead_server::config::{Config, FileStorage, Secret};
use keystead_server::jobs::delete_files;
use serde_json::json;

mod killed_in_the_middle_of_an_upload {
    use super::*;

    #[test]
    fn sqlite() {
        killed(Backend::Sqlite);
    }

    #[test]
    fn postgres() {
        killed(Backend::Postgres);
    }
}

/// Invariant 2 for parts: what was answered is there after SIGKILL, what was not leaves nothing for long.
fn killed(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let clock = site.dir().join("clock");
    std::fs::write(&clock, "0").expect("written");
    let args = ["--rate-limit", "off", "--clock-offset-file", clock.to_str().expect("UTF-8")];
    let mut server = site.serve(&args);
    let app = site.json(&["app", "create", "killed", "--preset", "lax", "--json"]);
    let secret = app["secret_token"].as_str().expect("a token").to_owned();
    let objects = || -> Vec<String> {
        let folders = std::fs::read_dir(site.data_dir().join("files/parts")).expect("a directory");
        let files = folders.flat_map(|f| std::fs::read_dir(f.expect("an entry").path()).expect("a directory"));
        files.map(|f| f.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let (alice, file) = block_on(async {
        let alice = user(&server, &secret).await;
        let file: FileRegisterOutput =
            server.call("POST", "/file").token(&secret).jwt(&alice.jwt).json(&for_nobody()).ok_as().await;
        part(&server, &secret, &alice, &file, 1, false).await;
        (alice, file)
    });
    // The second part comes slowly; in its midst the server dies.
    block_on(async {
        let (sent, mut waiting) = tokio::sync::mpsc::unbounded_channel::<()>();
        let body = stream::unfold((0, sent), |(n, sent)| async move {
            if n >= 20 {
                sent.send(()).expect("somebody waits");
                std::future::pending::<()>().await;
            }
            Some((Ok::<_, std::io::Error>(vec![7_u8; 50_000]), (n + 1, sent)))
        });
        let url = format!("{}/api/v1/file/part/{}/2/true", server.url, file.session_id);
        let request = server.http().post(url).header("x-sentc-app-token", &secret).bearer_auth(&alice.jwt);
        let upload = request.body(reqwest::Body::wrap_stream(body)).send();
        let kill = async {
            waiting.recv().await.expect("bytes were sent");
            while objects().len() < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            server.signal("KILL");
        };
        let (answer, ()) = tokio::join!(upload, kill);
        answer.expect_err("the connection broke");
    });
    server.wait(std::time::Duration::from_secs(5));
    assert_eq!(objects().len(), 2, "one finished, one not: {:?}", objects());

    let server = site.serve(&args);
    block_on(async {
        let alice = login(&server, &secret).await;
        let state = session(&server, &secret, &alice, &file).await;
        assert_eq!((state.next, state.end, state.finished), (2, None, false));
        part(&server, &secret, &alice, &file, 2, true).await;
        assert!(session(&server, &secret, &alice, &file).await.finished);
        let path = format!("/file/{}", file.file_id);
        let data: FileData = server.call("GET", &path).token(&secret).ok_as().await;
        for item in &data.part_list {
            let path = format!("/file/part/{}", item.part_id);
            let answer = server.call("GET", &path).token(&secret).send_unchecked().await;
            assert!(answer.status == 200 && answer.body == bytes_of(item.sequence), "part {}", item.sequence);
        }
    });
    drop(server.end());
    // What the kill left goes when its upload can no longer be running.
    std::fs::write(&clock, "3700").expect("written");
    let mut config = Config::default();
    config.server.data_dir = site.data_dir();
    config.server.clock_offset_file = Some(clock);
    config.database.url = site.database_url().map(Secret::new);
    let app = keystead_server::app::App::open(config).expect("opens");
    assert_eq!(objects().len(), 3);
    assert_eq!(block_on(delete_files::delete_due(&app)).expect("deletes"), 1);
    assert_eq!(objects().len(), 2, "{:?}", objects());
}

fn bytes_of(sequence: i32) -> Vec<u8> {
    vec![u8::try_from(sequence).expect("small"); 1_000_000]
}

async fn user(server: &Process, secret: &str) -> Session {
    let body = Template::of(Suite::CLASSIC).register("alice");
    server.call("POST", "/register").token(secret).json(&body).ok().await;
    login(server, secret).await
}

async fn login(server: &Process, secret: &str) -> Session {
    let body = json!({ "user_identifier": "alice" });
    let login: ForcedLoginOutput = server.call("POST", "/user/forced/login").token(secret).json(&body).ok_as().await;
    Session::from_login("alice", login.verify)
}

async fn part(server: &Process, secret: &str, by: &Session, file: &FileRegisterOutput, sequence: i32, end: bool) {
    let path = format!("/file/part/{}/{sequence}/{end}", file.session_id);
    server.call("POST", &path).token(secret).jwt(&by.jwt).bytes(&bytes_of(sequence)).ok().await;
}

async fn session(server: &Process, secret: &str, by: &Session, file: &FileRegisterOutput) -> FileSessionOutput {
    server.call("GET", &format!("/file/session/{}", file.session_id)).token(secret).jwt(&by.jwt).ok_as().await
}

both! { parts_in_a_bucket }

/// As much of S3 as whole objects need: put, get, delete, all signed.
type Objects = Mutex<BTreeMap<String, Bytes>>;

async fn s3(objects: Data<Objects>, path: UrlPath<String>, req: HttpRequest, body: Bytes) -> HttpResponse {
    let signed = req.headers().get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !signed.starts_with("AWS4-HMAC-SHA256 Credential=access/") {
        return HttpResponse::Forbidden().finish();
    }
    let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
    let name = path.into_inner();
    match req.method().as_str() {
        "PUT" => {
            objects.insert(name, body);
            HttpResponse::Ok().insert_header(("etag", "\"x\"")).finish()
        }
        "GET" => match objects.get(&name) {
            Some(bytes) => HttpResponse::Ok()
                .insert_header(("etag", "\"x\""))
                .insert_header(("last-modified", "Sat, 21 Nov 2026 06:00:00 GMT"))
                .body(bytes.clone()),
            None => HttpResponse::NotFound().finish(),
        },
        "DELETE" if objects.remove(&name).is_some() => HttpResponse::NoContent().finish(),
        "DELETE" => HttpResponse::NotFound().finish(),
        // Deletion of several at once: POST /bucket?delete with the keys in XML.
        "POST" => {
            let text = String::from_utf8_lossy(&body).into_owned();
            let keys = text.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned()));
            let mut answer = String::from("<DeleteResult>");
            for key in keys {
                objects.remove(&format!("bucket/{key}"));
                answer.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
            }
            HttpResponse::Ok().content_type("application/xml").body(answer + "</DeleteResult>")
        }
        _ => HttpResponse::MethodNotAllowed().finish(),
    }
}

async fn parts_in_a_bucket(server: TestServer) {
    let objects: Arc<Objects> = Arc::default();
    let (found, started) = mpsc::channel();
    let shared = Data::from(Arc::clone(&objects));
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let routes = move || {
                let limit = web::PayloadConfig::new(8 << 20);
                App::new().app_data(shared.clone()).app_data(limit).route("/{path:.*}", web::route().to(s3))
            };
            let server = HttpServer::new(routes).workers(1).disable_signals().bind("127.0.0.1:0").expect("binds");
            let url = format!("http://{}", server.addrs()[0]);
            let server = server.run();
            found.send((url, server.handle())).expect("somebody waits");
            server.await.expect("serves");
        });
    });
    let (endpoint, handle) = started.recv().expect("the bucket starts");
    let mut config = server.config().clone();
    config.files.storage = FileStorage::S3;
    config.files.s3_endpoint = endpoint;
    config.files.s3_bucket = "bucket".into();
    config.files.s3_prefix = "keystead".into();
    config.files.s3_access_key = Some(Secret::new("access"));
    config.files.s3_secret_key = Some(Secret::new("secret"));
    let node = Node::start(config.clone());
    let names = || objects.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect::<Vec<_>>();

    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    for (seq, end) in [(1, false), (2, true)] {
        let path = format!("/file/part/{}/{seq}/{end}", file.session_id);
        let call = node.call("POST", &path).token(&server.lax.public).jwt(&alice.jwt);
        call.bytes(&vec![u8::try_from(seq).expect("small"); 3_000_000]).ok().await;
    }
    assert_eq!(names().len(), 2);
    assert!(names().iter().all(|name| name.starts_with("bucket/keystead/parts/")), "{:?}", names());
    assert!(server.objects().is_empty(), "nothing is left in the local directory");
    let data = server.file_data(&alice, &file).await;
    for item in &data.part_list {
        let path = format!("/file/part/{}", item.part_id);
        let answer = node.call("GET", &path).token(&server.lax.public).send_unchecked().await;
        let byte = u8::try_from(item.sequence).expect("small");
        assert!(answer.status == 200 && answer.body == vec![byte; 3_000_000], "part {}", item.sequence);
    }
    // Too large, and gone from the bucket.
    let path = format!("/file/part/{}/1/true", server.file(&alice, &for_nobody()).await.session_id);
    let call = node.call("POST", &path).token(&server.lax.public).jwt(&alice.jwt);
    call.bytes(&vec![0; 6_000_000]).refused(504).await;
    assert_eq!(names().len(), 2);
    let taken = names()[0].clone();
    objects.lock().unwrap_or_else(PoisonError::into_inner).remove(&taken);
    let mut missing = 0;
    for item in &data.part_list {
        let call = node.call("GET", &format!("/file/part/{}", item.part_id)).token(&server.lax.public);
        missing += usize::from(call.send_unchecked().await.status == 400);
    }
    assert_eq!(missing, 1);

    server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;
    let app = keystead_server::app::App::open(config).expect("opens");
    assert_eq!(delete_files::delete_due(&app).await.expect("deletes"), 2, "that one is gone is no failure");
    assert_eq!(names(), Vec::<String>::new());
    drop(handle.stop(false));
}
