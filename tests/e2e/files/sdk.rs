//! Files with the SDK: as an application makes and reads them.

use std::sync::Mutex;

use e2e::{TestServer, both};
use keystead::{CreateFile, DownloadFile};
use keystead_sdk_core::Suite;

both! {
    a_members_file_is_read_by_the_others,
    files_of_every_length,
    letters_and_own_files,
    signed_files_are_checked,
    symmetric_keys_are_shared_by_their_id,
    a_changed_or_reordered_file_is_refused,
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i.wrapping_mul(7919) % 253).expect("below 256")).collect()
}

async fn a_members_file_is_read_by_the_others(server: TestServer) {
    let (alice, bob, carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let group = alice.get_group(&alice.create_group().await.expect("made")).await.expect("a group");
    group.invite_auto(&bob.id, None).await.expect("invited");
    let plain = noise((8 << 20) + 77);
    let steps = Mutex::new(Vec::new());
    let mut progress = |bytes| steps.lock().expect("unbroken").push(bytes);
    let options = CreateFile { name: Some("häuser.png"), progress: Some(&mut progress), ..CreateFile::default() };
    let made = group.create_file(&mut plain.as_slice(), options).await.expect("uploads");
    assert_eq!(made.size, plain.len() as u64);
    assert_eq!(*steps.lock().expect("unbroken"), [4 << 20, 8 << 20, plain.len() as u64]);

    let his = bob.get_group(group.group_id()).await.expect("a group");
    let (mut read, seen) = (Vec::new(), Mutex::new(0));
    let mut progress = |bytes| *seen.lock().expect("unbroken") = bytes;
    let options = DownloadFile { progress: Some(&mut progress), ..DownloadFile::default() };
    let file = his.download_file(&made.file_id, &mut read, options).await.expect("downloads");
    assert!(read == plain);
    assert_eq!((file.name.as_deref(), file.size, file.data.part_list.len()), (Some("häuser.png"), made.size, 3));
    assert_eq!(*seen.lock().expect("unbroken"), made.size);
    // No byte of it lies on the disk in clear.
    for name in server.objects() {
        let object = std::fs::read(server.object_path(&name)).expect("readable");
        assert!(!object.windows(64).any(|w| w == &plain[1000..1064]));
    }
    // Strangers get nothing.
    let refused = carol.download_file(&made.file_id, &mut Vec::new(), DownloadFile::default()).await;
    assert_eq!(refused.expect_err("refused").server_code(), Some(521));

    // Another name, and the end.
    let key = group.get_file_key(&file.data).await.expect("opens");
    group.update_file_name(&made.file_id, &key, Some("new")).await.expect("renamed");
    let again = his.download_file(&made.file_id, &mut Vec::new(), DownloadFile::default()).await.expect("downloads");
    assert_eq!(again.name.as_deref(), Some("new"));
    assert_eq!(his.delete_file(&made.file_id).await.expect_err("rank 4").server_code(), Some(301));
    group.delete_file(&made.file_id).await.expect("deleted");
    assert_eq!(his.get_file(&made.file_id).await.expect_err("gone").server_code(), Some(512));
}

async fn files_of_every_length(server: TestServer) {
    let alice = server.user("alice").await;
    for (length, parts) in [(0, 0), (1, 1), ((4 << 20) - 1, 1), (4 << 20, 1), ((4 << 20) + 1, 2)] {
        let plain = noise(length);
        let made = alice.create_file(&mut plain.as_slice(), CreateFile::default()).await.expect("uploads");
        let mut read = Vec::new();
        let file = alice.download_file(&made.file_id, &mut read, DownloadFile::default()).await.expect("downloads");
        assert!(read == plain, "{length}");
        assert_eq!((file.data.part_list.len(), file.name), (parts, None), "{length}");
    }
}

async fn letters_and_own_files(server: TestServer) {
    let (alice, bob, carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let letter = CreateFile { name: Some("letter"), to: Some(&bob.id), ..CreateFile::default() };
    let made = alice.create_file(&mut b"dear Bob".as_slice(), letter).await.expect("uploads");
    let mut read = Vec::new();
    let file = bob.download_file(&made.file_id, &mut read, DownloadFile::default()).await.expect("downloads");
    assert_eq!((read.as_slice(), file.name.as_deref()), (b"dear Bob".as_slice(), Some("letter")));
    let refused = carol.download_file(&made.file_id, &mut Vec::new(), DownloadFile::default()).await;
    assert_eq!(refused.expect_err("refused").server_code(), Some(521));
    // Another user's own file is there for everybody, and nobody can open it.
    let own = alice.create_file(&mut b"diary".as_slice(), CreateFile::default()).await.expect("uploads");
    let refused = carol.download_file(&own.file_id, &mut Vec::new(), DownloadFile::default()).await;
    assert_eq!(refused.expect_err("no key").name(), "key_not_found");
    let again = server.sdk(&server.lax.public).login(&alice.identifier, &alice.password).await.expect("logs in");
    let mut read = Vec::new();
    again.download_file(&own.file_id, &mut read, DownloadFile::default()).await.expect("downloads");
    assert_eq!(read, b"diary");
    alice.delete_file(&own.file_id).await.expect("deleted");
}

async fn signed_files_are_checked(server: TestServer) {
    let alice = server.new_user(Suite::HYBRID, "alice", "a password").await;
    let bob = server.user("bob").await;
    let group = alice.get_group(&alice.create_group().await.expect("made")).await.expect("a group");
    group.invite_auto(&bob.id, None).await.expect("invited");
    let his = bob.get_group(group.group_id()).await.expect("a group");
    let sign = |name| CreateFile { name: Some(name), sign: true, ..CreateFile::default() };
    let signed = group.create_file(&mut b"signed".as_slice(), sign("a name")).await.expect("uploads");
    let unsigned = group.create_file(&mut b"unsigned".as_slice(), CreateFile::default()).await.expect("uploads");
    let from = |user| DownloadFile { verify: Some(user), ..DownloadFile::default() };
    let mut read = Vec::new();
    let file = his.download_file(&signed.file_id, &mut read, from(&alice.id)).await.expect("downloads");
    assert_eq!((read.as_slice(), file.name.as_deref()), (b"signed".as_slice(), Some("a name")));
    his.download_file(&signed.file_id, &mut Vec::new(), DownloadFile::default()).await.expect("downloads");
    his.download_file(&signed.file_id, &mut Vec::new(), from(&bob.id)).await.expect_err("not his");
    let refused = his.download_file(&unsigned.file_id, &mut Vec::new(), from(&alice.id)).await;
    assert_eq!(refused.expect_err("not signed").name(), "not_signed");
}

async fn symmetric_keys_are_shared_by_their_id(server: TestServer) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let group = alice.get_group(&alice.create_group().await.expect("made")).await.expect("a group");
    group.invite_auto(&bob.id, None).await.expect("invited");
    let his = bob.get_group(group.group_id()).await.expect("a group");
    let key = group.register_key().await.expect("registered");
    let fetched = his.fetch_sym_key(&key.id).await.expect("fetched");
    assert_eq!((&fetched.key, &fetched.id), (&key.key, &key.id));
    let other = his.register_key().await.expect("registered");
    let page = group.fetch_sym_keys(&key.master_key_id, None).await.expect("listed");
    assert_eq!(page.len(), 2);
    assert!(page.iter().any(|(_, k)| k.id == other.id && k.key == other.key));
    assert_eq!(bob.delete_key(&key.id).await.expect_err("not his").server_code(), Some(400));
    alice.delete_key(&key.id).await.expect("deleted");
    assert_eq!(his.fetch_sym_key(&key.id).await.expect_err("gone").server_code(), Some(400));
    // Kept by the application.
    let (json, key) = group.generate_non_register_key().expect("made");
    assert_eq!(his.get_non_registered_key(&json).expect("opens").key, key.key);
    // A user's own.
    let own = alice.register_key().await.expect("registered");
    assert_eq!(alice.fetch_key(&own.id).await.expect("fetched").key, own.key);
    assert_eq!(bob.fetch_key(&own.id).await.expect_err("cannot open it").name(), "key_not_found");
    let (json, own) = alice.generate_non_register_key().expect("made");
    assert_eq!(alice.get_non_registered_key(&json).expect("opens").key, own.key);
}

/// A server that tampers with what it keeps.
async fn a_changed_or_reordered_file_is_refused(server: TestServer) {
    let alice = server.user("alice").await;
    let plain = noise((8 << 20) + 1);
    let made = alice.create_file(&mut plain.as_slice(), CreateFile::default()).await.expect("uploads");
    let sequence_of = |from: i32, to: i32| {
        let sql = format!("UPDATE file_parts SET sequence = {to} WHERE sequence = {from}");
        server.database().execute(&sql);
    };
    for (a, b) in [(1, 9), (2, 1), (9, 2)] {
        sequence_of(a, b);
    }
    let refused = alice.download_file(&made.file_id, &mut Vec::new(), DownloadFile::default()).await;
    assert_eq!(refused.expect_err("reordered").name(), "decrypt");
    for (a, b) in [(1, 9), (2, 1), (9, 2), (2, 7)] {
        sequence_of(a, b);
    }
    let refused = alice.download_file(&made.file_id, &mut Vec::new(), DownloadFile::default()).await;
    assert_eq!(refused.expect_err("a hole").name(), "content");
    sequence_of(7, 2);
    alice.download_file(&made.file_id, &mut Vec::new(), DownloadFile::default()).await.expect("as it was");
}
