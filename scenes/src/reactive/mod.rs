//! What a news desk tells now and then.

mod desk;

pub use desk::{DESKS, news_company};

use serde::{Deserialize, Serialize};

/// The public channel of the news.
pub const NEWS_CHANNEL: &str = "news-desk";

/// There is news.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// Who tells it.
    pub from: String,
    /// What.
    pub text: String,
}

impl Headline {
    /// The event's name.
    pub const EVENT: &str = "headline";
}
