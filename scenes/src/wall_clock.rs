//! The wall clock. In a page it uses JavaScript's `Date`, since `SystemTime::now` panics in WebAssembly.

/// Returns the milliseconds since the Unix epoch.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn wall_clock() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Returns the milliseconds since the Unix epoch.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn wall_clock() -> u64 {
    js_sys::Date::now() as u64
}
