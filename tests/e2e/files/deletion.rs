//! What goes with a file, a group, a user: rows at once, objects by the job.

use e2e::files::{for_nobody, for_user};
use e2e::{Setup, TestServer, both};
use keystead_protocol::files::FileData;
use serde_json::json;

both! {
    a_deleted_file_leaves_nothing,
    a_groups_files_go_with_it,
    a_users_files_go_with_him_and_the_groups_stay,
    a_part_that_cannot_be_deleted_is_tried_again,
    several_nodes_delete_each_thing_once,
}

async fn a_deleted_file_leaves_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &file, &[b"one", b"two"]).await;
    let part = server.file_data(&alice, &file).await.part_list[0].part_id.clone();
    server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;
    server.get(&format!("/file/part/{part}")).refused(512).await;
    server.get(&format!("/file/session/{}", file.session_id)).jwt(&alice.jwt).refused(510).await;
    server.part(&alice, &file, 1, true, b"x").refused(510).await;
    assert_eq!(server.objects().len(), 2, "the job has not run");
    assert_eq!(server.delete_due().await, 2);
    assert!(server.objects().is_empty());
    assert_eq!(server.delete_due().await, 0);
    for id in [&file.file_id, &file.session_id, &part] {
        assert_eq!(server.database().find(id), Vec::<String>::new());
    }
}

async fn a_groups_files_go_with_it(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let other = server.group(&bob).await;
    for (by, group) in [(&alice, &group), (&bob, &group), (&bob, &other)] {
        let file = server.group_file(by, group).await;
        server.upload(by, &file, &[b"one", b"two"]).await;
    }
    server.delete(&format!("/group/{}", group.id)).jwt(&alice.jwt).ok().await;
    assert_eq!(server.delete_due().await, 4);
    assert_eq!(server.objects().len(), 2);
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM files"), 1);
}

/// better-than 15.
async fn a_users_files_go_with_him_and_the_groups_stay(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&bob, &[(&alice, 2)]).await;
    let shared = server.group_file(&alice, &group).await;
    server.upload(&alice, &shared, &[b"minutes"]).await;
    for body in [for_nobody(), for_user(&bob.user_id)] {
        let file = server.file(&alice, &body).await;
        server.part(&alice, &file, 1, false, b"hers").ok().await;
    }
    let letter = server.file(&bob, &for_user(&alice.user_id)).await;
    server.upload(&bob, &letter, &[b"for her"]).await;
    let user_key = json!({
        "alg": "AES-GCM-256", "encrypted_key_string": keystead_crypto::encoding::b64_encode(&[1; 60]),
        "master_key_id": alice.key_id,
    });
    let mut group_key = user_key.clone();
    group_key["master_key_id"] = group.key_id.clone().into();
    server.post("/keys/sym_key").jwt(&alice.jwt).json(&user_key).ok().await;
    let kept = server.post("/keys/sym_key").jwt(&alice.jwt).json(&group_key).ok().await;

    server.delete("/user").jwt(&alice.jwt).ok().await;
    assert_eq!(server.delete_due().await, 2);
    assert_eq!(server.objects().len(), 2);
    let path = format!("/group/{}/file/{}", group.id, shared.file_id);
    let data: FileData = server.get(&path).jwt(&bob.jwt).ok_as().await;
    assert_eq!((data.owner.as_str(), server.file_bytes(&data).await), ("", b"minutes".to_vec()));
    let data = server.file_data(&bob, &letter).await;
    assert_eq!(data.belongs_to, None);
    // A key that only she could open is gone, one of the group is not.
    let kept = kept["key_id"].as_str().expect("an id").to_owned();
    server.get(&format!("/keys/sym_key/{kept}")).ok().await;
    server.delete(&format!("/keys/sym_key/{kept}")).jwt(&bob.jwt).refused(400).await;
    for id in [&alice.user_id, &alice.key_id] {
        assert_eq!(server.database().find(id), Vec::<String>::new());
    }
    server.delete(&format!("/group/{}", group.id)).jwt(&bob.jwt).ok().await;
    server.get(&format!("/keys/sym_key/{kept}")).refused(400).await;
}

async fn a_part_that_cannot_be_deleted_is_tried_again(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &file, &[b"one"]).await;
    let [name] = server.objects().try_into().expect("one object");
    // A directory in its place cannot be removed as a file.
    let path = server.object_path(&name);
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("made");
    server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;
    assert_eq!(server.delete_due().await, 0);
    std::fs::remove_dir(&path).expect("removed");
    std::fs::write(&path, b"one").expect("written");
    assert_eq!(server.delete_due().await, 0, "not at once");
    server.restart();
    server.advance(31);
    assert_eq!(server.delete_due().await, 1);
    assert!(server.objects().is_empty());
}

async fn several_nodes_delete_each_thing_once(server: TestServer) {
    let alice = server.session("alice").await;
    for _ in 0..6 {
        let file = server.file(&alice, &for_nobody()).await;
        server.upload(&alice, &file, &[b"one", b"two", b"three"]).await;
        server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;
    }
    let (a, b, c) = tokio::join!(server.delete_due(), server.delete_due(), server.delete_due());
    assert_eq!(a + b + c, 18);
    assert!(server.objects().is_empty());
}

both! { the_job_runs_by_itself; with Setup::default().with(|c| c.files.delete_every_seconds = 1) }

async fn the_job_runs_by_itself(server: TestServer) {
    let alice = server.session("alice").await;
    let file = server.file(&alice, &for_nobody()).await;
    server.upload(&alice, &file, &[b"one"]).await;
    server.delete(&format!("/file/{}", file.file_id)).jwt(&alice.jwt).ok().await;
    let gone = async {
        while !server.objects().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("the job deletes it");
}
