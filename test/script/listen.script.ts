import { script } from "./script.js";

script("RFC 9293 3.10.7.2: two peers and one peer's two ports are three connections", (t) => {
  const listener = t.listen(80);
  const peers = [
    t.peer,
    t.newPeer({ devicePort: 80, port: 40001 }),
    t.newPeer({ devicePort: 80, host: { mac: "02:00:00:00:00:03", address: "10.0.0.3" } }),
  ];
  for (const peer of peers) {
    peer.send({ flags: "S", seq: 0, mss: 1460 });
    peer.expect({ flags: "SA", seq: 0, ack: 1 });
    peer.send({ flags: "A", seq: 1, ack: 1 });
  }
  for (const [index, peer] of peers.entries()) {
    const socket = listener.accept();
    socket.write(`to ${index}`);
    peer.expect({ flags: "PA", seq: 1, ack: 1, data: `to ${index}` });
    peer.send({ flags: "PA", seq: 1, ack: 5, data: `from ${index}` });
    socket.read(`from ${index}`);
    peer.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 5, ack: 7 });
  }
  t.expectRecords({ connections: 3 });
});

script("a SYN beyond the backlog is dropped, and taken when it comes again to a free place", (t) => {
  const listener = t.listen(80, 1);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  const second = t.newPeer({ devicePort: 80, port: 40001 });
  second.send({ flags: "S", seq: 0 });
  t.expectNothing();
  t.counter("TCP_BACKLOG_FULL").increased();
  listener.accept();
  second.send({ flags: "S", seq: 0 });
  second.expect({ flags: "SA", seq: 0, ack: 1 });
});

script(
  "a handshake that finds no connection record waits for one, with a shut window",
  { config: { connections: 1 } },
  (t) => {
    const listener = t.listen(80);
    t.peer.send({ flags: "S", seq: 0 });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    const first = listener.accept();
    const second = t.newPeer({ devicePort: 80, port: 40001 });
    second.send({ flags: "S", seq: 0, mss: 1460 });
    second.expect({ flags: "SA", seq: 0, ack: 1, window: 0 });
    second.send({ flags: "A", seq: 1, ack: 1 });
    t.expectNothing();
    t.counter("TCP_NO_RECORD").increased();
    listener.expectNoneToAccept();
    first.abort();
    t.expect({ flags: "RA", seq: 1, ack: 1 });
    second.expect({ flags: "A", seq: 1, ack: 1, window: 8192 });
    const socket = listener.accept();
    socket.write(10);
    second.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    second.send({ flags: "A", seq: 1, ack: 11 });
  },
);

script("RFC 9293 3.10.4: closing a listener resets what was not accepted", (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  listener.close();
  t.expect({ flags: "RA", seq: 1, ack: 1 });
  t.counter("TCP_UNACCEPTED").increased();
  t.expectRecords({});
  const late = t.newPeer({ devicePort: 80, port: 40001 });
  late.send({ flags: "S", seq: 0 });
  late.expect({ flags: "RA", seq: 0, ack: 1 });
  t.counter("TCP_NO_CONNECTION").increased();
});

script("data that comes before the application accepts waits for it", (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
  const socket = listener.accept();
  socket.expectEvents("READABLE");
  socket.read(100);
});

script("a connection that the peer resets before it is accepted is not handed out", (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "R", seq: 1 });
  t.counter("TCP_RESETS_IN").increased();
  t.counter("TCP_UNACCEPTED").increased();
  listener.expectNoneToAccept();
  t.expectRecords({});
});

script("closing a listener forgets handshakes that are not complete", (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  listener.close();
  t.expectNothing();
  t.expectRecords({});
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expect({ flags: "R", seq: 1 });
  t.counter("TCP_NO_CONNECTION").increased();
});
