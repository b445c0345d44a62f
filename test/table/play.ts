// Plays one cell of the table on an engine.

import { TcpState } from "../../host/abi.js";
import { CoreError, statusName } from "../../host/core.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import type { EventName, Socket, StateName } from "../script/socket.js";
import { isLast, makeCall } from "./calls.js";
import { KINDS } from "./kinds.js";
import { checkReply } from "./replies.js";
import { bring, checkNeighbour, type Numbers, type Situation, type StateKey } from "./situations.js";
import type { CallCell, SegmentCell } from "./table.js";

/** An engine with the module under test. */
export interface Bench {
  readonly wasm: Uint8Array;
  readonly engine: EngineFactory;
}

/** Sends a cell's segment. Throws ScriptError when the state, reply, counters or events differ from the row. */
export function playSegment(key: StateKey, cell: SegmentCell, bench: Bench, numbers: Numbers): void {
  const s = bring(key, bench.wasm, bench.engine, numbers);
  const segment = KINDS[cell.kind](s);
  s.peer.send(segment);
  checkReply(s, cell.reply, segment);
  for (const counter of cell.counters) s.t.counter(counter).increased();
  s.t.countersMayMove(...cell.optionalCounters);
  const socket = checkState(s, cell.next);
  checkEvents(s, socket, cell.events);
  if (cell.events.includes("FAILED"))
    socket?.expectError(isOpening(s) ? "CONNECTION_REFUSED" : "CONNECTION_RESET");
  checkNeighbour(s);
  s.t.finish();
}

/** Makes a cell's call. Throws ScriptError when state, result, segments or events differ from the row. */
export function playCall(key: StateKey, cell: CallCell, bench: Bench, numbers: Numbers): void {
  const s = bring(key, bench.wasm, bench.engine, numbers);
  const result = makeCall(cell.call, s);
  if (!cell.results.includes(result))
    s.t.fail(`${cell.call} says ${result}, should be ${cell.results.join(" or ")}`);
  checkReply(s, cell.sent, null);
  if (isLast(cell.call)) checkGone(s, cell.next);
  else {
    const socket = checkState(s, cell.next);
    checkEvents(s, socket, cell.events);
  }
  checkNeighbour(s);
  s.t.finish();
}

/** A reset before the handshake is complete refuses the connection: RFC 9293 sections 3.10.7.3 and 3.10.7.4. */
function isOpening({ state }: Situation): boolean {
  return state === "SYN_SENT" || state === "SYN_RECEIVED";
}

/** The connection is in this state; returns its handle, if it has one by now. */
function checkState(s: Situation, next: StateName): Socket | undefined {
  const { t } = s;
  // A connection that began with a SYN has no record and no handle before its handshake is complete.
  const isHalfOpen = next === "SYN_RECEIVED" && (!s.socket || s.state === "TIME_WAIT");
  checkTables(s, { synUsed: isHalfOpen ? 1 : 0, timeWaitUsed: next === "TIME_WAIT" ? 1 : 0 });
  if (s.listener && stateOf(s, s.listener.handle) !== "LISTEN") t.fail("the listener listens no more");
  if (isHalfOpen || next === "LISTEN") return s.socket;
  const socket = s.socket ?? s.listener?.accept();
  if (!socket) return t.fail("no connection");
  // TIME-WAIT is kept apart from the connection, whose record and handle are done with.
  const wanted = next === "TIME_WAIT" ? "CLOSED" : next;
  const is = stateOf(s, socket.handle);
  if (is !== wanted) t.fail(`the state is ${is}, should be ${next}`);
  return socket;
}

/** The handle was given back: it is refused from now on, and the record goes when the connection has ended. */
function checkGone(s: Situation, next: StateName): void {
  const { handle } = s.socket ?? s.listener ?? s.t.fail("nobody called");
  s.t.expectRefused(() => s.t.core.tcpState(handle), "BAD_HANDLE");
  checkTables(s, { synUsed: 0, timeWaitUsed: next === "TIME_WAIT" ? 1 : 0 });
  const { connectionsUsed } = s.t.core.header();
  const wanted = next === "CLOSED" || next === "TIME_WAIT" ? 1 : 2;
  if (connectionsUsed !== wanted)
    s.t.fail(`${connectionsUsed} connections are in use, should be ${wanted} in ${next}`);
}

function checkTables(s: Situation, wanted: { synUsed: number; timeWaitUsed: number }): void {
  const header = s.t.core.header();
  for (const name of ["synUsed", "timeWaitUsed"] as const)
    if (header[name] !== wanted[name]) s.t.fail(`${name} is ${header[name]}, should be ${wanted[name]}`);
}

function checkEvents(s: Situation, socket: Socket | undefined, events: readonly EventName[]): void {
  const ofListener = events.filter((name) => name === "ACCEPTABLE");
  s.listener?.expectEvents(...ofListener);
  socket?.expectEvents(...events.filter((name) => name !== "ACCEPTABLE"));
}

function stateOf(s: Situation, handle: number): string {
  try {
    const state = s.t.core.tcpState(handle);
    return Object.entries(TcpState).find(([, value]) => value === state)?.[0] ?? `${state}`;
  } catch (error) {
    if (error instanceof CoreError) return statusName(error.status);
    throw error;
  }
}
