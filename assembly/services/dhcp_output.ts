// What the client says: RFC 2131 section 4.4.1 table 5. Built straight into the output slot.

import { Config, DhcpState } from "../abi_constants";
import { config } from "../config";
import * as route from "../net/route";
import { emit, neighbourOf, payloadAt } from "../udp/emit";
import {
  addRequested,
  addServer,
  addWishes,
  begin,
  CLIENT_PORT,
  DhcpMessage,
  finish,
  MessageType,
  SERVER_PORT,
} from "../wire/dhcp";
import { DhcpClient, HOST_NAME_AT, MS_PER_SECOND } from "./dhcp_client";

/** States in which messages go to the server alone, and in which they come from the address that is leased: a bit each. */
const TO_SERVER: u32 = (1 << DhcpState.RENEWING) | (1 << DhcpState.RELEASING);
const FROM_ADDRESS: u32 = TO_SERVER | (1 << DhcpState.REBINDING);

/** Builds the message that is owed. Returns the frame's length; 0: it has to wait for ARP, or there is no way. */
export function emitOwed(c: DhcpClient): u32 {
  const destination = (TO_SERVER >> c.phase) & 1 ? c.server : 0xffffffff;
  if (~destination && !route.nextHop(destination)) {
    c.owes = 0;
    return 0;
  }
  const to = neighbourOf(destination);
  if (!to) return 0;
  const source = (FROM_ADDRESS >> c.phase) & 1 ? c.address : 0;
  const length = build(c, changetype<DhcpMessage>(payloadAt()), source);
  c.owes = 0;
  return emit(source, destination, CLIENT_PORT, SERVER_PORT, length, to);
}

/** `ciaddr` is our address, or 0 while we do not use the one that is meant. */
function build(c: DhcpClient, message: DhcpMessage, ciaddr: u32): u32 {
  const type = <u32>c.owes;
  const asks = type <= MessageType.REQUEST;
  // Without an address all that comes to our MAC is heard. With another one, what is for the new one is not.
  const broadcast = <u32>asks & <u32>!ciaddr & <u32>(config.address != 0);
  // SELECTING and REQUESTING say since when: the REQUEST has the time of its DISCOVER (section 4.4.1).
  const searches = <u32>c.phase - <u32>DhcpState.SELECTING <= 1;
  const secs = searches ? <u32>((c.requestedAt - c.startedAt) / MS_PER_SECOND) : 0;
  let at = begin(message, type, c.xid, secs, broadcast, changetype<usize>(config) + offsetof<Config>("mac0"));
  message.ciaddr = ciaddr;
  if (asks) at = addWishes(at);
  if (<u32>!ciaddr & <u32>(type != MessageType.DISCOVER)) at = addRequested(at, c.address);
  if (<u32>(c.phase == DhcpState.REQUESTING) | <u32>!asks) at = addServer(at, c.server);
  return finish(message, at, changetype<usize>(c) + HOST_NAME_AT, asks ? c.hostNameBytes : 0);
}

/** The neighbour `address` does not answer ARP: what had to go that way goes with the next message. */
export function unreachable(c: DhcpClient, address: u32): void {
  if ((TO_SERVER >> c.phase) & 1 && route.nextHop(c.server) == address) c.owes = 0;
}
