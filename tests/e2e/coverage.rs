//! The authorisation matrix of the key API: every route of the table with every kind of caller. The identity API has its own in
//! `identity/coverage.rs`. A route that is in the table but not in
//! the matrix fails here, and the other way round.

use e2e::users::{NOBODY, Session, Template, TestGroup};
use e2e::{TestApp, TestServer, bodies, both, files, raw::Call, tokens};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::devices::SymKeyRegisterOutput;
use keystead_protocol::jwt::Claims;
use keystead_sdk_core::Suite;
use keystead_server::routes::{Route, table};
use keystead_server::web::guard::Guard;
use serde_json::{Value, json};

both! { every_route_asks_its_caller, options_close_every_endpoint_that_has_one }

/// A line of the matrix.
struct Row {
    method: &'static str,
    pattern: &'static str,
    /// Body of a call that succeeds; `Null` is none.
    body: fn(&World) -> Value,
    /// Worst rank that may call, where a member needs one.
    rank: Option<i32>,
    /// What a caller who may call gets: success, or a refusal that is not about him.
    answer: Option<u32>,
    /// The group of the path is the connected one, and the caller enters by the other one.
    via: bool,
}

/// Who calls whom; made anew for every row, because calls change it.
struct World {
    app: TestApp,
    other_app: TestApp,
    owner: Session,
    low: Session,
    stranger: Session,
    foreigner: Session,
    group: TestGroup,
    /// A connected group that `group` made.
    connected: TestGroup,
    /// Another group of the owner.
    guest: TestGroup,
    /// For the owner and the stranger, with a part.
    file_id: String,
    group_file_id: String,
    sym_key_id: String,
    name: String,
}

fn matrix() -> Vec<Row> {
    let none: fn(&World) -> Value = |_| Value::Null;
    let row = |method, pattern, body| Row { method, pattern, body, rank: None, answer: None, via: false };
    let ranked =
        |method, pattern, body, rank| Row { method, pattern, body, rank: Some(rank), answer: None, via: false };
    let but = |row: Row, code| Row { answer: Some(code), ..row };
    let via = |row: Row| Row { via: true, ..row };
    vec![
        row("POST", "/api/v1/exists", |w| json!({ "user_identifier": w.name })),
        row("POST", "/api/v1/register", |w| json!(Template::of(Suite::CLASSIC).register(&format!("{} new", w.name)))),
        row("POST", "/api/v1/prepare_login", |w| json!({ "user_identifier": w.name })),
        row("POST", "/api/v1/done_login", |w| Template::of(Suite::CLASSIC).done_login(&w.owner.identifier)),
        but(row("POST", "/api/v1/verify_login", |w| with_challenge(&w.owner.identifier)), 112),
        but(row("POST", "/api/v1/validate_mfa", with_code), 901),
        but(row("POST", "/api/v1/validate_recovery_otp", with_code), 901),
        row("PUT", "/api/v1/refresh", |w| w.owner.refresh_body()),
        row("DELETE", "/api/v1/refresh", |w| w.owner.refresh_body()),
        row("POST", "/api/v1/init", |w| w.owner.refresh_body()),
        row("POST", "/api/v1/register_light", |w| new_device(&format!("{} light", w.name))),
        but(row("POST", "/api/v1/verify_login_light", |w| with_challenge(&w.owner.identifier)), 112),
        but(row("PUT", "/api/v1/user/done_register_device_light", |_| json!({ "user_group": {}, "token": "x" })), 100),
        but(row("PUT", "/api/v1/user/reset_pw_light", |w| new_device(&w.owner.identifier)), 117),
        row("POST", "/api/v1/user/forced/login_light", |w| json!({ "user_identifier": w.owner.identifier })),
        row("POST", "/api/v1/user/prepare_register_device", |w| new_device(&format!("{} device", w.name))),
        but(row("PUT", "/api/v1/user/done_register_device", device_keys), 100),
        but(row("PUT", "/api/v1/user/user_keys/session/{session_id}", further_user_keys), 306),
        row("GET", "/api/v1/user/device/{time}/{id}", none),
        but(row("DELETE", "/api/v1/user/device/{device_id}", none), 115),
        row("PUT", "/api/v1/user/update_pw", |_| Template::of(Suite::CLASSIC).change_password("new")),
        row("PUT", "/api/v1/user/reset_pw", |_| Template::of(Suite::CLASSIC).reset_password("new")),
        row("PATCH", "/api/v1/user/register_otp", none),
        but(row("PATCH", "/api/v1/user/confirm_otp", |_| json!({ "token": "123456" })), 901),
        but(row("PATCH", "/api/v1/user/reset_otp", none), 901),
        but(row("PATCH", "/api/v1/user/disable_otp", none), 901),
        but(row("GET", "/api/v1/user/otp_recovery_keys", none), 901),
        row("GET", "/api/v1/user/sessions/{time}/{id}", none),
        but(row("DELETE", "/api/v1/user/sessions/{session_id}", none), 114),
        row("DELETE", "/api/v1/user/sessions", none),
        row("PUT", "/api/v1/user", |w| json!({ "user_identifier": format!("{} renamed", w.name) })),
        row("DELETE", "/api/v1/user", none),
        row("GET", "/api/v1/user/jwt", none),
        row("GET", "/api/v1/user/user_keys", none),
        row("GET", "/api/v1/user/user_keys/keys/{time}/{id}", none),
        row("GET", "/api/v1/user/user_keys/key/{key_id}", none),
        row("GET", "/api/v1/user/user_key/{key_id}", none),
        row("POST", "/api/v1/user/user_keys/rotation", |w| json!(bodies::user_rotation(&w.owner))),
        row("GET", "/api/v1/user/user_keys/rotation", none),
        row("PUT", "/api/v1/user/user_keys/rotation/{key_id}", |w| json!(bodies::done_rotation(&w.owner))),
        row("GET", "/api/v1/user/{user_id}", none),
        row("GET", "/api/v1/user/{user_id}/public_key", none),
        row("GET", "/api/v1/user/{user_id}/public_key/{key_id}", none),
        row("GET", "/api/v1/user/{user_id}/verify_key", none),
        row("GET", "/api/v1/user/{user_id}/verify_key/{key_id}", none),
        row("DELETE", "/api/v1/user/forced/sessions", |w| json!({ "user_identifier": w.owner.identifier })),
        row("PUT", "/api/v1/user/forced/delete", |w| json!({ "user_identifier": w.owner.identifier })),
        row("DELETE", "/api/v1/user/forced/delete/{user_id}", none),
        row("POST", "/api/v1/user/forced/login", |w| json!({ "user_identifier": w.owner.identifier })),
        row("PUT", "/api/v1/user/forced/disable_otp", |w| json!({ "user_identifier": w.owner.identifier })),
        row("DELETE", "/api/v1/user/forced/disable_otp", |w| json!({ "user_identifier": w.owner.identifier })),
        row("PUT", "/api/v1/user/forced/reset_user", |w| {
            json!(Template::of(Suite::CLASSIC).register(&w.owner.identifier))
        }),
        row("POST", "/api/v1/group", |w| json!(bodies::group(&w.owner.key_id))),
        row("POST", "/api/v1/group/light", none),
        row("GET", "/api/v1/group/all/{time}/{id}", none),
        row("GET", "/api/v1/group/invite/{time}/{id}", none),
        row("GET", "/api/v1/group/{group_id}", none),
        ranked("DELETE", "/api/v1/group/{group_id}", none, 1),
        row("GET", "/api/v1/group/{group_id}/light", none),
        row("GET", "/api/v1/group/{group_id}/public_key", none),
        row("GET", "/api/v1/group/{group_id}/update_check", none),
        row("GET", "/api/v1/group/{group_id}/update_check_light", none),
        row("GET", "/api/v1/group/{group_id}/keys/{time}/{id}", none),
        row("GET", "/api/v1/group/{group_id}/key/{key_id}", none),
        row("POST", "/api/v1/group/{group_id}/key_rotation", |w| json!(bodies::rotation(&w.owner, &w.group.key_id))),
        row("GET", "/api/v1/group/{group_id}/key_rotation", none),
        row("PUT", "/api/v1/group/{group_id}/key_rotation/{key_id}", |w| json!(bodies::done_rotation(&w.owner))),
        row("GET", "/api/v1/group/{group_id}/member/{time}/{id}", none),
        but(row("DELETE", "/api/v1/group/{group_id}/leave", none), 308),
        ranked("DELETE", "/api/v1/group/{group_id}/kick/{user_id}", none, 2),
        ranked("PUT", "/api/v1/group/{group_id}/change_rank", |w| rank_change(&w.low), 1),
        ranked("PATCH", "/api/v1/group/{group_id}/change_invite", none, 1),
        ranked("PUT", "/api/v1/group/{group_id}/invite/{user_id}", |w| keys_for(w, &w.stranger), 2),
        ranked("PUT", "/api/v1/group/{group_id}/invite/{user_id}/light", |_| json!({}), 2),
        ranked("PUT", "/api/v1/group/{group_id}/invite_auto/{user_id}", |w| keys_for(w, &w.stranger), 2),
        ranked("PUT", "/api/v1/group/{group_id}/invite_auto/{user_id}/light", |_| json!({}), 2),
        ranked("PUT", "/api/v1/group/{group_id}/re_invite/{user_id}", |w| keys_for(w, &w.low), 2),
        ranked("PUT", "/api/v1/group/{group_id}/re_invite/{user_id}/light", |_| json!({}), 2),
        but(ranked("PUT", "/api/v1/group/{group_id}/invite/session/{session_id}", further_keys, 2), 306),
        but(ranked("PUT", "/api/v1/group/{group_id}/join_req/session/{session_id}", further_keys, 2), 306),
        but(row("PATCH", "/api/v1/group/{group_id}/invite", none), 307),
        but(row("DELETE", "/api/v1/group/{group_id}/invite", none), 307),
        ranked("POST", "/api/v1/group/{group_id}/child", |w| json!(bodies::group(&w.group.key_id)), 1),
        ranked("POST", "/api/v1/group/{group_id}/child/light", none, 1),
        ranked("POST", "/api/v1/group/{group_id}/connected", |w| json!(bodies::group(&w.group.key_id)), 1),
        ranked("POST", "/api/v1/group/{group_id}/connected/light", none, 1),
        row("GET", "/api/v1/group/{group_id}/children/{time}/{id}", none),
        row("GET", "/api/v1/group/{group_id}/all/{time}/{id}", none),
        via(ranked("PUT", "/api/v1/group/{group_id}/invite_group/{guest_id}", |w| keys_of(w, &w.guest), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/invite_group/{guest_id}/light", |_| json!({}), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/invite_group_auto/{guest_id}", |w| keys_of(w, &w.guest), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/invite_group_auto/{guest_id}/light", |_| json!({}), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/invite_group_auto_force/{guest_id}", |w| keys_of(w, &w.guest), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/invite_group_auto_force/{guest_id}/light", |_| json!({}), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/re_invite_group/{guest_id}", |w| keys_of(w, &w.group), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/re_invite_group/{guest_id}/light", |_| json!({}), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/re_invite_group_force/{guest_id}", |w| keys_of(w, &w.group), 2)),
        via(ranked("PUT", "/api/v1/group/{group_id}/re_invite_group_force/{guest_id}/light", |_| json!({}), 2)),
        ranked("GET", "/api/v1/group/{group_id}/invite/{time}/{id}", none, 1),
        but(ranked("PATCH", "/api/v1/group/{group_id}/invite/{to_join}", none, 1), 307),
        but(ranked("DELETE", "/api/v1/group/{group_id}/invite/{to_join}", none, 1), 307),
        but(ranked("PATCH", "/api/v1/group/{group_id}/{to_join}/invite", none, 1), 307),
        but(ranked("DELETE", "/api/v1/group/{group_id}/{to_join}/invite", none, 1), 307),
        but(row("PATCH", "/api/v1/group/{group_id}/join_req", none), 302),
        but(ranked("PATCH", "/api/v1/group/{group_id}/join_req/{to_join}", none, 1), 302),
        row("GET", "/api/v1/group/joins/{time}/{id}", none),
        ranked("GET", "/api/v1/group/{group_id}/joins/{time}/{id}", none, 1),
        but(row("DELETE", "/api/v1/group/joins/{to_join}", none), 309),
        but(ranked("DELETE", "/api/v1/group/{group_id}/joins/{to_join}", none, 1), 309),
        ranked("GET", "/api/v1/group/{group_id}/join_req/{time}/{id}", none, 2),
        but(ranked("PUT", "/api/v1/group/{group_id}/join_req/{user_id}", |w| keys_for(w, &w.stranger), 2), 309),
        but(ranked("PUT", "/api/v1/group/{group_id}/join_req/{user_id}/light", |_| json!({}), 2), 309),
        but(ranked("DELETE", "/api/v1/group/{group_id}/join_req/{user_id}", none, 2), 309),
        row("DELETE", "/api/v1/group/forced/{group_id}", none),
        row("GET", "/api/v1/group/forced/{group_id}/user/{user_id}", none),
        row("POST", "/api/v1/group/forced/{user_id}", |w| json!(bodies::group(&w.owner.key_id))),
        row("POST", "/api/v1/group/forced/{user_id}/light", none),
        ranked("POST", "/api/v1/group/forced/{user_id}/{group_id}/child", |w| json!(bodies::group(&w.group.key_id)), 1),
        ranked("POST", "/api/v1/group/forced/{user_id}/{group_id}/child/light", none, 1),
        ranked(
            "POST",
            "/api/v1/group/forced/{user_id}/{group_id}/connected",
            |w| json!(bodies::group(&w.group.key_id)),
            1,
        ),
        ranked("POST", "/api/v1/group/forced/{user_id}/{group_id}/connected/light", none, 1),
        ranked(
            "POST",
            "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}",
            |w| keys_for(w, &w.stranger),
            2,
        ),
        ranked("POST", "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}/light", |_| json!({}), 2),
        via(ranked(
            "POST",
            "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}/group",
            |w| keys_of(w, &w.guest),
            2,
        )),
        via(ranked(
            "POST",
            "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}/group_light",
            |_| json!({}),
            2,
        )),
        ranked("DELETE", "/api/v1/group/forced/{user_id}/{group_id}/kick/{member_id}", none, 2),
        row("POST", "/api/v1/keys/sym_key", |_| sym_key()),
        row("GET", "/api/v1/keys/sym_key/{key_id}", none),
        row("DELETE", "/api/v1/keys/sym_key/{key_id}", none),
        row("GET", "/api/v1/keys/sym_key/master_key/{master_key_id}/{time}/{id}", none),
        row("GET", "/api/v1/keys/sym_key/{master_key_id}/{time}/{id}", none),
        row("POST", "/api/v1/file", |_| files::for_nobody()),
        row("POST", "/api/v1/group/{group_id}/file", |_| files::for_nobody()),
        row("GET", "/api/v1/file/{file_id}", none),
        row("GET", "/api/v1/group/{group_id}/file/{file_id}", none),
        row("GET", "/api/v1/file/{file_id}/part_fetch/{last_sequence}", none),
        row("PUT", "/api/v1/file/{file_id}", |_| json!({ "encrypted_file_name": "another" })),
        row("DELETE", "/api/v1/file/{file_id}", none),
        row("DELETE", "/api/v1/group/{group_id}/file/{file_id}", none),
        but(row("GET", "/api/v1/file/session/{session_id}", none), 510),
        but(row("POST", "/api/v1/file/part/{session_id}/{seq}/{end}", none), 510),
        but(row("PATCH", "/api/v1/file/part/{session_id}/{seq}/{end}/{user_id}", none), 510),
        but(row("DELETE", "/api/v1/file/part/{part_id}", none), 512),
        but(row("GET", "/api/v1/file/part/{part_id}", none), 512),
    ]
}

fn sym_key() -> Value {
    let wrapped = keystead_crypto::encoding::b64_encode(&[7; 60]);
    json!({ "alg": "AES-GCM-256", "encrypted_key_string": wrapped, "master_key_id": "some-key" })
}

fn with_challenge(identifier: &str) -> Value {
    let mut body = Template::of(Suite::CLASSIC).done_login(identifier);
    body["challenge"] = "A".repeat(67).into();
    body
}

fn with_code(w: &World) -> Value {
    let mut body = Template::of(Suite::CLASSIC).done_login(&w.owner.identifier);
    body["token"] = "123456".into();
    body
}

fn new_device(identifier: &str) -> Value {
    json!(Template::of(Suite::CLASSIC).device(identifier))
}

fn device_keys(w: &World) -> Value {
    json!({ "user_keys": bodies::new_member(&[&w.owner.key_id], &w.owner, None), "token": "x" })
}

fn further_user_keys(w: &World) -> Value {
    json!(bodies::member_keys(&[&w.owner.key_id], &w.owner))
}

fn rank_change(who: &Session) -> Value {
    json!({ "changed_user_id": who.user_id, "new_rank": 3 })
}

fn keys_for(w: &World, member: &Session) -> Value {
    json!(bodies::new_member(&[&w.group.key_id], member, None))
}

/// Keys of the connected group for one that comes in.
fn keys_of(w: &World, guest: &TestGroup) -> Value {
    json!(bodies::new_guest(&w.connected, guest, None))
}

fn further_keys(w: &World) -> Value {
    json!(bodies::member_keys(&[&w.group.key_id], &w.low))
}

/// The key API's routes; the other APIs have tests of their own.
fn key_api() -> impl Iterator<Item = &'static Route> {
    table()
        .iter()
        .filter(|route| !route.guard.is_customer() && !matches!(route.guard, Guard::Identity(_) | Guard::Data(_)))
}

/// The table's route with the matrix's row, for all of them.
fn rows() -> Vec<(&'static Route, Row)> {
    let matrix = matrix();
    let name = |method: &str, pattern: &str| format!("{method} {pattern}");
    let listed: Vec<String> = matrix.iter().map(|r| name(r.method, r.pattern)).collect();
    let routed: Vec<String> = key_api().map(|r| name(r.method.as_str(), r.pattern)).collect();
    let missing: Vec<&String> = routed.iter().filter(|r| !listed.contains(r)).collect();
    assert!(missing.is_empty(), "routes without a line in the matrix: {missing:?}");
    let gone: Vec<&String> = listed.iter().filter(|r| !routed.contains(r)).collect();
    assert!(gone.is_empty(), "lines of the matrix without a route: {gone:?}");
    let route_of = |row: &Row| key_api().find(|r| r.method.as_str() == row.method && r.pattern == row.pattern);
    matrix.into_iter().map(|row| (route_of(&row).expect("checked above"), row)).collect()
}

impl World {
    async fn new(server: &TestServer, app: &TestApp, other_app: &TestApp, number: usize) -> Self {
        let name = |who: &str| format!("{who} {number}");
        let owner = server.session_in(app, Suite::CLASSIC, &name("owner")).await;
        let low = server.session_in(app, Suite::CLASSIC, &name("low")).await;
        let stranger = server.session_in(app, Suite::CLASSIC, &name("stranger")).await;
        let foreigner = server.session_in(other_app, Suite::CLASSIC, &name("foreigner")).await;
        let group = server.group_with(&owner, &[(&low, 4)]).await;
        let connected = server.connected(&owner, &group).await;
        let guest = server.group(&owner).await;
        let file = server.file(&owner, &files::for_user(&stranger.user_id)).await;
        server.upload(&owner, &file, &[b"a part"]).await;
        let group_file_id = server.group_file(&owner, &group).await.file_id;
        let sym_key: SymKeyRegisterOutput = server.post("/keys/sym_key").jwt(&owner.jwt).json(&sym_key()).ok_as().await;
        Self {
            app: app.clone(),
            other_app: other_app.clone(),
            owner,
            low,
            stranger,
            foreigner,
            group,
            connected,
            guest,
            file_id: file.file_id,
            group_file_id,
            sym_key_id: sym_key.key_id,
            name: name("somebody"),
        }
    }

    /// The call of a row with path and body of success and the right app token, but without a JWT; where the path names
    /// the acting user, it is the owner.
    fn call(&self, server: &TestServer, route: &Route, row: &Row) -> Call {
        self.call_by(server, route, row, &self.owner)
    }

    /// As [`World::call`], by another user where the path names him.
    fn call_by(&self, server: &TestServer, route: &Route, row: &Row, actor: &Session) -> Call {
        let call = self.call_with(server, route, row, &self.path(row, actor));
        match (row.body)(self) {
            Value::Null => call,
            body => call.json(&body),
        }
    }

    fn call_with(&self, server: &TestServer, route: &Route, row: &Row, path: &str) -> Call {
        let token = if route.guard.needs_secret() { &self.app.secret } else { &self.app.public };
        let call = server.call(row.method, path).token(token);
        if row.via { call.via(&self.group) } else { call }
    }

    /// The group that the path names.
    fn entered(&self, row: &Row) -> &TestGroup {
        if row.via { &self.connected } else { &self.group }
    }

    fn path(&self, row: &Row, actor: &Session) -> String {
        let in_group = row.pattern.starts_with("/api/v1/group/");
        let target = match row.pattern {
            p if p.contains("/forced/{group_id}/user/") => &self.low,
            p if !in_group || p.contains("/forced/") => actor,
            p if p.contains("/kick/") || p.contains("/re_invite/") => &self.low,
            _ => &self.stranger,
        };
        let guest_id = match row.pattern {
            p if p.contains("/re_invite_group") => &self.group.id,
            _ if row.via => &self.guest.id,
            _ => &self.stranger.user_id,
        };
        let key_id = match row.pattern {
            p if p.contains("/sym_key/") => &self.sym_key_id,
            _ if in_group => &self.group.key_id,
            _ => &self.owner.key_id,
        };
        let path = row.pattern.strip_prefix("/api/v1").expect("the key API");
        path.replace("{group_id}", &self.entered(row).id)
            .replace("{user_id}", &target.user_id)
            .replace("{guest_id}", guest_id)
            .replace("{member_id}", &self.low.user_id)
            .replace("{to_join}", &self.connected.id)
            .replace("{key_id}", key_id)
            .replace("{session_id}", NOBODY)
            .replace("{device_id}", &self.owner.device_id)
            .replace("{file_id}", if in_group { &self.group_file_id } else { &self.file_id })
            .replace("{part_id}", NOBODY)
            .replace("{seq}/{end}", "1/true")
            .replace("{last_sequence}", "0")
            .replace("{master_key_id}", "some-key")
            .replace("{time}", "0")
            .replace("{id}", "none")
    }
}

async fn every_route_asks_its_caller(server: TestServer) {
    let other_app = server.create_app("other", EndpointOptions::preset_lax());
    for (number, (route, row)) in rows().into_iter().enumerate() {
        let world = World::new(&server, &server.lax, &other_app, number).await;
        let call = || world.call(&server, route, &row);

        // Nobody gets in without an app token, whatever else he sends.
        for jwt in [None, Some(&world.owner.jwt)] {
            let with = |call: Call| if let Some(jwt) = jwt { call.jwt(jwt) } else { call };
            with(call().without_token()).refused(200).await;
            with(call().token(&"A".repeat(40))).refused(200).await;
            with(call().token("not b64!")).refused(201).await;
        }
        if route.guard.needs_secret() {
            call().token(&world.app.public).jwt(&world.owner.jwt).refused(203).await;
        }
        if route.guard.needs_jwt() {
            refuses_bad_jwts(&server, &world, route, &row).await;
        } else if !row.path_is_free_of_ids() {
            // Ids of one app mean nothing in another one.
            let foreign = if route.guard.needs_secret() { &world.other_app.secret } else { &world.other_app.public };
            let code = call().token(foreign).code().await;
            let refused = matches!(code, Some(100 | 304 | 310 | 400 | 510 | 512));
            assert!(refused, "{} {}: {code:?}", row.method, row.pattern);
        }
        if route.guard.group_param().is_some() {
            refuses_strangers(&server, &world, route, &row).await;
        }
        if let Some(rank) = row.rank {
            assert!(rank < 4);
            world.call_by(&server, route, &row, &world.low).jwt(&world.low.jwt).refused(301).await;
        }
        let code = call().jwt(&world.owner.jwt).code().await;
        assert_eq!(code, row.answer, "{} {} by one who may", row.method, row.pattern);
    }
}

impl Row {
    fn path_is_free_of_ids(&self) -> bool {
        let ids = ["{user_id}", "{group_id}", "{file_id}", "{part_id}", "{key_id}"];
        !ids.iter().any(|id| self.pattern.contains(id))
    }
}

async fn refuses_bad_jwts(server: &TestServer, world: &World, route: &Route, row: &Row) {
    let call = || world.call(server, route, row);
    let jwt = &world.owner.jwt;
    call().refused(31).await;
    call().header("authorization", jwt).refused(31).await;
    call().jwt("garbage").refused(32).await;
    call().jwt(&tokens::with_broken_signature(jwt)).refused(30).await;
    // Another app's token, user or key.
    let foreign = if route.guard.needs_secret() { &world.other_app.secret } else { &world.other_app.public };
    call().token(foreign).jwt(jwt).refused(35).await;
    call().jwt(&world.foreigner.jwt).refused(35).await;
    let claims = tokens::claims(jwt);
    call().jwt(&tokens::sign(&world.other_app.sign_key, &world.other_app.kid, &claims)).refused(35).await;
    call().jwt(&tokens::sign(&world.other_app.sign_key, &world.app.kid, &claims)).refused(30).await;
    let signed = |claims: Claims| tokens::sign(&world.app.sign_key, &world.app.kid, &claims);
    call().jwt(&signed(Claims { sub: NOBODY.into(), ..claims.clone() })).refused(100).await;
    call().jwt(&signed(Claims { aud: world.low.user_id.clone(), ..claims.clone() })).refused(100).await;

    let now = server.now_ms() / 1000;
    if route.guard == Guard::AJx {
        // Its age does not matter there; that it works is part of the tests of sessions.
        return;
    }
    let expired = signed(Claims { iat: now - 301, exp: now - 1, ..claims.clone() });
    call().jwt(&expired).refused(30).await;
    call().jwt(&expired).refused(30).await;
    if route.guard == Guard::AJFresh {
        call().jwt(&signed(Claims { fresh: false, ..claims })).refused(113).await;
    }
}

async fn refuses_strangers(server: &TestServer, world: &World, route: &Route, row: &Row) {
    let (stranger, path) = (&world.stranger, world.path(row, &world.stranger));
    let call = || world.call_by(server, route, row, stranger).jwt(&stranger.jwt);
    call().refused(310).await;
    // The guard comes before the body.
    world.call_with(server, route, row, &path).text("{").jwt(&stranger.jwt).refused(310).await;
    // The header opens nothing: neither a group he is not in, nor one that is no member, nor what is none.
    for via in [&world.group, &world.connected, &world.guest] {
        call().via(via).refused(310).await;
    }
    for via in [NOBODY, &stranger.user_id, "x", ""] {
        call().header("x-sentc-group-access-id", via).refused(310).await;
    }
    let owner = &world.owner;
    for no_group in [NOBODY, &owner.user_group_id, "x"] {
        let path = world.path(row, owner).replace(&world.entered(row).id, no_group);
        world.call_with(server, route, row, &path).jwt(&owner.jwt).refused(310).await;
    }
    if row.via {
        // Nobody is a direct member of the connected group.
        let path = world.path(row, owner);
        let token = if route.guard.needs_secret() { &world.app.secret } else { &world.app.public };
        server.call(row.method, &path).token(token).jwt(&owner.jwt).refused(310).await;
    }
}

async fn options_close_every_endpoint_that_has_one(server: TestServer) {
    let app = server.create_app("options", EndpointOptions::preset_lax());
    let other_app = server.create_app("other", EndpointOptions::preset_lax());
    // Groups and members of the world are made with the public token of the app `lax`.
    let mut server = server;
    server.lax = app.clone();
    for (number, (route, row)) in rows().into_iter().enumerate() {
        let world = World::new(&server, &app, &other_app, number).await;
        let call = |token: &str| world.call(&server, route, &row).token(token).jwt(&world.owner.jwt);
        let Some(option) = route.option else { continue };
        let name = option_name(option);
        server.set_options(&app, &[(name, "0")]).await;
        call(&app.public).refused(203).await;
        call(&app.secret).refused(203).await;
        if row.has_body(&world) {
            // The body comes before the option.
            let broken = world.call_with(&server, route, &row, &world.path(&row, &world.owner)).text("{");
            broken.jwt(&world.owner.jwt).refused(11).await;
        }
        server.set_options(&app, &[(name, "2")]).await;
        call(&app.public).refused(203).await;
        let code = call(&app.secret).code().await;
        assert_eq!(code, row.answer, "{} {} with the secret token", row.method, row.pattern);
        server.set_options(&app, &[(name, "1")]).await;
    }
    // A disabled app is refused everywhere, before anything else is looked at.
    let world = World::new(&server, &app, &other_app, 1000).await;
    server.set_options(&app, &[("disabled", "true")]).await;
    for (route, row) in rows() {
        world.call(&server, route, &row).jwt(&world.owner.jwt).refused(204).await;
        world.call(&server, route, &row).token(&app.secret).jwt("garbage").refused(204).await;
    }
    server.set_options(&app, &[("disabled", "false")]).await;
    server.get("/group/all/0/none").jwt(&world.owner.jwt).ok().await;
}

impl Row {
    fn has_body(&self, world: &World) -> bool {
        !(self.body)(world).is_null()
    }
}

/// The wire name of an option: the one that, set to 0, makes this one 0.
fn option_name(option: keystead_protocol::apps::Endpoint) -> &'static str {
    let closes = |name: &&str| {
        let mut options = EndpointOptions::preset_lax();
        options.set(name, 0) && options.get(option) == 0
    };
    EndpointOptions::NAMES.iter().copied().find(closes).expect("every option has a name")
}
