//! The scene in a window: the modules here draw the model with Bevy's renderer. Takes the feature `windowed`.

pub mod badge;
pub mod chat;
mod curtain;
pub mod fitted;
pub mod frame;
pub mod icons;
pub mod input_line;
mod key_hints;
pub mod motion;
pub mod notice;
pub mod pace;
pub mod panel;
pub mod picture;
pub mod roster;
pub mod scrolling;
pub mod theme;
mod toast;

use bevy::asset::AssetMetaCheck;
use bevy::camera::visibility::VisibilitySystems;
use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::ui::UiSystems;
use bevy::window::WindowResizeConstraints;

use crate::{
    arguments::{PictureArguments, WindowSize},
    colours::BACKGROUND,
    draw::DrawSystems,
};

/// Where the assets lie, whatever the working directory is.
#[cfg(not(target_arch = "wasm32"))]
const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets");

/// Where a page finds them, beside itself.
#[cfg(target_arch = "wasm32")]
const ASSETS: &str = "assets";

/// Bevy's plugins for an app in a window, and what draws the model there.
pub(crate) fn add_to(app: &mut App, title: &str, pictures: &PictureArguments, log: LogPlugin) {
    app.add_plugins(
        DefaultPlugins
            .set(log)
            .set(window(title, pictures.size))
            .set(RenderPlugin {
                // Or the first pictures are black.
                synchronous_pipeline_compilation: !pictures.screenshot.is_empty(),
                ..default()
            })
            .set(AssetPlugin {
                file_path: ASSETS.to_owned(),
                // There are none, and a page would ask its server for each.
                meta_check: AssetMetaCheck::Never,
                ..default()
            }),
    )
    .insert_resource(ClearColor(BACKGROUND))
    .configure_sets(
        PostUpdate,
        DrawSystems
            .before(UiSystems::Prepare)
            // Bevy does not order it after the layout: a new node would lie below all others for a frame.
            .before(UiSystems::Stack)
            .before(VisibilitySystems::VisibilityPropagate),
    )
    .add_plugins((
        pace::PacePlugin,
        icons::IconsPlugin,
        motion::MotionPlugin,
        fitted::FittedPlugin,
        scrolling::ScrollingPlugin,
        panel::PanelPlugin,
        badge::BadgePlugin,
        toast::ToastPlugin,
        curtain::CurtainPlugin,
        roster::RosterPlugin,
        chat::ChatPlugin,
        input_line::InputLinePlugin,
        key_hints::KeyHintLinePlugin,
    ))
    .add_plugins(picture::PicturePlugin(pictures.clone()));
}

fn window(title: &str, size: WindowSize) -> WindowPlugin {
    WindowPlugin {
        primary_window: Some(Window {
            title: title.to_owned(),
            resolution: (size.width, size.height).into(),
            // In a page.
            fit_canvas_to_parent: true,
            resize_constraints: WindowResizeConstraints {
                min_width: 800.0,
                min_height: 500.0,
                ..default()
            },
            ..default()
        }),
        ..default()
    }
}
