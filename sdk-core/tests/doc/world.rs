// Hidden in the examples of the documentation: Alice and her group, opened from frozen answers of a server.

pub fn frozen(name: &str) -> String {
    let vector = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flows/vectors/v1.json"));
    let vector: serde_json::Value = serde_json::from_str(vector).expect("the vector is JSON");
    vector[name].as_str().expect("the vector has it").to_owned()
}

pub fn begun_login() -> (keystead_sdk_core::user::LoginStart, keystead_sdk_core::user::DirectLogin) {
    use keystead_sdk_core::user::{LoginStep, done_login, prepare_login};
    let (_body, start) = prepare_login(&frozen("identifier"), &frozen("password"), &frozen("prepare_login")).expect("a salt");
    let LoginStep::Direct(login) = done_login(&start, &frozen("done_login")).expect("a login") else { panic!("direct") };
    (start, *login)
}

pub fn alice() -> keystead_sdk_core::user::UserData {
    keystead_sdk_core::user::done_verify_login(begun_login().1, &frozen("verify_login")).expect("user keys")
}

pub fn pins(user: &keystead_sdk_core::user::UserData) -> keystead_sdk_core::user::VerifyKeys {
    let mut pins = keystead_sdk_core::user::VerifyKeys::new();
    pins.pin_own(user).expect("the first login");
    pins
}

pub fn group(user: &keystead_sdk_core::user::UserData) -> keystead_sdk_core::group::GroupData {
    keystead_sdk_core::group::done_get_group(&frozen("get_group"), user, &pins(user)).expect("a group")
}

pub fn ok(result: &str) -> String {
    format!(r#"{{"status":true,"result":{result}}}"#)
}
