//! The identity API's mails (iam.md section 8). The wording is ours; the paths of the links and `?token=` are the front end's.

use std::collections::BTreeMap;

use super::model::User;
use crate::clock::iso8601;
use crate::mail::{Mail, Template, TemplateError};

const RESET: Template = Template {
    subject: "Nuxt IAM reset password link",
    text: include_str!("reset.txt"),
    html: include_str!("reset.html"),
};
const VERIFY: Template = Template {
    subject: "Nuxt IAM please verify your email",
    text: include_str!("verify.txt"),
    html: include_str!("verify.html"),
};

/// The mail with the link that gives a temporary password. `front` is where the front end's pages are.
///
/// # Errors
/// When the template is malformed.
pub(super) fn reset(user: &User, front: &str, token: &str, minutes: i64) -> Result<Mail, TemplateError> {
    let last_login = user.last_login_ms.map_or_else(|| "never".to_owned(), readable);
    let values = BTreeMap::from([
        ("first_name", user.first_name.clone()),
        ("link", format!("{front}/iam/verify?token={token}")),
        ("last_login", last_login),
        ("minutes", minutes.to_string()),
    ]);
    RESET.fill(&user.email, &values)
}

/// The mail with the link that shows that the address is the user's.
///
/// # Errors
/// When the template is malformed.
pub(super) fn verify(user: &User, front: &str, token: &str, hours: i64) -> Result<Mail, TemplateError> {
    let values = BTreeMap::from([
        ("first_name", user.first_name.clone()),
        ("link", format!("{front}/iam/verifyemail?token={token}")),
        ("site", front.to_owned()),
        ("created_at", readable(user.created_ms)),
        ("hours", hours.to_string()),
    ]);
    VERIFY.fill(&user.email, &values)
}

/// `2026-11-21 01:11 UTC`
fn readable(ms: i64) -> String {
    let text: String = iso8601(ms).chars().take("2026-11-21T01:11".len()).collect();
    format!("{} UTC", text.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: 1,
            uuid: "u".into(),
            email: "jo@example.com".into(),
            password_hash: String::new(),
            password_expires_ms: None,
            avatar: None,
            permissions: None,
            first_name: "<b>Jo</b> & Co".into(),
            last_name: "Doe".into(),
            role: "GENERAL".into(),
            email_verified: false,
            is_active: true,
            last_login_ms: Some(1_795_223_345_854),
            created_ms: 1_795_000_000_000,
            deleted_ms: None,
            updated_ms: None,
        }
    }

    /// better-than 22: names unescaped in HTML mail.
    #[test]
    fn the_letters() {
        let reset = reset(&user(), "https://app.example.com", "a.b.c", 60).expect("fills");
        let verify = verify(&user(), "https://app.example.com", "a.b.c", 24).expect("fills");
        for mail in [&reset, &verify] {
            assert_eq!(mail.to, "jo@example.com");
            assert!(mail.html.contains("&lt;b&gt;Jo&lt;") && !mail.html.contains("<b>Jo"), "{}", mail.html);
        }
        insta::assert_snapshot!("reset", reset.text);
        insta::assert_snapshot!("reset_html", reset.html);
        insta::assert_snapshot!("verify", verify.text);
        insta::assert_snapshot!("verify_html", verify.html);
    }
}
