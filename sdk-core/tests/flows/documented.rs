//! Every public function of the crate stands in an example of its documentation.

#[path = "../doc/check.rs"]
mod check;

use std::path::Path;

#[test]
fn every_public_function_stands_in_an_example() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = check::without_example(&src, None);
    // Its flows run whole in `rotation.rs` beside this file; single calls say little there.
    missing.retain(|function| !function.contains("rotation.rs:"));
    assert_eq!(missing, Vec::<String>::new());
}
