//! `keystead identity …`

#![expect(clippy::print_stdout, reason = "commands print their results")]

use std::io::ErrorKind;

use anyhow::Context;
use keystead_server::app::App;
use keystead_server::operator::identity;

use crate::args::{Common, IdentityArgs, IdentityCommand, KeysAt};

/// Accounts that are read at once.
const PAGE: i64 = 1_000;

pub(crate) async fn run(common: &Common, args: &IdentityArgs) -> anyhow::Result<()> {
    let app = App::open(common.load()?)?;
    let of_app = args.app.as_deref();
    match &args.command {
        IdentityCommand::Promote { email, role, verified } => {
            identity::promote(&app, of_app, email, role, *verified).await?;
            println!("{email} is {role} now and has to log in again.");
        }
        IdentityCommand::Disable { email } => {
            identity::set_active(&app, of_app, email, false).await?;
            println!("{email} is switched off; all sessions have ended.");
        }
        IdentityCommand::Enable { email } => {
            identity::set_active(&app, of_app, email, true).await?;
            println!("{email} may log in again.");
        }
        IdentityCommand::Keys { registration } => {
            identity::demand_keys(&app, of_app, matches!(registration, KeysAt::Demanded)).await?;
            println!("Followed at the next registration.");
        }
        IdentityCommand::Import { file } => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let beside = file.with_extension("sql");
            let schema = match std::fs::read_to_string(&beside) {
                Ok(schema) => Some(schema),
                Err(e) if e.kind() == ErrorKind::NotFound => None,
                Err(e) => return Err(e).context(beside.display().to_string()),
            };
            let done = identity::import(&app, of_app, &text, schema.as_deref()).await?;
            println!("{} imported, {} skipped (their addresses have accounts)", done.imported, done.skipped);
        }
        IdentityCommand::List { json } => {
            let mut all = Vec::new();
            loop {
                let skip = i64::try_from(all.len())?;
                let page = identity::list(&app, of_app, skip, PAGE).await?;
                if page.is_empty() {
                    break;
                }
                all.extend(page);
            }
            if *json {
                println!("{}", serde_json::to_string(&all)?);
                return Ok(());
            }
            for a in &all {
                let (verified, off) =
                    (if a.email_verified { "verified" } else { "-" }, if a.is_active { "" } else { "  (off)" });
                println!("{}  {}  {}  {verified}  {}{off}", a.uuid, a.created_at, a.role, a.email);
            }
        }
    }
    Ok(())
}
