// What servers say: who may say it, and what follows (RFC 2131 sections 4.4.1 to 4.4.5). A message is taken whole or not at
// all; one that is not for us, or not from whom we asked, moves a counter and nothing else.

import { Counter, DhcpState } from "../abi_constants";
import { config, SEGMENT } from "../config";
import { swap32 } from "../lib/bytes";
import { count } from "../lib/counters";
import { DhcpMessage, DhcpOptions, MessageType, read } from "../wire/dhcp";
import { probeLease } from "./dhcp_address";
import { ask, countSeconds, DhcpClient, DOMAIN_AT, enter, LEASE_MAX, NAME_BYTES_MAX } from "./dhcp_client";
import { bind, lose, pause, start } from "./dhcp_lease";

/** What the message says: scratch, where a segment is read otherwise. */
const options = changetype<DhcpOptions>(SEGMENT);

/** States in which a REQUEST waits for its answer: a bit each. */
const REQUESTED: u32 =
  (1 << DhcpState.REQUESTING) |
  (1 << DhcpState.RENEWING) |
  (1 << DhcpState.REBINDING) |
  (1 << DhcpState.REBOOTING);
/** Those of them in which one server was asked. */
const OF_SERVER: u32 = (1 << DhcpState.REQUESTING) | (1 << DhcpState.RENEWING);

/** Takes the message of `length` octets at `message`. */
export function take(c: DhcpClient, message: DhcpMessage, length: u32): void {
  if (!read(message, length, options)) return count(Counter.DHCP_MALFORMED);
  const type = <u32>options.type;
  const phase = <u32>c.phase;
  const awaited = type == MessageType.OFFER ? 1 << DhcpState.SELECTING : type >= MessageType.ACK ? REQUESTED : 0;
  const server = options.server;
  if (
    (message.xid ^ c.xid) |
    (message.chaddr0 ^ config.mac0) |
    (<u32>message.chaddr1 ^ config.mac1) |
    <u32>!((awaited >> phase) & 1) |
    <u32>(type > MessageType.NAK) |
    <u32>!server |
    (((OF_SERVER >> phase) & 1) & <u32>(server != c.server))
  )
    return count(Counter.DHCP_IGNORED);
  countSeconds(c);
  if (type == MessageType.NAK) return refused(c);
  if (!isUsable(message.yiaddr)) return count(Counter.DHCP_REFUSED);
  if (type == MessageType.OFFER) {
    // The first offer is taken: those that follow are of no use.
    c.address = message.yiaddr;
    c.server = server;
    enter(c, DhcpState.REQUESTING);
    c.requestedAt = c.seconds;
    return ask(c, MessageType.REQUEST);
  }
  if (message.yiaddr != c.address) return count(Counter.DHCP_REFUSED);
  acknowledged(c);
}

/** Whether `address` can be ours, with the lease and the netmask that come with it. A missing netmask is the class's. */
function isUsable(address: u32): bool {
  const first = address & 0xff;
  if (!options.netmask) options.netmask = 0xffffffff >> (first < 128 ? 24 : first < 192 ? 16 : 8);
  const hosts = ~swap32(options.netmask);
  const host = swap32(address) & hosts;
  return !(
    <u32>!options.lease |
    <u32>!first |
    <u32>(first == 127) |
    <u32>(first >= 224) |
    // A netmask has no holes, and neither a network nor its broadcast address is a host (but for RFC 3021).
    (hosts & (hosts + 1)) |
    (<u32>(hosts > 1) & (<u32>!host | <u32>(host == hosts)))
  );
}

/** DHCPACK: what it says holds from now on. */
function acknowledged(c: DhcpClient): void {
  const lease = options.lease;
  let renew = options.renew;
  let rebind = options.rebind;
  if (!rebind) rebind = lease - (lease >> 3);
  if (!renew) renew = min(lease >> 1, rebind);
  // RFC 2131 section 4.4.5: T1 before T2 before the end. What is not is replaced.
  if (<u32>(renew > rebind) | <u32>(rebind > lease)) {
    rebind = lease - (lease >> 3);
    renew = lease >> 1;
  }
  // Not at once, whatever was said: servers that answer at once would be asked at once.
  options.renew = max<u32>(renew, 1);
  options.rebind = rebind;
  if (lease >= LEASE_MAX) options.lease = u32.MAX_VALUE;
  if (options.router == c.address) options.router = 0;
  if (options.domainBytes > NAME_BYTES_MAX) options.domainBytes = 0;
  memory.copy(
    changetype<usize>(c) + offsetof<DhcpClient>("netmask"),
    changetype<usize>(options),
    offsetof<DhcpOptions>("type"),
  );
  memory.copy(changetype<usize>(c) + DOMAIN_AT, options.domain, options.domainBytes);
  c.leaseAt = c.requestedAt;
  // An address that is in use was probed before.
  if (config.address == c.address) return bind(c);
  enter(c, DhcpState.CHECKING);
  probeLease(c);
}

/** DHCPNAK. Who is refused what it was just offered waits: two of a kind would go on as fast as the wire lets them. */
function refused(c: DhcpClient): void {
  if (c.phase == DhcpState.REQUESTING) return pause(c);
  lose(c);
  start(c);
}
