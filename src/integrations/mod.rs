//! Optional parts that connect the client with other parts of Bevy and of the platform.

#[cfg(feature = "diagnostics")]
pub(crate) mod diagnostics;
#[cfg(feature = "lifecycle")]
pub(crate) mod lifecycle;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod sleep;
#[cfg(feature = "states")]
pub(crate) mod states;
