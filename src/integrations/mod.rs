//! Integrations with other parts of Bevy and with the platform, most of them behind a feature. The rest of the plugin works without them.

#[cfg(feature = "diagnostics")]
pub(crate) mod diagnostics;
#[cfg(feature = "lifecycle")]
pub(crate) mod lifecycle;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod sleep;
#[cfg(feature = "states")]
pub(crate) mod states;
