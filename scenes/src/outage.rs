//! What a scene says while its link is down.

use bevy::platform::time::Instant;

use crate::{
    connection_view::ConnectionView,
    link::Link,
    typing::Typing,
    words::{counted, sentence},
};

/// Why there is nothing new, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) headline: &'static str,
    /// Whole sentences.
    pub(crate) details: Vec<String>,
}

/// What is wrong with the link at the moment `now`; nothing while it is up, or comes up for the first time.
pub(crate) fn outage(
    view: &ConnectionView,
    link: &Link,
    typing: &Typing,
    now: Instant,
) -> Option<Outage> {
    let press = if typing.is_active {
        "Press Esc, then N,"
    } else {
        "Press N"
    };
    let hint = link
        .is_cut
        .then(|| format!("{press} to restore the network."));
    let headline = if link.up_since.is_some() {
        "Connection lost"
    } else {
        "No connection yet"
    };
    let (headline, details) = match view {
        ConnectionView::Connected { .. } => return None,
        ConnectionView::Connecting { attempt: 0 | 1 } if link.up_since.is_none() => return None,
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
                format!("{press} to connect again."),
            ],
        ),
        ConnectionView::Offline => ("Offline", vec![format!("{press} to connect.")]),
    };
    Some(Outage { headline, details })
}
