//! `bindgen MODULE.wasm OUT_DIR`: JavaScript glue, its types and the finished module, as ES module for every platform.

use std::env;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = env::args_os().skip(1);
    let module = args.next().context("the module")?;
    let out = args.next().context("the folder for the output")?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("keystead")
        .typescript(true)
        .remove_producers_section(true)
        .remove_name_section(true);
    bindgen.web(true)?.generate(out)
}
