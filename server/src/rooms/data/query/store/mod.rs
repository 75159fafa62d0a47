//! Table `data_triples`, read by plans: one statement per level, whatever the number of rows.

mod driver;
mod filter;
mod level;
mod path;

pub(super) use filter::Views;
pub(super) use level::{Found, Item, Stored, Wanted, aggregate, before_first, level};
pub(super) use path::{all_of, holder, link_triples, links_of, path_values, record_rows, value_triples};
