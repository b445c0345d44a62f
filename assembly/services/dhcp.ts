// The DHCP client, RFC 2131, as the stack and the application see it: opened and closed, asked, and given time.
//
//   dhcp_client   the record, its clock and timer        dhcp_input    what servers say
//   dhcp_lease    the states and what drives them        dhcp_output   what is said to them
//   dhcp_address  which address is in use

import { DhcpState, Lease, Option, Status } from "../abi_constants";
import { config, Services, services, state } from "../config";
import { isDueElseWake } from "../lib/clock";
import * as arp from "../net/arp";
import { become, Kind, retireHandle } from "../net/socket";
import { Segment } from "../tcp/segment";
import { DhcpMessage, DhcpOptions } from "../wire/dhcp";
import { changeLinkLocal, isProbeDue, probeAgain, stopProbing, takeLinkLocal } from "./dhcp_address";
import * as record from "./dhcp_client";
import { client, DhcpClient, HOST_NAME_AT, NAME_BYTES_MAX, RECORD_BYTES } from "./dhcp_client";
import { take } from "./dhcp_input";
import { bind, decline, quit, reboot, release, start, timerDue } from "./dhcp_lease";
import * as output from "./dhcp_output";

/** Whether the client takes what comes to its port. */
export function isRunning(): bool {
  return client().phase != DhcpState.CLOSED;
}

/** Opens the client, which begins to look for a server. Returns its handle, or NO_SOCKET: there is one client. */
export function open(): i32 {
  const c = client();
  if (c.phase) return Status.NO_SOCKET;
  const at = changetype<usize>(c);
  memory.fill(at + offsetof<DhcpClient>("owes"), 0, RECORD_BYTES - offsetof<DhcpClient>("owes"));
  become(c, Kind.DHCP_CLIENT);
  // Set at the first use, and no change at a later one.
  c.handle |= <u32>config.listeners + config.connections + config.datagramSockets + config.queries + 1;
  start(c);
  return c.handle;
}

/** Gives the handle back. The lease is released; or, with `now`, forgotten. */
export function end(now: bool): void {
  const c = client();
  retireHandle(c);
  c.kind = Kind.DETACHED;
  if (<u32>now | <u32>(<i32>c.phase < DhcpState.BOUND)) quit(c);
  else release(c);
}

/** Reads `option` into `length` bytes at `at`. Returns the bytes written, or why not. */
export function get(option: u32, at: usize, length: u32): i32 {
  if (option != Option.LEASE) return Status.NOT_SUPPORTED;
  const bytes: u32 = offsetof<Lease>();
  if (length < bytes) return Status.INVALID_ARGUMENT;
  memory.copy(at, changetype<usize>(client()) + offsetof<DhcpClient>("address"), bytes);
  return bytes;
}

/** Sets `option` from the `length` bytes at `at`. Returns OK, or why not. */
export function set(option: u32, at: usize, length: u32): i32 {
  const c = client();
  if (option == Option.HOST_NAME && length <= NAME_BYTES_MAX) {
    c.hostNameBytes = <u8>length;
    memory.copy(changetype<usize>(c) + HOST_NAME_AT, at, length);
  } else if (option == Option.LINK_LOCAL && length >= 4) c.fallsBack = load<u8>(at);
  else return Status.INVALID_ARGUMENT;
  return Status.OK;
}

/** The link is up: the network may be another one (RFC 2131 section 3.7). False when our address has to be asked for first. */
export function linkUp(): bool {
  const c = client();
  const phase = <i32>c.phase;
  if (phase >= DhcpState.BOUND) {
    reboot(c);
    return false;
  }
  if (phase >= DhcpState.SELECTING) {
    stopProbing(c);
    start(c);
  }
  return true;
}

/** Takes the message of `length` octets at `message` that came to the client's port. */
export function receive(message: usize, length: u32): void {
  take(client(), changetype<DhcpMessage>(message), length);
}

/** Runs the timers that are due, and notes when the next one is. */
export function run(): void {
  const c = client();
  if (!c.phase) return;
  if (isProbeDue(c)) {
    if (c.probes) probeAgain(c);
    // Nobody spoke up.
    else if (c.phase == DhcpState.CHECKING) bind(c);
    else takeLinkLocal(c);
  }
  if (isDueElseWake(c.dueAt)) timerDue(c);
}

/** Builds the frame that is due into the output slot. Returns its length, or 0. */
export function emit(): u32 {
  const c = client();
  if (!c.phase) return 0;
  if (services.conflict) {
    stopProbing(c);
    if (c.phase == DhcpState.CHECKING) decline(c);
    else changeLinkLocal(c);
  }
  if (c.probeOwed) {
    c.probeOwed = 0;
    // There may be a message, too.
    state.scanDue = 1;
    return arp.emitProbe(services.probed);
  }
  if (!c.owes) return 0;
  const bytes = output.emitOwed(c);
  if (<u32>(c.phase == DhcpState.RELEASING) & <u32>!c.owes) quit(c);
  return bytes;
}

/** The neighbour `address` is not to be found. */
export function unreachable(address: u32): void {
  output.unreachable(client(), address);
}

/** Fails to compile when a record does not fit its place. */
export function checkLayout(): void {
  record.checkLayout();
  if (offsetof<Services>("conflict") - offsetof<Services>("probed") != 4)
    ERROR("conflict does not follow probed");
  if (offsetof<DhcpOptions>() > offsetof<Segment>("outSeq")) ERROR("DhcpOptions reach what a reply needs");
}
