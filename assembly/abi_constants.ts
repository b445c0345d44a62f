// The binary interface of the core: constants, and the layout of every record that crosses it.
//
// This file is the only source. `npm run generate` reads it and writes boards/include/ferrule_abi.h (C) and
// host/abi.ts (TypeScript); a test fails when those are stale. What the generator understands is kept small on
// purpose: `const enum`s, and `@unmanaged` classes whose fields have a fixed-width type. A field group that is
// really an array of octets says so with `@octets NAME COUNT` above its first field.
//
// Rules: values are never renumbered, records only grow at the end, and a change that breaks either raises
// ABI_VERSION. Octet order inside records: addresses and MACs stand as they do on the wire; all other integers,
// ports included, are little-endian as everything in Wasm.

/** Version of this interface. A host refuses a module whose `abiVersion()` differs. */
export const ABI_VERSION: u32 = 4;

/** `StateHeader.magic`: "FRRL" in memory order. */
export const STATE_MAGIC: u32 = 0x4c525246;

/** Version of the layout of the state region; `adopt` takes over a state of this version only. */
export const LAYOUT_VERSION: u32 = 4;

/** Address of the state region. Constant data of the module lies below it; address 0 is never valid. */
export const STATE_BASE: u32 = 128;

/** Octets free before the frame in each frame slot: room for a driver's prefix (W5500 2, ENC28J60 6, virtio 12). */
export const SLOT_HEADROOM: u32 = 14;

/** Size of the exchange area (`StateHeader.exchange`), where a host puts records it passes in calls, in bytes. */
export const EXCHANGE_BYTES: u32 = 192;

/** Returned by `deadline` when nothing is due until the next frame or call. */
export const DEADLINE_NEVER: i32 = -1;

/** Results of calls. Zero and above: success (a count, a length, a handle). Below: what went wrong. */
export const enum Status {
  /** Success. */
  OK = 0,
  /** This build, or this version, does not have what was asked for. */
  NOT_SUPPORTED = -1,
  /** An argument is out of its range, or a pointer does not point where the caller may point. */
  INVALID_ARGUMENT = -2,
  /** The handle is stale, or was never given out. */
  BAD_HANDLE = -3,
  /** Nothing to do now; an event will say when. */
  WOULD_BLOCK = -4,
  /** The configuration needs more memory than there is: ask `bytesNeeded`. */
  NO_MEMORY = -5,
  /** All records of this kind are in use: configure more, or close some. */
  NO_SOCKET = -6,
  /** Another socket has this local port. */
  ADDRESS_IN_USE = -7,
  /** The call needs a connection, and there is none (yet, or any more). */
  NOT_CONNECTED = -8,
  /** The socket is already bound, connecting, connected or listening. */
  ALREADY_CONNECTED = -9,
  /** The sending side was shut down by an earlier call. */
  SHUT_DOWN = -10,
  /** The peer answered the SYN with a reset. */
  CONNECTION_REFUSED = -11,
  /** The peer reset the connection. */
  CONNECTION_RESET = -12,
  /** The peer did not answer within the retransmission limit, or the user timeout. */
  TIMED_OUT = -13,
  /** No route, the next hop does not answer ARP, or an ICMP error said so. */
  UNREACHABLE = -14,
  /** `init` has not been called, or failed. */
  NOT_INITIALISED = -15,
  /** A field of the configuration is out of its range. */
  BAD_CONFIG = -16,
  /** The record or state is of a version that this module does not know. */
  VERSION_MISMATCH = -17,
  /** The connection was aborted on this side. */
  ABORTED = -18,
  /** Datagram longer than can be sent. */
  TOO_LONG = -19,
  /** The name has no address. */
  NOT_FOUND = -20,
}

/** Named builds of the one source (`StateHeader.build`). */
export const enum Build {
  CORE = 0,
  STANDARD = 1,
  FULL = 2,
}

/** What `open` opens. */
export const enum SocketKind {
  /** A TCP connection, to be opened actively with `connect`. */
  STREAM = 1,
  /** A TCP listener. */
  LISTENER = 2,
  /** A UDP socket; not in a build without UDP, nor are those below. */
  DATAGRAM = 3,
  /** A question for the addresses of a name (DNS). */
  QUERY = 4,
  /** The DHCP client, of which there is one. */
  DHCP_CLIENT = 5,
}

/** Bits of a socket's pending events (`StateHeader.eventMask` after `nextEvent`). */
export const enum Event {
  /** Data can be read. Raised again when more arrives after the last read. */
  READABLE = 1,
  /** A write that found too little room can go on. */
  WRITABLE = 2,
  /** `connect` succeeded. WRITABLE comes with it. */
  CONNECTED = 4,
  /** `accept` has a connection. */
  ACCEPTABLE = 8,
  /** The peer sent its FIN: reads return 0 after the last byte. READABLE comes with it. */
  PEER_CLOSED = 16,
  /** Both directions have ended and all was acknowledged; the handle stays until `close`. Comes with READABLE and WRITABLE. */
  CLOSED = 32,
  /** The connection ended before its time; option ERROR says why. The handle stays. Comes with READABLE and WRITABLE.
   * Of a datagram socket, alone: a datagram did not arrive (an ICMP error, or no way); the socket goes on. */
  FAILED = 64,
  /** The peer marked data as urgent (RFC 9293 section 3.8.5); option URGENT says how much. It stays in the stream. */
  URGENT = 128,
}

/** Address families, numbered as IANA's address family numbers. */
export const enum Family {
  NONE = 0,
  IPV4 = 1,
  IPV6 = 2,
  /** No address yet: `address` begins with the handle (u32) of a query for one (IANA's "Domain Name System"). */
  NAME = 16,
}

/** TCP states, RFC 9293 section 3.3.2. */
export const enum TcpState {
  CLOSED = 0,
  LISTEN = 1,
  SYN_SENT = 2,
  SYN_RECEIVED = 3,
  ESTABLISHED = 4,
  FIN_WAIT_1 = 5,
  FIN_WAIT_2 = 6,
  CLOSE_WAIT = 7,
  CLOSING = 8,
  LAST_ACK = 9,
  TIME_WAIT = 10,
}

/** States of the DHCP client: RFC 2131 figure 5, and what lies between. INIT and INIT-REBOOT last no time. */
export const enum DhcpState {
  /** There is no client. */
  CLOSED = 0,
  /** After `close`, until the DHCPRELEASE has left. */
  RELEASING = 1,
  /** 10 seconds after somebody had the address that was leased, or the server took back what it had offered. */
  WAITING = 2,
  SELECTING = 3,
  REQUESTING = 4,
  /** ARP asks whether somebody has the address that was leased. */
  CHECKING = 5,
  /** From here on there is a lease. */
  BOUND = 6,
  RENEWING = 7,
  REBINDING = 8,
  /** The link was down: is the address good here? It is used meanwhile. */
  REBOOTING = 9,
}

/** Options of `setopt` and `getopt`. u32 unless said otherwise. */
export const enum Option {
  /** get: last error of the socket, a Status. Reading that of a datagram socket clears it. */
  ERROR = 1,
  /** get: an Endpoint. */
  LOCAL_ENDPOINT = 2,
  /** get: an Endpoint. */
  PEER_ENDPOINT = 3,
  /** get: a TcpInfo. */
  TCP_INFO = 4,
  /** get, set: 1 sends small segments at once (Nagle's algorithm off). */
  NO_DELAY = 5,
  /** get, set: idle time before a keepalive, in milliseconds below 2^24; 0 (default) for none. One that is not answered
   * is repeated as data would be, and after dataRetries the connection has TIMED_OUT. */
  KEEPALIVE_MS = 9,
  /** get, set: give up when data stays unacknowledged this long, in milliseconds below 2^24; 0 (default): when
   * retransmissions are used up. RFC 5482's local part. */
  USER_TIMEOUT_MS = 10,
  /** get, set, on a datagram socket: IPv4 time to live, 1 to 255; 0 (default): Config.ttl, and 1 for groups. */
  TTL = 11,
  /** get, set: IPv4 differentiated services octet, 0 to 255, of segments sent from now on. Not on a listener. */
  TOS = 12,
  /** get, set: 1 lets a datagram socket send to broadcast addresses. */
  BROADCAST = 13,
  /** set, an Endpoint: join a multicast group on a datagram socket. All sockets together have four places (NO_SOCKET). The network is
   * told by IGMP version 2 (RFC 2236), whose queries have to arrive: frames to 01:00:5e:00:00:01. */
  MULTICAST_JOIN = 14,
  /** set, an Endpoint: leave a multicast group; INVALID_ARGUMENT when the socket is not in it. */
  MULTICAST_LEAVE = 15,
  /** get, u8: a TcpState. */
  TCP_STATE = 16,
  /** get: bytes still to read up to the end of the peer's urgent data, 0 for none.
   * set, 1: what was written so far is urgent (RFC 9293 section 3.8.5; RFC 6093 advises against it). */
  URGENT = 17,
  /** get, on a DHCP client: a Lease. */
  LEASE = 18,
  /** set, on a DHCP client: the host name that servers are told, at most 64 octets; none: no name. */
  HOST_NAME = 19,
  /** set, on a DHCP client: 1 takes a link-local address (RFC 3927) while no server answers. */
  LINK_LOCAL = 20,
}

/** Flags of `input`: what the driver already knows of the frame. The interface's index is in bits 8 to 15. */
export const enum InputFlag {
  /** IP, TCP, UDP and ICMP checksums were verified by hardware. */
  CHECKSUM_VERIFIED = 1,
  /**
   * Bits 16 to 31 are the one's-complement sum of all that follows the Ethernet header, as 16-bit words in memory order
   * (little-endian), an odd octet at the end as a word's lower half.
   */
  CHECKSUM_SUM = 2,
}

/** Flags of the configuration. */
export const enum ConfigFlag {
  /** Neither offer nor accept RFC 7323 timestamps: 12 octets less in each segment, and no PAWS. */
  NO_TIMESTAMPS = 2,
  /** Leave TCP and UDP checksums of frames out to the host: see StateHeader.checksumStart. */
  OUTPUT_CHECKSUM_OFFLOAD = 1,
}

/**
 * Counters, an array of u32 at `StateHeader.counters`. They wrap. Every branch that drops something has its own.
 * Order is by layer; new ones go at the end, before COUNT.
 */
export const enum Counter {
  /** Frames given to `input`. */
  FRAMES_IN = 0,
  /** Frames built by `output`. */
  FRAMES_OUT = 1,
  /** Frame shorter than an Ethernet header. */
  LINK_TOO_SHORT = 2,
  /** Frame longer than the slot. */
  LINK_TOO_LONG = 3,
  /** Destination MAC is neither ours nor broadcast. */
  LINK_NOT_OURS = 4,
  /** EtherType that this build does not handle (VLAN tags included). */
  LINK_UNKNOWN_TYPE = 5,
  /** Source MAC is ours, or a group address. */
  LINK_BAD_SOURCE = 6,
  /** Stateless reply (ARP, ICMP, SYN-ACK, reset, ACK without a connection) not taken before the next frame came. */
  REPLY_DROPPED = 7,
  /** ARP packet too short, or not Ethernet and IPv4. */
  ARP_MALFORMED = 8,
  /** ARP packet that told us no address to remember: a probe, or one that was not for us. */
  ARP_IGNORED = 9,
  /** ARP requests sent. */
  ARP_REQUESTS = 10,
  /** ARP replies sent. */
  ARP_REPLIES = 11,
  /** Next hop did not answer ARP. */
  ARP_FAILED = 12,
  /** An ARP entry made way for another. */
  ARP_EVICTED = 13,
  /** IPv4 header truncated, of another version, or with lengths that lie. */
  IP_MALFORMED = 14,
  /** Wrong IPv4 header checksum. */
  IP_CHECKSUM = 15,
  /** IPv4 destination is not ours. */
  IP_NOT_OURS = 16,
  /** IPv4 source cannot be a host (zero, multicast, broadcast, loopback, or our own address). */
  IP_BAD_SOURCE = 17,
  /** IPv4 fragment for which there is no buffer, or none that its packet fits (Config.fragmentBytes). */
  IP_FRAGMENT = 18,
  /** IPv4 protocol that this build does not handle. */
  IP_UNKNOWN_PROTOCOL = 19,
  /** ICMP message too short. */
  ICMP_MALFORMED = 20,
  /** Wrong ICMP checksum. */
  ICMP_CHECKSUM = 21,
  /** ICMP message of a type we do not act on. */
  ICMP_IGNORED = 22,
  /** Echo requests answered. */
  ICMP_ECHO = 23,
  /** TCP header truncated, or its data offset lies. */
  TCP_MALFORMED = 24,
  /** Wrong TCP checksum. */
  TCP_CHECKSUM = 25,
  /** TCP option with a length that lies; the options before it count. */
  TCP_BAD_OPTION = 26,
  /** TCP segment to a broadcast address or with port 0. */
  TCP_BAD_ADDRESS = 27,
  /** Segment for which there is no connection and no listener; answered with a reset unless it is one. */
  TCP_NO_CONNECTION = 28,
  /** Segments received for a connection. */
  TCP_SEGMENTS_IN = 29,
  /** Segments sent, resets included. */
  TCP_SEGMENTS_OUT = 30,
  /** Data segments, SYNs and FINs sent again. */
  TCP_RETRANSMITS = 31,
  /** Retransmission timer expiries. */
  TCP_TIMEOUTS = 32,
  /** Zero-window and silly-window probes sent. */
  TCP_PROBES = 33,
  /** Segment wholly or partly outside the receive window; answered with an ACK. */
  TCP_OUTSIDE_WINDOW = 34,
  /** Segment with data ahead of a hole, kept. */
  TCP_OUT_OF_ORDER = 35,
  /** Data ahead of a hole that would have made one range too many, dropped. */
  TCP_RANGES_FULL = 36,
  /** Segment without ACK where one is required. */
  TCP_NO_ACK = 37,
  /** ACK for something not sent, or older than anything in flight; answered with a challenge ACK (RFC 5961),
   * and in a handshake with a reset. */
  TCP_ACK_UNACCEPTABLE = 38,
  /** Reset in the window but not at its edge; answered with a challenge ACK (RFC 5961). */
  TCP_RST_CHALLENGED = 39,
  /** Reset outside the window, or without ACK in SYN-SENT; dropped. */
  TCP_RST_OUTSIDE = 40,
  /** SYN in the window of a connection or a half-open handshake; answered with a challenge ACK (RFC 5961). */
  TCP_SYN_CHALLENGED = 41,
  /** In LISTEN, SYN-SENT or TIME-WAIT: SYN with FIN, or no SYN where nothing else is of use. */
  TCP_BAD_FLAGS = 42,
  /** Connections closed by a valid reset. */
  TCP_RESETS_IN = 43,
  /** Resets sent. */
  TCP_RESETS_OUT = 44,
  /** Connections opened actively. */
  TCP_ACTIVE_OPENS = 45,
  /** Connections opened passively (given a record). */
  TCP_PASSIVE_OPENS = 46,
  /** SYN dropped because the listener's backlog is full, or handshake finished then, which waits. */
  TCP_BACKLOG_FULL = 47,
  /** Handshake that finished while no connection record was free; it waits for one. */
  TCP_NO_RECORD = 48,
  /** Connections given up after too many retransmissions. */
  TCP_GIVEN_UP = 49,
  /** TIME-WAIT entries that gave way to newer ones. */
  TCP_TIME_WAIT_EVICTED = 50,
  /** Reset that would have ended a TIME-WAIT, ignored (RFC 1337). */
  TCP_TIME_WAIT_RST = 51,
  /** Data that arrived after the application closed; the connection is reset once what was written is delivered. */
  TCP_DATA_AFTER_CLOSE = 52,
  /** Connections whose record went back before the application accepted them. */
  TCP_UNACCEPTED = 53,
  /** FIN-WAIT-2 of a closed socket that ended by its timer. */
  TCP_FIN_WAIT_2_EXPIRED = 54,
  /** SYN dropped because every SYN-cache entry is new (50 ms), or holds a finished handshake that waits for a record. */
  TCP_SYN_CACHE_FULL = 55,
  /** Half-open handshakes that made way for a new SYN. */
  TCP_SYN_EVICTED = 56,
  /** Handshakes given up: nobody answered the SYN-ACK, or no record became free. */
  TCP_SYN_EXPIRED = 57,
  /** Segment with a timestamp older than the last (PAWS, RFC 7323 section 5); dropped, answered with an ACK. */
  TCP_PAWS = 58,
  /** Segment without the timestamps that were agreed on, dropped (RFC 7323 section 3.2). */
  TCP_NO_TIMESTAMP = 59,
  /** Losses that three duplicate ACKs told of (RFC 5681 section 3.2). */
  TCP_FAST_RETRANSMITS = 60,
  /** Challenge ACKs that were not sent, by the limit of RFC 5961 section 7. */
  TCP_CHALLENGE_LIMITED = 61,
  /** Keepalive probes sent. */
  TCP_KEEPALIVES = 62,
  /** Connections given up by their user timeout. */
  TCP_USER_TIMEOUTS = 63,
  /** Echo replies, ICMP errors, ACKs of SYN-cache and TIME-WAIT entries not sent, by the limit on stateless replies. */
  REPLY_LIMITED = 64,
  /** ICMP errors sent: protocol and port unreachable, reassembly time exceeded. */
  ICMP_UNREACHABLE = 65,
  /** ICMP errors about a connection of ours, believed as far as RFC 5927 lets them. */
  ICMP_ERRORS = 66,
  /** ICMP errors that quote no connection of ours, or a sequence number that is not in flight. */
  ICMP_STRAY = 67,
  /** ARP packets of another host that uses our address. */
  ARP_CONFLICTS = 68,
  /** ARP announcements of our address sent (RFC 5227). */
  ARP_ANNOUNCEMENTS = 69,
  /** UDP datagram whose length lies, or with port 0. */
  UDP_MALFORMED = 70,
  /** Wrong UDP checksum. */
  UDP_CHECKSUM = 71,
  /** UDP datagram for a port that nobody has, or from another than the peer of a connected socket. */
  UDP_NO_SOCKET = 72,
  /** UDP datagram for which the socket's receive queue had no room. */
  UDP_QUEUE_FULL = 73,
  /** UDP datagrams given up: no route, or the next hop did not answer ARP. */
  UDP_UNSENT = 74,
  /** IPv4 fragment that is none: empty, cut where none can be, with a part of a TCP header, or not to be fragmented. */
  FRAGMENT_BAD = 75,
  /** IPv4 packets given up: not all of their fragments came in time. */
  FRAGMENT_EXPIRED = 76,
  /** DHCP message that is malformed. */
  DHCP_MALFORMED = 77,
  /** DHCP message that answers nothing of ours: for another transaction, MAC or state, or from another server. */
  DHCP_IGNORED = 78,
  /** DNS message that is malformed. */
  DNS_MALFORMED = 79,
  /** DNS message that answers nothing of ours: another id, question, server. */
  DNS_IGNORED = 80,
  /** DHCP offer or lease that cannot be: no time, no host's address, another than was asked for. */
  DHCP_REFUSED = 81,
  /** IPv4 fragment that says once more what another one said. */
  FRAGMENT_DUPLICATE = 82,
  /** IPv4 fragment that contradicts another: it overlaps it, or ends the packet elsewhere. The packet is given up, and
   * those of its fragments that still come count here, too. */
  FRAGMENT_OVERLAP = 83,
  /** IPv4 packets in fragments that made way for another. */
  FRAGMENT_EVICTED = 84,
  /** IPv4 packets put together from fragments. */
  FRAGMENTS_REASSEMBLED = 85,
  /** IGMP message too short, or with a wrong checksum. */
  IGMP_MALFORMED = 86,
  /** IGMP message that is no query: other hosts' reports. */
  IGMP_IGNORED = 87,
  /** Number of counters. */
  COUNT = 88,
}

/**
 * The configuration that `init` and `bytesNeeded` read. The core has no defaults, for they would cost every device
 * their bytes: `@default` is what the hosts fill in (ferrule_config_defaults(), CONFIG_DEFAULTS).
 */
@unmanaged
export class Config {
  /** ABI_VERSION. */
  version: u16;
  /** Size of this record in bytes. */
  bytes: u16;
  /** ConfigFlag bits. */
  flags: u32;
  /** Our hardware address, unicast. @octets mac 6 */
  mac0: u32;
  mac1: u16;
  /** Longest IP packet, in bytes, 576 to 1500. @default 1500 */
  mtu: u16;
  /** IPv4 address; zero for none. @octets address 4 */
  address: u32;
  /** IPv4 netmask. @octets netmask 4 */
  netmask: u32;
  /** IPv4 address of the default router, not our own; zero for none. @octets gateway 4 */
  gateway: u32;
  /** Connection records, 1 to 16384. @default 4 */
  connections: u16;
  /** Listener records, 0 to 16383. @default 2 */
  listeners: u16;
  /** Bytes of each connection's send ring, 256 to 2^30 + 252, a multiple of 4. @default 2048 */
  sendRingBytes: u32;
  /** Bytes of each connection's receive ring, 256 to 2^30 + 252, a multiple of 4. @default 2048 */
  receiveRingBytes: u32;
  /** SYN-cache entries of 32 bytes, 1 to 16384: handshakes that may be half open at a time. @default 8 */
  synEntries: u16;
  /** TIME-WAIT entries of 32 bytes, 1 to 16384. @default 8 */
  timeWaitEntries: u16;
  /** Out-of-order ranges per connection, 0 to 31. @default 4 */
  reassemblyRanges: u16;
  /** ARP cache entries, 1 to 16384. @default 8 */
  arpEntries: u16;
  /** Datagram sockets, 0 to 16384; must be 0 in a build without UDP. @default 0 */
  datagramSockets: u16;
  /** Network interfaces; 1 is all that this version has. @default 1 */
  interfaces: u16;
  /** Bytes of each of the two queues of a datagram socket, 256 to 2^30 + 252, a multiple of 4; each datagram takes 8 beside
   * its own. Must be 0 in a build without UDP. @default 0 */
  datagramQueueBytes: u32;
  /** Least retransmission time-out in milliseconds, 0 to 2^24 - 1. Linux has 200, RFC 6298 1000. @default 200 */
  rtoMinMs: u32;
  /** TIME-WAIT in milliseconds, 0 to 2^24 - 1. Linux has 60000; 2 MSL of RFC 9293 is 240000. @default 60000 */
  timeWaitMs: u32;
  /** Longest stay in FIN-WAIT-2 after `close`, in milliseconds, 0 to 2^24 - 1. @default 60000 */
  finWait2Ms: u32;
  /** Delayed-ACK time in milliseconds, 0 to 2^24 - 1; RFC 9293 allows 500. @default 40 */
  delayedAckMs: u32;
  /** Retransmissions of a SYN or SYN-ACK before giving up, 0 to 31; 7 last three minutes (RFC 9293, MUST-23). @default 7 */
  synRetries: u16;
  /** Retransmissions of data before giving up, 0 to 31. @default 12 */
  dataRetries: u16;
  /** 32 octets that nobody can guess, new at every boot: the first 16 key initial sequence numbers and ports, the
   * others hash chains and the offset of timestamps. @octets seed 32 */
  seed0: u32;
  seed1: u32;
  seed2: u32;
  seed3: u32;
  seed4: u32;
  seed5: u32;
  seed6: u32;
  seed7: u32;
  /** VLAN that the interface is in, 1 to 4094; 0 for untagged. Must be 0 in this version. */
  vlan: u16;
  /** IPv4 time to live of what we send, 1 to 255. @default 64 */
  ttl: u8;
  /** Zero. */
  reserved: u8;
  // From here on all is 0 in a build without UDP.
  /** IPv4 address of a DNS server; zero for none. Those that DHCP brings come before it. @octets dnsServer0 4 */
  dnsServer0: u32;
  /** IPv4 address of another one. @octets dnsServer1 4 */
  dnsServer1: u32;
  /** Names that may be looked up at a time. @default 0 */
  queries: u8;
  /** IPv4 packets that may be put together from fragments at a time. @default 0 */
  fragmentBuffers: u8;
  /** Entries of the DNS cache, 0 to 16384. @default 0 */
  cacheEntries: u16;
  /** Longest IPv4 packet that is put together from fragments, in bytes, 576 to 65535; 0 for none. @default 0 */
  fragmentBytes: u16;
  /** Zero. */
  reserved2: u16;
}

/** An address, a port and the interface it is meant on. */
@unmanaged
export class Endpoint {
  /** A Family. */
  family: u16;
  /** Port, in host order; 0 to let the core choose. */
  port: u16;
  /** Interface index plus one for link-local addresses; 0 for any. */
  scope: u32;
  /** The address as on the wire. IPv4 takes the first four octets and leaves the others zero. @octets address 16 */
  address0: u32;
  address1: u32;
  address2: u32;
  address3: u32;
}

/** An interface's addresses, for `setAddress`. */
@unmanaged
export class InterfaceAddress {
  /** A Family. */
  family: u16;
  /** Length of the network prefix in bits. */
  prefixBits: u16;
  /** Interface index, 0 for the first. */
  interface: u32;
  /** Our address. @octets address 16 */
  address0: u32;
  address1: u32;
  address2: u32;
  address3: u32;
  /** Default router; zero for none. @octets router 16 */
  router0: u32;
  router1: u32;
  router2: u32;
  router3: u32;
}

/**
 * What `getopt(LEASE)` tells of the DHCP client. But for `state` and `linkLocal` it is what the server said last, zero
 * for nothing: it holds while `state` is BOUND or above. Octet order: addresses as on the wire.
 */
@unmanaged
export class Lease {
  /** The address that was offered or leased; zeros when there is none. @octets address 4 */
  address: u32;
  /** @octets netmask 4 */
  netmask: u32;
  /** Default router. @octets router 4 */
  router: u32;
  /** @octets ntpServer 4 */
  ntpServer: u32;
  /** The server that granted the lease. @octets server 4 */
  server: u32;
  /** @octets dnsServer0 4 */
  dnsServer0: u32;
  /** @octets dnsServer1 4 */
  dnsServer1: u32;
  /** How long the lease lasts, in seconds; 2^32 - 1 for ever. */
  leaseSeconds: u32;
  /** T1: when that server is asked to renew it, in seconds from its begin. */
  renewSeconds: u32;
  /** T2: when every server is asked, in seconds from its begin. */
  rebindSeconds: u32;
  /** MTU of the network; what is used is between 576 and Config.mtu. */
  mtu: u16;
  /** Octets of `domain`. */
  domainBytes: u8;
  /** A DhcpState. */
  state: u8;
  /** The link-local address (RFC 3927) that is in use; zero for none. @octets linkLocal 4 */
  linkLocal: u32;
  /** The domain name, as the server wrote it; one of more than 64 octets is left out. @octets domain 64 */
  domain0: u32;
  domain1: u32;
  domain2: u32;
  domain3: u32;
  domain4: u32;
  domain5: u32;
  domain6: u32;
  domain7: u32;
  domain8: u32;
  domain9: u32;
  domain10: u32;
  domain11: u32;
  domain12: u32;
  domain13: u32;
  domain14: u32;
  domain15: u32;
}

/**
 * What `getopt(TCP_INFO)` tells of a connection. Sequence numbers are absolute. It is a part of the connection record
 * as it stands (tcp/tcb.ts keeps the same order): copying it costs the device less code than picking fields would.
 */
@unmanaged
export class TcpInfo {
  /** SND.UNA: oldest sequence number not acknowledged. */
  sndUna: u32;
  /** SND.NXT: next to send. */
  sndNxt: u32;
  /** Highest sequence number sent, plus one. */
  sndMax: u32;
  /** SND.WND: the window that the peer announced, in bytes. */
  sndWnd: u32;
  /** SND.WL1: SEG.SEQ of the last window update. */
  sndWl1: u32;
  /** Largest window that the peer ever announced, in bytes. */
  sndWndMax: u32;
  /** cwnd: congestion window in bytes (RFC 5681). */
  congestionWindow: u32;
  /** ssthresh: slow start threshold in bytes. */
  slowStartThreshold: u32;
  /** Largest segment that we send, in bytes of data (options of every segment are subtracted). */
  sendMss: u16;
  /** Largest segment that we announced, in bytes of data. */
  receiveMss: u16;
  /** RCV.NXT: next sequence number expected. */
  rcvNxt: u32;
  /** Right edge of the window that we announced: RCV.NXT + RCV.WND. */
  rcvAdv: u32;
  /** Bytes written by the application and not yet acknowledged. */
  sendQueued: u32;
  /** Bytes received in order and not yet read. */
  receiveQueued: u32;
  /** Smoothed round-trip time in eighths of a millisecond; 0 before the first sample. */
  rtt8: u32;
  /** Round-trip time variation in quarters of a millisecond. */
  rttVar4: u32;
  /** Retransmission time-out in milliseconds, not backed off. */
  rtoMs: u16;
  /** Last error, a Status: what ended the connection, or what an ICMP message said of it. */
  error: i16;
  /** Doublings of the retransmission time-out. */
  backoff: u8;
  /** Time-outs in a row since the peer was last heard. */
  retries: u8;
  /** Ranges received ahead of a hole. */
  ranges: u8;
  /** Duplicate ACKs that wait to be sent. */
  acksOwed: u8;
  /** Duplicate ACKs received in a row. */
  duplicateAcks: u8;
  /** Shift of the windows that the peer announces (RFC 7323). */
  sendScale: u8;
  /** Differentiated services octet. */
  tos: u8;
  /** A TcpState. */
  state: u8;
  /** Bytes of data acknowledged by the peer. Wraps. */
  bytesAcknowledged: u32;
  /** Bytes of data received in order. Wraps. */
  bytesReceived: u32;
  /** Segments sent. */
  segmentsOut: u32;
  /** Segments received. */
  segmentsIn: u32;
  /** Segments sent again. */
  retransmits: u32;
  /** Segments received ahead of a hole. Wraps at 2^16. */
  outOfOrder: u16;
  /** Times that the peer shut its window. Wraps at 2^16. */
  zeroWindows: u16;
}

/**
 * The head of the state region, at `base()`. A host reads it after `init` and never writes it.
 * Addresses are offsets in linear memory; a host checks them against its size before it uses them.
 */
@unmanaged
export class StateHeader {
  /** STATE_MAGIC once `init` succeeded. */
  magic: u32;
  /** LAYOUT_VERSION. */
  layoutVersion: u16;
  /** A Build. */
  build: u16;
  /** Length of the state region in bytes: from `base()` on, all state there is. */
  stateBytes: u32;
  /** Where a frame goes in, at 2 modulo 4, with SLOT_HEADROOM octets before it. */
  inputSlot: u32;
  /** Where `output` leaves a frame, likewise. */
  outputSlot: u32;
  /** Longest frame that a slot holds, in bytes. */
  slotBytes: u32;
  /** EXCHANGE_BYTES for records that a host passes in calls. */
  exchange: u32;
  /** Array of u32, indexed by Counter. */
  counters: u32;
  /** After `sendReserve` and `receivePeek`: where the run begins. */
  runPointer: u32;
  /** After `nextEvent`: Event bits of the socket. */
  eventMask: u32;
  /** After `output`: interface to send it on. */
  frameInterface: u16;
  /** After `output`: VLAN to send it in, 0 for untagged. */
  frameVlan: u16;
  /** After `output` with OUTPUT_CHECKSUM_OFFLOAD: where summing starts in the frame; 0 when nothing is left to do. */
  checksumStart: u16;
  /** After `output` with OUTPUT_CHECKSUM_OFFLOAD: where the checksum goes, counted from checksumStart. */
  checksumOffset: u16;
  /** Connection records in use, those without a handle included. */
  connectionsUsed: u16;
  /** Listener records in use. */
  listenersUsed: u16;
  /** TIME-WAIT entries in use. */
  timeWaitUsed: u16;
  /** SYN-cache entries in use. */
  synUsed: u16;
  /**
   * Where three u32 are that a host may look at instead of calling in vain: [0] not 0: a connection may have a frame
   * due; [1] not 0: something else may. When both are 0, `output` has nothing until `now` is another than at the last
   * call, a frame arrives, or a call is made; but for what a timer brings that was set for this very `now`, as `deadline`
   * says. [2] not 0: `nextEvent` may have something to tell.
   */
  hints: u32;
}
