//! What goes over the wire, seen by a server that answers one request per connection from a list.
#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::sync::{Arc, Mutex};

use keystead_admin::{As, Config, Db, Error, Upload, Who, id, init, tx};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const APP: &str = "5d9c6277-e6ac-42d6-8e51-2354b4870c05";

type Seen = Arc<Mutex<Vec<String>>>;

/// Serves `(status, type, body)` one after the other and keeps the requests as text.
async fn server(answers: Vec<(u16, &'static str, String)>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = Seen::default();
    let keep = Arc::clone(&seen);
    tokio::spawn(async move {
        for (status, kind, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            loop {
                let n = stream.read(&mut chunk).await.unwrap();
                request.extend_from_slice(chunk.get(..n).unwrap());
                let text = String::from_utf8_lossy(&request);
                let Some((head, sent)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap_or("0");
                if sent.len() >= length.parse().unwrap() {
                    break;
                }
            }
            keep.lock().unwrap().push(String::from_utf8(request).unwrap());
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, seen)
}

fn ok(body: Value) -> (u16, &'static str, String) {
    (200, "application/json", body.to_string())
}

fn db(url: &str) -> Db {
    init(Config::new(url, APP).admin_token("the-token")).unwrap()
}

fn request(seen: &Seen, at: usize) -> String {
    seen.lock().unwrap().get(at).unwrap().clone()
}

#[tokio::test]
async fn paths_headers_and_bodies() {
    let user = json!({"id": APP, "email": "a@b.co", "nick": "al", "refresh_token": "r", "isGuest": false});
    let (url, seen) = server(vec![
        ok(json!({"goals": [{"id": APP}]})),
        ok(json!({"tx-id": 7})),
        ok(json!({"user": user, "created": true})),
        ok(json!({"user": null})),
        ok(json!({"data": {"id": "f"}})),
        ok(json!({"data": {"id": null}})),
    ])
    .await;
    let db = db(&url);
    let tree: Value = db.as_user(As::email("a@b.co")).unwrap().query(&json!({"goals": {}})).await.unwrap();
    assert_eq!(tree, json!({"goals": [{"id": APP}]}));
    let sent = request(&seen, 0);
    assert!(sent.starts_with(&format!("POST /admin/query?app_id={APP} HTTP/1.1\r\n")), "{sent}");
    for header in [&format!("app-id: {APP}"), "authorization: Bearer the-token", "as-email: a@b.co"] {
        assert!(sent.contains(&format!("\r\n{header}\r\n")), "{header}: {sent}");
    }
    assert!(sent.ends_with(r#"{"inference?":false,"query":{"goals":{}}}"#), "{sent}");

    let todo = id();
    assert_eq!(db.transact([tx("todos", todo).update(json!({"done": true}))]).await.unwrap().tx_id, 7);
    let steps = format!(r#"{{"steps":[["update","todos","{todo}",{{"done":true}}]],"throw-on-missing-attrs?":false}}"#);
    assert!(request(&seen, 1).ends_with(&steps));

    let signed_in = db.auth().check_magic_code("a@b.co", "123456", None).await.unwrap();
    assert!(signed_in.created);
    assert_eq!(signed_in.user.more.get("nick"), Some(&json!("al")));
    assert!(db.auth().get_user(&Who::id(todo)).await.unwrap().is_none());
    assert!(request(&seen, 3).starts_with(&format!("GET /admin/users?app_id={APP}&id={todo} ")));

    let about = Upload { content_type: Some("text/plain".into()), ..Upload::default() };
    assert_eq!(db.storage().upload_file("a/b.txt", "hello", &about).await.unwrap(), "f");
    let sent = request(&seen, 4);
    assert!(sent.contains("\r\npath: a/b.txt\r\n") && sent.contains("\r\ncontent-type: text/plain\r\n"), "{sent}");
    assert!(db.storage().delete("a b.txt").await.unwrap().is_none());
    assert!(request(&seen, 5).starts_with(&format!("DELETE /admin/storage/files?app_id={APP}&filename=a+b.txt ")));
}

#[tokio::test]
async fn refusals_are_typed_and_missing_tokens_noticed_before_a_request() {
    let refusal = json!({"type": "record-not-found", "message": "Record not found: app-user", "hint": {"a": 1}});
    let (url, _seen) =
        server(vec![(400, "application/json", refusal.to_string()), (502, "text/html", "<html>".into()), ok(json!(7))])
            .await;
    let db = db(&url);
    let refused = db.auth().sign_out(&Who::email("x@b.co")).await.unwrap_err();
    assert_eq!(refused.kind(), Some("record-not-found"));
    let Error::Api(told) = db.auth().verify_token("r").await.unwrap_err() else { panic!("no refusal") };
    assert_eq!((told.status, told.body.message.as_str()), (502, "<html>"));
    let bad = db.transact([]).await.unwrap_err();
    assert!(matches!(bad, Error::Answer(_)));

    let keyless = init(Config::new(&url, APP)).unwrap();
    let query = json!({"goals": {}});
    assert!(matches!(keyless.query::<Value>(&query).await, Err(Error::AdminTokenRequired)));
    assert!(matches!(keyless.as_user(As::email("a@b.co")), Err(Error::AdminTokenRequired)));
    let guest = keyless.as_user(As::Guest).unwrap();
    assert!(matches!(guest.auth().generate_magic_code("a@b.co").await, Err(Error::AdminTokenRequired)));
    assert!(matches!(init(Config::new("ftp://a", APP)), Err(Error::Config(_))));
}

#[tokio::test]
async fn a_live_query_comes_back_after_a_break_and_ends_with_a_refusal() {
    let stream = |n: i32| {
        format!(
            "retry: 1\n\ndata: {{\"op\":\"sse-init\"}}\n\ndata: {{\"op\":\"add-query-ok\",\"result\":{{\"a\":[{n}]}}}}\n\n\
             data: {{\"op\":\"refresh-ok\",\"computations\":[{{\"instaql-result\":{{\"a\":[{n}{n}]}}}}]}}\n\n"
        )
    };
    let (url, seen) = server(vec![
        (200, "text/event-stream", stream(1)),
        (200, "text/event-stream", stream(2)),
        (400, "application/json", json!({"type": "param-malformed", "message": "no", "hint": null}).to_string()),
    ])
    .await;
    let mut live = db(&url).subscribe_query(&json!({"a": {}})).unwrap();
    for want in [1, 11, 2, 22] {
        assert_eq!(live.next().await.unwrap().unwrap().data, json!({"a": [want]}));
    }
    assert_eq!(live.next().await.unwrap().unwrap_err().kind(), Some("param-malformed"));
    assert!(live.next().await.is_none());
    // The same connection id every time.
    let line = |at| request(&seen, at).lines().next().unwrap().to_owned();
    assert!(line(0).contains("local_connection_id=") && line(0) == line(1));
}
