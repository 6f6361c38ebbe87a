//! The icons of `assets/icons`, which `assets/make_assets.py` draws.

use bevy::prelude::*;

/// What an icon says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// For your information.
    Info,
    /// It went well.
    Good,
    /// Look here.
    Warn,
    /// It went wrong.
    Bad,
    /// Ready, done.
    Check,
    /// An invitation.
    Invite,
    /// Talk.
    Chat,
    /// Players.
    People,
    /// A connection.
    Signal,
    /// A lost connection.
    Unplugged,
    /// It cannot go on.
    Blocked,
    /// Where somebody points.
    Cursor,
    /// A mark of noughts and crosses.
    Cross,
    /// The other mark.
    Nought,
}

impl Icon {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Check => "check",
            Self::Invite => "invite",
            Self::Chat => "chat",
            Self::People => "people",
            Self::Signal => "signal",
            Self::Unplugged => "unplugged",
            Self::Blocked => "blocked",
            Self::Cursor => "cursor",
            Self::Cross => "cross",
            Self::Nought => "nought",
        }
    }

    /// The icon at 16 logical pixels, beside a line of text.
    pub fn small(self, assets: &AssetServer, colour: Color) -> impl Bundle + use<> {
        self.of_size(assets, colour, 16.0)
    }

    /// The icon at `size` logical pixels, at most twice as large as a small one.
    pub fn of_size(self, assets: &AssetServer, colour: Color, size: f32) -> impl Bundle + use<> {
        self.at(assets, colour, size, 32)
    }

    /// The icon at 48 logical pixels, above a headline.
    pub fn large(self, assets: &AssetServer, colour: Color) -> impl Bundle + use<> {
        self.at(assets, colour, 48.0, 96)
    }

    /// The file that [`large`](Self::large) shows.
    pub fn large_image(self, assets: &AssetServer) -> Handle<Image> {
        self.image(assets, 96)
    }

    fn at(
        self,
        assets: &AssetServer,
        colour: Color,
        size: f32,
        pixels: u32,
    ) -> impl Bundle + use<> {
        (
            ImageNode {
                color: colour,
                image: self.image(assets, pixels),
                ..default()
            },
            Node {
                width: px(size),
                height: px(size),
                flex_shrink: 0.0,
                ..default()
            },
        )
    }

    fn image(self, assets: &AssetServer, pixels: u32) -> Handle<Image> {
        assets.load(format!("icons/{}_{pixels}.png", self.name()))
    }
}
