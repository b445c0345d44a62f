import { Option } from "../../host/abi.js";
import { script } from "./script.js";

script("RFC 9293 3.4: data goes both ways, and an ACK number is what was received plus one", (t) => {
  const socket = t.connected();
  socket.write("GET / HTTP/1.0\r\n\r\n");
  t.expect({ flags: "PA", seq: 1, ack: 1, data: "GET / HTTP/1.0\r\n\r\n" });
  t.peer.send({ flags: "PA", seq: 1, ack: 19, data: "HTTP/1.0 204 No Content\r\n\r\n" });
  socket.expectEvents("READABLE");
  socket.read("HTTP/1.0 204 No Content\r\n\r\n");
  socket.expectNothingToRead();
  socket.write("more");
  t.expect({ flags: "PA", seq: 19, ack: 28, data: "more" });
  t.peer.send({ flags: "A", seq: 28, ack: 23 });
  t.after(60000);
});

script("RFC 9293 3.8.6.3: an ACK of data is delayed, by 40 ms here and less than 0.5 s", (t) => {
  const socket = t.connected();
  const start = t.timeMs;
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 100 });
  socket.read(100);
  // The window's edge stays where it was: a step of 100 bytes is not worth while (section 3.8.6.2.2).
  t.expectAt(start + 40, { flags: "A", seq: 1, ack: 101, window: 8092 });
  t.after(60000);
});

script("RFC 9293 3.8.6.3: every second full segment is acknowledged at once", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1460 });
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1461, ack: 1, len: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 2921, window: 5272 });
  socket.read(2920);
  t.expect({ flags: "A", seq: 1, ack: 2921, window: 8192 });
  t.after(60000);
});

script("RFC 9293 3.7.1: no segment is longer than the peer's MSS", (t) => {
  const socket = t.connected({ mss: 1000 });
  socket.write(2500);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.expect({ flags: "A", seq: 1001, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 2001 });
  t.expect({ flags: "PA", seq: 2001, ack: 1, len: 500 });
  t.peer.send({ flags: "A", seq: 1, ack: 2501 });
  t.after(60000);
});

script("RFC 9293 3.7.1: without an MSS option a segment has at most 536 bytes", (t) => {
  const socket = t.accepted({ mss: "none" });
  socket.write(1072);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 536 });
  t.expect({ flags: "PA", seq: 537, ack: 1, len: 536 });
  t.peer.send({ flags: "A", seq: 1, ack: 1073 });
});

script(
  "RFC 9293 3.7.1: rings of 2048 bytes announce an MSS of 1024, half of them",
  { config: { sendRingBytes: 2048, receiveRingBytes: 2048 } },
  (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0, mss: 1024, window: 2048 });
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    // Sending, too, half of the ring is the most: one segment in flight never waits for a delayed ACK alone.
    socket.write(2048);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1024 });
    t.expect({ flags: "PA", seq: 1025, ack: 1, len: 1024 });
    t.peer.send({ flags: "A", seq: 1, ack: 2049 });
  },
);

script("RFC 9293 3.7.4: small data waits while other data is unacknowledged (Nagle)", (t) => {
  const socket = t.connected();
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.write(10);
  socket.write(10);
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  t.expect({ flags: "PA", seq: 11, ack: 1, len: 20 });
  t.peer.send({ flags: "A", seq: 1, ack: 31 });
});

script("RFC 9293 3.7.4: an application can switch Nagle's algorithm off", (t) => {
  const socket = t.connected();
  t.call("no delay", (core) => core.setOption(socket.handle, Option.NO_DELAY, 1));
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 11, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 21 });
});

script(
  "RFC 9293 3.10.7.4: data ahead of a hole is kept, and acknowledged at once by a duplicate ACK",
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 101, ack: 1, len: 100 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.peer.send({ flags: "A", seq: 301, ack: 1, len: 100 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.counter("TCP_OUT_OF_ORDER").increased(2);
    socket.expectNothingToRead();
    socket.expectEvents();
    // RFC 5681 section 4.2: what fills a hole, or a part of one, is acknowledged at once.
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
    t.expect({ flags: "A", seq: 1, ack: 201 });
    socket.read(200);
    t.peer.send({ flags: "A", seq: 201, ack: 1, len: 100 });
    t.expect({ flags: "A", seq: 1, ack: 401 });
    socket.read(200);
    socket.expectNothingToRead();
    t.after(60000);
  },
);

script("RFC 9293 3.10.7.4: of data that overlaps, each byte counts once", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 51, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 101, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 120 });
  t.expect({ flags: "A", seq: 1, ack: 201 });
  socket.read(200);
  t.peer.send({ flags: "A", seq: 151, ack: 1, len: 100 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 251 });
  socket.read(50);
  socket.expectNothingToRead();
});

script("RFC 9293 3.10.7.4: data that was received before is acknowledged again", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 101 });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
  socket.read(100);
  socket.expectNothingToRead();
});
