//! The customer API (sentc.md section 2.1).

mod accounts;
mod apps;
mod coverage;
mod groups;

use std::path::PathBuf;

use e2e::users::Template;
use e2e::{Setup, TestServer};
use keystead_protocol::apps::{AppRegisterOutput, EndpointOptions};
use keystead_protocol::customers::{CaptchaCreateOutput, CustomerRegisterOutput, CustomerVerifyLoginOutput};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

/// A server with the customer API.
pub(crate) fn setup() -> Setup {
    Setup::default().with(|config| config.apis.customer = true)
}

/// A customer who is logged in.
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) jwt: String,
    pub(crate) refresh_token: String,
}

/// A solved captcha. Its solution is nowhere but in the picture and, sealed, in the database: the test opens the seal.
pub(crate) async fn captcha(server: &TestServer) -> Value {
    let made: CaptchaCreateOutput = server.get("/customer/captcha").without_token().ok_as().await;
    let sql = format!("SELECT solution_sealed AS line FROM customer_captchas WHERE id = '{}'", made.captcha_id);
    let sealed = server.database().lines(&sql).pop().expect("the captcha is stored");
    let slot = format!("customer_captchas.solution_sealed {}", made.captcha_id);
    let solution = server.app().root_key.open(&slot, &sealed).expect("the seal opens");
    let solution = String::from_utf8(solution.to_vec()).expect("text");
    json!({ "captcha_id": made.captcha_id, "captcha_solution": solution })
}

/// The body of a registration.
pub(crate) async fn registration(server: &TestServer, email: &str) -> Value {
    json!({
        "customer_data": { "name": "Liddell", "first_name": "Alice" },
        "email": email,
        "register_data": Template::of(Suite::CLASSIC).register(email).device,
        "captcha_input": captcha(server).await,
    })
}

/// Registers a customer and logs him in; his address is not confirmed.
pub(crate) async fn unconfirmed(server: &TestServer, email: &str) -> Customer {
    let body = registration(server, email).await;
    let made: CustomerRegisterOutput = server.post("/customer/register").without_token().json(&body).ok_as().await;
    let login = login(server, email).await;
    assert_eq!(login.email_data.email, email);
    Customer {
        id: made.customer_id,
        email: email.to_owned(),
        jwt: login.verify.jwt,
        refresh_token: login.verify.refresh_token,
    }
}

/// A customer with a confirmed address.
pub(crate) async fn customer(server: &TestServer, email: &str) -> Customer {
    let customer = unconfirmed(server, email).await;
    let token = token_in_mail(server, email);
    let call = server.post("/customer/register_validation").without_token().jwt(&customer.jwt);
    call.json(&json!({ "token": token })).ok().await;
    customer
}

/// The three calls of a login.
pub(crate) async fn login(server: &TestServer, email: &str) -> CustomerVerifyLoginOutput {
    let post = |path: &str| server.post(path).without_token();
    post("/customer/prepare_login").json(&json!({ "user_identifier": email })).ok().await;
    let template = Template::of(Suite::CLASSIC);
    let answer = post("/customer/done_login").json(&template.done_login(email)).send().await;
    post("/customer/verify_login").json(&template.verify_login(email, &answer.text())).ok_as().await
}

/// Letters to an address, the newest last.
pub(crate) fn mails(server: &TestServer, email: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(server.dir().join("outbox")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).expect("a letter"));
    texts.filter(|text| text.contains(&format!("To: {email}"))).collect()
}

/// The code in the newest letter to an address.
pub(crate) fn token_in_mail(server: &TestServer, email: &str) -> String {
    let mail = mails(server, email).pop().expect("a letter");
    let is_token =
        |line: &&str| line.len() == 40 && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    mail.lines().find(is_token).expect("a code on a line of its own").to_owned()
}

/// An app of this customer.
pub(crate) async fn create_app(server: &TestServer, customer: &Customer, path: &str) -> AppRegisterOutput {
    server.post(path).without_token().jwt(&customer.jwt).json(&app_body("my app")).ok_as().await
}

/// The body of an app's creation.
pub(crate) fn app_body(name: &str) -> Value {
    json!({
        "identifier": name,
        "options": EndpointOptions::preset_lax(),
        "file_options": { "file_storage": -1 },
        "group_options": { "max_key_rotation_month": 5, "min_rank_key_rotation": 2 },
    })
}
