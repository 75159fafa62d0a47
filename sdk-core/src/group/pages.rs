//! The pages of a list, read one after the other from a server that may not want them to end.

use std::collections::HashSet;

use super::PageCursor;
use crate::{Result, SdkError};

/// More keys than any group has; a list that is longer is no honest one.
const MAX_PAGES: usize = 1000;

/// Follows the cursors of one list.
///
/// ```
/// use keystead_sdk_core::{SdkError, group::{PageCursor, Pages}};
///
/// let mut pages = Pages::new();
/// let second = PageCursor { time: 17, id: "k50".into() };
/// assert_eq!(pages.next(Some(second.clone()))?, Some(second.clone()));
/// assert_eq!(pages.next(Some(second)), Err(SdkError::Paging), "the same page again");
/// assert_eq!(pages.next(None)?, None);
/// # Ok::<(), SdkError>(())
/// ```
#[derive(Debug, Default)]
pub struct Pages {
    seen: HashSet<PageCursor>,
}

impl Pages {
    /// The beginning of a list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes the cursor of the next page through ([`next_page`](super::next_page)).
    /// Errors: `Paging` when it was there before, or the list is longer than 1000 pages.
    pub fn next(&mut self, cursor: Option<PageCursor>) -> Result<Option<PageCursor>> {
        let Some(cursor) = cursor else { return Ok(None) };
        if self.seen.len() >= MAX_PAGES || !self.seen.insert(cursor.clone()) {
            return Err(SdkError::Paging);
        }
        Ok(Some(cursor))
    }
}
