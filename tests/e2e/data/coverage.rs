//! The authorisation matrix of the data API: every route of the table, called by everybody there is. Whom a guard does not know
//! hears so before the handler looks at anything; whom it knows comes in.

use e2e::data::{DataAnswer, DataApp, DataRequest};
use e2e::{Setup, TestServer, both};
use keystead_protocol::apps::EndpointOptions;
use keystead_server::config::Secret;
use keystead_server::routes::{Route, table};
use keystead_server::web::data::DataGuard;
use keystead_server::web::guard::Guard;
use serde_json::json;

both! { every_guard_knows_its_callers; with Setup::default().with(|config| config.data.operator_token = Secret::new(OPERATOR)) }
both! { errors_are_those_of_the_reference, without_an_operator_token_there_is_no_operator }

const OPERATOR: &str = "operator-of-the-coverage-test";
const NOBODY: &str = "00000000-0000-4000-8000-0000000000ff";

fn routes() -> impl Iterator<Item = (&'static Route, DataGuard)> {
    table().iter().filter_map(|route| match route.guard {
        Guard::Data(guard) => Some((route, guard)),
        _ => None,
    })
}

/// The path with the app in `{app}` and `{app_id}`, and an id that is nobody's everywhere else.
fn path(route: &Route, app_id: &str) -> String {
    let mut path = route.pattern.replace("{app}", app_id).replace("{app_id}", app_id);
    while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(start..=end, NOBODY);
    }
    path
}

/// Everybody there is.
struct Cast {
    app: DataApp,
    /// Another app's admin token.
    other: String,
    /// The refresh token of a user of the app, and that of one of the other app.
    user: String,
    stranger: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Who {
    Nobody,
    Malformed,
    OtherScheme,
    OtherAdmin,
    Admin,
    Operator,
    User,
    Stranger,
    AsUser,
    AsStranger,
    AsGuest,
    AsEmail,
    AsEmailByAdmin,
}

const EVERYBODY: [Who; 13] = [
    Who::Nobody,
    Who::Malformed,
    Who::OtherScheme,
    Who::OtherAdmin,
    Who::Admin,
    Who::Operator,
    Who::User,
    Who::Stranger,
    Who::AsUser,
    Who::AsStranger,
    Who::AsGuest,
    Who::AsEmail,
    Who::AsEmailByAdmin,
];

impl Cast {
    fn call(&self, who: Who, method: &str, path: &str) -> DataRequest {
        let call = self.app.anybody(method, path);
        let bearer = |call: DataRequest, token: &str| call.header("authorization", &format!("Bearer {token}"));
        match who {
            Who::Nobody => call,
            Who::Malformed => bearer(call, "x"),
            Who::OtherScheme => call.header("authorization", "Basic eDp5"),
            Who::OtherAdmin => bearer(call, &self.other),
            Who::Admin => bearer(call, &self.app.admin),
            Who::Operator => bearer(call, OPERATOR),
            Who::User => bearer(call, &self.user),
            Who::Stranger => bearer(call, &self.stranger),
            Who::AsUser => call.header("as-token", &self.user),
            Who::AsStranger => call.header("as-token", &self.stranger),
            Who::AsGuest => call.header("as-guest", "true"),
            Who::AsEmail => call.header("as-email", "ann@example.com"),
            Who::AsEmailByAdmin => bearer(call, &self.app.admin).header("as-email", "ann@example.com"),
        }
    }
}

fn may_enter(guard: DataGuard, who: Who) -> bool {
    use Who::{
        Admin, AsEmail, AsEmailByAdmin, AsGuest, AsStranger, AsUser, Malformed, Nobody, Operator, OtherAdmin,
        OtherScheme, Stranger, User,
    };
    match guard {
        DataGuard::Open | DataGuard::App => true,
        DataGuard::Admin => matches!(who, Admin | AsEmailByAdmin),
        DataGuard::AdminOrUser => matches!(who, Admin | AsUser | AsGuest | AsEmailByAdmin),
        // The admin token is no user's; `as-…` headers mean nothing here.
        DataGuard::User => match who {
            Nobody | User | AsUser | AsStranger | AsGuest | AsEmail => true,
            Malformed | OtherScheme | OtherAdmin | Admin | Operator | Stranger | AsEmailByAdmin => false,
        },
        DataGuard::Dash => matches!(who, Admin | Operator | AsEmailByAdmin),
        DataGuard::Operator => who == Operator,
    }
}

/// What a guard says, and no handler.
fn is_refusal(guard: DataGuard, answer: &DataAnswer) -> bool {
    let (place, record) = (&answer.body["hint"]["in"], answer.body["hint"]["record-type"].as_str());
    match guard {
        DataGuard::Dash | DataGuard::Operator => answer.status == 401,
        _ if answer.status != 400 => false,
        _ => {
            *place == json!(["headers", "authorization"])
                || *place == json!(["asUser", "token"])
                || matches!(record, Some("app-admin-token" | "app-user"))
        }
    }
}

async fn every_guard_knows_its_callers(server: TestServer) {
    let (app, other) = (server.data(), server.data_of(&server.create_app("other", EndpointOptions::preset_lax())));
    let token = async |app: &DataApp| {
        let made = app.call("POST", "/admin/refresh_tokens").body(&json!({"email": "ann@example.com"})).ok().await;
        made["user"]["refresh_token"].as_str().expect("a token").to_owned()
    };
    let cast = Cast { user: token(&app).await, stranger: token(&other).await, other: other.admin.clone(), app };
    let mut guards = Vec::new();
    for (route, guard) in routes() {
        guards.push(guard);
        for who in EVERYBODY {
            let method = route.method.as_str();
            // The operator deletes the app that he names.
            let deletes_app = method == "DELETE" && guard == DataGuard::Operator;
            let path = path(route, if deletes_app { NOBODY } else { &cast.app.id });
            let answer = cast.call(who, method, &path).body(&json!({})).send().await;
            assert!(answer.status < 500, "{method} {path} by {who:?}: {}", answer.body);
            let expected = !may_enter(guard, who);
            assert_eq!(is_refusal(guard, &answer), expected, "{method} {path} by {who:?}: {}", answer.body);
        }
        apps_are_known(&cast, route, guard).await;
    }
    for guard in [
        DataGuard::Open,
        DataGuard::App,
        DataGuard::Admin,
        DataGuard::AdminOrUser,
        DataGuard::User,
        DataGuard::Dash,
        DataGuard::Operator,
    ] {
        assert!(guards.contains(&guard), "no route has {guard:?}");
    }
}

/// No guard lets anybody into an app that there is not, or one without a name.
async fn apps_are_known(cast: &Cast, route: &Route, guard: DataGuard) {
    let method = route.method.as_str();
    let (unknown, nameless) = match guard {
        DataGuard::Open | DataGuard::Operator => return,
        DataGuard::Dash => ((401, "record-not-found"), (400, "param-malformed")),
        _ => ((400, "record-not-found"), (400, "param-malformed")),
    };
    for (app_id, (status, kind)) in [(NOBODY, unknown), ("x", nameless)] {
        let app = DataApp { id: app_id.into(), ..cast.app.clone() };
        let answer = app.call(method, &path(route, app_id)).body(&json!({})).send().await;
        let found = (answer.status, answer.body["type"].as_str());
        assert_eq!(found, (status, Some(kind)), "{method} {} of the app {app_id}: {}", route.pattern, answer.body);
    }
}

async fn without_an_operator_token_there_is_no_operator(server: TestServer) {
    let app = server.data();
    for token in ["Bearer ", "Bearer", "Bearer undefined", "Bearer \"\""] {
        let said = app.anybody("GET", "/dash/me").header("authorization", token).send().await;
        assert_eq!(said.status, 401, "{token}");
    }
    assert_eq!(app.anybody("POST", "/dash/cli/auth/register").send().await.body["type"], "permission-denied");
    assert_eq!(app.anybody("POST", "/dash/apps/ephemeral").send().await.body["type"], "permission-denied");
}
async fn errors_are_those_of_the_reference(server: TestServer) {
    let app = server.data();
    let query = json!({"query": {}});
    let nameless =
        server.http().post(format!("{}/admin/query", server.url())).json(&query).send().await.expect("an answer");
    assert_eq!(nameless.status().as_u16(), 400);
    let body: serde_json::Value = nameless.json().await.expect("JSON");
    assert_eq!((&body["type"], &body["hint"]["in"]), (&json!("param-missing"), &json!(["headers", "app-id"])));
    let said = app.anybody("POST", "/admin/query").body(&query).refused("param-missing").await;
    assert_eq!(said["hint"]["in"], json!(["headers", "authorization"]));
    let wrong = app.anybody("POST", "/admin/query").header("authorization", &format!("Bearer {}", app.id));
    assert_eq!(wrong.body(&query).refused("record-not-found").await["hint"]["record-type"], "app-admin-token");
    let nobody = app.call("POST", "/admin/query").header("as-email", "nobody@example.com");
    assert_eq!(nobody.body(&query).refused("record-not-found").await["hint"]["record-type"], "app-user");
    app.anybody("POST", "/admin/query").header("as-token", "x").body(&query).refused("param-malformed").await;
    let unknown = app.call("GET", "/admin/nothing").send().await;
    assert_eq!(unknown.status, 404);
    assert_eq!(app.anybody("GET", "/health/system").ok().await, json!({"wal": "ok"}));
}
