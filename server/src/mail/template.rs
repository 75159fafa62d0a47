//! Texts with values: the HTML form escapes them, the plain form does not.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment};

/// A mail before its values are known. The placeholders are minijinja's: `{{ name }}`.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Subject line.
    pub subject: &'static str,
    /// Plain text.
    pub text: &'static str,
    /// HTML.
    pub html: &'static str,
}

/// A template cannot be filled in.
pub type TemplateError = minijinja::Error;

impl Template {
    /// The mail with these values, for a receiver.
    ///
    /// # Errors
    /// When the template is malformed or names a value that is not there.
    pub fn fill(&self, to: &str, values: &BTreeMap<&str, String>) -> Result<super::Mail, TemplateError> {
        let one_line: String = render(self.subject, AutoEscape::None, values)?;
        Ok(super::Mail {
            to: to.to_owned(),
            subject: one_line.chars().filter(|c| !c.is_control()).collect(),
            text: render(self.text, AutoEscape::None, values)?,
            html: render(self.html, AutoEscape::Html, values)?,
        })
    }
}

fn render(source: &str, escape: AutoEscape, values: &BTreeMap<&str, String>) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(move |_name| escape.clone());
    environment.render_str(source, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// better-than 22: names unescaped in HTML mail.
    #[test]
    fn values_are_escaped_in_html_only() {
        let template = Template { subject: "Hi {{ name }}", text: "{{ name }}", html: "<p>{{ name }}</p>" };
        let values = BTreeMap::from([("name", "<b>\"Ann\" & Co</b>\r\n{{ x }}".to_owned())]);
        let mail = template.fill("a@example.com", &values).expect("fills");
        assert_eq!(mail.text, "<b>\"Ann\" & Co</b>\r\n{{ x }}");
        assert!(!mail.html.contains("<b>") && mail.html.contains("&lt;b&gt;"), "{}", mail.html);
        assert!(!mail.subject.contains('\n'), "{}", mail.subject);
        assert!(template.fill("a@example.com", &BTreeMap::new()).is_err(), "a missing value is told");
    }
}
