//! The example page of the JavaScript SDK under `/example/`: files of one folder, for trying things out. Off by default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder};

/// A larger file is none of an example's.
const MAX_FILE: u64 = 16 << 20;

/// Adds the route when the operator names a folder.
pub(crate) fn configure(folder: Option<&PathBuf>, config: &mut ServiceConfig) {
    let Some(folder) = folder else { return };
    let folder: Arc<Path> = Arc::from(folder.as_path());
    let get = move |path: web::Path<String>| {
        let folder = Arc::clone(&folder);
        async move {
            let read = web::block(move || file(&folder, &path)).await;
            read.ok().flatten().unwrap_or_else(|| HttpResponse::NotFound().body("there is no such file"))
        }
    };
    config.route("/example/{file:.*}", web::get().to(get));
}

fn file(folder: &Path, path: &str) -> Option<HttpResponse> {
    let path = if path.is_empty() { "index.html" } else { path };
    // Plain names only: no `..`, nothing hidden, no root.
    let plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    if !path.split('/').all(plain) {
        return None;
    }
    let found = folder.join(path);
    if std::fs::metadata(&found).ok().filter(|of| of.is_file())?.len() > MAX_FILE {
        return None;
    }
    let kind = match found.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    };
    let mut answer: HttpResponseBuilder = HttpResponse::Ok();
    answer.content_type(kind).insert_header((CACHE_CONTROL, "no-cache"));
    answer.insert_header(("x-content-type-options", "nosniff"));
    Some(answer.body(std::fs::read(found).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_files_of_the_folder_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let page = folder.path().join("page");
        std::fs::create_dir_all(page.join("wasm")).expect("a folder");
        for (name, text) in [("page/index.html", "page"), ("page/wasm/a.wasm", "wasm"), ("secret.js", "secret")] {
            std::fs::write(folder.path().join(name), text).expect("writes");
        }
        for good in ["", "index.html", "wasm/a.wasm"] {
            assert!(file(&page, good).is_some(), "{good}");
        }
        for bad in ["../secret.js", "..", "wasm", "wasm/", "/etc/passwd.js", "wasm//a.wasm", ".hidden.js", "a\0.js", "no.js"] {
            assert!(file(&page, bad).is_none(), "{bad}");
        }
    }
}
