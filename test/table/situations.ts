// One function per state that brings a device there, in the way in which two hosts get there.
//
// A second connection stands beside the one under test; it must be unharmed in every cell.

import { SocketKind } from "../../host/abi.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import type { TcpPacket } from "../../host/packet/index.js";
import type { Peer } from "../script/peer.js";
import type { SegmentExpectation } from "../script/segment.js";
import { type Listener, Socket, type StateName } from "../script/socket.js";
import { Stage } from "../script/stage.js";

/** A device in a state, and where its connection stands; numbers count from each side's SYN. */
export interface Situation {
  readonly t: Stage;
  readonly peer: Peer;
  readonly state: StateName;
  /** The connection's handle; none while it waits in the SYN cache. */
  readonly socket?: Socket;
  readonly listener?: Listener;
  /** The peer's SYN has come. */
  readonly heard: boolean;
  readonly sndUna: number;
  readonly sndNxt: number;
  /** MAX.SND.WND of RFC 5961. */
  readonly sndWndMax: number;
  readonly rcvNxt: number;
  /** RCV.WND as the device announced it last. */
  readonly rcvWnd: number;
  /** SEG.ACK of segments that are not about the ACK field: acknowledges our SYN, and nothing more. */
  readonly ack: number;
  readonly beside: { readonly socket: Socket; readonly peer: Peer };
}

/** Where the sequence numbers of a run lie. */
export interface Numbers {
  readonly peerIsn: number;
  /** The device's clock, which its initial sequence numbers follow. */
  readonly clock: number;
}

/** The states of the table; SYN-RECEIVED is there for both ways that lead to it. */
export const SITUATIONS = {
  CLOSED: closed,
  LISTEN: listen,
  SYN_SENT: synSent,
  "SYN_RECEIVED passive": synReceived,
  "SYN_RECEIVED simultaneous": simultaneous,
  ESTABLISHED: established,
  FIN_WAIT_1: finWait1,
  FIN_WAIT_2: finWait2,
  CLOSE_WAIT: closeWait,
  CLOSING: closing,
  LAST_ACK: lastAck,
  TIME_WAIT: timeWait,
} as const satisfies Record<string, (start: Start) => Situation>;

export type StateKey = keyof typeof SITUATIONS;

/** The window that the peer announces, in bytes. */
const PEER_WINDOW = 65535;
/** Octets that went each way before the table begins. */
const BEFORE = 1000;
/** Octets written and not acknowledged: less than a segment. */
const OUTSTANDING = 10;

type Start = Pick<Situation, "t" | "peer" | "beside">;

/** Brings a device into a state, on an engine. */
export function bring(key: StateKey, wasm: Uint8Array, engine: EngineFactory, numbers: Numbers): Situation {
  const t = new Stage(wasm, engine, {
    // Nothing is to be sent again while a cell looks on.
    config: { rtoMinMs: 5000 },
    peerIsn: numbers.peerIsn,
    clock: numbers.clock,
  });
  const beside = neighbour(t);
  const situation = SITUATIONS[key]({ t, peer: t.peer, beside });
  t.expectNothing();
  for (const { handle } of [situation.socket, situation.listener, beside.socket].filter((at) => !!at))
    t.takeEvents(handle);
  return situation;
}

/** The connection beside it can still be used in both directions. */
export function checkNeighbour({ t, beside: { socket, peer } }: Situation): void {
  peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.read(10);
  socket.write(10);
  peer.expect({ flags: "PA", seq: 1, ack: 11, len: 10 });
  peer.send({ flags: "A", seq: 11, ack: 11 });
  socket.expectState("ESTABLISHED");
  socket.expectEvents("READABLE");
  t.expectNothing();
}

function neighbour(t: Stage): Situation["beside"] {
  const peer = t.newPeer({ isn: 3000000 });
  const socket = t.connect(8080, peer);
  peer.expect({ flags: "S", seq: 0 });
  peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  peer.expect({ flags: "A", seq: 1, ack: 1 });
  return { socket, peer };
}

function closed({ t, peer, beside }: Start): Situation {
  const socket = new Socket(t, t.core.open(SocketKind.STREAM));
  peer.devicePort = 80;
  return { t, peer, beside, socket, ...nowhere(t), state: "CLOSED" };
}

function listen({ t, peer, beside }: Start): Situation {
  return { t, peer, beside, listener: t.listen(80), ...nowhere(t), state: "LISTEN" };
}

/** Numbers where there are none: those of a connection that is long gone, at the wrap when the run is about it. */
function nowhere(t: Stage) {
  const number = (t.options.clock ?? 0) === 0 ? 5000 : 2 ** 32 - 5;
  return {
    heard: false,
    sndUna: number,
    sndNxt: number,
    sndWndMax: PEER_WINDOW,
    rcvNxt: 0,
    rcvWnd: 8192,
    ack: number,
  };
}

/** Our SYN is out; nothing was heard. */
function synSent({ t, peer, beside }: Start): Situation {
  const socket = t.connect(80);
  peer.expect({ flags: "S", seq: 0 });
  const numbers = { sndUna: 0, sndNxt: 1, sndWndMax: 0, rcvNxt: 0, rcvWnd: 8192, ack: 1 };
  return { t, peer, beside, socket, heard: false, ...numbers, state: "SYN_SENT" };
}

/** A SYN came, our SYN-ACK is out. */
function synReceived({ t, peer, beside }: Start): Situation {
  const listener = t.listen(80);
  peer.send({ flags: "S", seq: 0, mss: 1460, window: PEER_WINDOW });
  const answer = take(t, peer, { flags: "SA", seq: 0, ack: 1 });
  return { t, peer, beside, listener, ...synAckOut(answer), state: "SYN_RECEIVED" };
}

/** RFC 9293 figure 8: both sent a SYN, and both answered the other's. */
function simultaneous({ t, peer, beside }: Start): Situation {
  const socket = t.connect(80);
  peer.expect({ flags: "S", seq: 0 });
  peer.send({ flags: "S", seq: 0, mss: 1460, window: PEER_WINDOW });
  const answer = take(t, peer, { flags: "SA", seq: 0, ack: 1 });
  return { t, peer, beside, socket, ...synAckOut(answer), state: "SYN_RECEIVED" };
}

function synAckOut({ tcp }: TcpPacket) {
  return {
    heard: true,
    sndUna: 0,
    sndNxt: 1,
    sndWndMax: PEER_WINDOW,
    rcvNxt: 1,
    rcvWnd: tcp.window,
    ack: 1,
  };
}

/** 1000 octets went each way; 10 more are out and not acknowledged. */
function established({ t, peer, beside }: Start): Situation & { socket: Socket } {
  const listener = t.listen(80);
  peer.send({ flags: "S", seq: 0, mss: 1460, window: PEER_WINDOW });
  peer.expect({ flags: "SA", seq: 0, ack: 1 });
  peer.send({ flags: "A", seq: 1, ack: 1, window: PEER_WINDOW });
  const socket = listener.accept();
  socket.write(BEFORE);
  peer.expect({ flags: "PA", seq: 1, ack: 1, len: BEFORE });
  peer.send({ flags: "PA", seq: 1, ack: 1 + BEFORE, len: BEFORE });
  socket.read(BEFORE);
  t.waitBetween(t.timeMs, t.timeMs + 500);
  peer.expect({ flags: "A", seq: 1 + BEFORE, ack: 1 + BEFORE });
  socket.write(OUTSTANDING);
  const last = take(t, peer, { flags: "PA", seq: 1 + BEFORE, ack: 1 + BEFORE, len: OUTSTANDING });
  const sndUna = 1 + BEFORE;
  return {
    ...{ t, peer, beside, socket, listener, heard: true, sndWndMax: PEER_WINDOW },
    ...{ sndUna, sndNxt: sndUna + OUTSTANDING, ack: sndUna },
    ...{ rcvNxt: 1 + BEFORE, rcvWnd: last.tcp.window },
    state: "ESTABLISHED",
  };
}

/** Our FIN is out behind the 10 octets, neither is acknowledged. */
function finWait1(start: Start): Situation & { socket: Socket } {
  const s = established(start);
  s.socket.shutdown();
  const fin = take(s.t, s.peer, { flags: "FA", seq: s.sndNxt, ack: s.rcvNxt });
  return { ...s, sndNxt: s.sndNxt + 1, rcvWnd: fin.tcp.window, state: "FIN_WAIT_1" };
}

/** Our FIN is acknowledged. */
function finWait2(start: Start): Situation & { socket: Socket } {
  const s = finWait1(start);
  s.peer.send({ flags: "A", seq: s.rcvNxt, ack: s.sndNxt });
  return { ...s, sndUna: s.sndNxt, ack: s.sndNxt, state: "FIN_WAIT_2" };
}

/** The peer's FIN came; our 10 octets are out. */
function closeWait(start: Start): Situation & { socket: Socket } {
  return { ...peerCloses(established(start)), state: "CLOSE_WAIT" };
}

/** Both FINs are out, and the peer's does not acknowledge ours. */
function closing(start: Start): Situation {
  return { ...peerCloses(finWait1(start)), state: "CLOSING" };
}

/** We close after the peer; our 10 octets and our FIN are out. */
function lastAck(start: Start): Situation {
  const s = closeWait(start);
  s.socket.shutdown();
  s.peer.expect({ flags: "FA", seq: s.sndNxt, ack: s.rcvNxt });
  return { ...s, sndNxt: s.sndNxt + 1, state: "LAST_ACK" };
}

/** All is acknowledged; the listener is still there. */
function timeWait(start: Start): Situation {
  return { ...peerCloses(finWait2(start)), state: "TIME_WAIT" };
}

function peerCloses(s: Situation & { socket: Socket }): Situation & { socket: Socket } {
  s.peer.send({ flags: "FA", seq: s.rcvNxt, ack: s.ack });
  const answer = take(s.t, s.peer, { flags: "A", seq: s.sndNxt, ack: s.rcvNxt + 1 });
  return { ...s, rcvNxt: s.rcvNxt + 1, rcvWnd: answer.tcp.window };
}

/** Takes a segment as `expect` does, and looks at it. */
function take(t: Stage, peer: Peer, wanted: SegmentExpectation): TcpPacket {
  const packet = t.next("tcp");
  const wrong = peer.differences(packet, wanted);
  if (wrong.length > 0) t.fail(`on the way to the state: ${wrong.join("; ")}`);
  return packet;
}
