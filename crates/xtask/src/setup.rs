//! What the tests need beside Rust: one table, and its installation on Debian.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{nats, npm, postgres, python, shell, wasm};

/// Something the tests need from the machine.
pub(crate) struct Need {
    /// Name for messages.
    pub(crate) what: &'static str,
    /// True when the machine has it.
    present: fn() -> bool,
    /// Debian packages that bring it.
    apt: &'static [&'static str],
    /// Where it comes from elsewhere.
    elsewhere: &'static str,
    /// Which test step needs it.
    pub(crate) used_by: &'static str,
}

/// The table: a test that needs another program adds its line here.
pub(crate) const NEEDS: [Need; 12] = [
    Need {
        what: "C compiler",
        present: || shell::answers("cc"),
        apt: &["gcc", "libc6-dev", "make"],
        elsewhere: "gcc or clang with its C library headers",
        used_by: "build (bundled SQLite and libpq)",
    },
    Need {
        what: "OpenSSL headers",
        present: || {
            !locked("openssl-sys") || shell::output(Command::new("pkg-config").args(["--exists", "openssl"])).is_ok()
        },
        apt: &["libssl-dev", "pkg-config"],
        elsewhere: "OpenSSL with its headers, and pkg-config",
        used_by: "build (TLS of the bundled libpq)",
    },
    Need {
        what: "Node.js 20 or newer",
        present: || node_major().is_some_and(|major| major >= 20),
        apt: &["nodejs"],
        elsewhere: "Node.js 20 or newer, with `node` in PATH",
        used_by: "e2e (real npm clients)",
    },
    Need {
        what: "npm",
        present: || shell::answers("npm"),
        apt: &["npm"],
        elsewhere: "npm, which comes with Node.js",
        used_by: "e2e (real npm clients)",
    },
    Need {
        what: "Chromium",
        present: || std::env::var_os("KEYSTEAD_CHROMIUM").is_some() || Path::new("/usr/bin/chromium").exists(),
        apt: &["chromium"],
        elsewhere: "Chromium or Chrome, with the program's path in KEYSTEAD_CHROMIUM",
        used_by: "e2e (cookies in a real browser)",
    },
    Need {
        what: "openssl",
        present: || shell::output(Command::new("openssl").arg("version")).is_ok(),
        apt: &["openssl"],
        elsewhere: "OpenSSL's program, with `openssl` in PATH",
        used_by: "e2e (TLS for a real browser)",
    },
    Need {
        what: "a Rust toolchain for wasm",
        present: wasm::can_build,
        apt: &["rustc-web", "cargo-web", "rust-web-src", "lld"],
        elsewhere: "the target: rustup target add wasm32-unknown-unknown",
        used_by: "js (the JavaScript SDK)",
    },
    Need {
        what: "Python 3",
        present: || shell::answers("python3"),
        apt: &["python3"],
        elsewhere: "Python 3, with `python3` in PATH",
        used_by: "e2e (the C ABI from Python)",
    },
    Need {
        what: "Python's venv and pip",
        present: python::can_make_environments,
        apt: &["python3-venv"],
        elsewhere: "the module venv of Python 3, with ensurepip",
        used_by: "e2e (Instant's Python client)",
    },
    Need {
        what: "valgrind",
        present: || shell::answers("valgrind"),
        apt: &["valgrind", "libc6-dbg"],
        elsewhere: "valgrind, with `valgrind` in PATH",
        used_by: "e2e (the C ABI from C)",
    },
    Need {
        what: "NATS",
        present: nats::available,
        apt: &["nats-server"],
        elsewhere: "nats-server, with `nats-server` in PATH, or a server's address in KEYSTEAD_TEST_NATS_URL",
        used_by: "e2e (several nodes that hear of each other by NATS)",
    },
    Need {
        what: "PostgreSQL",
        present: postgres::available,
        apt: &["postgresql"],
        elsewhere: "PostgreSQL's server programs (initdb, pg_ctl), or a server's address in KEYSTEAD_TEST_POSTGRES_URL",
        used_by: "unit and e2e on PostgreSQL",
    },
];

/// Installs what is missing, the npm clients and the Python client.
///
/// # Errors
/// Names everything that is still missing.
pub(crate) fn run() -> Result<()> {
    let missing = install_missing();
    if !missing.is_empty() {
        bail!("still missing: {}", missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", "));
    }
    npm::install_all()?;
    python::install(Path::new(shell::metadata(false)?.target_directory.as_str()))?;
    println!("setup: everything that the tests need is here");
    Ok(())
}

/// Installs what is missing where that is possible, says what to install where it is not, and returns what is still
/// missing.
pub(crate) fn install_missing() -> Vec<&'static Need> {
    let missing = missing();
    if missing.is_empty() {
        return missing;
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.apt.iter().copied()).collect();
    if is_debian() && shell::is_root() {
        if let Err(error) = apt_install(&packages) {
            println!("error: {error:#}");
        }
    } else {
        for need in &missing {
            println!("missing: {}, for {}. Install {}", need.what, need.used_by, need.elsewhere);
        }
        if is_debian() {
            println!("on this machine: sudo apt-get update && sudo apt-get install {}", packages.join(" "));
        }
    }
    self::missing()
}

/// What the machine does not have.
pub(crate) fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.present)()).collect()
}

fn apt_install(packages: &[&str]) -> Result<()> {
    shell::run(Command::new("apt-get").args(["-qq", "update"]))?;
    let mut install = Command::new("apt-get");
    install.args(["-qq", "install", "--no-install-recommends", "-y"]).args(packages);
    shell::run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// True when Cargo.lock names the package.
fn locked(package: &str) -> bool {
    let line = format!("name = \"{package}\"");
    fs::read_to_string("Cargo.lock").is_ok_and(|lock| lock.lines().any(|found| found == line))
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && shell::find("apt-get").is_some()
}

fn node_major() -> Option<u32> {
    node_major_of(&shell::output(Command::new("node").arg("--version")).ok()?)
}

fn node_major_of(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_node_versions() {
        assert_eq!(node_major_of("v20.20.2\n"), Some(20));
        assert_eq!(node_major_of("20"), None);
    }

    #[test]
    fn every_need_can_be_installed() {
        for need in &NEEDS {
            assert!(!need.apt.is_empty() && !need.elsewhere.is_empty(), "{}", need.what);
        }
    }
}
