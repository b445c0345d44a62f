// STATUS of RFC 9293 section 3.9.1.7: what `getopt` tells.

import { Endpoint, Family, Option, Status, TcpInfo } from "../abi_constants";
import { config } from "../config";
import { swap16 } from "../lib/bytes";
import { Kind, Socket, Tcb } from "./tcb";

/** Reads `option` into `length` bytes at `at`. Returns the bytes written, or why not. */
export function get(socket: Socket, option: u32, at: usize, length: u32): i32 {
  const local = option == Option.LOCAL_ENDPOINT;
  if (<u32>local | <u32>(option == Option.PEER_ENDPOINT)) return endpoint(socket, local, at, length);
  // The others are parts of the record as they stand.
  let from = changetype<usize>(socket);
  let bytes: u32 = 4;
  if (option == Option.ERROR) from += offsetof<Socket>("error");
  else if (option == Option.TCP_STATE) {
    from += offsetof<Socket>("state");
    bytes = 1;
  } else if (<u32>(option == Option.TCP_INFO) & <u32>(socket.kind == Kind.CONNECTION)) {
    from += offsetof<Tcb>("sndUna");
    bytes = offsetof<TcpInfo>();
  } else return Status.NOT_SUPPORTED;
  if (length < bytes) return Status.INVALID_ARGUMENT;
  memory.copy(at, from, bytes);
  return bytes;
}

function endpoint(socket: Socket, local: bool, at: usize, length: u32): i32 {
  const bytes: u32 = offsetof<Endpoint>();
  if (length < bytes) return Status.INVALID_ARGUMENT;
  memory.fill(at, 0, bytes);
  const record = changetype<Endpoint>(at);
  record.family = <u16>Family.IPV4;
  record.port = <u16>swap16(local ? socket.ports >> 16 : socket.ports & 0xffff);
  record.address0 = local ? config.address : socket.remoteAddress;
  return bytes;
}
