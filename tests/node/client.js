// Drives pusher-js, the reference client, with JSON lines: options in the first line of standard input, then one command per
// line. Writes its events to standard output, one object per line. The Rust side is PusherJs in test_support.
"use strict";

const readline = require("node:readline");
const Pusher = require("pusher-js");
const PusherServer = require("pusher");

const print = (object) => process.stdout.write(JSON.stringify(object) + "\n");

let pusher;
let server;

function start(options) {
  const { host, port, tls, key, appId, secret, masterKey, auth, userAuth, params, headers } = options;
  pusher = new Pusher(key, {
    cluster: "x",
    wsHost: host,
    wsPort: port,
    wssPort: port,
    wsPath: options.path ?? "",
    forceTLS: tls,
    enabledTransports: ["ws", "wss"],
    enableStats: false,
    ...(auth && { channelAuthorization: { endpoint: auth, transport: "ajax", params, headers } }),
    ...(userAuth && { userAuthentication: { endpoint: userAuth, transport: "ajax", params, headers } }),
    ...options.extra,
  });
  if (secret) {
    server = new PusherServer({
      appId,
      key,
      secret,
      host,
      port: String(port),
      useTLS: tls,
      ...(masterKey && { encryptionMasterKeyBase64: masterKey }),
    });
  }
  pusher.connection.bind("state_change", ({ previous, current }) =>
    print({ type: "connection", state: current, previous, socket_id: pusher.connection.socket_id }),
  );
  pusher.connection.bind("error", (error) => print({ type: "error", error: plain(error) }));
  pusher.connection.bind("message", ({ event, data }) => {
    if (event === "pusher:signin_success") print({ type: "signed_in", user_data: data.user_data });
  });
  pusher.user.bind_global((event, data) => print({ type: "user_event", event, data }));
  for (const event of ["online", "offline"]) {
    pusher.user.watchlist.bind(event, ({ user_ids }) => print({ type: "watchlist", event, user_ids }));
  }
}

function subscribe(name) {
  const isNew = !pusher.channel(name);
  const channel = pusher.subscribe(name);
  if (!isNew) return;
  // Callbacks for all events do not get the sender of a client event; `emit` does.
  const emit = channel.emit.bind(channel);
  channel.emit = (event, data, metadata) => {
    report(channel, event, data, metadata);
    return emit(event, data, metadata);
  };
}

function report(channel, event, data, metadata) {
  const about = { channel: channel.name };
  switch (event) {
    case "pusher:subscription_succeeded":
      print({ type: "subscribed", ...about });
      if (channel.members) printMembers(channel);
      break;
    case "pusher:subscription_error":
      print({ type: "subscription_failed", ...about, error: plain(data) });
      break;
    case "pusher:subscription_count":
      print({ type: "subscription_count", ...about, count: data.subscription_count });
      break;
    case "pusher:cache_miss":
      print({ type: "cache_miss", ...about });
      break;
    case "pusher:member_added":
    case "pusher:member_removed":
      print({ type: event.slice("pusher:".length), ...about, id: data.id, info: data.info });
      break;
    default:
      print({ type: "event", ...about, event, data, user_id: metadata?.user_id });
  }
}

function printMembers(channel) {
  const members = {};
  channel.members.each(({ id, info }) => (members[id] = info));
  print({ type: "members", channel: channel.name, me: channel.members.me?.id, members });
}

// JSON.stringify turns an Error into {}, so its message is used.
function plain(error) {
  return error instanceof Error ? { message: error.message, ...error } : error;
}

const commands = {
  subscribe: ({ channel }) => subscribe(channel),
  unsubscribe: ({ channel }) => pusher.unsubscribe(channel),
  trigger: ({ channel, event, data }) =>
    print({ type: "triggered", channel, event, accepted: pusher.channel(channel)?.trigger(event, data) ?? false }),
  members: ({ channel }) => printMembers(pusher.channel(channel)),
  signin: () => pusher.signin(),
  connect: () => pusher.connect(),
  disconnect: () => pusher.disconnect(),
  // Published with the server library, which also encrypts.
  publish: async ({ channel, event, data }) => {
    const response = await server.trigger(channel, event, data);
    print({ type: "published", channel, event, status: response.status });
  },
  quit: () => process.exit(0),
};

async function execute(line) {
  const command = JSON.parse(line);
  if (!pusher) return start(command);
  await commands[command.command](command);
}

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => execute(line).catch((error) => print({ type: "failure", line, error: plain(error) })))
  // The test has ended.
  .on("close", () => process.exit(0));
