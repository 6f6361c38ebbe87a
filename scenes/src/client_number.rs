//! A number that tells apart clients that start at the same moment.

/// Returns the number of this process, which no other process on this machine has.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn client_number() -> u32 {
    std::process::id()
}

/// Returns a random number, since browser tabs have no process number of their own.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn client_number() -> u32 {
    (js_sys::Math::random() * f64::from(u32::MAX)) as u32
}
