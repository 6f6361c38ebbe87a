//! What an event costs in Bevy itself: one message and one entity event, with nothing behind them.

use std::thread;

use bevy_app::prelude::*;
use bevy_ecs::prelude::*;

use crate::{firehose::SETTLING, frames::LobbyMessage, game::run_on_one_thread};

/// An app without any plugin, whose system writes what it is given.
pub struct BareBevy {
    app: App,
    listener: Entity,
}

#[derive(Message, EntityEvent)]
struct Said {
    entity: Entity,
    data: LobbyMessage,
}

/// What there is to write in the next frame.
#[derive(Resource, Default)]
struct Outbox(Vec<LobbyMessage>);

#[derive(Resource, Default)]
struct Heard {
    read: u64,
    observed: u64,
}

#[derive(Resource)]
struct Listener(Entity);

impl BareBevy {
    /// An app with one entity, which is observed.
    #[must_use]
    pub fn new() -> Self {
        let mut app = App::new();
        app.add_message::<Said>()
            .init_resource::<Outbox>()
            .init_resource::<Heard>()
            .add_systems(PreUpdate, write)
            .add_systems(Update, read);
        let listener = app.world_mut().spawn_empty().observe(observe).id();
        app.insert_resource(Listener(listener));
        run_on_one_thread(&mut app);
        Self { app, listener }
    }

    /// Puts events down for the next frame. They are made on another thread, as those that come from a network are.
    pub fn prepare(&mut self, events: u64) {
        let make = move || (0..events).map(LobbyMessage::new).collect();
        self.app.world_mut().resource_mut::<Outbox>().0 = thread::spawn(make).join().unwrap();
        thread::sleep(SETTLING);
    }

    /// Runs the frame in which they are written, observed and read.
    pub fn update(&mut self) {
        self.app.update();
    }

    /// How many events were read and observed so far.
    #[must_use]
    pub fn heard(&self) -> (u64, u64) {
        assert!(self.app.world().get_entity(self.listener).is_ok());
        let heard = self.app.world().resource::<Heard>();
        (heard.read, heard.observed)
    }
}

impl Default for BareBevy {
    fn default() -> Self {
        Self::new()
    }
}

fn write(world: &mut World) {
    let entity = world.resource::<Listener>().0;
    for data in std::mem::take(&mut world.resource_mut::<Outbox>().0) {
        let mut said = Said { entity, data };
        world.trigger_ref(&mut said);
        world.write_message(said);
    }
}

fn read(mut messages: MessageReader<Said>, mut heard: ResMut<Heard>) {
    for said in messages.read() {
        std::hint::black_box(said.data.seq);
        heard.read += 1;
    }
}

fn observe(said: On<Said>, mut heard: ResMut<Heard>) {
    std::hint::black_box(&said.data);
    heard.observed += 1;
}
