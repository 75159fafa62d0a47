//! Whole flows over the network, on threads of the library.
//!
//! A call gives at once 0, or the number of an argument's error. When it is done, `callback` is called once, on a thread of the
//! library: with `context` as it was given, the number of the error or 0, a text (the result; for an error its JSON; or null) and a
//! handle (or null). Text and handle belong to the one who is called: `keystead_string_free`, and the function of the handle's type.
//! A callback must not free the client.

mod client;
mod group;
mod session;

use std::ffi::{c_char, c_void};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keystead::keys::{StdGroup, StdUser};
use keystead::{Client, Error, PendingLogin};

pub use client::*;
pub use group::*;
pub use session::*;

use crate::boundary::{Failure, call, free, owned_text};
use crate::{KEYSTEAD_CANCELLED, KEYSTEAD_OK, KEYSTEAD_PANIC};

/// What the library calls when a flow is done: context, number of the error or 0, text or null, handle or null.
pub type KeysteadCallback =
    Option<unsafe extern "C" fn(context: *mut c_void, error: i32, text: *mut c_char, handle: *mut c_void)>;

/// A client of one server and app.
#[derive(Clone)]
pub struct KeysteadClient {
    pub(crate) runtime: Runtime,
    pub(crate) client: Client,
}

/// A logged-in user with his client.
#[derive(Clone)]
pub struct KeysteadSession {
    pub(crate) runtime: Runtime,
    pub(crate) user: StdUser,
}

/// A login that wants its second factor.
#[derive(Clone)]
pub struct KeysteadPending {
    pub(crate) runtime: Runtime,
    pub(crate) login: Arc<PendingLogin>,
}

/// A group with its client.
#[derive(Clone)]
pub struct KeysteadNetGroup {
    pub(crate) runtime: Runtime,
    pub(crate) group: StdGroup,
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        match e {
            Error::Sdk(e) => e.into(),
            other => {
                let number = i32::try_from(other.code()).unwrap_or(i32::MAX);
                Self::of_shell(&format!("client_{number}"), &other.to_string(), number)
            }
        }
    }
}

/// The threads of one client. Only the client holds them; whatever runs on them holds a reference that does not keep them.
#[derive(Clone)]
pub(crate) struct Runtime {
    spawn: tokio::runtime::Handle,
    // Taken by the one who frees the client.
    owned: Arc<std::sync::Mutex<Option<tokio::runtime::Runtime>>>,
}

impl Runtime {
    pub(crate) fn start() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime =
            runtime.map_err(|_io| Failure::of_shell("client_302", "the system gives no threads", KEYSTEAD_PANIC))?;
        Ok(Self { spawn: runtime.handle().clone(), owned: Arc::new(std::sync::Mutex::new(Some(runtime))) })
    }

    /// Ends the threads. What still runs is dropped, and so called back.
    fn stop(&self) {
        let owned = self.owned.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(runtime) = owned {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }

    /// Runs a flow; its end is a call of `callback`, whatever happens.
    pub(crate) fn run(
        &self,
        callback: KeysteadCallback,
        context: *mut c_void,
        flow: impl Future<Output = Result<Reply, Failure>> + Send + 'static,
    ) -> Result<(), Failure> {
        let waiting = Waiting { callback: Some(callback.ok_or_else(Failure::argument)?), context: Context(context) };
        self.spawn.spawn(async move {
            // Aborted or panicked, it is dropped, and calls back.
            let mut waiting = waiting;
            let result = flow.await;
            waiting.done(result);
        });
        Ok(())
    }
}

/// What a flow gives.
pub(crate) struct Reply {
    text: Option<String>,
    handle: Option<Handle>,
}

/// A boxed handle on its way, with what takes it back when it does not arrive.
struct Handle {
    at: *mut c_void,
    free: unsafe fn(*mut c_void),
}

// SAFETY: it owns what it points to, which is `Send` (the bound of `Reply::handle`).
unsafe impl Send for Handle {}

impl Handle {
    fn give(self) -> *mut c_void {
        let at = self.at;
        std::mem::forget(self);
        at
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: nobody has it yet.
        unsafe { (self.free)(self.at) }
    }
}

impl Reply {
    pub(crate) fn none() -> Self {
        Self { text: None, handle: None }
    }

    pub(crate) fn text(text: String) -> Self {
        Self::text_or_null(Some(text))
    }

    pub(crate) fn text_or_null(text: Option<String>) -> Self {
        Self { text, handle: None }
    }

    pub(crate) fn handle<T: Send + 'static>(kind: &str, value: T) -> Self {
        /// # Safety
        /// `at` came from the box below.
        unsafe fn take_back<T>(at: *mut c_void) {
            // SAFETY: the caller promises it.
            drop(unsafe { Box::from_raw(at.cast::<T>()) });
        }
        let handle = Handle { at: Box::into_raw(Box::new(value)).cast(), free: take_back::<T> };
        Self { text: Some(kind.to_owned()), handle: Some(handle) }
    }
}

/// The caller's own pointer, which the library only carries.
struct Context(*mut c_void);

// SAFETY: it is never followed here; the caller promises that his callback may be called on another thread.
unsafe impl Send for Context {}

/// A caller who waits. He is called exactly once.
struct Waiting {
    callback: Option<unsafe extern "C" fn(*mut c_void, i32, *mut c_char, *mut c_void)>,
    context: Context,
}

impl Waiting {
    fn done(&mut self, result: Result<Reply, Failure>) {
        let Some(callback) = self.callback.take() else { return };
        let result = result.and_then(|reply| Ok((reply.text.map(owned_text).transpose()?, reply.handle)));
        let (number, text, handle) = match result {
            Ok((text, handle)) => (KEYSTEAD_OK, text, handle),
            Err(failure) => (failure.number, owned_text(failure.json).ok(), None),
        };
        let text = text.unwrap_or(std::ptr::null_mut());
        let handle = handle.map_or(std::ptr::null_mut(), Handle::give);
        // SAFETY: a function of the caller, which he promises to be callable with his context.
        unsafe { callback(self.context.0, number, text, handle) };
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let failure = if std::thread::panicking() {
            Failure::of_shell("client_panic", "internal error", KEYSTEAD_PANIC)
        } else {
            Failure::of_shell("client_cancelled", "the client was freed", KEYSTEAD_CANCELLED)
        };
        self.done(Err(failure));
    }
}

/// Gives the client back and ends its threads; sessions and groups of it cannot call any more. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_client_free(handle: *mut KeysteadClient) {
    // SAFETY: the caller gives back once what this library gave him.
    if let Some(client) = unsafe { handle.as_ref() } {
        call(|| {
            client.runtime.stop();
            Ok(())
        });
    }
    // SAFETY: as above.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_session_free(handle: *mut KeysteadSession) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_pending_free(handle: *mut KeysteadPending) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}

/// Gives it back. Null is allowed.
///
/// # Safety
/// The [contract](crate#contract) of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keystead_net_group_free(handle: *mut KeysteadNetGroup) {
    // SAFETY: the caller gives back once what this library gave him.
    unsafe { free(handle) }
}
