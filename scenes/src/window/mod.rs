//! The scene in a window, drawn with Bevy's renderer. Requires the feature `windowed`.

pub mod animation;
pub mod badge;
pub mod chat;
pub mod fitted;
pub mod icons;
pub mod input_line;
mod key_hints;
pub mod layout;
pub mod notice;
mod outage_overlay;
pub mod panel;
pub mod redraw;
pub mod roster;
pub mod screenshot;
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

/// The asset folder, independent of the working directory.
#[cfg(not(target_arch = "wasm32"))]
const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets");

/// The asset folder, relative to the page.
#[cfg(target_arch = "wasm32")]
const ASSETS: &str = "assets";

/// Adds Bevy's plugins for an app with a window, and the systems that draw the model.
pub(crate) fn add_to(app: &mut App, title: &str, pictures: &PictureArguments, log: LogPlugin) {
    app.add_plugins(
        DefaultPlugins
            .set(log)
            .set(window(title, pictures.size))
            .set(RenderPlugin {
                // Otherwise the first screenshots are black, since the pipelines are not compiled yet.
                synchronous_pipeline_compilation: !pictures.screenshot.is_empty(),
                ..default()
            })
            .set(AssetPlugin {
                file_path: ASSETS.to_owned(),
                // There are no meta files, and in a page each check would be a request to the server.
                meta_check: AssetMetaCheck::Never,
                ..default()
            }),
    )
    .insert_resource(ClearColor(BACKGROUND))
    .configure_sets(
        PostUpdate,
        DrawSystems
            .before(UiSystems::Prepare)
            // Bevy does not order `Stack` relative to spawning: a node spawned later would be below all others for a frame.
            .before(UiSystems::Stack)
            .before(VisibilitySystems::VisibilityPropagate),
    )
    .add_plugins((
        redraw::RedrawPlugin,
        icons::IconsPlugin,
        animation::AnimationPlugin,
        fitted::FittedPlugin,
        scrolling::ScrollingPlugin,
        panel::PanelPlugin,
        badge::BadgePlugin,
        toast::ToastPlugin,
        outage_overlay::OutageOverlayPlugin,
        roster::RosterPlugin,
        chat::ChatPlugin,
        input_line::InputLinePlugin,
        key_hints::KeyHintLinePlugin,
    ))
    .add_plugins(screenshot::ScreenshotPlugin(pictures.clone()));
}

fn window(title: &str, size: WindowSize) -> WindowPlugin {
    WindowPlugin {
        primary_window: Some(Window {
            title: title.to_owned(),
            resolution: (size.width, size.height).into(),
            // Only has an effect in a page.
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
