//! The texts that a scene shows while it is not connected.

use bevy::platform::time::Instant;

use crate::{
    connection::NetworkStatus,
    connection_view::ConnectionView,
    text::{counted, sentence},
    typing::Typing,
};

/// Why the scene is not connected, and what the user can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) headline: &'static str,
    /// Complete sentences.
    pub(crate) details: Vec<String>,
}

/// Returns the texts for the time `now`, or `None` while connected or during the first attempt to connect.
pub(crate) fn outage(
    view: &ConnectionView,
    network: &NetworkStatus,
    typing: &Typing,
    now: Instant,
) -> Option<Outage> {
    let press_n = if typing.is_active {
        "Press Esc, then N,"
    } else {
        "Press N"
    };
    let hint = network
        .is_cut
        .then(|| format!("{press_n} to restore the network."));
    let headline = if network.first_connected_at.is_some() {
        "Connection lost"
    } else {
        "No connection yet"
    };
    let (headline, details) = match view {
        ConnectionView::Connected { .. } => return None,
        ConnectionView::Connecting { attempt: 0 | 1 } if network.first_connected_at.is_none() => {
            return None;
        }
        ConnectionView::Connecting { .. } => {
            let details = std::iter::once("Connecting now.".to_owned()).chain(hint);
            (headline, details.collect())
        }
        ConnectionView::Waiting { reason, .. } => {
            let next = match view.seconds_left(now) {
                0 => "Trying again now.".to_owned(),
                seconds => format!("Trying again in {}.", counted(seconds as usize, "second")),
            };
            let details = [sentence(reason), next].into_iter().chain(hint);
            (headline, details.collect())
        }
        ConnectionView::Failed { reason, advice } => (
            "Cannot connect",
            vec![
                sentence(reason),
                sentence(advice),
                format!("{press_n} to connect again."),
            ],
        ),
        ConnectionView::Offline => ("Offline", vec![format!("{press_n} to connect.")]),
    };
    Some(Outage { headline, details })
}
