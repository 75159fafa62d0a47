//! Registration, login, profile, update, deletion.

use e2e::identity::{PASSWORD, Tokens};
use e2e::{TestServer, both};
use serde_json::{Value, json};

both! {
    row_11_registration_answers_the_sample,
    row_12_a_second_registration_answers_the_sample,
    row_13_an_address_is_unique_in_any_case,
    row_14_who_is_registered_can_log_in,
    row_15_registration_needs_four_fields,
    row_16_a_password_has_five_parts,
    row_17_login_answers_the_sample,
    row_23_the_profile_is_the_callers,
    row_24_the_profile_needs_authentication,
    row_25_isauthenticated_says_yes_or_no,
    row_27_update_needs_the_uuid,
    row_28_update_needs_the_csrf_token,
    row_29_update_needs_something_to_change,
    row_30_update_changes_names,
    row_31_the_uuid_is_not_the_id,
    row_32_a_new_password_needs_the_current_one,
    row_33_update_is_for_ones_own_profile,
    row_38_deletion_needs_uuid_and_csrf_token,
    row_39_deletion_is_for_ones_own_account,
    row_68_three_roles_and_the_default,
}

fn jo() -> Value {
    json!({ "first_name": "Jo", "last_name": "Doe", "email": "jo@example.com", "password": PASSWORD })
}

async fn row_11_registration_answers_the_sample(server: TestServer) {
    let answer = server.iam("POST", "/authn/register").json(&jo()).send().await;
    assert_eq!(answer.body, json!({ "status": "success", "data": { "email": "jo@example.com" } }));
}

async fn row_12_a_second_registration_answers_the_sample(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let answer = server.iam("POST", "/authn/register").json(&jo()).send().await;
    let text = "Email already exists";
    let error = json!({ "message": text, "statusCode": 409, "statusMessage": text });
    assert_eq!((answer.status, answer.body), (200, json!({ "status": "fail", "error": error })));
    // Before the password is looked at.
    let mut weak = jo();
    weak["password"] = "x".into();
    server.iam("POST", "/authn/register").json(&weak).fails(409).await;
}

async fn row_13_an_address_is_unique_in_any_case(server: TestServer) {
    server.iam_register("jo@example.com").await;
    for email in ["JO@example.com", "jo@EXAMPLE.com", "Jo@Example.Com"] {
        let mut body = jo();
        body["email"] = email.into();
        server.iam("POST", "/authn/register").json(&body).fails(409).await;
        server.iam_login(email, PASSWORD).await.assert_ok();
    }
}

async fn row_14_who_is_registered_can_log_in(server: TestServer) {
    server.iam_register("jo@example.com").await;
    server.iam_login("jo@example.com", PASSWORD).await.assert_ok();
}

async fn row_15_registration_needs_four_fields(server: TestServer) {
    for field in ["first_name", "last_name", "email", "password"] {
        let mut body = jo();
        body.as_object_mut().expect("an object").remove(field);
        let answer = server.iam("POST", "/authn/register").json(&body).fails(400).await;
        assert_eq!(answer.message(), format!("'{field}' is required"));
        for wrong in [json!(5), json!(null), json!(["x"]), json!({ "a": 1 }), json!(true)] {
            let mut body = jo();
            body[field] = wrong;
            let answer = server.iam("POST", "/authn/register").json(&body).fails(400).await;
            assert!(answer.message().contains(field), "{answer}");
        }
    }
    for (field, value) in [("first_name", "  "), ("last_name", "\t"), ("first_name", ""), ("first_name", "a\0b")] {
        let mut body = jo();
        body[field] = value.into();
        server.iam("POST", "/authn/register").json(&body).fails(400).await;
    }
    for email in ["", "x", "x@y", "@example.com", "a b@example.com", "a@example.com\r\nBcc: b@example.com"] {
        let mut body = jo();
        body["email"] = email.into();
        let answer = server.iam("POST", "/authn/register").json(&body).fails(400).await;
        assert_eq!(answer.message(), "Bad email format");
    }
    let mut long = jo();
    long["first_name"] = "x".repeat(256).into();
    server.iam("POST", "/authn/register").json(&long).fails(400).await;
    // What nobody asks for is ignored.
    let mut body = jo();
    for (name, value) in [("role", json!("SUPER_ADMIN")), ("email_verified", json!(true)), ("id", json!(1))] {
        body[name] = value;
    }
    server.iam("POST", "/authn/register").json(&body).ok().await;
    let profile = server.person_again("jo@example.com", PASSWORD).await;
    let profile = server.iam("GET", "/authn/profile").tokens(&profile.tokens).ok().await;
    assert_eq!((&profile["role"], &profile["email_verified"]), (&json!("GENERAL"), &json!(false)));
}

async fn row_16_a_password_has_five_parts(server: TestServer) {
    let weak = ["Aa1*aaa", "aa1*aaaa", "AA1*AAAA", "Aaa*aaaa", "Aa1aaaaa"];
    for password in weak {
        let mut body = jo();
        body["password"] = password.into();
        let answer = server.iam("POST", "/authn/register").json(&body).fails(400).await;
        assert!(answer.message().starts_with("Poor password strength."), "{answer}");
    }
    let jo = server.person("jo@example.com").await;
    let change = |password: &str| {
        let body =
            json!({ "uuid": jo.uuid, "csrf_token": jo.csrf, "current_password": PASSWORD, "new_password": password });
        server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body)
    };
    for password in weak {
        let answer = change(password).fails(400).await;
        assert!(answer.message().starts_with("Poor new password strength."), "{answer}");
    }
    change("Aa1*aaaa").ok().await;
}

async fn row_17_login_answers_the_sample(server: TestServer) {
    server.iam_register("jo@example.com").await;
    let answer = server.iam_login("JO@example.com", PASSWORD).await;
    assert_eq!(answer.body, json!({ "status": "success", "data": { "email": "JO@example.com" } }));
    let wrong = server.iam_login("jo@example.com", "MyExamplePassword123!").await;
    let unknown = server.iam_login("jane@example.com", PASSWORD).await;
    assert_eq!((wrong.code(), wrong.message()), (Some(401), "Invalid login"));
    assert_eq!(wrong.body, unknown.body);
    assert!(wrong.clears() && unknown.clears());
    for (body, message) in [
        (json!({ "password": PASSWORD }), "'email' is required"),
        (json!({ "email": "jo@example.com" }), "'password' is required"),
        (json!({ "email": "jo", "password": PASSWORD }), "Bad email format"),
    ] {
        let answer = server.iam("POST", "/authn/login").json(&body).fails(400).await;
        assert_eq!(answer.message(), message);
        assert!(answer.clears());
    }
}

async fn row_23_the_profile_is_the_callers(server: TestServer) {
    server.person("somebody@example.com").await;
    let jo = server.person("jo@example.com").await;
    let profile = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    let keys: Vec<&str> = profile.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut wanted = vec![
        "id",
        "uuid",
        "email",
        "password",
        "avatar",
        "permissions",
        "first_name",
        "last_name",
        "role",
        "email_verified",
        "is_active",
        "last_login",
        "created_at",
        "deleted_at",
        "updated_at",
        "csrf_token",
    ];
    wanted.sort_unstable();
    assert_eq!(keys, wanted, "no more and no fewer: the front end draws an input for each");
    assert_eq!((&profile["email"], &profile["uuid"]), (&json!("jo@example.com"), &json!(jo.uuid)));
    assert_eq!((&profile["first_name"], &profile["last_name"]), (&json!("Jo"), &json!("Doe")));
    assert_eq!((&profile["role"], &profile["is_active"]), (&json!("GENERAL"), &json!(true)));
    assert_eq!(profile["password"], "[hidden]");
    assert!(profile["id"].is_i64() && profile["avatar"].is_null() && profile["deleted_at"].is_null());
    assert_eq!(profile["csrf_token"].as_str().map(str::len), Some(64));
    for name in ["last_login", "created_at"] {
        let date = profile[name].as_str().expect("a date");
        assert!(date.len() == 24 && date.ends_with(".000Z") && date.get(10..11) == Some("T"), "{date}");
    }
}

async fn row_24_the_profile_needs_authentication(server: TestServer) {
    let answer = server.iam("GET", "/authn/profile").fails(400).await;
    assert_eq!(answer.message(), "No access token provided");
    let answer = server.iam("GET", "/authn/profile").header("iam-access-token", "Bearer x").fails(401).await;
    assert_eq!(answer.message(), "Unauthorized");
}

async fn row_25_isauthenticated_says_yes_or_no(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let yes = server.iam("GET", "/authn/isauthenticated").tokens(&jo.tokens).send().await;
    assert_eq!(yes.body, json!({ "status": "success" }));
    let nothing = server.iam("GET", "/authn/isauthenticated").fails(400).await;
    assert_eq!(nothing.message(), "No access token provided");
    let tokens = Tokens { access: "Bearer a.b.c".into(), ..Tokens::default() };
    let no = server.iam("GET", "/authn/isauthenticated").tokens(&tokens).send().await;
    assert_eq!(no.body, json!({ "status": "fail" }));
}

async fn row_27_update_needs_the_uuid(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    for uuid in [Value::Null, json!("")] {
        let mut body = json!({ "csrf_token": jo.csrf, "first_name": "X" });
        if uuid.is_string() {
            body["uuid"] = uuid;
        }
        let answer = server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(400).await;
        assert_eq!(answer.message(), "User uuid not provided");
    }
}

async fn row_28_update_needs_the_csrf_token(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let jane = server.person("jane@example.com").await;
    for csrf in [json!(null), json!(""), json!("x"), json!(jane.csrf), json!({ "not": "x" }), json!([jo.csrf])] {
        let body = json!({ "uuid": jo.uuid, "csrf_token": csrf, "first_name": "X" });
        let answer = server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(403).await;
        assert_eq!((answer.status, answer.message()), (200, "Missing or invalid csrf token"));
    }
    let body = json!({ "uuid": jo.uuid, "first_name": "X" });
    server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(403).await;
    // The csrf token is judged before the access token (iam.md section 7.8), by `iam-sid` or else by the access token.
    let good = json!({ "uuid": jo.uuid, "csrf_token": jo.csrf, "first_name": "X" });
    let with = |access: &str, sid: &str| Tokens { access: access.into(), sid: sid.into(), ..Tokens::default() };
    let update = |tokens: &Tokens, body: &Value| server.iam("PUT", "/authn/update").tokens(tokens).json(body);
    let sid = jo.tokens.sid.as_str();
    for access in ["", "Bearer x.y.z", jo.tokens.refresh.as_str()] {
        update(&with(access, sid), &body).fails(403).await;
        update(&with(access, ""), &good).fails(403).await;
        let told = update(&with(access, sid), &good).fails(if access.is_empty() { 400 } else { 401 }).await;
        assert!(["No access token provided", "Unauthorized"].contains(&told.message()), "{told}");
    }
    server.advance(901);
    for sid in ["", sid] {
        update(&with(&jo.tokens.access, sid), &body).fails(403).await;
        update(&with(&jo.tokens.access, sid), &good).fails(500).await;
    }
}

async fn row_29_update_needs_something_to_change(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let body = json!({ "uuid": jo.uuid, "csrf_token": jo.csrf });
    let answer = server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(400).await;
    assert_eq!(answer.message(), "No updatable properties supplied");
}

async fn row_30_update_changes_names(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let update = |body: Value| server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body);
    let data = update(json!({ "uuid": jo.uuid, "csrf_token": jo.csrf, "first_name": " Joanna " })).ok().await;
    assert_eq!((&data["first_name"], &data["last_name"]), (&json!(" Joanna "), &json!("Doe")));
    let data = update(json!({ "uuid": jo.uuid, "csrf_token": jo.csrf, "last_name": "Dö" })).ok().await;
    assert_eq!(
        (&data["first_name"], &data["last_name"], &data["password"]),
        (&json!(" Joanna "), &json!("Dö"), &json!("[hidden]"))
    );
    for (field, value) in [("first_name", ""), ("last_name", "  ")] {
        let answer = update(json!({ "uuid": jo.uuid, "csrf_token": jo.csrf, field: value })).fails(400).await;
        assert_eq!(answer.message(), format!("{field} must have a value"));
    }
    // The front end's password form sends the whole profile back: what is not for changing is ignored.
    let mut whole = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    whole["role"] = "SUPER_ADMIN".into();
    whole["email"] = "other@example.com".into();
    whole["email_verified"] = true.into();
    whole["first_name"] = "Jo".into();
    update(whole).ok().await;
    let profile = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    assert_eq!((&profile["first_name"], &profile["last_name"]), (&json!("Jo"), &json!("Dö")));
    assert_eq!((&profile["role"], &profile["email"]), (&json!("GENERAL"), &json!("jo@example.com")));
    assert_eq!(profile["email_verified"], false);
}

async fn row_31_the_uuid_is_not_the_id(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let profile = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    let id = profile["id"].as_i64().expect("a number").to_string();
    let body = json!({ "uuid": id, "csrf_token": jo.csrf, "first_name": "X" });
    let answer = server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(400).await;
    assert_eq!(answer.message(), "User not found");
    let body = json!({ "uuid": 1, "csrf_token": jo.csrf, "first_name": "X" });
    server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(400).await;
}

async fn row_32_a_new_password_needs_the_current_one(server: TestServer) {
    const NEW: &str = "AnotherPassword456!";
    let jo = server.person("jo@example.com").await;
    let update = |change: Value| {
        let mut body = json!({ "uuid": jo.uuid, "csrf_token": jo.csrf });
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body)
    };
    let both = "Both current_password and new_password must be supplied";
    assert_eq!(update(json!({ "current_password": PASSWORD })).fails(400).await.message(), both);
    assert_eq!(update(json!({ "new_password": NEW })).fails(400).await.message(), both);
    let wrong = update(json!({ "current_password": NEW, "new_password": NEW })).fails(400).await;
    assert_eq!(wrong.message(), "Wrong current password");
    update(json!({ "current_password": PASSWORD, "new_password": "weak" })).fails(400).await;
    update(json!({ "current_password": PASSWORD, "new_password": NEW })).ok().await;
    assert_eq!(server.iam_login("jo@example.com", PASSWORD).await.code(), Some(401));
    server.iam_login("jo@example.com", NEW).await.assert_ok();
}

async fn row_33_update_is_for_ones_own_profile(server: TestServer) {
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let body = json!({ "uuid": jane.uuid, "csrf_token": jo.csrf, "first_name": "Hacked" });
    server.iam("PUT", "/authn/update").tokens(&jo.tokens).json(&body).fails(403).await;
    let profile = server.iam("GET", "/authn/profile").tokens(&jane.tokens).ok().await;
    assert_eq!(profile["first_name"], "Jo");
}

async fn row_38_deletion_needs_uuid_and_csrf_token(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let delete = |body: Value| server.iam("DELETE", "/authn/delete").tokens(&jo.tokens).json(&body);
    delete(json!({ "uuid": jo.uuid })).fails(403).await;
    let missing = delete(json!({ "csrf_token": jo.csrf })).fails(400).await;
    assert_eq!(missing.message(), "User uuid not provided");
    let unknown = delete(json!({ "uuid": e2e::users::NOBODY, "csrf_token": jo.csrf })).fails(500).await;
    assert_eq!(unknown.message(), "User not found");
    let gone = delete(json!({ "uuid": jo.uuid, "csrf_token": jo.csrf })).send().await;
    assert!(gone.is_ok() && gone.clears(), "{gone}");
    assert_eq!(server.iam_login("jo@example.com", PASSWORD).await.code(), Some(401));
    server.iam("GET", "/authn/profile").tokens(&jo.tokens).fails(401).await;
    server.iam("POST", "/authn/refresh").tokens(&jo.tokens).fails(403).await;
    // Nothing of him is left but what the audit log says.
    let rows = server.database().find(&jo.uuid);
    assert!(rows.iter().all(|row| row.starts_with("audit_log: ")), "{rows:?}");
}

async fn row_39_deletion_is_for_ones_own_account(server: TestServer) {
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let body = json!({ "uuid": jane.uuid, "csrf_token": jo.csrf });
    server.iam("DELETE", "/authn/delete").tokens(&jo.tokens).json(&body).fails(403).await;
    server.iam_login("jane@example.com", PASSWORD).await.assert_ok();
}

async fn row_68_three_roles_and_the_default(server: TestServer) {
    let root = server.admin("root@example.com").await;
    let jo = server.person("jo@example.com").await;
    let path = format!("/users/{}", jo.uuid);
    let before = server.iam("GET", &path).tokens(&root.tokens).ok().await;
    assert_eq!(before["role"], "GENERAL");
    for role in ["SUPER_ADMIN", "ADMIN", "GENERAL"] {
        let body = json!({ "role": role, "csrf_token": root.csrf });
        let data = server.iam("PUT", &path).tokens(&root.tokens).json(&body).ok().await;
        assert_eq!(data["role"], role);
    }
}
