// What the calls of datagram sockets take and give.

import type { LookupCallback } from "../net/options.js";

/** Turns what a user calls a host into an IPv4 address; dns.lookup does, and Resolver.lookup of host/dns.ts. */
export type DatagramLookup = (hostname: string, family: 4, callback: LookupCallback) => void;

/** What `createSocket` takes. */
export interface DatagramSocketOptions {
  type: "udp4";
  /** Taken, and without a meaning here: a port has one socket. */
  reuseAddr?: boolean | undefined;
  /** Taken, and without a meaning here: the configuration says how long queues are. */
  recvBufferSize?: number | undefined;
  sendBufferSize?: number | undefined;
  /** Asked for every address that is sent to; default: the core's resolver, for names. */
  lookup?: DatagramLookup | undefined;
  /** Closes the socket when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** What `bind` takes. */
export interface BindOptions {
  /** 0 or missing: the core chooses. */
  port?: number | undefined;
  /** The device's own address, or 0.0.0.0, which is the same; there is one. */
  address?: string | undefined;
  /** Taken, and without a meaning here. */
  exclusive?: boolean | undefined;
}

/** Where a datagram came from. */
export interface RemoteInfo {
  address: string;
  family: "IPv4";
  port: number;
  /** Bytes of the datagram. */
  size: number;
}

export type OnMessage = (message: Buffer, from: RemoteInfo) => void;

/** Told when the core has taken a datagram, with its length, or why it cannot. */
export type SendCallback = (error: Error | null, bytes?: number) => void;

/** Octets of a datagram. */
export type Payload = string | NodeJS.ArrayBufferView;

/** Arguments of `socket.bind`. */
export type BindArguments =
  | [onListening?: () => void]
  | [options: BindOptions, onListening?: () => void]
  | [port: number | undefined, onListening?: () => void]
  | [port: number | undefined, address: string | undefined, onListening?: () => void];

/** Arguments of `socket.send`: those of a connected socket are the first two. */
export type SendArguments =
  | [message: Payload | readonly Payload[], callback?: SendCallback]
  | [message: Payload, offset: number, length: number, callback?: SendCallback]
  | [message: Payload | readonly Payload[], port: number, callback?: SendCallback]
  | [message: Payload | readonly Payload[], port: number, address?: string, callback?: SendCallback]
  | [message: Payload, offset: number, length: number, port: number, callback?: SendCallback]
  | [
      message: Payload,
      offset: number,
      length: number,
      port: number,
      address?: string,
      callback?: SendCallback,
    ];
