//! What is to be deleted outside the database: objects of the server's storage, and parts that the customer's own storage
//! is told about. Triggers enter what was a part's; the job `delete_files` does the work.

pub mod rules;
mod store;
