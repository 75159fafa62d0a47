//! The letter with a code.

use std::collections::BTreeMap;

use crate::mail::{Mail, Template, TemplateError};

const CODE: Template = Template {
    subject: "{{ code }} is your code for {{ app }}",
    text: include_str!("code.txt"),
    html: include_str!("code.html"),
};

/// The letter to `to`. `app`: the app's name; `minutes`: how long the code is good.
///
/// # Errors
/// When the template is malformed.
pub(super) fn code(to: &str, app: &str, code: &str, minutes: u32) -> Result<Mail, TemplateError> {
    let values = BTreeMap::from([("app", app.to_owned()), ("code", code.to_owned()), ("minutes", minutes.to_string())]);
    CODE.fill(to, &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_escapes_the_apps_name() {
        let mail = code("jo@example.com", "<b>Shop</b>", "012345", 1_440).expect("fills");
        assert_eq!(
            (mail.to.as_str(), mail.subject.as_str()),
            ("jo@example.com", "012345 is your code for <b>Shop</b>")
        );
        assert!(mail.text.contains("\n012345\n") && mail.text.contains("1440 minutes"));
        assert!(mail.html.contains("&lt;b&gt;Shop") && !mail.html.contains("<b>Shop"));
    }
}
