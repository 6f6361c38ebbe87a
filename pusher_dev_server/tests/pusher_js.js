// Scenarios that test the development server with two pusher-js clients and the `pusher` server library.
// Usage: node pusher_js.js SCENARIO CONFIGURATION (JSON). Exits with status 0 on success.
"use strict";

const assert = require("node:assert/strict");
const Pusher = require("pusher-js");
const PusherServer = require("pusher");

const DEADLINE_MS = 20_000;

const [scenario, configuration] = process.argv.slice(2);
const { host, port, appId, key, secret, masterKey, auth, userAuth } = JSON.parse(configuration);
let waitingFor = "the start";

const api = new PusherServer({
  appId,
  key,
  secret,
  host,
  port: String(port),
  useTLS: false,
  encryptionMasterKeyBase64: masterKey,
});

function client(params = {}) {
  return new Pusher(key, {
    cluster: "x",
    wsHost: host,
    wsPort: port,
    forceTLS: false,
    enabledTransports: ["ws"],
    enableStats: false,
    channelAuthorization: { endpoint: auth, transport: "ajax", params },
    userAuthentication: { endpoint: userAuth, transport: "ajax", params },
  });
}

// Resolves with the data and metadata of the next `event` of `emitter`.
function once(emitter, event, what = event) {
  return new Promise((resolve) => {
    const handler = (data, metadata) => {
      emitter.unbind(event, handler);
      resolve({ data, metadata });
    };
    emitter.bind(event, handler);
  }).finally(() => (waitingFor = `what follows ${what}`));
}

async function connected(params) {
  const pusher = client(params);
  await once(pusher.connection, "connected");
  return pusher;
}

async function subscribed(pusher, name) {
  waitingFor = `the subscription to ${name}`;
  const channel = pusher.subscribe(name);
  const failed = once(channel, "pusher:subscription_error").then(({ data }) => {
    throw new Error(`${name}: ${JSON.stringify(data)}`);
  });
  await Promise.race([once(channel, "pusher:subscription_succeeded", name), failed]);
  return channel;
}

async function signedIn(params) {
  const pusher = await connected(params);
  const success = new Promise((resolve) =>
    pusher.connection.bind("message", ({ event }) => event === "pusher:signin_success" && resolve()),
  );
  pusher.signin();
  waitingFor = "the sign-in";
  await success;
  return pusher;
}

const data = { text: "héllo ☕", number: 9007199254740991, list: [1, null] };

const scenarios = {
  async public() {
    const channel = await subscribed(await connected(), "news");
    const event = once(channel, "headline");
    assert.equal((await api.trigger("news", "headline", data)).status, 200);
    assert.deepEqual((await event).data, data);
  },

  async private() {
    const channel = await subscribed(await connected(), "private-room");
    const event = once(channel, "note");
    await api.trigger("private-room", "note", data);
    assert.deepEqual((await event).data, data);
  },

  async presence() {
    const first = await subscribed(await connected({ user_id: "a", user_info: '{"name":"Ann"}' }), "presence-room");
    assert.equal(first.members.count, 1);
    assert.deepEqual(first.members.me, { id: "a", info: { name: "Ann" } });

    const added = once(first, "pusher:member_added");
    const pusher = await connected({ name: "Bo" });
    const second = await subscribed(pusher, "presence-room");
    assert.deepEqual((await added).data, { id: "Bo", info: { name: "Bo" } });
    assert.equal(second.members.count, 2);
    assert.deepEqual(second.members.get("a"), { id: "a", info: { name: "Ann" } });

    const removed = once(first, "pusher:member_removed");
    pusher.disconnect();
    assert.equal((await removed).data.id, "Bo");
    assert.equal(first.members.count, 1);
  },

  async encrypted() {
    const channel = await subscribed(await connected(), "private-encrypted-room");
    const event = once(channel, "secret");
    // The library encrypts, the server relays the ciphertext.
    await api.trigger("private-encrypted-room", "secret", data);
    assert.deepEqual((await event).data, data);
    // The server encrypts its own events; the Rust side publishes one when it reads this line.
    const fromCode = once(channel, "from-code");
    console.log("ready");
    assert.deepEqual((await fromCode).data, { from: "code" });
  },

  async cache() {
    const early = (await connected()).subscribe("cache-state");
    await once(early, "pusher:cache_miss");
    await api.trigger("cache-state", "state", data);
    const late = (await connected()).subscribe("cache-state");
    assert.deepEqual((await once(late, "state")).data, data);
  },

  async "client-events"() {
    const first = await connected({ user_id: "a" });
    const second = await connected({ user_id: "b" });
    for (const name of ["private-room", "presence-room"]) {
      const [from, to] = [await subscribed(first, name), await subscribed(second, name)];
      from.bind("client-move", () => assert.fail("the sender got its own event"));
      const event = once(to, "client-move");
      from.trigger("client-move", data);
      const { data: received, metadata } = await event;
      assert.deepEqual(received, data);
      assert.equal(metadata?.user_id, name === "presence-room" ? "a" : undefined);
    }
  },

  async "sign-in"() {
    const pusher = await signedIn({ user_id: "a", name: "Ann" });
    // A signed-in user needs no channel_data.
    const channel = await subscribed(await signedIn({ user_id: "b", channel_data: "omit" }), "presence-room");
    assert.equal(channel.members.myID, "b");
    const event = once(pusher.user, "note");
    // After the sign-in pusher-js subscribes to the user's channel with a separate frame.
    await subscribed(pusher, "news");
    await api.sendToUser("a", "note", data);
    assert.deepEqual((await event).data, data);

    const gone = once(pusher.connection, "disconnected");
    await api.terminateUserConnections("a");
    await gone;
  },

  async watchlist() {
    const watcher = client({ user_id: "a", watchlist: "b,c" });
    const offline = once(watcher.user.watchlist, "offline");
    watcher.signin();
    assert.deepEqual((await offline).data.user_ids, ["b", "c"]);
    const online = once(watcher.user.watchlist, "online");
    const friend = await signedIn({ user_id: "b" });
    assert.deepEqual((await online).data.user_ids, ["b"]);
    const offlineAgain = once(watcher.user.watchlist, "offline");
    friend.disconnect();
    assert.deepEqual((await offlineAgain).data.user_ids, ["b"]);
  },

  async "http-api"() {
    const pusher = await connected({ user_id: "a" });
    const news = await subscribed(pusher, "news");
    await subscribed(pusher, "presence-room");
    const get = async (path, params) => (await api.get({ path, params })).json();
    assert.deepEqual(await get("/channels", { filter_by_prefix: "presence-", info: "user_count" }), {
      channels: { "presence-room": { user_count: 1 } },
    });
    assert.deepEqual(await get("/channels/news", { info: "subscription_count" }), {
      occupied: true,
      subscription_count: 1,
    });
    assert.deepEqual(await get("/channels/presence-room/users"), { users: [{ id: "a" }] });

    const received = [];
    news.bind_global((event) => received.push(event));
    const last = once(news, "last");
    await api.triggerBatch([
      { channel: "news", name: "first", data },
      { channel: "news", name: "second", data },
    ]);
    await api.trigger("news", "excluded", data, { socket_id: pusher.connection.socket_id });
    await api.trigger(["news", "other"], "last", data);
    await last;
    assert.deepEqual(received, ["first", "second", "last"]);

    const wrong = new PusherServer({ appId, key, secret: "wrong", host, port: String(port), useTLS: false });
    await assert.rejects(wrong.trigger("news", "headline", data), { status: 401 });
  },

  async refusals() {
    const stranger = new Pusher("unknown-key", {
      cluster: "x",
      wsHost: host,
      wsPort: port,
      forceTLS: false,
      enabledTransports: ["ws"],
      enableStats: false,
    });
    const { data: error } = await once(stranger.connection, "error");
    assert.equal((error.error ?? error).data.code, 4001);

    const forger = new Pusher(key, {
      cluster: "x",
      wsHost: host,
      wsPort: port,
      forceTLS: false,
      enabledTransports: ["ws"],
      enableStats: false,
      channelAuthorization: { customHandler: (_, callback) => callback(null, { auth: `${key}:00` }) },
    });
    const { data: refusal } = await once(forger.subscribe("private-room"), "pusher:subscription_error");
    assert.equal(refusal.type, "AuthError");
    assert.equal(refusal.status, 401);
  },
};

setTimeout(() => {
  console.error(`${scenario}: received nothing within ${DEADLINE_MS} ms while waiting for ${waitingFor}`);
  process.exit(1);
}, DEADLINE_MS);

// Node prints an uncaught error, also one in a callback, and exits with status 1.
scenarios[scenario]().then(() => process.exit(0));
