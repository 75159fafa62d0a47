//! The Python packages that tests use: exact installs, with the hashes of `requirements.txt`, in an environment below `target`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::shell;

const REQUIREMENTS: &str = "tests/clients_py/requirements.txt";

/// The environment's folder in `target`; the end-to-end tests look for it there.
const FOLDER: &str = "python-clients";

/// Copy of the requirements that the environment was installed from.
const STAMP: &str = ".keystead-installed-from";

/// True when Python can make environments: Debian has that part in a package of its own.
pub(crate) fn can_make_environments() -> bool {
    shell::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok()
}

/// Makes the environment in `target`, unless it has what the requirements name.
///
/// # Errors
/// What Python and pip say.
pub(crate) fn install(target: &Path) -> Result<()> {
    let wanted = fs::read(REQUIREMENTS).context(REQUIREMENTS)?;
    let folder = target.join(FOLDER);
    let stamp = folder.join(STAMP);
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).context("python3 -m venv")?;
    // Wheels only: nothing that a package brings runs at installation.
    let args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    let mut pip = Command::new(folder.join("bin/python"));
    shell::run(pip.args(args).args(["--require-hashes", "-r", REQUIREMENTS])).context("the Python packages")?;
    Ok(fs::write(stamp, wanted)?)
}
