//! Every public function of the crate stands in an example of its documentation.

#[path = "../doc/check.rs"]
mod check;

use std::path::Path;

#[test]
fn every_public_function_stands_in_an_example() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert_eq!(check::without_example(&src, None), Vec::<String>::new());
}
