// The application's calls and what they refuse (RFC 9293 section 3.9.1), TCP_INFO, and what ends with a reset.

import { Counter, Option, SocketKind, TcpState } from "../../host/abi.js";
import { script } from "./script.js";
import type { Stage } from "./stage.js";

/** A setopt or getopt with a record of this length: its status. */
function option(
  t: Stage,
  call: "setopt" | "getopt",
  handle: number,
  name: keyof typeof Option,
  length: number,
) {
  const { exports } = t.core.engine;
  return exports[call](handle, Option[name], t.core.header().exchange, length);
}

script("RFC 9293 3.9.1.6: STATUS counts segments, octets, what came early, and shut windows", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 101, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 201 });
  socket.write(300);
  t.expect({ flags: "PA", seq: 1, ack: 201, len: 300 });
  t.peer.send({ flags: "A", seq: 201, ack: 301, window: 0 });
  t.peer.send({ flags: "A", seq: 201, ack: 301, window: 0 });
  t.peer.send({ flags: "A", seq: 201, ack: 301, window: 1000 });
  socket.expectInfo({
    bytesReceived: 200,
    bytesAcknowledged: 300,
    outOfOrder: 1,
    zeroWindows: 1,
    segmentsOut: 5,
    segmentsIn: 6,
    retransmits: 0,
    receiveQueued: 200,
    sendQueued: 0,
  });
  t.counter("TCP_SEGMENTS_IN").increased(6);
  t.counter("TCP_SEGMENTS_OUT").increased(5);
});

script("getopt: both ends of a connection, its state and its error", (t) => {
  const socket = t.connected();
  const local = t.core.localAddress(socket.handle);
  const remote = t.core.peerAddress(socket.handle);
  const is = `${local.address}:${local.port} ${remote.address}:${remote.port}`;
  const should = `10.0.0.1:${t.peer.devicePort} 10.0.0.2:80`;
  if (is !== should) t.fail(`the ends are ${is}, should be ${should}`);
  if (t.core.tcpState(socket.handle) !== TcpState.ESTABLISHED) t.fail("the state is wrong");
  if (t.core.error(socket.handle) !== 0) t.fail("there is an error");
});

script("getopt: a listener has a local end and a state, and no more", (t) => {
  const { handle } = t.listen(80);
  const { address, port } = t.core.localAddress(handle);
  if (`${address}:${port}` !== "10.0.0.1:80") t.fail(`the listener is at ${address}:${port}`);
  if (t.core.tcpState(handle) !== TcpState.LISTEN) t.fail("the state is not LISTEN");
  if (t.core.error(handle) !== 0) t.fail("there is an error");
  for (const name of ["TCP_INFO", "NO_DELAY", "TOS"] as const)
    if (option(t, "getopt", handle, name, 192) >= 0) t.fail(`a listener has option ${name}`);
  for (const name of ["NO_DELAY", "TOS", "KEEPALIVE_MS"] as const)
    if (option(t, "setopt", handle, name, 4) >= 0) t.fail(`option ${name} of a listener is set`);
});

script("setopt and getopt: a record that is too short is refused", (t) => {
  const { handle } = t.connected();
  for (const name of ["NO_DELAY", "TOS", "KEEPALIVE_MS", "USER_TIMEOUT_MS", "URGENT"] as const) {
    for (const length of [0, 3])
      if (option(t, "setopt", handle, name, length) >= 0) t.fail(`${name}: ${length} octets are taken`);
    if (option(t, "getopt", handle, name, 3) >= 0) t.fail(`${name} is read into 3 octets`);
  }
  for (const [name, least] of [
    ["LOCAL_ENDPOINT", 24],
    ["PEER_ENDPOINT", 24],
    ["ERROR", 4],
    ["TCP_STATE", 1],
  ] as const) {
    if (option(t, "getopt", handle, name, least - 1) >= 0) t.fail(`${name} is read into ${least - 1} octets`);
    if (option(t, "getopt", handle, name, least) !== least) t.fail(`${name} is not ${least} octets`);
  }
});

script(
  "RFC 9293 3.9.1.1: OPEN refuses port 0, addresses that are no host's, and where no route leads",
  (t) => {
    const socket = t.core.open(SocketKind.STREAM);
    for (const [address, port, status] of [
      ["10.0.0.2", 0, "INVALID_ARGUMENT"],
      ["0.0.0.0", 80, "INVALID_ARGUMENT"],
      ["255.255.255.255", 80, "INVALID_ARGUMENT"],
      ["224.0.0.1", 80, "INVALID_ARGUMENT"],
      ["192.0.2.1", 80, "UNREACHABLE"],
    ] as const)
      t.expectRefused(() => t.core.connect(socket, { address, port }), status);
    // It is still good for a peer that there is.
    t.peer.port = 80;
    t.call("connect()", (core) => core.connect(socket, { address: "10.0.0.2", port: 80 }));
    t.expect({ flags: "S", seq: 0 });
  },
);

script("RFC 9293 3.9.1.1: OPEN of a connection that is open, or listens, is refused", (t) => {
  const socket = t.connected();
  t.expectRefused(
    () => t.core.connect(socket.handle, { address: "10.0.0.2", port: 81 }),
    "ALREADY_CONNECTED",
  );
  t.expectRefused(() => t.core.bind(socket.handle, { address: "10.0.0.1", port: 81 }), "ALREADY_CONNECTED");
  const listener = t.listen(80);
  t.expectRefused(() => t.core.listen(listener.handle, 1), "ALREADY_CONNECTED");
});

script("RFC 9293 3.9.1.1: a listener needs a port, and one that nobody has", (t) => {
  const first = t.listen(80);
  const second = t.core.open(SocketKind.LISTENER);
  t.expectRefused(() => t.core.listen(second, 1), "INVALID_ARGUMENT");
  t.expectRefused(() => t.core.bind(second, { address: "10.0.0.1", port: 80 }), "ADDRESS_IN_USE");
  if (t.core.header().listenersUsed !== 2) t.fail(`${t.core.header().listenersUsed} listeners are in use`);
  t.expectRefused(() => t.core.open(SocketKind.LISTENER), "NO_SOCKET");
  first.close();
  if (t.core.header().listenersUsed !== 1) t.fail(`${t.core.header().listenersUsed} listeners are in use`);
  t.core.bind(second, { address: "10.0.0.1", port: 80 });
  t.core.listen(second, 1);
  t.expectRefused(() => t.core.accept(first.handle), "BAD_HANDLE");
  t.core.close(second);
  if (t.core.header().listenersUsed !== 0) t.fail("a listener is still in use");
});

script("RFC 9293 3.9.1.1: a bound connection opens from its port", (t) => {
  const socket = t.core.open(SocketKind.STREAM);
  t.core.bind(socket, { address: "10.0.0.1", port: 1234 });
  t.call("connect()", (core) => core.connect(socket, { address: "10.0.0.2", port: 80 }));
  const { tcp } = t.next("tcp");
  if (tcp.sourcePort !== 1234) t.fail(`the SYN is from port ${tcp.sourcePort}`);
  const second = t.core.open(SocketKind.STREAM);
  t.core.bind(second, { address: "10.0.0.1", port: 1234 });
  t.expectRefused(() => t.core.connect(second, { address: "10.0.0.2", port: 80 }), "ADDRESS_IN_USE");
});

script("RFC 9293 3.9.1.2: SEND and RECEIVE before the connection is open are refused", (t) => {
  const socket = t.core.open(SocketKind.STREAM);
  t.expectRefused(() => t.core.write(socket, Uint8Array.of(1)), "NOT_CONNECTED");
  t.expectRefused(() => t.core.read(socket), "NOT_CONNECTED");
  t.expectRefused(() => t.core.shutdown(socket), "NOT_CONNECTED");
});

script("RFC 9293 3.9.1.4: after CLOSE no more can be sent", (t) => {
  const socket = t.connected();
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.expectRefused(() => t.core.write(socket.handle, Uint8Array.of(1)), "SHUT_DOWN");
  t.peer.send({ flags: "A", seq: 1, ack: 2 });
  t.peer.send({ flags: "PA", seq: 1, ack: 2, len: 10 });
  socket.read(10);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 2, ack: 11 });
});

// What is left over at CLOSE.

script("RFC 1122 4.2.2.13: CLOSE with unread data delivers what was written, then resets", (t) => {
  const socket = t.connected({ mss: 1000, window: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10, window: 1000 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 11, len: 1000 });
  socket.close();
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 11, ack: 1001, window: 1000 });
  const { tcp } = t.next("tcp");
  if (tcp.payload.length !== 1000) t.fail("the rest was not sent");
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 11, ack: 2001, window: 1000 });
  const { tcp: last } = t.next("tcp");
  if ((last.flags & 4) === 0) t.fail("no reset follows");
  t.expectRecords({});
});

script("RFC 1122 4.2.2.13: CLOSE with unread data and nothing to send resets at once", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
  socket.close();
  t.expect({ flags: "RA", seq: 1, ack: 11 });
  t.expectRecords({});
});

script("RFC 9293 3.10.7.1: a reset carries no options, and window 0 where there is no connection", (t) => {
  t.peer.devicePort = 81;
  t.peer.send({ flags: "S", seq: 0, mss: 1460, sackPermitted: true, timestamps: { value: 5, echo: 0 } });
  t.expect({
    flags: "RA",
    seq: 0,
    ack: 1,
    window: 0,
    mss: "none",
    sackPermitted: false,
    timestamps: "none",
    windowScale: "none",
  });
  t.counter("TCP_NO_CONNECTION").increased();
});

// Timers that calls or the link move.

script("RFC 6298 5.7: after a lost SYN the first RTO of data is three seconds", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.expectAt(1000, { flags: "S", seq: 0 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.expectInfo({ rtoMs: 3000, rttMs: 0 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expectAt(t.timeMs + 3000, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script("a link that comes back sends at once what waits for its retransmission", (t) => {
  const socket = t.connected();
  const start = t.timeMs;
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  for (const timeMs of [300, 900, 2100]) t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.linkChanged(false);
  t.after(100);
  t.linkChanged(true);
  let sent = 0;
  while (t.frames > 0) if (t.nextOf("tcp", "arp").kind === "tcp") sent++;
  if (sent !== 1) t.fail(`${sent} segments left, should be 1`);
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  t.waitBetween(t.timeMs, t.timeMs + 3000);
  t.next("arp");
  t.countersMayMove("ARP_ANNOUNCEMENTS");
});

script(
  "RFC 5482 2: the user timeout ends the connection when it is over, and not at the next retransmission",
  (t) => {
    const socket = t.connected();
    socket.set("USER_TIMEOUT_MS", 3000);
    const start = t.timeMs;
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    for (const timeMs of [300, 900, 2100])
      t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 10 });
    t.at(start + 2999);
    socket.expectEvents();
    t.at(start + 3000);
    socket.expectEvents("FAILED");
    t.counter("TCP_USER_TIMEOUTS").increased();
  },
);

script("RFC 9293 3.8.4: an answered keepalive ends its back-off, and data have the plain RTO again", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 10000);
  t.expectAt(10100, { flags: "A", seq: 0, ack: 1 });
  t.expectAt(10700, { flags: "A", seq: 0, ack: 1 });
  t.after(10);
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_KEEPALIVES").increased(2);
  socket.expectInfo({ backoff: 0, retries: 0 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expectAt(t.timeMs + 300, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  socket.close();
  t.expect({ flags: "FA", seq: 11, ack: 1 });
  t.peer.send({ flags: "R", seq: 1 });
  t.counter("TCP_RESETS_IN").increased();
});

script("RFC 6298 2.5: a SYN-ACK's repeats are at most a minute apart", { config: { synRetries: 8 } }, (t) => {
  t.listen(80);
  t.peer.send({ flags: "S", seq: 0, mss: 1460 });
  for (const seconds of [0, 1, 3, 7, 15, 31, 63, 123, 183])
    t.expectAt(seconds * 1000, { flags: "SA", seq: 0, ack: 1 });
  t.counter("TCP_RETRANSMITS").increased(8);
  t.at(242999);
  t.expectRecords({ synEntries: 1 });
  t.at(243000);
  t.expectRecords({});
  t.counter("TCP_SYN_EXPIRED").increased();
});

script(
  "RFC 1122 4.2.2.13: a new incarnation's numbers begin beyond the old one's, however much that had sent",
  { config: { connections: 1, sendRingBytes: 65536 } },
  (t) => {
    const socket = t.accepted({ mss: 1000, rttMs: 1 });
    for (let at = 1; at < 60001; at += 10000) {
      socket.write(10000);
      while (t.frames > 0) t.next("tcp");
      t.peer.send({ flags: "A", seq: 1, ack: at + 10000 });
    }
    while (t.frames > 0) t.next("tcp");
    socket.close();
    t.expect({ flags: "FA", seq: 60001, ack: 1 });
    t.peer.send({ flags: "FA", seq: 1, ack: 60002 });
    t.expect({ flags: "A", seq: 60002, ack: 2 });
    const isn = t.peer.deviceIsn ?? 0;
    t.peer.send({ flags: "S", seq: 50000, mss: 1460 });
    const { tcp } = t.next("tcp");
    if (((tcp.seq - isn - 60002) | 0) < 0) t.fail("the new number lies inside the old connection");
    if (t.core.counter(Counter.TCP_PASSIVE_OPENS) !== 1) t.fail("a SYN alone is no connection");
  },
);

script(
  "RFC 5961 4.2: in SYN-RECEIVED a SYN in the window is answered with an ACK, and changes nothing",
  (t) => {
    const listener = t.listen(80);
    t.peer.send({ flags: "S", seq: 0, mss: 1460 });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.peer.send({ flags: "S", seq: 100, mss: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.counter("TCP_SYN_CHALLENGED").increased();
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept();
  },
);
