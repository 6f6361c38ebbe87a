//! Every message in the protocol's documentation, with its effect on a client that expects it.

use pusher_protocol::{
    protocol::ChannelAuthorization,
    session::{Command, Input},
};
use serde_json::{Value, json};

use crate::support::*;

/// A message with its data as a JSON value, and its effect.
pub struct Documented {
    pub message: &'static str,
    pub effect: &'static str,
}

macro_rules! documented {
    ($($message:literal => $effect:literal,)*) => {
        &[$(Documented { message: $message, effect: $effect },)*]
    };
}

/// Messages on an open connection of a [`busy_client`].
pub const MESSAGES: &[Documented] = documented! {
    r#"{"event":"pusher:error","data":{"code":4301,"message":"m"}}"# => "error Server 4301",
    r#"{"event":"pusher:error","data":{"code":null,"message":"m"}}"# => "error Server",
    r#"{"event":"pusher:error","channel":"pending","data":{"code":4009,"message":"m"}}"# => "error Server 4009, pending Failed Refused",
    r#"{"event":"pusher:error","channel":"lobby","data":{"type":"LimitReached","error":"e","code":4302}}"# => "error Server 4302",
    r#"{"event":"pusher:ping","data":{}}"# => "pong",
    r#"{"event":"pusher:ping"}"# => "pong",
    r#"{"event":"pusher:pong","data":{}}"# => "-",
    r#"{"event":"pusher:pong"}"# => "-",
    r#"{"event":"pusher_internal:subscription_succeeded","channel":"pending","data":{}}"# => "pending Subscribed",
    r#"{"event":"pusher_internal:subscription_succeeded","channel":"pending"}"# => "pending Subscribed",
    r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-pending","data":{"presence":{"count":2,"ids":["u1",7],"hash":{"u1":{"name":"A"},"7":null}}}}"#
        => "presence-pending Subscribed, 2 members",
    r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-pending","data":{"presence":{"count":0,"ids":[],"hash":[]}}}"#
        => "presence-pending Subscribed, 0 members",
    r#"{"event":"pusher_internal:subscription_error","channel":"pending","data":{"status":401}}"# => "pending Failed Refused",
    r#"{"event":"pusher:subscription_error","channel":"pending","data":{"type":"AuthError","error":"e","status":401}}"# => "pending Failed Refused",
    r#"{"event":"pusher_internal:member_added","channel":"presence-room","data":{"user_id":"u3","user_info":{"name":"C"}}}"# => "u3 joined",
    r#"{"event":"pusher_internal:member_added","channel":"presence-room","data":{"user_id":9007199254740993,"more":[1]}}"# => "9007199254740993 joined",
    r#"{"event":"pusher_internal:member_removed","channel":"presence-room","data":{"user_id":"u2"}}"# => "u2 left",
    r#"{"event":"pusher_internal:subscription_count","channel":"lobby","data":{"subscription_count":7}}"# => "count 7",
    r#"{"event":"pusher:cache_miss","channel":"cache-map","data":{}}"# => "cache missed",
    r#"{"event":"pusher:cache_miss","channel":"cache-map"}"# => "cache missed",
    r#"{"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"u1\",\"user_info\":{\"name\":\"A\"}}"}}"#
        => "subscribe #server-to-user-u1, subscribe presence-anonymous",
    r#"{"event":"pusher:signin_success","data":{"user_data":{"id":"u1"}}}"#
        => "subscribe #server-to-user-u1, subscribe presence-anonymous",
    r#"{"event":"pusher_internal:watchlist_events","data":{"events":[{"name":"online","user_ids":["u2","u3"]},{"name":"offline","user_ids":[4]}]}}"#
        => "online: u2 u3, offline: 4",
    r#"{"event":"online","data":{"user_ids":["u2"]}}"# => "online: u2",
    r#"{"event":"my-event","channel":"lobby","data":{"hello":"world"}}"# => r#"event my-event on lobby {"hello":"world"}"#,
    r#"{"event":"my-event","channel":"lobby","data":null}"# => "event my-event on lobby null",
    r#"{"event":"my-event","channel":"lobby"}"# => "event my-event on lobby",
    r#"{"event":"my-event","channel":"lobby","data":"plain","serial":5,"tags":{"a":"b"}}"# => "event my-event on lobby plain",
    r#"{"event":"client-typing","channel":"presence-room","data":{"on":true},"user_id":"u2"}"# => r#"event client-typing on presence-room from u2 {"on":true}"#,
    r#"{"event":"my-event","channel":"private-encrypted-foobar","data":{"nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX","ciphertext":"JudJzMunSIiVrODAo+lfpUsGJzgoj596PYEg0Ekt7UbHsg5iiqAaZxI="}}"#
        => r#"event my-event on private-encrypted-foobar {"message":"hello world"}"#,
    r#"{"event":"pusher:something_new","channel":"lobby","data":{"a":1}}"# => r#"event pusher:something_new on lobby {"a":1}"#,
    r#"{"event":"something-new","data":{"a":1}}"# => r#"event something-new {"a":1}"#,
    r#"{"event":"pusher_internal:something_new","channel":"lobby","data":{"a":1}}"# => "-",
};

/// First messages of a new connection.
pub const FIRST_MESSAGES: &[Documented] = documented! {
    r#"{"event":"pusher:connection_established","data":{"socket_id":"123.456","activity_timeout":120}}"# => "Connected",
    r#"{"event":"pusher:connection_established","data":{"socket_id":"123.456"}}"# => "Connected",
    r#"{"event":"pusher:connection_established","data":{"socket_id":"123.456","activity_timeout":"30"}}"# => "Connected",
    r#"{"event":"pusher:error","data":{"code":4001,"message":"App key X not in this cluster"}}"# => "close, error Refused 4001, Failed",
    r#"{"event":"pusher:error","data":{"code":4100,"message":"m"}}"# => "close, error Refused 4100, Waiting",
    r#"{"event":"pusher:error","data":{"code":null}}"# => "close, error Refused, Waiting",
    r#"{"event":"pusher:ping","data":{}}"# => "pong",
    r#"{"event":"pusher:pong"}"# => "-",
};

pub fn parse(message: &str) -> Value {
    serde_json::from_str(message).expect("the documented messages are JSON")
}

/// A client that expects any message: subscribed to a channel of each kind, with a pending subscription and a pending sign-in.
pub fn busy_client() -> Client {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.subscribe("cache-map");
    client.subscribe("private-room");
    client.join("presence-room", "u1", &["u1", "u2"]);
    let request_id = request(&client.want("private-encrypted-foobar"));
    let secret = "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=";
    let answer = ChannelAuthorization::new("key:signature").with_shared_secret(secret);
    client.input(Input::Authorized(request_id, Ok(answer)));
    client.confirm("private-encrypted-foobar");
    client.want("pending");
    let request_id = request(&client.want("presence-pending"));
    client.authorize_as(request_id, "u1");
    client.want("private-wanted");
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    let request_id = request(&client.want("presence-anonymous"));
    client.authorize(request_id);
    client
}
