//! The channel and the event of the scene `reactive`, and its simulated news desk.

mod desk;

pub use desk::{DESKS, start_news_desk};

use serde::{Deserialize, Serialize};

/// The public channel of the news.
pub const NEWS_CHANNEL: &str = "news-desk";

/// A headline.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The sender.
    pub from: String,
    /// The text.
    pub text: String,
}

impl Headline {
    /// The name of the event.
    pub const EVENT: &str = "headline";
}
