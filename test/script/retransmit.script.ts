import { script } from "./script.js";

script("RFC 6298 2: unacknowledged data is sent again after the RTO, which doubles each time", (t) => {
  // One round trip of 100 ms: SRTT is 100, RTTVAR 50, and the RTO 100 + 4 * 50.
  const socket = t.connected({ rttMs: 100 });
  const start = t.timeMs;
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  for (const timeMs of [300, 900, 2100, 4500, 9300])
    t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.counter("TCP_RETRANSMITS").increased(5);
  t.counter("TCP_TIMEOUTS").increased(5);
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
  t.after(600000);
});

script("RFC 6298 5.1: new data that finds no timer running starts one", (t) => {
  const socket = t.connected({ rttMs: 100 });
  t.after(10000);
  const start = t.timeMs;
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.expectAt(start + 300, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
});

script(
  "RFC 6298 5.4: a time-out sends the earliest unacknowledged segment, and an ACK lets the rest follow",
  (t) => {
    const socket = t.connected({ mss: 1000, rttMs: 100 });
    const start = t.timeMs;
    socket.write(2000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.expectAt(start + 300, { flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expectNothing();
    t.after(100);
    t.peer.send({ flags: "A", seq: 1, ack: 1001 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.peer.send({ flags: "A", seq: 1, ack: 2001 });
    t.after(600000);
  },
);

script(
  "RFC 9293 3.8.3: data that nobody acknowledges is given up after the limit of retransmissions",
  { config: { dataRetries: 3 } },
  (t) => {
    const socket = t.connected({ rttMs: 100 });
    const start = t.timeMs;
    socket.write(100);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    for (const timeMs of [300, 900, 2100])
      t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
    t.at(start + 4499);
    socket.expectEvents();
    t.at(start + 4500);
    socket.expectEvents("FAILED");
    socket.expectError("TIMED_OUT");
    t.counter("TCP_GIVEN_UP").increased();
    socket.close();
    t.expectRecords({});
  },
);

script("RFC 9293 3.8.1: a FIN that is lost is sent again", (t) => {
  const socket = t.connected({ rttMs: 100 });
  const start = t.timeMs;
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.expectAt(start + 300, { flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 2 });
  socket.expectState("FIN_WAIT_2");
});

script("RFC 5681 3.2: three duplicate ACKs send the missing segment again, before the timer", (t) => {
  const socket = t.connected({ mss: 1000, rttMs: 100 });
  socket.write(5000);
  for (const seq of [1, 1001, 2001, 3001]) t.expect({ flags: "A", seq, ack: 1, len: 1000 });
  t.expect({ flags: "PA", seq: 4001, ack: 1, len: 1000 });
  // The first segment is lost; the next three each bring a duplicate ACK.
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.counter("TCP_FAST_RETRANSMITS").increased();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 5001 });
  t.expectNothing();
  t.after(600000);
});
