//! The letters to customers.

use crate::mail::Mail;

/// Asks to confirm an address. `link` is the dashboard's page, if the operator has named one.
#[must_use]
pub(super) fn confirm_address(to: &str, token: &str, dashboard: &str) -> Mail {
    let what = "confirm the address of your account";
    letter(to, "Confirm your e-mail address", what, "validate", token, dashboard)
}

/// Lets a customer choose a new password.
#[must_use]
pub(super) fn reset_password(to: &str, token: &str, dashboard: &str) -> Mail {
    let what = "choose a new password for your account";
    letter(to, "Choose a new password", what, "reset", token, dashboard)
}

fn letter(to: &str, subject: &str, what: &str, page: &str, token: &str, dashboard: &str) -> Mail {
    // The token is b64url and the address is the operator's: nothing here needs escaping but the latter's own signs.
    let link = (!dashboard.is_empty()).then(|| format!("{}/{page}?token={token}", dashboard.trim_end_matches('/')));
    let how =
        link.as_ref().map_or_else(|| "Enter this code:".to_owned(), |link| format!("Open {link} or enter this code:"));
    let html_how = link.map_or_else(
        || "Enter this code:".to_owned(),
        |link| {
            let link = link.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            format!("<a href=\"{link}\">Open this page</a> or enter this code:")
        },
    );
    let end = "If you did not ask for it, you can ignore this letter.";
    Mail {
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: format!("To {what}:\n{how}\n\n{token}\n\n{end}\n"),
        html: format!("<p>To {what}:</p><p>{html_how}</p><p><code>{token}</code></p><p>{end}</p>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_the_page_or_only_the_code() {
        let mail = confirm_address("a@example.com", "TOKEN", "https://dash.example/\"x");
        insta::assert_snapshot!(format!("{}\n{}\n{}", mail.subject, mail.text, mail.html));
        let mail = reset_password("a@example.com", "TOKEN", "");
        insta::assert_snapshot!(format!("{}\n{}\n{}", mail.subject, mail.text, mail.html));
    }
}
