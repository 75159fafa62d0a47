//! The seeded generator of the cross vectors: tests only.

use std::cell::RefCell;

use keystead_sdk_core::rng::CryptoRng;
use keystead_sdk_core::seeded::Seeded;

use crate::boundary::call;

thread_local! {
    static SEED: RefCell<Option<u64>> = const { RefCell::new(None) };
}

/// The next call on this thread takes its random bytes from the generator of `tests/vectors` with this seed.
#[unsafe(no_mangle)]
pub extern "C" fn keystead_vectors_seed(seed: u64) -> i32 {
    call(|| {
        SEED.set(Some(seed));
        Ok(())
    })
}

pub(crate) fn seeded() -> Option<Box<dyn CryptoRng>> {
    Some(Box::new(Seeded::new(SEED.take()?)))
}
