//! Errors of the core as JS errors.

use keystead_sdk_core::SdkError;
use wasm_bindgen::prelude::*;

pub(crate) type JsResult<T> = Result<T, JsValue>;

pub(crate) fn js<T>(result: Result<T, SdkError>) -> JsResult<T> {
    result.map_err(|e| to_js(&e))
}

pub(crate) fn to_js(e: &SdkError) -> JsValue {
    let error = js_sys::Error::new(&e.to_string());
    error.set_name(&e.status());
    // Setting a property of a new object cannot fail.
    let _ = js_sys::Reflect::set(&error, &"code".into(), &e.code().into());
    error.into()
}
