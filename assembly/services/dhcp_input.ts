// What servers say: who may say it, and what follows (RFC 2131 sections 4.4.1 to 4.4.5). A message is taken whole or not at
// all; one that is not for us, or not from whom we asked, moves a counter and nothing else.

import { Counter, DhcpState } from "../abi_constants";
import { config, SEGMENT } from "../config";
import { count } from "../lib/counters";
import { DhcpMessage, DhcpOptions, MessageType, read } from "../wire/dhcp";
import { probeLease } from "./dhcp_address";
import { ask, DhcpClient, DOMAIN_AT, enter, NAME_BYTES_MAX } from "./dhcp_client";
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

/** A server that says none has one network of this size, most likely. */
const NETMASK: u32 = 0x00ffffff;

/** Takes the message of `length` octets at `message`. */
export function take(c: DhcpClient, message: DhcpMessage, length: u32): void {
  const type = read(message, length, options);
  if (!type) return count(Counter.DHCP_MALFORMED);
  const phase = <u32>c.phase;
  const server = options.server;
  const awaited =
    phase == DhcpState.SELECTING
      ? <u32>(type == MessageType.OFFER)
      : <u32>(type - MessageType.ACK <= 1) & (REQUESTED >> phase);
  if (
    (message.xid ^ c.xid) |
    (message.chaddr0 ^ config.mac0) |
    (<u32>message.chaddr1 ^ config.mac1) |
    <u32>!awaited |
    <u32>!server |
    ((OF_SERVER >> phase) & 1 & <u32>(server != c.server))
  )
    return count(Counter.DHCP_IGNORED);
  if (type == MessageType.NAK) return refused(c);
  const address = message.yiaddr;
  const granted = <u32>(type != MessageType.OFFER);
  if (isOfNoUse(address) | (granted & <u32>(address != c.address))) return count(Counter.DHCP_REFUSED);
  if (granted) return acknowledged(c);
  // The first offer is taken: those that follow are of no use.
  c.address = address;
  c.server = server;
  enter(c, DhcpState.REQUESTING);
  ask(c, MessageType.REQUEST);
}

/** Whether `address` cannot be a host's, or there is no time for which, of which half can be counted. */
function isOfNoUse(address: u32): u32 {
  const first = address & 0xff;
  return <u32>(options.lease < 2) | <u32>(first - 1 >= 223) | <u32>(first == 127);
}

/** DHCPACK: what it says holds from now on. */
function acknowledged(c: DhcpClient): void {
  const lease = options.lease;
  // RFC 2131 section 4.4.5: T1 before T2 before the end. What is not, or is not there, is replaced.
  if (options.rebind - 1 >= lease) options.rebind = lease - (lease >> 3);
  if (options.renew - 1 >= options.rebind) options.renew = min(lease >> 1, options.rebind);
  if (!options.netmask) options.netmask = NETMASK;
  if (options.router == c.address) options.router = 0;
  if (options.domainBytes > NAME_BYTES_MAX) options.domainBytes = 0;
  memory.copy(
    changetype<usize>(c) + offsetof<DhcpClient>("netmask"),
    changetype<usize>(options),
    offsetof<DhcpOptions>("overload"),
  );
  memory.copy(changetype<usize>(c) + DOMAIN_AT, options.domain, options.domainBytes);
  c.leaseAt = c.requestedAt;
  // An address that is in use was probed before.
  if (config.address == c.address) return bind(c);
  pause(c, DhcpState.CHECKING);
  probeLease(c);
}

/** DHCPNAK. Who is refused what it was just offered waits: two of a kind would go on as fast as the wire lets them. */
function refused(c: DhcpClient): void {
  if (c.phase == DhcpState.REQUESTING) return pause(c, DhcpState.WAITING);
  lose(c);
  start(c);
}
