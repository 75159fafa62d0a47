//! End-to-end tests over real HTTP: one binary, a module per topic, every test on SQLite and PostgreSQL.
//!
//! A test about a weakness of the original that we do not have says so by its number in `better-than.md`: of part 1, and below `identity` of part 2.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod customers;
#[cfg(test)]
mod data;
#[cfg(test)]
mod ffi;
#[cfg(test)]
mod files;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod live;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod npm;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod own_backend;
#[cfg(test)]
mod remembered;
#[cfg(test)]
mod sdk_examples;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod wire;
