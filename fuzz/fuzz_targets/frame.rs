//! Parses any text as a frame of a server and as responses of a backend.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_protocol::protocol::{ChannelAuthorization, ServerFrame, UserAuthentication};

fuzz_target!(|text: &str| {
    if let Ok(frame) = ServerFrame::parse(text) {
        let owned = frame.data.clone().into_owned();
        assert_eq!(owned.as_str(), frame.data.as_str());
    }
    let _ = ChannelAuthorization::from_json(text);
    let _ = UserAuthentication::from_json(text);
});
