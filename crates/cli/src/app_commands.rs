//! `keystead app …`

#![expect(clippy::print_stdout, reason = "commands print their results")]

use anyhow::{Context, anyhow};
use keystead_server::app::App;
use keystead_server::operator::{self, JwtKeyChange};
use keystead_server::rooms::apps::rules::{AppInfo, AppTokens};

use crate::args::{AppCommand, Common};

pub(crate) async fn run(common: &Common, command: &AppCommand) -> anyhow::Result<()> {
    let app = App::open(common.load()?)?;
    match command {
        AppCommand::Create { name, preset, json } => {
            let new = operator::create_app(&app, name, preset.options()).await?;
            if *json {
                println!("{}", serde_json::to_string(&new)?);
            } else {
                print_tokens(&new.tokens);
                println!("jwt kid       {}", new.jwt.kid);
                println!("jwt alg       {}", new.jwt.alg);
                println!("jwt verify    {}", new.jwt.verify_key);
                println!("jwt sign      {}", new.jwt.sign_key);
                println!("\nShown this once: the server keeps hashes, and the sign key encrypted.");
            }
        }
        AppCommand::List { json } => {
            let apps = operator::list_apps(&app).await?;
            if *json {
                println!("{}", serde_json::to_string(&apps)?);
            } else {
                for app in &apps {
                    let state = if app.disabled_ms.is_some() { "  (disabled)" } else { "" };
                    println!("{}  {}{state}", app.app_id, app.name);
                }
            }
        }
        AppCommand::Options { app: wanted, set, preset, json } => {
            let changes = set.iter().map(|s| parse_change(s)).collect::<anyhow::Result<Vec<_>>>()?;
            let info = if changes.is_empty() && preset.is_none() {
                operator::find_app(&app, wanted).await?
            } else {
                operator::set_options(&app, wanted, preset.map(|p| p.options()), &changes).await?
            };
            print_info(&info, *json)?;
        }
        AppCommand::JwtKeys { app: wanted, add, delete, json } => {
            let change = add.then_some(JwtKeyChange::Add).or_else(|| delete.clone().map(JwtKeyChange::Delete));
            let (new, keys) = operator::jwt_keys(&app, wanted, change).await?;
            if *json {
                println!("{}", serde_json::json!({ "new": new, "keys": keys }));
                return Ok(());
            }
            if let Some(new) = new {
                println!("new kid  {}\nsign     {}\n(shown this once)\n", new.kid, new.sign_key);
            }
            for key in keys {
                println!("{}  {}  {}", key.kid, key.alg, key.verify_key);
            }
        }
        AppCommand::RotateTokens { app: wanted, json } => {
            let tokens = operator::rotate_tokens(&app, wanted).await?;
            if *json {
                println!("{}", serde_json::to_string(&tokens)?);
            } else {
                print_tokens(&tokens);
                println!("\nShown this once. The old tokens have stopped.");
            }
        }
    }
    Ok(())
}

fn parse_change(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once('=').ok_or_else(|| anyhow!("--set {text}: not NAME=VALUE"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(crate) fn print_tokens(tokens: &AppTokens) {
    println!("app id        {}", tokens.app_id);
    println!("public token  {}", tokens.public_token);
    println!("secret token  {}", tokens.secret_token);
    println!("admin token   {}", tokens.admin_token);
}

fn print_info(info: &AppInfo, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(info)?);
        return Ok(());
    }
    println!("{}  {}", info.app_id, info.name);
    let value = serde_json::to_value(info).context("options")?;
    for section in ["options", "file_options", "group_options"] {
        for (name, value) in value.get(section).and_then(|v| v.as_object()).into_iter().flatten() {
            println!("  {name} = {value}");
        }
    }
    println!("  disabled = {}", info.disabled_ms.is_some());
    Ok(())
}
