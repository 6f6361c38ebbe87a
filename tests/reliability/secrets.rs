//! Tests that no secret appears in logs, `Debug` and `Display` output, or reflection.

use bevy::{ecs::reflect::ReflectComponent, prelude::AppTypeRegistry};
use bevy_pusher::auth::{AuthEndpoint, UserAuthentication, authenticate_with};
use log::Level;
use pusher_test_support::{Answer, HttpRequest, ScriptedAuth};

use super::{
    logs::{LogEntry, logged, record_logs},
    process, *,
};

/// Returns whether an entry passes the log filter that the crate documentation recommends, because these crates log whole
/// frames and requests.
fn passes_the_filter(entry: &LogEntry) -> bool {
    let target = entry.target.split("::").next().unwrap_or_default();
    entry.level <= Level::Info || !["tungstenite", "ureq", "ureq_proto"].contains(&target)
}

/// 32 bytes, as base64.
const SHARED_SECRET: &str = "aHVzaC1zaGFyZWQtc2VjcmV0LTAxMjM0NTY3ODkwMTI=";

/// All secrets of this test, in each form in which they might be printed.
const SECRETS: [&str; 9] = [
    "hush-header",
    "hush-cookie",
    "hush-provided",
    "hush-param",
    "hush-query",
    "hush-signature",
    "hush-user-signature",
    SHARED_SECRET,
    "hush-shared-secret",
];

fn assert_no_secret(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}

fn answer(request: &HttpRequest) -> Answer {
    match request.field("channel_name").as_deref() {
        Some("private-refused") => Answer::status(403).with_body("not you"),
        Some("private-nonsense") => Answer::text("<html>"),
        Some("private-reset") => Answer::reset(),
        Some(_) => {
            Answer::json(&json!({"auth": "key:hush-signature", "shared_secret": SHARED_SECRET}))
        }
        None => Answer::json(
            &json!({"auth": "key:hush-user-signature", "user_data": r#"{"id":"ann"}"#}),
        ),
    }
}

/// The `Debug` output of everything that a game could print.
#[derive(Resource, Default)]
struct Printed(Vec<String>);

fn print<E: Event + std::fmt::Debug>(event: On<E>, mut printed: ResMut<Printed>) {
    printed.0.push(format!("{:?}", *event));
}

/// Runs a game through everything that handles secrets: successful and failed authorizations, an encrypted channel with an event
/// under another key, a sign-in, a lost connection, a second connection.
fn exercise_everything() -> (Harness, ScriptedConnection) {
    let auth = ScriptedAuth::start(answer);
    let endpoint = |path: &str| {
        AuthEndpoint::new(auth.url(path))
            .with_header("Authorization", "Bearer hush-header")
            .with_header("Cookie", "session=hush-cookie")
            .with_header_provider(|| vec![("X-Token".into(), "hush-provided".into())])
            .with_param("token", "hush-param")
            .with_param_provider(|| vec![("more".into(), "hush-provided".into())])
    };
    let mut harness = Harness::with(|config| {
        config
            .with_auth_endpoint(endpoint("/auth?token=hush-query"))
            .with_user_auth_endpoint(endpoint("/user?token=hush-query"))
    });
    harness
        .app
        .init_resource::<Printed>()
        .add_observer(print::<PusherConnectionChanged>)
        .add_observer(print::<PusherErrorReported>)
        .add_observer(print::<PusherSubscriptionChanged>)
        .add_observer(print::<PusherSignInChanged>)
        .add_observer(print::<PusherEvent>)
        .add_observer(
            |error: On<PusherErrorReported>, mut printed: ResMut<Printed>| {
                printed.0.push(error.error().to_string());
            },
        )
        .add_observer(
            |changed: On<PusherSubscriptionChanged>, mut printed: ResMut<Printed>| {
                printed.0.extend(changed.error().map(ToString::to_string));
            },
        );
    let channels = [
        "private-room",
        "private-encrypted-room",
        "private-refused",
        "private-nonsense",
        "private-reset",
    ];
    let mut socket = harness.greet_with_replies();
    let entities = channels.map(|channel| harness.spawn(channel));
    harness.connection().sign_in();
    for round in 0..2 {
        let [room, encrypted, failing @ ..] = entities;
        for entity in failing {
            harness.expect_refusal(entity);
        }
        harness.wait_until_subscribed(room);
        harness.wait_until_subscribed(encrypted);
        socket.find_event("pusher:signin", TIMEOUT);
        let user = json!({"user_data": r#"{"id":"ann"}"#});
        socket.send(json!({"event": "pusher:signin_success", "data": user}));
        harness.until("the sign-in", |world| {
            world.resource::<PusherUser>().is_signed_in()
        });
        let sealed = json!({"nonce": "A".repeat(32), "ciphertext": "A".repeat(64)});
        socket.event("private-encrypted-room", "sealed", &sealed);
        harness.expect_report("failed to decrypt");
        harness
            .connection()
            .send("private-room", "client-move", &1)
            .unwrap();
        harness.expect_delivery(&socket, "private-room", round);
        if round == 0 {
            socket.cut();
            harness.expect_report("the connection was lost");
            socket = harness.greet_with_replies();
        }
    }
    (harness, socket)
}

#[test]
fn no_secret_is_logged_printed_or_reflected() {
    let test = "secrets::no_secret_is_logged_printed_or_reflected";
    // In a separate process, because a process has one logger.
    if process::ran_in_child_process(test, TIMEOUT * 2) {
        return;
    }
    record_logs();
    let (harness, socket) = exercise_everything();
    let world = harness.app.world();
    for text in &world.resource::<Printed>().0 {
        assert_no_secret("a message", text);
    }
    assert!(world.resource::<Printed>().0.len() > 30);
    for (what, text) in [
        (
            "the configuration",
            format!("{:?}", world.resource::<PusherConfig>()),
        ),
        (
            "the connection",
            format!("{:?}", world.resource::<PusherConnection>()),
        ),
        ("the user", format!("{:?}", world.resource::<PusherUser>())),
    ] {
        assert!(text.len() > 10);
        assert_no_secret(what, &text);
    }
    let registry = world.resource::<AppTypeRegistry>().read();
    let mut reflected = 0;
    for registration in registry.iter() {
        let path = registration.type_info().type_path();
        if !path.starts_with("bevy_pusher") && !path.starts_with("pusher_protocol") {
            continue;
        }
        assert!(
            !path.contains("Config") && !path.contains("auth"),
            "{path} is reflected"
        );
        let Some(component) = registration.data::<ReflectComponent>() else {
            continue;
        };
        for entity in world.iter_entities() {
            if let Some(value) = component.reflect(entity) {
                assert_no_secret(path, &format!("{value:?}"));
                reflected += 1;
            }
        }
    }
    assert!(reflected > 10, "{reflected}");
    drop(registry);
    drop(harness);
    drop(socket);

    let entries = logged();
    let (fit, unfit): (Vec<_>, Vec<_>) = entries.into_iter().partition(passes_the_filter);
    for entry in &fit {
        assert_no_secret(&entry.target, &entry.text);
    }
    assert!(
        fit.iter()
            .any(|entry| entry.target.starts_with("bevy_pusher"))
    );
    // Without the filter the secrets are in the log: so the filter is needed, and this test would detect them.
    let shows = |secret: &&str| unfit.iter().any(|entry| entry.text.contains(*secret));
    let shown: Vec<_> = SECRETS.iter().filter(|secret| shows(secret)).collect();
    assert!(shown.contains(&&"hush-signature"), "{shown:?}");
    eprintln!(
        "{} entries at trace level, {} of them pass the filter; without it {shown:?} are shown",
        fit.len() + unfit.len(),
        fit.len()
    );
}

#[test]
fn debug_output_of_authorizer_answers_holds_no_secret() {
    let channel = ChannelAuthorization::new("key:hush-signature").with_shared_secret(SHARED_SECRET);
    let user = UserAuthentication::new("key:hush-user-signature", "{}");
    let config = PusherConfig::new("key", Endpoint::cluster("eu"))
        .with_authorizer(authorize_with({
            let channel = channel.clone();
            move |_| Ok(channel.clone())
        }))
        .with_authenticator(authenticate_with({
            let user = user.clone();
            move |_| Ok(user.clone())
        }));
    assert_no_secret("an answer", &format!("{channel:?} {user:?} {config:?}"));
}
