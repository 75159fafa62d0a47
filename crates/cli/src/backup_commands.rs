//! `keystead import …` and `keystead export`

#![expect(clippy::print_stdout, reason = "commands print their results")]

use std::path::Path;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use keystead_server::app::App;
use keystead_server::operator::backup;

use crate::app_commands::print_tokens;
use crate::args::{Common, ImportFrom};

pub(crate) async fn import(common: &Common, from: &ImportFrom) -> anyhow::Result<()> {
    let ImportFrom::Instant { backup: path, app: wanted, resume, json } = from;
    let app = App::open(common.load()?)?;
    let mut opened = backup::Backup::open(path).with_context(|| path.display().to_string())?;
    let (app_id, tokens) = backup::place(&app, &opened, wanted.as_deref(), *resume).await?;
    if let (Some(tokens), false) = (&tokens, json) {
        print_tokens(tokens);
        println!("\nShown this once: the server keeps hashes.\n");
    }
    opened.begin(&app, &app_id, *resume).await.with_context(|| path.display().to_string())?;
    let bar = ProgressBar::new(opened.entities());
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} entities, {eta} left")?);
    let done = opened.import(&app, &app_id, &mut |entities| bar.set_position(entities)).await;
    bar.finish_and_clear();
    let done = done.with_context(|| {
        format!(
            "the import stopped; the app takes no writes until it is finished: mend that, then \
             `keystead import instant {} --app {app_id} --resume`",
            path.display()
        )
    })?;
    if *json {
        println!("{}", serde_json::json!({ "app_id": app_id, "tokens": tokens, "imported": done }));
        return Ok(());
    }
    println!("app {app_id}: {} entities, {} values, {} files", done.entities, done.values, done.files);
    for what in &done.left_out {
        println!("not taken over: {what}");
    }
    Ok(())
}

pub(crate) async fn export(common: &Common, file: &Path, wanted: Option<&str>) -> anyhow::Result<()> {
    let app = App::open(common.load()?)?;
    let done = backup::export(&app, wanted, file).await.with_context(|| file.display().to_string())?;
    println!("{}: {} entities, {} files", file.display(), done.entities, done.files);
    Ok(())
}
