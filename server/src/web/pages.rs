//! Static files of the operator's own (`server.static_dir`): a page beside the APIs, and nothing that a proxy would do better.
//!
//! A path names a file below the directory or does not; what is outside of it, by a link too, and names that begin with a dot do
//! not exist. A directory is its `index.html`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder};
use percent_encoding::percent_decode_str;

use crate::blobs;
use crate::error::StartError;

const INDEX: &str = "index.html";
/// What stands under it is the APIs', whether it is there or not.
const APIS: &str = "/api/";

/// A directory of static files.
pub struct Pages {
    /// Without links.
    root: PathBuf,
}

/// What a path names.
enum Page {
    File(Opened),
    /// A directory without the slash at the end: links in its page would lead elsewhere.
    Directory,
}

struct Opened {
    file: File,
    size: u64,
    /// Changes with the file.
    tag: String,
    content_type: &'static str,
}

impl Pages {
    /// Looks at the directory.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(dir: &Path) -> Result<Self, StartError> {
        let failed = || format!("server.static_dir {}", dir.display());
        let root = dir.canonicalize().map_err(StartError::io(failed()))?;
        if root.is_dir() {
            Ok(Self { root })
        } else {
            Err(StartError::Refused(format!("{}: this is no directory", failed())))
        }
    }

    /// Answers `GET` and `HEAD` of a file; `None` when there is none, or the request is another one.
    pub(super) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<HttpResponse> {
        if (method != Method::GET && method != Method::HEAD) || path.starts_with(APIS) {
            return None;
        }
        let (root, inside) = (self.root.clone(), inside(path)?);
        let found = tokio::task::spawn_blocking(move || find(&root, &inside)).await.ok()?;
        match found {
            Ok(Page::File(opened)) => Some(opened.answer(headers.get(header::IF_NONE_MATCH))),
            Ok(Page::Directory) => Some(moved(path)),
            Err(e) => {
                if e.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(error = %e, "a static file cannot be read");
                }
                None
            }
        }
    }
}

impl Opened {
    fn answer(self, known: Option<&header::HeaderValue>) -> HttpResponse {
        let is_known = known.is_some_and(|tags| is_one_of(tags, &self.tag));
        let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut answer = HttpResponseBuilder::new(status);
        // Kept, and asked for again each time: a new page is seen at once.
        answer.insert_header((header::CACHE_CONTROL, "no-cache")).insert_header((header::ETAG, self.tag));
        if is_known {
            return answer.finish();
        }
        answer.insert_header((header::CONTENT_TYPE, self.content_type));
        answer.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        answer.body(SizedStream::new(self.size, blobs::chunks_of(self.file, 0..self.size)))
    }
}

/// Where a path leads below the root; `None` for what can be no file of it.
fn inside(path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let names = decoded.strip_prefix('/')?;
    // A slash that was written as %2F, a backslash and a NUL are no part of a name.
    if names.starts_with('/')
        || names.contains(['\\', '\0'])
        || names.matches('/').count() + 1 != path.matches('/').count()
    {
        return None;
    }
    let is_directory = names.is_empty() || names.ends_with('/');
    let names = names.strip_suffix('/').unwrap_or(names);
    let mut inside = PathBuf::new();
    for name in names.split('/').filter(|_| !names.is_empty()) {
        if name.is_empty() || name.starts_with('.') {
            return None;
        }
        inside.push(name);
    }
    if is_directory {
        inside.push(INDEX);
    }
    Some(inside)
}

/// Opens what is there. Errors: `NotFound`, also for what a link leads out of the root to; what the file system says.
fn find(root: &Path, inside: &Path) -> io::Result<Page> {
    let path = match root.join(inside).canonicalize() {
        // A file is no directory.
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Err(io::ErrorKind::NotFound.into()),
        other => other,
    }?;
    let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    match path.strip_prefix(root) {
        Ok(below) if !below.iter().any(hidden) => {}
        _ => return Err(io::ErrorKind::NotFound.into()),
    }
    let file = File::open(&path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Ok(Page::Directory);
    }
    if !about.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let changed = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let extension = path.extension().and_then(|name| name.to_str()).unwrap_or_default();
    let tag = format!("\"{:x}-{changed:x}\"", about.len());
    Ok(Page::File(Opened { file, size: about.len(), tag, content_type: content_type(extension) }))
}

fn moved(path: &str) -> HttpResponse {
    // One slash in front: two would name another host.
    let path = path.trim_start_matches('/');
    HttpResponse::MovedPermanently().insert_header((header::LOCATION, format!("/{path}/"))).finish()
}

/// `If-None-Match` (RFC 9110 13.1.2): any of a list, weak or not.
fn is_one_of(tags: &header::HeaderValue, tag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(|known| known.trim().trim_start_matches("W/")).any(|known| known == tag || known == "*")
}

/// Of what pages are made of.
fn content_type(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/vnd.microsoft.icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let inside = |path| inside(path).map(|p| p.to_string_lossy().into_owned());
        assert_eq!(inside("/").as_deref(), Some("index.html"));
        assert_eq!(inside("/a/b.js").as_deref(), Some("a/b.js"));
        assert_eq!(inside("/a/").as_deref(), Some("a/index.html"));
        assert_eq!(inside("/h%C3%A4user.html").as_deref(), Some("häuser.html"));
        assert_eq!(inside("/a..b").as_deref(), Some("a..b"));
        for outside in [
            "",
            "a",
            "//",
            "//a",
            "/a//b",
            "/..",
            "/../a",
            "/a/../b",
            "/%2e%2e/a",
            "/.git/config",
            "/a/.env",
            "/%2Eenv",
            "/a%2fb",
            "/..%2fa",
            "/a%5cb",
            "/a\\b",
            "/a%00.html",
            "/%ff",
            "/./a",
        ] {
            assert_eq!(inside(outside), None, "{outside}");
        }
    }

    #[test]
    fn links_do_not_lead_out() {
        let (dir, other) = (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
        let write = |path: PathBuf| std::fs::write(path, "x").expect("writes");
        write(other.path().join("secret.txt"));
        write(dir.path().join("page.html"));
        write(dir.path().join(".env"));
        std::fs::create_dir(dir.path().join("sub")).expect("makes");
        let link = |to: PathBuf, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).expect("links");
        link(other.path().join("secret.txt"), "out.txt");
        link(other.path().to_owned(), "outside");
        link(dir.path().join(".env"), "env.txt");
        link(dir.path().join("page.html"), "same.html");
        let root = Pages::open(dir.path()).expect("opens").root;
        let find = |path: &str| find(&root, Path::new(path)).map_err(|e| e.kind());
        for there in ["page.html", "same.html"] {
            assert!(matches!(find(there), Ok(Page::File(file)) if file.size == 1), "{there}");
        }
        assert!(matches!(find("sub"), Ok(Page::Directory)));
        for gone in ["out.txt", "outside/secret.txt", "env.txt", "sub/index.html", "page.html/index.html", "nothing"] {
            assert!(matches!(find(gone), Err(io::ErrorKind::NotFound)), "{gone}");
        }
        assert!(
            Pages::open(&dir.path().join("page.html")).is_err() && Pages::open(&dir.path().join("nothing")).is_err()
        );
    }

    #[test]
    fn tags_are_compared_in_lists() {
        for (tags, wanted) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("", false)]
        {
            assert_eq!(is_one_of(&header::HeaderValue::from_static(tags), "\"a\""), wanted, "{tags}");
        }
    }
}
