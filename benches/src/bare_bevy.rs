//! The cost of an event in Bevy alone: one message and one entity event.

use std::thread;

use bevy_app::prelude::*;
use bevy_ecs::prelude::*;

use crate::{firehose::SETTLE_TIME, frames::LobbyMessage, game::run_on_one_thread};

/// An app without plugins, with a system that writes prepared events.
pub struct BareBevy {
    app: App,
    listener: Entity,
}

#[derive(Message, EntityEvent)]
struct TestEvent {
    entity: Entity,
    data: LobbyMessage,
}

/// The events to write in the next frame.
#[derive(Resource, Default)]
struct Outbox(Vec<LobbyMessage>);

#[derive(Resource, Default)]
struct Received {
    read: u64,
    observed: u64,
}

#[derive(Resource)]
struct Listener(Entity);

impl BareBevy {
    /// Creates an app with one entity, which has an observer.
    #[must_use]
    pub fn new() -> Self {
        let mut app = App::new();
        app.add_message::<TestEvent>()
            .init_resource::<Outbox>()
            .init_resource::<Received>()
            .add_systems(PreUpdate, write)
            .add_systems(Update, read);
        let listener = app.world_mut().spawn_empty().observe(observe).id();
        app.insert_resource(Listener(listener));
        run_on_one_thread(&mut app);
        Self { app, listener }
    }

    /// Prepares events for the next frame. They are allocated on another thread, as events from the network are.
    pub fn prepare(&mut self, events: u64) {
        let make = move || (0..events).map(LobbyMessage::new).collect();
        self.app.world_mut().resource_mut::<Outbox>().0 = thread::spawn(make).join().unwrap();
        thread::sleep(SETTLE_TIME);
    }

    /// Runs the frame in which the events are written, observed and read.
    pub fn update(&mut self) {
        self.app.update();
    }

    /// Returns how many events have been read and observed so far.
    #[must_use]
    pub fn received(&self) -> (u64, u64) {
        assert!(self.app.world().get_entity(self.listener).is_ok());
        let received = self.app.world().resource::<Received>();
        (received.read, received.observed)
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
        let mut event = TestEvent { entity, data };
        world.trigger_ref(&mut event);
        world.write_message(event);
    }
}

fn read(mut messages: MessageReader<TestEvent>, mut received: ResMut<Received>) {
    for event in messages.read() {
        std::hint::black_box(event.data.seq);
        received.read += 1;
    }
}

fn observe(event: On<TestEvent>, mut received: ResMut<Received>) {
    std::hint::black_box(&event.data);
    received.observed += 1;
}
