//! The flows against a fake server that keeps what it gets and answers as the wire reference says.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it fails")]

mod documented;
mod fake_server;
mod frozen;
mod happy;
mod lies;
mod npm_files;
mod parsers;
mod rotation;
mod sdk_vectors;
#[expect(unreachable_pub, reason = "public where the bindings use it")]
#[path = "../../src/seeded.rs"]
mod seeded;
mod shapes;
mod tampered;
