//! The keys of the scene, and what they mean just now.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    link::LinkSystems,
    typing::{CommandKey, LineEntered},
};

use crate::model::{CurrentRoom, Pending, Wish};

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, (obey_keys, say_lines).before(LinkSystems))
        .add_systems(PostUpdate, hint.before(DrawSystems));
}

fn obey_keys(mut keys: MessageReader<CommandKey>, mut wishes: MessageWriter<Wish>) {
    for key in keys.read() {
        let wish = match &key.0 {
            Key::ArrowUp => Wish::Choose(-1),
            Key::ArrowDown => Wish::Choose(1),
            _ if key.is_letter('i') => Wish::Invite,
            _ if key.is_letter('a') => Wish::Accept,
            _ if key.is_letter('d') => Wish::Decline,
            _ if key.is_letter('l') => Wish::Leave,
            _ => continue,
        };
        wishes.write(wish);
    }
}

fn say_lines(mut lines: MessageReader<LineEntered>, mut wishes: MessageWriter<Wish>) {
    wishes.write_batch(
        lines
            .read()
            .map(|LineEntered(line)| Wish::Say(line.clone())),
    );
}

fn hint(pending: Res<Pending>, room: Res<CurrentRoom>, mut hints: ResMut<KeyHints>) {
    let mut wanted = vec![
        KeyHint::new("Up Down", "choose"),
        KeyHint::new("I", "invite"),
    ];
    if !pending.0.is_empty() {
        wanted.push(KeyHint::new("A", "accept"));
        wanted.push(KeyHint::new("D", "decline"));
    }
    if room.0.is_some() {
        wanted.push(KeyHint::new("Enter", "chat"));
        wanted.push(KeyHint::new("L", "leave"));
    }
    hints.set_if_neq(KeyHints(wanted));
}
