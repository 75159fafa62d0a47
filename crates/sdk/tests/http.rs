//! What goes over the wire, seen by a server that answers one request per connection from a list.
#![cfg(feature = "network")]
#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::sync::{Arc, Mutex};

use keystead::{Client, Error, SdkError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves `answers` one after the other and keeps the requests as text.
async fn server(answers: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            loop {
                let n = stream.read(&mut chunk).await.unwrap();
                request.extend_from_slice(chunk.get(..n).unwrap());
                let text = String::from_utf8_lossy(&request);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap_or("0");
                if body.len() >= length.parse().unwrap() {
                    break;
                }
            }
            keep.lock().unwrap().push(String::from_utf8(request).unwrap());
            let head =
                format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            // The client may hang up on an answer that is too long.
            let _ = stream.write_all(&answer).await;
        }
    });
    (url, seen)
}

#[tokio::test]
async fn headers_path_and_body() {
    let answer = br#"{"status":true,"result":{"user_identifier":"alice","available":false}}"#;
    let (url, seen) = server(vec![answer.to_vec()]).await;
    let client = Client::new(&url, "the-token+/=").unwrap();
    assert!(!client.check_identifier("alice").await.unwrap());
    let seen = seen.lock().unwrap();
    let request = seen.first().unwrap();
    assert!(request.starts_with("POST /prefix/api/v1/exists HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nx-sentc-app-token: the-token+/=\r\n"));
    assert!(request.contains("\r\ncontent-type: application/json\r\n"));
    assert!(request.ends_with("\r\n\r\n{\"user_identifier\":\"alice\"}"));
}

#[tokio::test]
async fn refusals_and_bad_answers() {
    let answers = vec![
        br#"{"status":false,"err_msg":"no","err_code":203}"#.to_vec(),
        b"<html>".to_vec(),
        vec![0xff; 10],
        vec![b' '; 17 << 20],
    ];
    let (url, _seen) = server(answers).await;
    let client = Client::new(&url, "t").unwrap();
    let refused = client.check_identifier("a").await.unwrap_err();
    assert_eq!((refused.server_code(), refused.code(), refused.name()), (Some(203), 203, "server"));
    for want in [SdkError::ServerOutput, SdkError::ServerOutput, SdkError::TooLarge] {
        assert!(matches!(client.check_identifier("a").await, Err(Error::Sdk(e)) if e == want));
    }
}

#[tokio::test]
async fn unreachable_server_and_bad_ids() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&url, "t").unwrap();
    assert!(matches!(client.check_identifier("a").await, Err(Error::Network(_))));
    assert!(matches!(client.public_key("../user").await, Err(Error::Id)));
    assert!(matches!(keystead::default_client(), Err(Error::NotInitialised)));
    keystead::init(&url, "t").unwrap();
    assert!(keystead::default_client().is_ok());
}
