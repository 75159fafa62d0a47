//! The identity API. `seed` has the rows of iam.md section 14, `weaknesses` those of better-than.md part 2; the others go
//! deeper where a row is not enough.

mod browser;
mod coverage;
mod flow;
mod own_backend;
mod parallel;
mod remembered;
mod seed;
mod weaknesses;
