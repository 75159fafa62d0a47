//! Invariant 2: an answered write is on disk. A server under load is killed with SIGKILL; after a restart everything that
//! was answered is there, and nothing half-done.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::process::{Process, Site};
use e2e::users::{Session, Template};
use e2e::{Backend, block_on, bodies};
use futures_util::future::join_all;
use keystead_protocol::keys::ForcedLoginOutput;
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

const ROUNDS: usize = 3;
const WRITERS: usize = 8;
/// The kill comes in the midst, after this many users have been begun…
const USERS: usize = 60;
/// … or when the machine is slow.
const LOAD: Duration = Duration::from_secs(3);

#[test]
fn sqlite() {
    run(Backend::Sqlite);
}

#[test]
fn postgres() {
    run(Backend::Postgres);
}

/// What the server has answered to one writer.
#[derive(Default)]
struct Answered {
    users: Vec<String>,
    groups: Vec<(Session, String)>,
    members: Vec<(Session, String)>,
    invited: Vec<(Session, String)>,
    renamed: Vec<(String, String)>,
}

fn run(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&["--rate-limit", "off"]);
    let app = site.json(&["app", "create", "killed", "--preset", "lax", "--json"]);
    let secret = app["secret_token"].as_str().expect("a token").to_owned();
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let answered = block_on(under_load(&mut server, &secret, round));
        let writes: usize = answered.iter().map(|a| a.users.len() + a.groups.len() + a.members.len()).sum();
        assert!(writes > 0, "no write was answered");
        server = site.serve(&["--rate-limit", "off"]);
        all.extend(answered);
        block_on(everything_is_there(&server, &secret, &all));
        nothing_is_half_done(&site);
    }
}

/// Writes with several writers until the server is killed in their midst.
async fn under_load(server: &mut Process, secret: &str, round: usize) -> Vec<Answered> {
    let (number, killed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let answered = {
        let view: &Process = server;
        let writers = join_all((0..WRITERS).map(|_| async {
            let mut answered = Answered::default();
            // A broken connection ends a writer.
            while write(view, secret, round, &number, &mut answered).await.is_some() {}
            assert!(killed.load(Ordering::SeqCst), "a write failed before the kill");
            answered
        }));
        let kill = async {
            let start = Instant::now();
            while number.load(Ordering::Relaxed) < USERS && start.elapsed() < LOAD {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            killed.store(true, Ordering::SeqCst);
            view.signal("KILL");
        };
        tokio::join!(writers, kill).0
    };
    server.wait(Duration::from_secs(5));
    answered
}

/// One user does four writes; each that is answered is noted at once. `None` when the server is gone.
async fn write(
    server: &Process,
    secret: &str,
    round: usize,
    number: &AtomicUsize,
    answered: &mut Answered,
) -> Option<()> {
    let name = format!("user {round} {}", number.fetch_add(1, Ordering::Relaxed));
    let call = async |method: &str, path: &str, jwt: &str, body: Value| -> Option<Value> {
        let call = server.call(method, path).token(secret).jwt(jwt).json(&body);
        Some(call.try_send().await?.result())
    };
    call("POST", "/register", "", json!(Template::of(Suite::CLASSIC).register(&name))).await?;
    answered.users.push(name.clone());
    let login = call("POST", "/user/forced/login", "", json!({ "user_identifier": name })).await?;
    let login: ForcedLoginOutput = serde_json::from_value(login).expect("a login");
    let user = Session::from_login(&name, login.verify);
    let group = call("POST", "/group", &user.jwt, json!(bodies::group(&user.key_id))).await?;
    let group = group["group_id"].as_str().expect("an id").to_owned();
    answered.groups.push((user.clone(), group.clone()));
    let data = call("GET", &format!("/group/{group}"), &user.jwt, Value::Null).await?;
    let key_id = data["keys"][0]["group_key_id"].as_str().expect("a key").to_owned();

    // The one before joins the new group, the one before him is invited.
    let others: Vec<Session> = answered.groups.iter().rev().skip(1).take(2).map(|(s, _)| s.clone()).collect();
    for (kind, member) in ["invite_auto", "invite"].into_iter().zip(others) {
        let path = format!("/group/{group}/{kind}/{}", member.user_id);
        call("PUT", &path, &user.jwt, json!(bodies::new_member(&[&key_id], &member, None))).await?;
        let list = if kind == "invite" { &mut answered.invited } else { &mut answered.members };
        list.push((member, group.clone()));
    }
    let renamed = format!("{name} renamed");
    // Asked for, but not yet answered: either name is right from here on.
    answered.users.pop();
    let done = call("PUT", "/user", &user.jwt, json!({ "user_identifier": renamed })).await;
    if done.is_some() {
        answered.renamed.push((renamed, user.user_id));
    }
    done.map(drop)
}

async fn everything_is_there(server: &Process, secret: &str, all: &[Answered]) {
    let login = |name: &str| {
        let call = server.call("POST", "/user/forced/login").token(secret).json(&json!({ "user_identifier": name }));
        async move { call.ok_as::<ForcedLoginOutput>().await.device_keys.user_id }
    };
    // JWTs live five minutes; the test does not.
    let light = |user: &Session, group: &str| {
        server.call("GET", &format!("/group/{group}/light")).token(secret).jwt(&user.jwt).ok()
    };
    for answered in all {
        for name in &answered.users {
            login(name).await;
        }
        for (name, id) in &answered.renamed {
            assert_eq!(&login(name).await, id, "{name}");
        }
        for (user, group) in &answered.groups {
            assert_eq!(light(user, group).await["rank"], 0);
        }
        for (user, group) in &answered.members {
            assert_eq!(light(user, group).await["rank"], 4);
            let keys = server.call("GET", &format!("/group/{group}/keys/0/none")).token(secret).jwt(&user.jwt);
            assert_eq!(keys.ok().await.as_array().map(Vec::len), Some(1));
        }
        for (user, group) in &answered.invited {
            let list = server.call("GET", "/group/invite/0/none").token(secret).jwt(&user.jwt).ok().await;
            let invited = list.as_array().expect("a list").iter().any(|i| i["group_id"] == group.as_str());
            assert!(invited, "{} into {group}", user.identifier);
        }
    }
}

/// Every user with a device, keys and a user group; every group with its creator and a key; every member with his key.
fn nothing_is_half_done(site: &Site) {
    let mut database = site.database();
    let halves = [
        "directory_users u WHERE NOT EXISTS (SELECT 1 FROM key_users k WHERE k.id = u.id)",
        "key_users u WHERE NOT EXISTS (SELECT 1 FROM key_devices d WHERE d.user_id = u.id)",
        "key_users u WHERE NOT EXISTS (SELECT 1 FROM group_keys k WHERE k.group_id = u.user_group_id)",
        "key_devices d WHERE NOT EXISTS (SELECT 1 FROM key_device_keys k WHERE k.device_id = d.id)",
        "key_devices d WHERE NOT EXISTS \
         (SELECT 1 FROM group_members m WHERE m.group_id = d.user_group_id AND m.member_id = d.id)",
        "\"groups\" g WHERE NOT EXISTS (SELECT 1 FROM group_members m WHERE m.group_id = g.id AND m.rank = 0)",
        "\"groups\" g WHERE NOT EXISTS (SELECT 1 FROM group_keys k WHERE k.group_id = g.id)",
        "group_keys k WHERE NOT EXISTS (SELECT 1 FROM group_member_keys w WHERE w.key_id = k.id)",
        "group_members m WHERE NOT EXISTS \
         (SELECT 1 FROM group_member_keys w WHERE w.group_id = m.group_id AND w.member_id = m.member_id)",
        "group_invites i WHERE NOT EXISTS \
         (SELECT 1 FROM group_member_keys w WHERE w.group_id = i.group_id AND w.member_id = i.member_id)",
    ];
    for half in halves {
        assert_eq!(database.number(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {half}")), 0, "{half}");
    }
}
