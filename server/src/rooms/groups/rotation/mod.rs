//! Key rotation (sentc.md sections 5 and 8.4): a member starts it and is answered at once, [`rounds`] serve all others, and
//! each takes the new key when he comes by. User keys are rotated the same way: the members of a user group are devices.

pub mod http;
pub mod rounds;
pub mod rules;
mod store;
