//! The icons of `assets/icons`, which `assets/make_assets.py` draws.

use bevy::prelude::*;

/// Pixels of a side: of a small icon twice over, for fine screens, and of a large one.
const SMALL: u32 = 32;
const LARGE: u32 = 96;

/// Has all icons at hand. One that is loaded when it is first shown comes a frame later, and a window that sleeps in between
/// shows it late.
pub(crate) struct IconsPlugin;

/// Keeps what is not shown.
#[derive(Resource)]
struct Icons(#[expect(dead_code, reason = "it keeps them")] Vec<Handle<Image>>);

impl Plugin for IconsPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(
            PreStartup,
            |mut commands: Commands, assets: Res<AssetServer>| {
                let both = |icon: Icon| [SMALL, LARGE].map(|pixels| icon.image(&assets, pixels));
                commands.insert_resource(Icons(Icon::ALL.into_iter().flat_map(both).collect()));
            },
        );
    }
}

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

    /// The icon at 16 logical pixels, beside a line of text.
    pub fn small(self, assets: &AssetServer, colour: Color) -> impl Bundle + use<> {
        self.of_size(assets, colour, 16.0)
    }

    /// The icon at `size` logical pixels, at most twice as large as a small one.
    pub fn of_size(self, assets: &AssetServer, colour: Color, size: f32) -> impl Bundle + use<> {
        self.at(assets, colour, size, SMALL)
    }

    /// The icon at 48 logical pixels, above a headline.
    pub fn large(self, assets: &AssetServer, colour: Color) -> impl Bundle + use<> {
        self.at(assets, colour, 48.0, LARGE)
    }

    /// The file that [`large`](Self::large) shows.
    pub fn large_image(self, assets: &AssetServer) -> Handle<Image> {
        self.image(assets, LARGE)
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
