//! The wall clock. Of the standard library's there is none in a page, which asks the browser.

/// Milliseconds since 1970.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn wall_clock() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Milliseconds since 1970.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn wall_clock() -> u64 {
    js_sys::Date::now() as u64
}
