import { ArpOperation } from "../../host/packet/index.js";
import { script } from "./script.js";
import { DEVICE, PEER_HOST } from "./stage.js";

script("RFC 9293 3.5: a passive open completes the three-way handshake", (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "S", seq: 0, mss: 1460 });
  t.expect({ flags: "SA", seq: 0, ack: 1, mss: 1460, window: 8192 });
  listener.expectNoneToAccept();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expectNothing();
  listener.expectEvents("ACCEPTABLE");
  const socket = listener.accept();
  socket.expectState("ESTABLISHED");
  listener.expectNoneToAccept();
  t.counter("TCP_PASSIVE_OPENS").increased();
});

script("RFC 9293 3.5: an active open from an ephemeral port survives the loss of its SYN", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0, mss: 1460, window: 8192 });
  const port = t.peer.devicePort ?? 0;
  if (port < 49152) t.fail(`port ${port} is not in the ephemeral range of RFC 6335`);
  socket.expectState("SYN_SENT");
  t.expectAt(1000, { flags: "S", seq: 0, mss: 1460 });
  t.counter("TCP_RETRANSMITS").increased();
  t.at(1100);
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.expectState("ESTABLISHED");
  socket.expectEvents("CONNECTED");
  t.counter("TCP_ACTIVE_OPENS").increased();
});

script("RFC 6298 5.5: an unanswered SYN is sent again in doubled intervals, then given up", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  for (const timeMs of [1000, 3000, 7000, 15000, 31000]) t.expectAt(timeMs, { flags: "S", seq: 0 });
  t.at(62999);
  socket.expectEvents();
  t.at(63000);
  socket.expectEvents("FAILED");
  socket.expectError("TIMED_OUT");
  t.counter("TCP_GIVEN_UP").increased();
  socket.close();
  t.expectRecords({});
});

script("a SYN that was sent again leaves no probe behind: small data waits for what is out (Nagle)", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.expectAt(1000, { flags: "S", seq: 0 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.write(10);
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  t.expect({ flags: "PA", seq: 11, ack: 1, len: 10 });
  t.counter("TCP_PROBES").unchanged();
  t.peer.send({ flags: "A", seq: 1, ack: 21 });
});

script("RFC 9293 3.10.7.3: a reset that acknowledges our SYN refuses the connection", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.peer.send({ flags: "RA", seq: 0, ack: 1, window: 0 });
  t.expectNothing();
  socket.expectEvents("FAILED");
  socket.expectError("CONNECTION_REFUSED");
  t.counter("TCP_RESETS_IN").increased();
  socket.close();
  t.expectRecords({});
});

script(
  "RFC 9293 3.10.7.3: a SYN-ACK of an older connection is answered by a reset and changes nothing",
  (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    t.peer.send({ flags: "SA", seq: 0, ack: 100 });
    t.expect({ flags: "R", seq: 100 });
    t.counter("TCP_ACK_UNACCEPTABLE").increased();
    socket.expectState("SYN_SENT");
    t.peer.send({ flags: "SA", seq: 0, ack: 1 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    socket.expectState("ESTABLISHED");
  },
);

script("a FIN called for during a simultaneous open leaves when that is complete", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  socket.shutdown();
  t.peer.send({ flags: "S", seq: 0, mss: 1460, window: 1000 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 1000 });
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "FA", seq: 1, ack: 2, window: 1000 });
  t.expect({ flags: "A", seq: 2, ack: 2 });
});

script("RFC 9293 3.5: a simultaneous open ends in one connection", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.peer.send({ flags: "S", seq: 0, mss: 1460 });
  t.expect({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  socket.expectState("SYN_RECEIVED");
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  // The peer's SYN-ACK begins with its SYN, which stands before the window: it is answered with an ACK, as the peer
  // answers ours.
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expectNothing();
  socket.expectState("ESTABLISHED");
  socket.expectEvents("CONNECTED");
});

script("RFC 6298 5.5: an unacknowledged SYN-ACK is sent again in doubled intervals, then forgotten", (t) => {
  const listener = t.listen(80);
  // A neighbour that is not known takes the question's time: this one is.
  t.send({
    arp: {
      operation: ArpOperation.REQUEST,
      senderMac: PEER_HOST.mac,
      senderIp: PEER_HOST.address,
      targetIp: DEVICE.address,
    },
  });
  t.next("arp");
  t.peer.send({ flags: "S", seq: 0, mss: 1460 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.expectRecords({ synEntries: 1 });
  for (const timeMs of [1000, 3000, 7000, 15000, 31000])
    t.expectAt(timeMs, { flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.at(62999);
  t.counter("TCP_SYN_EXPIRED").unchanged();
  t.at(63000);
  t.expectNothing();
  t.counter("TCP_SYN_EXPIRED").increased();
  t.counter("TCP_RETRANSMITS").increased(5);
  listener.expectNoneToAccept();
});

script("RFC 9293 3.10.7.4: a reset of a half-open passive connection returns it to LISTEN", (t) => {
  const listener = t.listen(80, 1);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  // In the window but not at its edge (RFC 5961): an ACK is the challenge.
  t.peer.send({ flags: "R", seq: 2 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_RST_CHALLENGED").increased();
  t.peer.send({ flags: "R", seq: 0 });
  t.expectNothing();
  t.counter("TCP_RST_OUTSIDE").increased();
  t.peer.send({ flags: "R", seq: 1 });
  t.expectNothing();
  t.counter("TCP_RESETS_IN").increased();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expect({ flags: "R", seq: 1 });
  t.counter("TCP_NO_CONNECTION").increased();
  const again = t.newPeer({ devicePort: 80, port: 40001 });
  again.send({ flags: "S", seq: 0 });
  again.expect({ flags: "SA", seq: 0, ack: 1 });
  again.send({ flags: "A", seq: 1, ack: 1 });
  listener.accept();
});

script(
  "RFC 9293 3.10.7.1: a SYN to a closed port is answered by a reset with its number acknowledged",
  (t) => {
    t.peer.devicePort = 81;
    t.peer.send({ flags: "S", seq: 0, mss: 1460 });
    t.expect({ flags: "RA", seq: 0, ack: 1, mss: "none" });
    t.counter("TCP_NO_CONNECTION").increased();
    t.counter("TCP_RESETS_OUT").increased();
  },
);

script("RFC 9293 3.10.7.1: data without ACK to a closed port is acknowledged as far as it goes", (t) => {
  t.peer.devicePort = 81;
  t.peer.send({ flags: "F", seq: 10, len: 5 });
  t.expect({ flags: "RA", seq: 0, ack: 16 });
  t.counter("TCP_NO_CONNECTION").increased();
});

script(
  "RFC 9293 3.10.7.1: an ACK to a closed port is answered by a reset at its acknowledgment number",
  (t) => {
    t.peer.devicePort = 81;
    t.peer.send({ flags: "A", seq: 500, ack: 0xfffffff0, len: 10 });
    t.expect({ flags: "R", seq: 0xfffffff0 });
    t.counter("TCP_NO_CONNECTION").increased();
  },
);

script("RFC 9293 3.10.7.1: a reset to a closed port is not answered", (t) => {
  t.peer.devicePort = 81;
  t.peer.send({ flags: "R", seq: 0 });
  t.peer.send({ flags: "RA", seq: 0, ack: 7 });
  t.expectNothing();
  t.counter("TCP_NO_CONNECTION").increased(2);
});

script("RFC 9293 3.10.7.2: an ACK to a listener is answered by a reset", (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "A", seq: 1, ack: 77 });
  t.expect({ flags: "R", seq: 77 });
  t.counter("TCP_NO_CONNECTION").increased();
  listener.expectNoneToAccept();
  t.expectRecords({});
});

for (const ack of [0, 2])
  script(
    `RFC 9293 3.10.7.4: an ACK of ${ack} to our SYN-ACK is answered by a reset, and the handshake goes on`,
    (t) => {
      const listener = t.listen(80);
      t.peer.send({ flags: "S", seq: 0 });
      t.expect({ flags: "SA", seq: 0, ack: 1 });
      t.peer.send({ flags: "A", seq: 1, ack });
      t.expect({ flags: "R", seq: ack });
      t.counter("TCP_ACK_UNACCEPTABLE").increased();
      listener.expectNoneToAccept();
      t.peer.send({ flags: "A", seq: 1, ack: 1 });
      listener.accept();
    },
  );

script("RFC 9293 3.8.1: a SYN that comes again gets its SYN-ACK again, and stays one connection", (t) => {
  const listener = t.listen(80);
  for (let copy = 0; copy < 2; copy++) {
    t.peer.send({ flags: "S", seq: 0 });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
  }
  t.expectRecords({ synEntries: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  listener.accept();
  listener.expectNoneToAccept();
  t.expectRecords({ connections: 1 });
});
