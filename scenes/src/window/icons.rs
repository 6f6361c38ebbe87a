//! The icons in `assets/icons`, which `assets/make_assets.py` generates.

use bevy::prelude::*;

/// The side of the image files in pixels. A small icon has twice its logical size, for high-density screens.
const SMALL_PIXELS: u32 = 32;
const LARGE_PIXELS: u32 = 96;

/// Loads all icons at startup. An icon loaded on first use would appear a frame late, and the window may sleep before that
/// frame.
pub(crate) struct IconsPlugin;

/// Keeps the handles, so that unused icons stay loaded.
#[derive(Resource)]
struct Icons(#[expect(dead_code, reason = "keeps the images loaded")] Vec<Handle<Image>>);

impl Plugin for IconsPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(
            PreStartup,
            |mut commands: Commands, assets: Res<AssetServer>| {
                let both = |icon: Icon| {
                    [SMALL_PIXELS, LARGE_PIXELS].map(|pixels| icon.image(&assets, pixels))
                };
                commands.insert_resource(Icons(Icon::ALL.into_iter().flat_map(both).collect()));
            },
        );
    }
}

/// The available icons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Information.
    Info,
    /// Success.
    Good,
    /// A warning.
    Warn,
    /// A failure.
    Bad,
    /// A check mark.
    Check,
    /// An invitation.
    Invite,
    /// A chat.
    Chat,
    /// Players.
    People,
    /// A connection.
    Signal,
    /// A lost connection.
    Unplugged,
    /// A permanent failure.
    Blocked,
    /// A mouse cursor.
    Cursor,
    /// The mark X.
    Cross,
    /// The mark O.
    Nought,
}

impl Icon {
    const ALL: [Self; 14] = [
        Self::Info,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::Check,
        Self::Invite,
        Self::Chat,
        Self::People,
        Self::Signal,
        Self::Unplugged,
        Self::Blocked,
        Self::Cursor,
        Self::Cross,
        Self::Nought,
    ];

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

    /// Returns the icon at 16 logical pixels, to stand next to a line of text.
    pub fn small(self, assets: &AssetServer, colour: Color) -> impl Bundle + use<> {
        self.of_size(assets, colour, 16.0)
    }

    /// Returns the icon at `size` logical pixels, up to twice the small size.
    pub fn of_size(self, assets: &AssetServer, colour: Color, size: f32) -> impl Bundle + use<> {
        self.node(assets, colour, size, SMALL_PIXELS)
    }

    /// Returns the icon at 48 logical pixels, to stand above a headline.
    pub fn large(self, assets: &AssetServer, colour: Color) -> impl Bundle + use<> {
        self.node(assets, colour, 48.0, LARGE_PIXELS)
    }

    /// Returns the image of [`large`](Self::large).
    pub fn large_image(self, assets: &AssetServer) -> Handle<Image> {
        self.image(assets, LARGE_PIXELS)
    }

    fn node(
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
