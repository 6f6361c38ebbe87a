//! The wire format: frames, names, codes, authorizations, rosters. Nothing here knows the time or keeps a state.

mod authorization;
mod channel_name;
mod channel_pattern;
mod close_code;
mod envelope;
mod extras;
mod fast_path;
mod frame;
mod redaction;
mod roster;
mod user_id;

pub use authorization::{AuthError, ChannelAuthorization, UserAuthentication};
pub use channel_name::{
    CHANNEL_NAME_LENGTH, ChannelKind, ChannelName, ChannelNameError, NameRules,
};
pub use channel_pattern::ChannelPattern;
pub use close_code::{CloseAction, close_code_description};
pub use extras::{Extra, Extras};
pub use frame::{EventData, FrameError, ServerFrame};
pub use roster::{Member, Roster};

pub(crate) use frame::ClientFrame;
pub(crate) use redaction::{redact, redacted_excerpt};
pub(crate) use roster::MemberChange;
pub(crate) use user_id::UserId;
