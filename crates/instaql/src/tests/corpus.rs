//! Replays the fuzz corpus (`fuzz/corpus/<target>/`), so that inputs found once stay tested. What each file gives is a
//! snapshot: a parser that becomes laxer or stricter shows.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::fmt::Write as _;
use std::path::Path;

type Target = (&'static str, fn(&[u8]) -> Result<(), keystead_instaql::Error>);

const TARGETS: [Target; 3] = [("query", targets::query), ("rules", targets::rules), ("steps", targets::steps)];

#[test]
fn every_file_gives_what_it_gave() {
    let mut seen = String::new();
    for (name, run) in TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let outcome = run(&std::fs::read(&file).unwrap());
            let told = outcome.map_or_else(|e| e.kind.name(), |()| "ok");
            writeln!(seen, "{name}/{}: {told}", file.file_name().unwrap().display()).unwrap();
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn every_target_has_its_binary() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut binaries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    binaries.sort();
    let names: Vec<_> = binaries.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}
