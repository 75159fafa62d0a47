//! Ids of new things: UUIDv4 in form, lower case, hyphenated (sentc.md, Conventions).

use std::sync::{Mutex, PoisonError};

use keystead_crypto::rng;
use uuid::Builder;

/// Bytes that the ids of one block begin with.
const SHARED: usize = 5;
/// Ids of a block at most.
const BLOCK: u32 = 1_024;
/// How long a block is used at most, milliseconds.
const BLOCK_MS: i64 = 10_000;

/// Nobody can guess or aim at it: 122 random bits.
#[must_use]
pub fn random() -> String {
    Builder::from_random_bytes(rng::bytes(&mut rng::os())).into_uuid().hyphenated().to_string()
}

/// Ids of rows that are often made many at a time: blocks of them begin with the same random bytes, so that what is inserted together
/// lies together in every index (docs/adr/0024). 82 bits of each are its own. They say nothing of the time.
#[derive(Default)]
pub struct RowIds(Mutex<Block>);

#[derive(Default)]
struct Block {
    shared: [u8; SHARED],
    left: u32,
    until_ms: i64,
}

impl RowIds {
    /// The next one; `now_ms`: the time.
    #[must_use]
    pub fn next(&self, now_ms: i64) -> String {
        let mut bytes: [u8; 16] = rng::bytes(&mut rng::os());
        let mut block = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that is set back does not make a block last.
        let is_fresh = (block.until_ms - BLOCK_MS..block.until_ms).contains(&now_ms);
        if block.left == 0 || !is_fresh {
            *block =
                Block { shared: rng::bytes(&mut rng::os()), left: BLOCK, until_ms: now_ms.saturating_add(BLOCK_MS) };
        }
        block.left -= 1;
        for (byte, shared) in bytes.iter_mut().zip(block.shared) {
            *byte = shared;
        }
        Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_a_block_lie_together_and_are_all_different() {
        let ids = RowIds::default();
        let made: Vec<String> = (0..i64::from(BLOCK) * 2).map(|n| ids.next(n % BLOCK_MS)).collect();
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
        for id in &made {
            let id: uuid::Uuid = id.parse().expect("a UUID");
            assert_eq!((id.get_version_num(), id.get_variant()), (4, uuid::Variant::RFC4122));
        }
        let starts: HashSet<&str> = made.iter().filter_map(|id| id.get(..10)).collect();
        assert!(starts.len() <= 3, "{starts:?}");
    }

    #[test]
    fn a_block_ends_with_its_time() {
        let ids = RowIds::default();
        let start = |now_ms| ids.next(now_ms).get(..10).map(str::to_owned);
        let first = start(50_000);
        assert_eq!(start(50_000 + BLOCK_MS - 1), first);
        let second = start(50_000 + BLOCK_MS);
        assert_ne!(second, first);
        assert_ne!(start(1_000), second, "the clock was set back");
    }
}
