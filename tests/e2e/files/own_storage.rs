//! Parts in the customer's own storage: ids from his backend's calls, the announcement of deletions.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use actix_web::web::{Data, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use e2e::files::for_nobody;
use e2e::users::{NOBODY, Session};
use e2e::{TestServer, both};
use keystead_protocol::files::{FilePartRegisterOutput, FileRegisterOutput};

both! {
    the_backend_registers_parts_for_its_user,
    deletions_are_announced_until_they_are_heard,
    redirects_are_not_followed,
    a_deleted_app_announces_nothing,
}

const TOKEN: &str = "token-of-the-announcement";

/// What the customer's storage has heard, and how it answers.
#[derive(Default)]
struct Heard {
    calls: Vec<(String, Vec<String>)>,
    answer: u16,
}

struct Storage {
    url: String,
    heard: Arc<Mutex<Heard>>,
    handle: actix_web::dev::ServerHandle,
}

impl Storage {
    fn start() -> Self {
        let heard = Arc::new(Mutex::new(Heard { calls: Vec::new(), answer: 200 }));
        let (found, started) = mpsc::channel();
        let shared = Data::from(Arc::clone(&heard));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let routes = move || App::new().app_data(shared.clone()).route("/deleted", post().to(deleted));
                let server = HttpServer::new(routes).workers(1).disable_signals().bind("127.0.0.1:0").expect("binds");
                let url = format!("http://{}/deleted", server.addrs()[0]);
                let server = server.run();
                found.send((url, server.handle())).expect("somebody waits");
                server.await.expect("serves");
            });
        });
        let (url, handle) = started.recv().expect("the storage starts");
        Self { url, heard, handle }
    }

    fn answers(&self, status: u16) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).answer = status;
    }

    /// The calls since the last look: token and part ids.
    fn calls(&self) -> Vec<(String, Vec<String>)> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner).calls)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn deleted(heard: Data<Mutex<Heard>>, req: HttpRequest, body: String) -> HttpResponse {
    let token = req.headers().get("x-sentc-app-token").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let ids = serde_json::from_str(&body).expect("a JSON array of ids");
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.calls.push((token, ids));
    let status = actix_web::http::StatusCode::from_u16(heard.answer).expect("a status");
    HttpResponse::build(status).insert_header(("location", "/deleted")).body("not read")
}

async fn own_storage(server: &TestServer, storage: &Storage) {
    let options = [("storage_url", storage.url.as_str()), ("auth_token", TOKEN), ("file_storage", "1")];
    server.set_options(&server.lax, &options).await;
}

/// Registers parts as the customer's backend; gives their ids.
async fn parts(server: &TestServer, owner: &Session, file: &FileRegisterOutput, count: i32) -> Vec<String> {
    let mut ids = Vec::new();
    for seq in 1..=count {
        let path = format!("/file/part/{}/{seq}/{}/{}", file.session_id, seq == count, owner.user_id);
        let part: FilePartRegisterOutput = server.patch(&path).token(&server.lax.secret).ok_as().await;
        ids.push(part.part_id);
    }
    ids
}

async fn the_backend_registers_parts_for_its_user(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let storage = Storage::start();
    own_storage(&server, &storage).await;
    let file = server.file(&alice, &for_nobody()).await;
    let patch = |session: &str, seq: &str, user: &str| {
        server.patch(&format!("/file/part/{session}/{seq}/false/{user}")).token(&server.lax.secret)
    };
    patch(&file.session_id, "1", &bob.user_id).refused(510).await;
    patch(&file.session_id, "1", NOBODY).refused(510).await;
    patch(NOBODY, "1", &alice.user_id).refused(510).await;
    patch(&file.session_id, "0", &alice.user_id).refused(12).await;
    patch(&file.session_id, "1", &alice.user_id).token(&server.lax.public).refused(203).await;
    // Bytes do not come here.
    server.part(&alice, &file, 1, true, b"x").refused(520).await;

    let ids = parts(&server, &alice, &file, 3).await;
    let data = server.file_data(&alice, &file).await;
    assert_eq!(data.part_list.iter().map(|p| &p.part_id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    assert!(data.part_list.iter().all(|p| p.extern_storage));
    server.get(&format!("/file/part/{}", ids[0])).refused(512).await;
    patch(&file.session_id, "4", &alice.user_id).refused(510).await;

    // The storage could not keep the second one after all: the upload is open again, and nothing is announced.
    let delete = |id: &str| server.call("DELETE", &format!("/file/part/{id}"));
    delete(&ids[1]).refused(203).await;
    delete(&ids[1]).token(&server.lax.secret).ok().await;
    delete(&ids[1]).token(&server.lax.secret).refused(512).await;
    delete(NOBODY).token(&server.lax.secret).refused(512).await;
    assert_eq!(server.upload_state(&alice, &file).await.missing, [2]);
    assert_eq!(server.delete_due().await, 0);
    patch(&file.session_id, "2", &alice.user_id).ok().await;
    assert!(server.upload_state(&alice, &file).await.finished);
    assert!(storage.calls().is_empty());
    server.set_options(&server.lax, &[("file_storage", "0")]).await;
    let ours = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &ours, &[b"x"]).await;
    let part = server.file_data(&alice, &ours).await.part_list[0].part_id.clone();
    delete(&part).token(&server.lax.secret).refused(512).await;
}

async fn deletions_are_announced_until_they_are_heard(server: TestServer) {
    let alice = server.session("alice").await;
    let storage = Storage::start();
    own_storage(&server, &storage).await;
    let file = server.file(&alice, &for_nobody()).await;
    let mut ids = parts(&server, &alice, &file, 3).await;
    ids.sort();
    server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;

    let sorted = |calls: Vec<(String, Vec<String>)>| -> Vec<(String, Vec<String>)> {
        let sort = |(token, mut ids): (String, Vec<String>)| {
            ids.sort();
            (token, ids)
        };
        calls.into_iter().map(sort).collect()
    };
    for (answer, wait) in [(500, 31), (404, 61), (302, 121)] {
        storage.answers(answer);
        assert_eq!(server.delete_due().await, 0);
        assert_eq!(sorted(storage.calls()), [(TOKEN.to_owned(), ids.clone())], "{answer}");
        // Not again at once, and a restart changes nothing.
        assert_eq!(server.delete_due().await, 0);
        server.restart();
        assert!(storage.calls().is_empty());
        server.advance(wait);
    }
    storage.answers(204);
    assert_eq!(server.delete_due().await, 3);
    assert_eq!(sorted(storage.calls()), [(TOKEN.to_owned(), ids)]);
    server.advance(30 * 24 * 3600);
    assert_eq!(server.delete_due().await, 0);
    assert!(storage.calls().is_empty());
}

async fn redirects_are_not_followed(server: TestServer) {
    let alice = server.session("alice").await;
    let storage = Storage::start();
    own_storage(&server, &storage).await;
    let file = server.file(&alice, &for_nobody()).await;
    parts(&server, &alice, &file, 1).await;
    server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;
    storage.answers(307);
    assert_eq!(server.delete_due().await, 0);
    assert_eq!(storage.calls().len(), 1, "once, not in a circle");
}

async fn a_deleted_app_announces_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let storage = Storage::start();
    own_storage(&server, &storage).await;
    let file = server.file(&alice, &for_nobody()).await;
    parts(&server, &alice, &file, 2).await;
    server.database().execute(&format!("DELETE FROM key_users WHERE app_id = '{}'", server.lax.id));
    server.database().execute(&format!("DELETE FROM apps WHERE id = '{}'", server.lax.id));
    assert_eq!(server.delete_due().await, 0);
    assert!(storage.calls().is_empty());
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM file_deletions"), 0);
}
