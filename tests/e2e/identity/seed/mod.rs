//! The statements of the seed as black-box tests: `row_NN` is row NN of iam.md section 14.

mod accounts;
mod mails;
mod platforms;
mod providers;
mod refresh_tokens;
mod tokens;
mod users;

#[test]
fn every_row_has_a_test() {
    let files = [
        include_str!("accounts.rs"),
        include_str!("mails.rs"),
        include_str!("platforms.rs"),
        include_str!("providers.rs"),
        include_str!("refresh_tokens.rs"),
        include_str!("tokens.rs"),
        include_str!("users.rs"),
    ]
    .concat();
    let missing: Vec<_> = (1..=70).filter(|row| !files.contains(&format!("async fn row_{row:02}_"))).collect();
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
}
