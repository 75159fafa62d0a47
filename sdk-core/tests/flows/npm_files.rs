//! A file that the unmodified npm client 0.3.1 made (`vectors/make_file_from_npm_client.mjs`).

use keystead_sdk_core::crypto::encoding::b64_decode;
use keystead_sdk_core::file;
use keystead_sdk_core::handle::KeyHandle;
use keystead_sdk_core::protocol::files::{BelongsToType, FileRegisterInput};
use serde_json::Value;

#[test]
fn files_of_2022_are_read() {
    let vector: Value = serde_json::from_str(include_str!("vectors/npm_file_0_3_1.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let (key, _id) = KeyHandle::from_json(text("content_key")).unwrap().sym_key().unwrap();
    assert_eq!(file::decrypt_file_name(&key, text("encrypted_file_name"), None).unwrap(), text("file_name"));

    let (parts, plain) = (vector["parts"].as_array().unwrap(), vector["plain"].as_array().unwrap());
    let mut next = key.clone();
    for (part, plain) in parts.iter().zip(plain) {
        let part = b64_decode(part.as_str().unwrap()).unwrap();
        let (opened, key) = file::decrypt_file_part(&next, &part, None).unwrap();
        assert_eq!(opened.as_slice(), plain.as_str().unwrap().as_bytes());
        next = key;
    }
    assert_eq!(next, key, "all parts have one key");
    assert_eq!(vector["paths"][0], "/api/v1/file/part/session/1/false");

    let registration: FileRegisterInput = serde_json::from_str(text("server_input")).unwrap();
    assert_eq!(registration.belongs_to_type, BelongsToType::None);
    assert!(registration.key_id.is_some() && registration.encrypted_key.is_none());
}
