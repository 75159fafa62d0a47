//! Values of records of the data API, bound to their place.

use keystead_sdk_core::record::{self, Place};
use keystead_sdk_core::{rng, search};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js};
use crate::{Group, Key, User};

#[wasm_bindgen]
impl Key {
    /// Seals the JSON text of a value for its place.
    #[wasm_bindgen(js_name = sealValue)]
    pub fn seal_value(&self, namespace: &str, entity_id: &str, attribute: &str, json: &str) -> JsResult<String> {
        let place = Place { namespace, entity_id, attribute };
        js(record::seal_value(&mut rng::os(), (&self.key).into(), &place, json))
    }

    /// Opens a sealed value in its place: its JSON text.
    #[wasm_bindgen(js_name = openValue)]
    pub fn open_value(&self, namespace: &str, entity_id: &str, attribute: &str, sealed: &str) -> JsResult<String> {
        js(record::open_value(&self.key.key, &Place { namespace, entity_id, attribute }, sealed))
    }
}

/// Id of the key that opens a sealed value.
#[wasm_bindgen(js_name = sealedKeyId)]
pub fn sealed_key_id(sealed: &str) -> JsResult<String> {
    Ok(js(record::sealed_key_id(sealed))?.to_owned())
}

#[wasm_bindgen]
impl Group {
    /// The token of a text, to be stored beside its sealed value.
    #[wasm_bindgen(js_name = searchValue)]
    pub fn search_value(&self, namespace: &str, attribute: &str, text: &str) -> JsResult<String> {
        js(record::search_value(&js(search::newest(self.data.search_keys()))?.key, namespace, attribute, text))
    }
}

#[wasm_bindgen]
impl User {
    /// The token of a text, to be stored beside its sealed value.
    #[wasm_bindgen(js_name = searchValue)]
    pub fn search_value(&self, namespace: &str, attribute: &str, text: &str) -> JsResult<String> {
        js(record::search_value(&js(search::newest(self.data.search_keys()))?.key, namespace, attribute, text))
    }
}
