//! The rooms: one per feature, each `http → rules → store`. A room calls a neighbour's `rules`, never its `store`.

pub mod access;
pub mod apps;
pub mod audit;
pub mod customers;
pub mod data;
pub mod directory;
pub mod files;
pub mod groups;
pub mod identity;
pub mod keys;
pub mod live;
