//! Replaces `encryption` in builds without the feature: encrypted channels fail before any request.

use std::time::Duration;

use crate::{
    protocol::{AuthError, ChannelAuthorization, ChannelName},
    session::{ReceivedEvent, RequestId, channels::Channels, context::Context},
};

/// Never constructed.
#[derive(Debug)]
pub(super) enum Encryption {}

impl Encryption {
    pub(super) fn new(_shared_secret: Option<&str>) -> Result<Self, AuthError> {
        Err(AuthError::InvalidField {
            field: "shared_secret",
        })
    }

    pub(super) fn cancel_rekey(&mut self, _context: &mut Context, _name: &ChannelName) {}

    pub(super) fn waits_for(&self, _timer: u64) -> bool {
        false
    }

    pub(super) fn queue(&mut self) {}

    pub(super) fn is_queued(&self) -> bool {
        false
    }

    pub(super) fn requested(&mut self, _request: RequestId, _now: Duration) {}
}

impl Channels {
    pub(in crate::session) fn decrypt<'a>(
        &mut self,
        _context: &mut Context,
        _name: &ChannelName,
        _event: ReceivedEvent<'a>,
    ) -> Option<ReceivedEvent<'a>> {
        None
    }

    pub(super) fn on_rekeyed(
        &mut self,
        _context: &mut Context,
        _name: &ChannelName,
        _request: RequestId,
        _answer: Result<ChannelAuthorization, AuthError>,
    ) {
    }
}
