// The user's calls of RFC 9293 section 3.9.1. Without a handle of the connection they are made on the listener's.

import { TcpState } from "../../host/abi.js";
import { type Core, CoreError, statusName } from "../../host/core.js";
import { pattern } from "../script/segment.js";
import type { Situation } from "./situations.js";

export const CALLS = ["OPEN", "SEND", "RECEIVE", "SHUTDOWN", "CLOSE", "ABORT", "STATUS"] as const;
export type CallName = (typeof CALLS)[number];

/** Octets that SEND writes: a full segment, so that Nagle's algorithm does not hold it back. */
export const SEND_BYTES = 1460;

type Call = (core: Core, handle: number, s: Situation) => string;

/** Each returns what the user is told. */
const MAKE: Record<CallName, Call> = {
  OPEN: (core, handle, s) => {
    // A port of the device's choice.
    if (s.state === "CLOSED") s.peer.devicePort = undefined;
    core.connect(handle, { address: s.peer.host.address, port: s.peer.port });
    return "OK";
  },
  SEND: (core, handle, s) => {
    // `sndNxt` is where the stream of the user ends; before a connection it begins at 1.
    const written = core.write(handle, pattern(Math.max(1, s.sndNxt), SEND_BYTES));
    return written === SEND_BYTES ? "OK" : "WOULD_BLOCK";
  },
  RECEIVE: (core, handle) => {
    const data = core.read(handle);
    if (data === undefined) return "WOULD_BLOCK";
    return data.length === 0 ? "end" : "data";
  },
  SHUTDOWN: (core, handle) => {
    core.shutdown(handle);
    return "OK";
  },
  CLOSE: (core, handle) => {
    core.close(handle);
    return "OK";
  },
  ABORT: (core, handle) => {
    core.abort(handle);
    return "OK";
  },
  STATUS: (core, handle) => stateName(core.tcpState(handle)),
};

/** Makes a call and returns what the user is told: "OK", a value, or the Status of the refusal. */
export function makeCall(name: CallName, s: Situation): string {
  const { handle } = s.socket ?? s.listener ?? s.t.fail("nobody to call");
  try {
    return s.t.call(name, (core) => MAKE[name](core, handle, s));
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    return statusName(error.status);
  }
}

/** Whether a call gives the handle back. */
export function isLast(name: CallName): boolean {
  return name === "CLOSE" || name === "ABORT";
}

function stateName(state: number): string {
  return Object.entries(TcpState).find(([, value]) => value === state)?.[0] ?? `state ${state}`;
}
