//! Sign-in with OpenID providers: by redirects with a code at the end, or with an ID token that the app has got itself
//! (instant.md section 18). Providers are those of `[google]` and `[oidc.NAME]`, as for the identity API.

pub mod http;
pub mod rules;
mod store;
