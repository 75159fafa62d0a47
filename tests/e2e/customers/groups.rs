//! Customer groups.

use e2e::{TestServer, both};
use keystead_protocol::customers::{CustomerGroupListItem, CustomerGroupMembers, CustomerGroupView};
use serde_json::{Value, json};

use super::{create_app, customer, setup};

both! {
    a_group_owns_apps_together,
    ranks_decide_in_groups;
    with setup()
}

async fn a_group_owns_apps_together(server: TestServer) {
    let (alice, bob) = (customer(&server, "alice@example.com").await, customer(&server, "bob@example.com").await);
    let text = json!({ "name": "Wonderland", "des": "behind the mirror" });
    let made = server.post("/customer/group").without_token().jwt(&alice.jwt).json(&text).ok().await;
    let group = made["group_id"].as_str().expect("an id").to_owned();
    let get = |path: &str, jwt: &str| server.get(path).without_token().jwt(jwt);

    let view: CustomerGroupView = get(&format!("/customer/group/{group}"), &alice.jwt).ok_as().await;
    assert_eq!((view.data.group_name.as_deref(), view.data.rank), (Some("Wonderland"), 0));
    get(&format!("/customer/group/{group}"), &bob.jwt).refused(310).await;
    let invite = server.put(&format!("/customer/group/{group}/invite/{}", bob.id)).without_token();
    invite.jwt(&alice.jwt).json(&json!({ "rank": 2 })).ok().await;
    let groups: Vec<CustomerGroupListItem> = get("/customer/group/all/0/none", &bob.jwt).ok_as().await;
    assert_eq!(groups.iter().map(|g| (g.id.as_str(), g.rank)).collect::<Vec<_>>(), [(group.as_str(), 2)]);
    let members: CustomerGroupMembers =
        get(&format!("/customer/group/{group}/member/0/none"), &alice.jwt).ok_as().await;
    assert_eq!(members.group_member.len(), 1);
    assert_eq!(members.customer_data.first().map(|c| c.email.as_str()), Some("bob@example.com"));

    let app = create_app(&server, &alice, &format!("/customer/app/{group}")).await;
    let apps = get(&format!("/customer/group/{group}/apps/0/none"), &bob.jwt).ok().await;
    assert_eq!((&apps[0]["id"], &apps[0]["group_name"]), (&json!(app.app_id), &json!("Wonderland")));
    assert_eq!(get("/customer/apps/0/none", &alice.jwt).ok().await, json!([]), "not his own");
    let details = get(&format!("/customer/app/{}", app.app_id), &bob.jwt).ok().await;
    assert_eq!(details["details"]["identifier"], "my app");
    let delete = |path: String| server.delete(&path).without_token().jwt(&alice.jwt);
    delete(format!("/customer/group/{group}")).refused(203).await;
    delete(format!("/customer/app/{}", app.app_id)).ok().await;
    delete(format!("/customer/group/{group}")).ok().await;
    assert!(server.database().find(&group).is_empty());
}

/// better-than 16: in the original any member renames the group and reads private keys.
async fn ranks_decide_in_groups(server: TestServer) {
    let alice = customer(&server, "alice@example.com").await;
    let made = server.post("/customer/group").without_token().jwt(&alice.jwt).json(&json!({})).ok().await;
    let group = made["group_id"].as_str().expect("an id").to_owned();
    let app = create_app(&server, &alice, &format!("/customer/app/{group}")).await;
    let app_path = format!("/customer/app/{}", app.app_id);
    let outsider = customer(&server, "eve@example.com").await;
    for (rank, email) in [(1, "one@example.com"), (2, "two@example.com"), (4, "four@example.com")] {
        let member = customer(&server, email).await;
        let invite = server.put(&format!("/customer/group/{group}/invite/{}", member.id)).without_token();
        invite.jwt(&alice.jwt).json(&json!({ "rank": rank })).ok().await;
        let may = |most: i32| (rank > most).then_some(301);
        let call = |method: &str, path: &str, body: Option<Value>, jwt: &str| {
            let call = server.call(method, path).without_token().jwt(jwt);
            if let Some(body) = body { call.json(&body) } else { call }
        };
        let name = json!({ "name": "new", "des": null });
        let options = json!({ "max_key_rotation_month": 7, "min_rank_key_rotation": 1 });
        for (method, path, body, most) in [
            ("GET", app_path.clone(), None, 4),
            ("PUT", format!("/customer/group/{group}/update"), Some(name), 1),
            ("PUT", app_path.clone(), Some(json!({ "identifier": "renamed" })), 2),
            ("PUT", format!("{app_path}/group_options"), Some(options), 2),
            ("GET", format!("{app_path}/jwt"), None, 2),
            ("PATCH", format!("{app_path}/new_jwt_keys"), None, 2),
            ("PATCH", format!("{app_path}/token_renew"), None, 2),
            ("DELETE", format!("{app_path}/reset"), None, 1),
            ("POST", format!("/customer/app/{group}"), Some(super::app_body("x")), 1),
        ] {
            let code = call(method, &path, body.clone(), &member.jwt).code().await;
            assert_eq!(code, may(most), "{method} {path} by rank {rank}");
            let code = call(method, &path, body, &outsider.jwt).code().await;
            assert!(matches!(code, Some(202 | 310)), "{method} {path} by an outsider: {code:?}");
        }
        let change = json!({ "changed_user_id": member.id, "new_rank": 3 });
        let path = format!("/customer/group/{group}/change_rank");
        let code = call("PUT", &path, Some(change), &member.jwt).code().await;
        assert_eq!(code, may(1), "change_rank by rank {rank}");
        let kick = format!("/customer/group/{group}/kick/{}", member.id);
        call("DELETE", &kick, None, &alice.jwt).ok().await;
    }
}
