// What calls do with handles that are not TCP's: each goes to the one whose kind of record it is.

import { Endpoint, Family, Option, SocketKind, Status } from "../abi_constants";
import { config, DATAGRAM_BYTES, HAS_DHCP, HAS_DNS, QUERY_BYTES, services } from "../config";
import { isHeld, Kind, Socket, wordOption } from "../net/socket";
import * as tcp from "../tcp/user";
import { Datagram } from "../udp/datagram";
import * as options from "../udp/options";
import * as udp from "../udp/user";
import * as dhcp from "./dhcp";
import * as dns from "./dns";
import * as dnsConnect from "./dns_connect";
import { Query } from "./dns_query";

/** The socket of a handle, whatever its kind; null for one that is stale or was never given out. */
export function socketOf(handle: i32): Socket | null {
  const numbers = <u32>config.listeners + config.connections;
  const index = (handle & 0xffff) - 1;
  if (<u32>index < numbers) return tcp.socketOf(handle);
  let place = <u32>index - numbers;
  let at: u32;
  if (place < <u32>config.datagramSockets) at = services.datagramTable + place * DATAGRAM_BYTES;
  else {
    place -= config.datagramSockets;
    if (HAS_DNS && place < <u32>config.queries) at = services.queryTable + place * QUERY_BYTES;
    else if (place == <u32>config.queries) at = services.dhcpClient;
    else return null;
  }
  const socket = changetype<Socket>(at);
  return isHeld(socket) & <u32>(socket.handle == handle) ? socket : null;
}

/** Whether a call on the socket comes here. */
export function isService(socket: Socket): bool {
  return changetype<u32>(socket) >= services.datagramTable;
}

/** Opens a socket of `kind`. Returns its handle, NO_SOCKET or NOT_SUPPORTED. */
export function open(kind: u32): i32 {
  switch (kind) {
    case SocketKind.STREAM:
    case SocketKind.LISTENER:
      return tcp.open(kind);
    case SocketKind.DATAGRAM:
      return udp.open();
    case SocketKind.DHCP_CLIENT:
      return HAS_DHCP ? dhcp.open() : Status.NOT_SUPPORTED;
    case SocketKind.QUERY:
      return HAS_DNS ? dns.open() : Status.NOT_SUPPORTED;
  }
  return Status.NOT_SUPPORTED;
}

/** Binds to the local `port` (host order). */
export function bind(socket: Socket, port: u32): i32 {
  if (socket.kind != Kind.DATAGRAM) return Status.NOT_SUPPORTED;
  return udp.bind(changetype<Datagram>(socket), port);
}

/** Connects to an Endpoint of any family; `socket` may be a connection of TCP. */
export function connect(socket: Socket, endpoint: Endpoint): i32 {
  if (HAS_DNS && endpoint.family == Family.NAME)
    return dnsConnect.begin(socket, endpoint.address0, endpoint.port);
  if (socket.kind == Kind.DATAGRAM) return udp.connect(changetype<Datagram>(socket), endpoint);
  return Status.BAD_HANDLE;
}

/** Room for what is to be sent. */
export function sendReserve(socket: Socket): i32 {
  if (HAS_DNS && socket.kind == Kind.QUERY) return dns.reserve(changetype<Query>(socket));
  if (socket.kind == Kind.DATAGRAM) return udp.sendReserve(changetype<Datagram>(socket));
  return Status.BAD_HANDLE;
}

/** What was placed there goes. */
export function sendCommit(socket: Socket, length: u32): i32 {
  if (HAS_DNS && socket.kind == Kind.QUERY) return dns.commit(changetype<Query>(socket), length);
  if (socket.kind == Kind.DATAGRAM) return udp.sendCommit(changetype<Datagram>(socket), length);
  return Status.BAD_HANDLE;
}

/** One datagram. */
export function sendTo(socket: Socket, endpoint: Endpoint | null, data: usize, length: u32): i32 {
  if (socket.kind != Kind.DATAGRAM) return Status.BAD_HANDLE;
  return udp.sendTo(changetype<Datagram>(socket), endpoint, data, length);
}

/** The next datagram. */
export function receiveFrom(socket: Socket, from: Endpoint): i32 {
  if (socket.kind != Kind.DATAGRAM) return Status.BAD_HANDLE;
  return udp.receiveFrom(changetype<Datagram>(socket), changetype<usize>(from));
}

/** What arrived. */
export function receivePeek(socket: Socket): i32 {
  if (HAS_DNS && socket.kind == Kind.QUERY) return dns.peek(changetype<Query>(socket));
  if (socket.kind == Kind.DATAGRAM) return udp.receivePeek(changetype<Datagram>(socket));
  return Status.BAD_HANDLE;
}

/** It was read. */
export function receiveConsume(socket: Socket, length: u32): i32 {
  if (socket.kind == Kind.DATAGRAM) return udp.receiveConsume(changetype<Datagram>(socket), length);
  return Status.BAD_HANDLE;
}

/** Gives the handle back. */
export function end(socket: Socket, now: bool): void {
  if (socket.kind == Kind.DATAGRAM) udp.end(changetype<Datagram>(socket), now);
  else if (HAS_DNS && socket.kind == Kind.QUERY) dns.end(changetype<Query>(socket));
  else if (HAS_DHCP && socket.kind == Kind.DHCP_CLIENT) dhcp.end(now);
}

/** Sets an option. */
export function setOption(socket: Socket, option: u32, at: usize, length: u32): i32 {
  if (HAS_DHCP && socket.kind == Kind.DHCP_CLIENT) return dhcp.set(option, at, length);
  if (socket.kind == Kind.DATAGRAM) return options.set(changetype<Datagram>(socket), option, at, length);
  return Status.NOT_SUPPORTED;
}

/** Reads an option. */
export function getOption(socket: Socket, option: u32, at: usize, length: u32): i32 {
  if (HAS_DHCP && socket.kind == Kind.DHCP_CLIENT) return dhcp.get(option, at, length);
  if (HAS_DNS && <u32>(socket.kind == Kind.QUERY) & <u32>(option == Option.ERROR))
    return wordOption(at, length, changetype<Query>(socket).error);
  if (socket.kind == Kind.DATAGRAM) return options.get(changetype<Datagram>(socket), option, at, length);
  return Status.NOT_SUPPORTED;
}
