import { SocketKind } from "../../host/abi.js";
import { script } from "./script.js";

script(
  "a handle that was given back is refused, also when its record serves another connection",
  { config: { connections: 1 } },
  (t) => {
    const old = t.connected();
    old.abort();
    t.expect({ flags: "RA", seq: 1, ack: 1 });
    const fresh = t.again();
    for (const use of [
      () => old.close(),
      () => old.shutdown(),
      () => old.write(1),
      () => old.expectNothingToRead(),
    ])
      t.expectRefused(use, "BAD_HANDLE");
    fresh.write(1);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 2 });
  },
);

script("RFC 9293 3.10.2: what cannot be sent any more is refused by name", (t) => {
  const socket = t.connected();
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.expectRefused(() => socket.write(1), "SHUT_DOWN");
  t.expectRefused(() => socket.shutdown(), "SHUT_DOWN");
  t.peer.send({ flags: "RA", seq: 1, ack: 2 });
  t.counter("TCP_RESETS_IN").increased();
  t.expectRefused(() => socket.write(1), "CONNECTION_RESET");
});

script("a full send ring refuses more, and tells when half of it is free", (t) => {
  const socket = t.connected({ window: 0 });
  if (socket.writeSome(10000) !== 8192) t.fail("the ring holds another number of bytes");
  socket.expectEvents();
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 8192 });
  for (const seq of [1, 1461, 2921, 4381, 5841]) t.expect({ flags: "A", seq, ack: 1, len: 1460 });
  // The rest is less than a segment, and waits (Nagle).
  t.peer.send({ flags: "A", seq: 1, ack: 4096 });
  socket.expectEvents();
  t.peer.send({ flags: "A", seq: 1, ack: 4097 });
  socket.expectEvents("WRITABLE");
  socket.write(4096);
  for (const seq of [7301, 8761, 10221]) t.expect({ flags: "A", seq, ack: 1, len: 1460 });
  t.peer.send({ flags: "A", seq: 1, ack: 11681 });
  t.expect({ flags: "PA", seq: 11681, ack: 1, len: 608 });
  t.peer.send({ flags: "A", seq: 1, ack: 12289 });
});

script("two connections take turns", (t) => {
  const first = t.connected({ mss: 1000 });
  const peer = t.peer;
  const second = t.again({ mss: 1000 });
  t.holdOutput(() => {
    first.write(3000);
    second.write(3000);
  });
  const ports: (number | undefined)[] = [];
  while (t.frames > 0) ports.push(t.next("tcp").tcp.sourcePort);
  const [a, b] = [peer.devicePort, t.peer.devicePort];
  if (ports.join() !== [a, b, a, b, a, b].join()) t.fail(`the turns were ${ports}`);
});

script("what is written before the handshake is complete leaves with it", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  socket.write(100);
  t.expectNothing();
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
});

script(
  "RFC 9293 3.10.4: shutdown before the handshake is complete sends what was written, and a FIN",
  (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    socket.write(100);
    socket.shutdown();
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.expect({ flags: "FPA", seq: 1, ack: 1, len: 100 });
    t.peer.send({ flags: "A", seq: 1, ack: 102 });
    t.expectRecords({ connections: 1 });
  },
);

script("RFC 9293 3.10.4: close in SYN-SENT forgets the connection", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  socket.close();
  t.expectNothing();
  t.expectRecords({});
  t.peer.send({ flags: "SA", seq: 0, ack: 1 });
  t.expect({ flags: "R", seq: 1 });
  t.counter("TCP_NO_CONNECTION").increased();
});

script("listeners that were closed can be opened again, and their ports bound, any number of times", (t) => {
  for (let round = 0; round < 5; round++) {
    const listeners = [80, 81].map((port) => t.listen(port));
    t.expectRefused(() => t.core.open(SocketKind.LISTENER), "NO_SOCKET");
    const peer = t.newPeer({ devicePort: 81, port: 41000 + round });
    peer.send({ flags: "S", seq: 0 });
    peer.expect({ flags: "SA", seq: 0, ack: 1 });
    peer.send({ flags: "A", seq: 1, ack: 1 });
    const socket = listeners[1]?.accept();
    socket?.abort();
    peer.expect({ flags: "RA", seq: 1, ack: 1 });
    for (const listener of listeners) listener.close();
  }
  t.expectRecords({});
});

script("a datagram socket is nothing that this build has", (t) => {
  t.expectRefused(() => t.core.open(SocketKind.DATAGRAM), "NOT_SUPPORTED");
  t.expectRefused(() => t.core.open(0), "NOT_SUPPORTED");
});
