import { script } from "./script.js";
import { PEER_HOST } from "./stage.js";

script("RFC 5961 3.2: a reset at RCV.NXT ends the connection", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "R", seq: 1 });
  t.expectNothing();
  socket.expectEvents("FAILED");
  socket.expectError("CONNECTION_RESET");
  t.counter("TCP_RESETS_IN").increased();
  socket.close();
  t.expectRecords({});
});

for (const [place, seq] of [
  ["just behind RCV.NXT", 2],
  ["at the window's last byte", 8192],
] as const)
  script(`RFC 5961 3.2: a reset ${place} gets a challenge ACK`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "R", seq });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.counter("TCP_RST_CHALLENGED").increased();
    socket.expectState("ESTABLISHED");
    // A peer that did reset answers the challenge with the right number.
    t.peer.send({ flags: "R", seq: 1 });
    socket.expectEvents("FAILED");
    t.counter("TCP_RESETS_IN").increased();
  });

for (const [place, seq] of [
  ["before the window", 0],
  ["behind the window", 8193],
] as const)
  script(`RFC 5961 3.2: a reset ${place} is dropped`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "R", seq });
    t.expectNothing();
    t.counter("TCP_RST_OUTSIDE").increased();
    socket.expectState("ESTABLISHED");
  });

for (const [place, seq, counter] of [
  ["in the window", 100, "TCP_SYN_CHALLENGED"],
  ["outside the window", 100000, "TCP_OUTSIDE_WINDOW"],
] as const)
  script(`RFC 5961 4.2: a SYN ${place} gets a challenge ACK`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "S", seq, mss: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.counter(counter).increased();
    socket.expectState("ESTABLISHED");
  });

script("RFC 9293 3.10.7.4: an ACK of what was not sent is answered and its data dropped", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PA", seq: 1, ack: 2, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_ACK_UNACCEPTABLE").increased();
  socket.expectNothingToRead();
});

script(
  "RFC 5961 5.2: an ACK older than the largest window there was is answered and its data dropped",
  (t) => {
    const socket = t.connected({ window: 1000 });
    t.peer.send({ flags: "PA", seq: 1, ack: 1 - 1002, len: 10, window: 1000 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.counter("TCP_ACK_UNACCEPTABLE").increased();
    socket.expectNothingToRead();
  },
);

script("RFC 9293 3.10.7.4: a segment without ACK is dropped", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "P", seq: 1, len: 10 });
  t.expectNothing();
  t.counter("TCP_NO_ACK").increased();
  socket.expectNothingToRead();
});

script("RFC 9293 3.1: a segment with a wrong checksum is dropped, and its retransmission taken", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10, forge: { checksum: 0x1234 } });
  t.after(1000);
  t.counter("TCP_CHECKSUM").increased();
  socket.expectNothingToRead();
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.read(10);
  t.expectAt(t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
});

script(
  "RFC 5961 3.2: a reset whose data reaches RCV.NXT does not stand there, and gets a challenge ACK",
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 100 });
    t.expectAt(t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
    t.peer.send({ flags: "R", seq: 31, len: 200 });
    t.expect({ flags: "A", seq: 1, ack: 101 });
    t.counter("TCP_RST_CHALLENGED").increased();
    socket.expectState("ESTABLISHED");
  },
);

script(
  "RFC 9293 3.10.5: after a time-out a reset still stands at SND.NXT, where the peer accepts it",
  (t) => {
    const socket = t.connected({ mss: 1000, rttMs: 100 });
    const start = t.timeMs;
    socket.write(2000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.expectAt(start + 300, { flags: "A", seq: 1, ack: 1, len: 1000 });
    socket.abort();
    t.expect({ flags: "RA", seq: 2001, ack: 1 });
    t.expectRecords({});
  },
);

script("RFC 9293 3.9.1.1: a socket serves one connection: no second connect after an orderly end", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "FA", seq: 1, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 2 });
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 2 });
  t.peer.send({ flags: "A", seq: 2, ack: 2 });
  socket.expectState("CLOSED");
  let refusal = "";
  try {
    t.core.connect(socket.handle, { address: PEER_HOST.address, port: 81 });
  } catch (error) {
    refusal = (error as Error).message;
  }
  if (!refusal.includes("ALREADY_CONNECTED")) t.fail(`connect says "${refusal}"`);
  t.expectNothing();
});
