//! The `keystead` binary: the server, the operator's commands, and the demo.
//!
//! It lives outside `server`, because the demo plays the clients' part too and the server must not link what opens
//! users' keys (docs/adr/0001).

mod app_commands;
mod args;
mod audit_command;
mod backup_commands;
mod demo;
mod identity_commands;
#[cfg(target_os = "linux")]
mod memory;
mod serve;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let result = actix_web::rt::System::new().block_on(async {
        match args.command {
            None => serve::serve(&args.common, &args::ServeArgs::default()).await,
            Some(args::Command::Serve(ref serve)) => serve::serve(&args.common, serve).await,
            Some(args::Command::Demo) => demo::demo().await,
            Some(args::Command::App { ref command }) => app_commands::run(&args.common, command).await,
            Some(args::Command::Audit(ref audit)) => audit_command::run(&args.common, audit).await,
            Some(args::Command::Import { ref from }) => backup_commands::import(&args.common, from).await,
            Some(args::Command::Export { ref file, ref app }) => {
                backup_commands::export(&args.common, file, app.as_deref()).await
            }
            Some(args::Command::Identity(ref identity)) => identity_commands::run(&args.common, identity).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("keystead: {e:#}");
            ExitCode::FAILURE
        }
    }
}
