// Calls, frames and octets of a recording in words.

import { EndpointLayout, Event, Option, Status } from "../abi.js";
import { formatIpv4 } from "../address.js";
import { describe } from "../packet/index.js";
import { readRecord } from "../records.js";
import type { CallRecord } from "./blocks.js";
import { NOW_ARGUMENT } from "./format.js";

/** Octets that are shown around the first difference. */
const SHOWN = 8;

/** "12.345678901 s". */
export function formatTime(timeNs: bigint): string {
  const seconds = timeNs / 1_000_000_000n;
  return `${seconds}.${String(timeNs % 1_000_000_000n).padStart(9, "0")} s`;
}

/** A call and its result, as recorded: "open(1) = 65536". */
export function describeCall(call: CallRecord): string {
  const { name, args, given, taken, trapped } = call;
  const result = trapped ? "trap" : resultOf(call);
  const more = [
    ...(name === "connect" || name === "bind" ? given.map(({ octets }) => endpointOf(octets)) : []),
    ...(name === "setopt" ? given.map(({ octets }) => hexOf(octets)) : []),
    ...(name === "sendCommit" ? given.map(({ octets }) => `${octets.length} octets`) : []),
    ...(taken ? [hexOf(taken)] : []),
  ];
  const shown = args.map((arg, index) => argumentOf(call, arg, index)).join(", ");
  return `${name}(${shown}) = ${result}${more.length > 0 ? `  ${more.join(" ")}` : ""}`;
}

/** Where two frames are different, in lines; none when they are the same. */
export function compareFrames(recorded: Uint8Array | undefined, came: Uint8Array | undefined): string[] {
  if (!recorded && !came) return [];
  const lines = recorded && came ? compareOctets("the frame", recorded, came) : [];
  if (recorded && came && lines.length === 0) return [];
  return [...lines, `recorded: ${frameOf(recorded)}`, `came:     ${frameOf(came)}`];
}

/** Where octets are different, in lines; none when they are the same. */
export function compareOctets(what: string, recorded: Uint8Array, came: Uint8Array): string[] {
  if (Buffer.compare(recorded, came) === 0) return [];
  const shorter = Math.min(recorded.length, came.length);
  let at = 0;
  while (at < shorter && recorded[at] === came[at]) at++;
  const from = Math.max(0, at - SHOWN);
  const show = (octets: Uint8Array) => Buffer.from(octets.subarray(from, at + SHOWN)).toString("hex");
  return [
    `${what} differs from octet ${at} on`,
    `recorded: ${recorded.length} octets, from ${from} on ${show(recorded) || "nothing"}`,
    `came:     ${came.length} octets, from ${from} on ${show(came) || "nothing"}`,
  ];
}

/** A frame in a line. */
export function frameOf(frame: Uint8Array | undefined): string {
  return frame ? describe(frame) : "no frame";
}

/** Which way a call's frame went. */
export function arrowOf({ name }: CallRecord): string {
  return name === "input" ? ">" : "<";
}

/** Names of bits of `mask`, "READABLE|CLOSED". */
export function eventsOf(mask: number): string {
  const names = Object.entries(Event).filter(([, bit]) => mask & bit);
  return names.map(([name]) => name).join("|") || `${mask}`;
}

function hexOf(octets: Uint8Array): string {
  return `0x${Buffer.from(octets).toString("hex")}`;
}

function resultOf({ name, result, value }: CallRecord): string {
  if (name === "nextEvent" && result > 0) return `${result} ${eventsOf(value)}`;
  if (result >= 0 || name === "deadline") return `${result}`;
  return nameIn(Status, result);
}

function argumentOf({ name }: CallRecord, arg: number, index: number): string {
  const isOption = (name === "getopt" || name === "setopt") && index === 1;
  if (isOption) return nameIn(Option, arg);
  return `${NOW_ARGUMENT[name] === index ? arg >>> 0 : arg}`;
}

function nameIn(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, known]) => known === value)?.[0] ?? `${value}`;
}

function endpointOf(octets: Uint8Array): string {
  if (octets.length < EndpointLayout.size) return "";
  const { address, port } = readRecord(octets, 0, EndpointLayout);
  return `${formatIpv4(address)}:${port}`;
}
